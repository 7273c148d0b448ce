"""What `interpolate` makes of cuts and of held frames, on generated films."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from vfi.media import Color, Encoding, Frame
from vfi.pipeline import interpolate, upsample
from vfi.spans import Content, settled_from, spans
from vfi.timing import Factor, TargetRate

TWICE, FOUR_TIMES = Factor(Fraction(2)), Factor(Fraction(4))
TICK = Fraction(1, 24)


def scene(seed, shift=0):
    """A soft random texture, moved by ``shift`` pixels; RGB (72, 128, 3) uint8."""
    noise = np.random.default_rng(seed).integers(0, 256, (12, 24, 3)).astype(np.float32)
    wide = cv2.resize(noise, (192, 72), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(wide[:, shift : shift + 128])


def film(*pictures):
    return [Frame(i * TICK, TICK, Color(), pixels=picture) for i, picture in enumerate(pictures)]


def never(before, after, moments):
    raise AssertionError("asked for a frame where nothing moves")


TWO_SCENES = film(*(scene(0, i) for i in range(4)), *(scene(1, i) for i in range(4)))
BEFORE, AFTER = TWO_SCENES[3], TWO_SCENES[4]


@pytest.mark.parametrize("timing", [FOUR_TIMES, TargetRate(Fraction(60))])
def test_across_a_cut_every_new_frame_is_the_nearer_one(timing, blend):
    made = [f for f in interpolate(TWO_SCENES, blend, timing) if BEFORE.time <= f.time <= AFTER.time]
    assert len(made) > 2
    for frame in made:
        nearer = AFTER if frame.time - BEFORE.time > AFTER.time - frame.time else BEFORE
        assert frame.pixels is nearer.pixels


def test_a_cut_can_be_blended(blend):
    made = list(interpolate(TWO_SCENES, lambda a, b, t: [a for _ in t], FOUR_TIMES, Content(cuts="blend")))
    quarters = blend(BEFORE.rgb, AFTER.rgb, [Fraction(i, 4) for i in (1, 2, 3)])
    assert all((frame.pixels == quarter).all() for frame, quarter in zip(made[13:16], quarters, strict=True))


def test_cuts_off_asks_the_interpolator_in_every_gap():
    asked = []
    list(interpolate(TWO_SCENES, lambda a, b, t: asked.append(a) or [a for _ in t], TWICE, Content(cuts="off")))
    assert len(asked) == 7
    asked.clear()
    list(interpolate(TWO_SCENES, lambda a, b, t: asked.append(a) or [a for _ in t], TWICE))
    assert len(asked) == 6


def test_a_still_film_needs_no_interpolator_in_spite_of_noise():
    grain = np.random.default_rng(0)
    noisy = [np.clip(scene(0) + grain.integers(-2, 3, (72, 128, 3)), 0, 255).astype(np.uint8) for _ in range(10)]
    made = list(interpolate(film(*noisy), never, TWICE))
    assert [frame.time for frame in made] == [i * TICK / 2 for i in range(20)]
    assert all(made[2 * i].pixels is noisy[i] for i in range(10))


TWOS = film(*(scene(0, 3 * (i // 2)) for i in range(10)))


def test_held_frames_are_kept_unless_told_otherwise(blend):
    made = list(interpolate(TWOS, blend, TWICE))
    assert all(made[2 * i].pixels is frame.pixels for i, frame in enumerate(TWOS))
    assert all(made[4 * i + 1].pixels is TWOS[2 * i].pixels for i in range(5))


def test_animation_on_twos_is_made_anew_by_time_from_the_pictures_around(blend):
    made = list(interpolate(TWOS, blend, TWICE, Content(held="repair")))
    assert [frame.time for frame in made] == [i * TICK / 2 for i in range(20)]
    for drawing in range(4):
        one, other = TWOS[2 * drawing].rgb, TWOS[2 * drawing + 2].rgb
        expected = [one, *blend(one, other, [Fraction(i, 4) for i in (1, 2, 3)])]
        for frame, picture in zip(made[4 * drawing : 4 * drawing + 4], expected, strict=True):
            assert (frame.rgb == picture).all()


def test_the_doubled_frames_of_24_made_30_are_made_anew(blend):
    shown = [i * 4 // 5 for i in range(20)]
    frames = film(*(scene(0, 3 * number) for number in shown))
    doubled = [i for i in range(1, 20) if shown[i] == shown[i - 1]]
    made = list(interpolate(frames, blend, TWICE, Content(held="repair")))[::2]
    for i, frame in enumerate(made[:-1]):
        expected = blend(frames[i - 1].rgb, frames[i + 1].rgb, [Fraction(1, 2)])[0] if i in doubled else frames[i].rgb
        assert (frame.rgb == expected).all()


def test_a_title_card_stays_still_when_held_frames_are_repaired(blend):
    card = [scene(5)] * 12
    frames = film(*card, *(scene(5, 3 * i) for i in range(1, 4)))
    made = list(interpolate(frames, blend, TWICE, Content(held="repair")))
    assert all((frame.rgb == card[0]).all() for frame in made[:23])


def test_a_run_of_repeats_before_a_cut_or_the_end_stays(blend):
    frames = film(*(scene(0, i) for i in (0, 3, 6)), scene(0, 6), *(scene(1, i) for i in range(4)), scene(1, 3))
    made = list(interpolate(frames, blend, TWICE, Content(held="repair")))
    assert all((made[2 * i].rgb == frame.rgb).all() for i, frame in enumerate(frames))
    assert len(made) == 2 * len(frames)


@pytest.mark.parametrize("held", ["keep", "repair"])
@pytest.mark.parametrize("cuts", ["hold", "off"])
def test_spans_tile_the_film_whatever_it_holds(held, cuts):
    rng = np.random.default_rng(1)
    shown = np.cumsum(rng.integers(0, 2, 60)) % 40
    frames = film(*(scene(i // 20, int(number)) for i, number in enumerate(shown)))
    found = list(spans(frames, Content(cuts=cuts, held=held)))
    assert [frame for span in found for frame in span.frames[: max(1, len(span.frames) - 1)]] == frames
    assert sum(span.kind == "cut" for span in found) == (2 if cuts == "hold" else 0)


@pytest.mark.parametrize("held", ["keep", "repair"])
def test_few_frames_are_read_ahead_in_a_long_still_film(held):
    read = 0

    def counted():
        nonlocal read
        for i in range(60):
            read += 1
            yield Frame(i * TICK, TICK, Color(), pixels=np.ones((16, 16, 3), np.uint8))

    for number, _ in enumerate(spans(counted(), Content(held=held))):
        assert read - number <= 9


def test_the_summary_counts_cuts_and_held_frames(tmp_path, blend):
    source = tmp_path / "film.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        for frame in [*TWO_SCENES, AFTER, AFTER]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.rgb, "rgb24")))
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(AFTER.rgb, "rgb24")))
        container.mux(stream.encode())
    summary = upsample(source, tmp_path / "out.mkv", blend, TWICE, encoding=Encoding("ffv1"))
    assert (summary.frames_in, summary.cuts, summary.frames_held) == (12, 1, 3)
    # Twelve gaps: seven of motion, the cut, three between repeats, and the last frame's own.
    assert (summary.frames_kept, summary.frames_made, summary.frames_blended, summary.frames_repeated) == (12, 7, 0, 5)
    blended = upsample(source, tmp_path / "b.mkv", blend, TWICE, encoding=Encoding("ffv1"), content=Content("blend"))
    assert (blended.frames_kept, blended.frames_blended, blended.frames_repeated) == (12, 1, 4)


@pytest.mark.parametrize("wrong", [{"cuts": "skip"}, {"held": "drop"}, {"cut_threshold": 0}, {"cut_threshold": 101}])
def test_a_wrong_wish_is_refused(wrong):
    with pytest.raises(ValueError, match=r"use|above 0"):
        Content(**wrong)


def drifting(*steps):
    """Forty frames for each step, in levels of 255: a slow fade, jumps on twos, then a movement or a cut."""
    pictures, flat = [], scene(0).astype(np.float32) / 2
    for seed, step in enumerate(steps):
        for i in range(40):
            if i < 32:
                flat = flat + step
            elif i % 2:
                flat = np.roll(flat, 3, axis=1) if seed % 2 else scene(seed).astype(np.float32) / 2
            pictures.append(np.rint(257 * flat).astype(np.uint16))
    return film(*pictures)


@pytest.mark.parametrize("content", [Content(), Content(held="repair"), Content(cuts="off", held="repair")])
def test_a_part_seen_from_where_the_film_has_settled_is_that_of_the_whole_film(content):
    frames = drifting(0.2, 0.16, 0, 0.3)  # of which a fade alone never ends in step, wherever one begins to look
    whole = list(spans(frames, content))
    assert {span.kind for span in whole} > {"motion", "still"}
    for number in range(1, 160, 3 if content.cuts == "off" else 19):
        part = list(spans(frames[settled_from(number) :], content, settled_from(number)))
        described = [
            [(s.kind, s.number, [f.time for f in s.frames]) for s in found if s.gaps[-1] >= number - 1]
            for found in (whole, part)
        ]
        assert described[0] == described[1]


@pytest.mark.parametrize("dropped", range(8))
def test_what_leads_to_a_part_that_begins_with_a_settling_has_settled_too(dropped):
    frames, content = drifting(0.16, 0.16, 0.16)[dropped:], Content(cuts="off", held="repair")
    whole = list(spans(frames, content))
    for number in (32, 64, 96):
        part = list(spans(frames[settled_from(number) :], content, settled_from(number)))
        leading = [next(s for s in found if s.gaps[-1] >= number - 1) for found in (whole, part)]
        assert leading[0].kind == leading[1].kind
        assert leading[0].frames == leading[1].frames


def test_what_must_be_seen_before_a_part_is_short():
    assert max(number - settled_from(number) for number in range(10_000)) < 53


def test_a_loop_has_new_frames_from_the_last_to_the_first(blend):
    source = film(*(np.full((8, 8, 3), level, np.uint8) for level in (0, 40, 80)))
    made = list(interpolate(source, blend, FOUR_TIMES, loop=True))
    assert [int(frame.rgb.max()) for frame in made] == [0, 10, 20, 30, 40, 50, 60, 70, 80, 60, 40, 20]
    assert [frame.time for frame in made] == [i * TICK / 4 for i in range(12)]
    assert made[-1].origin == "made"


def test_a_loop_may_end_later_than_its_last_frame_says(blend):
    source = film(*(np.full((8, 8, 3), level, np.uint8) for level in (0, 40, 80)))
    made = list(interpolate(source, blend, TWICE, end=4 * TICK, loop=True))
    assert [frame.time / TICK for frame in made[-2:]] == [2, 3]


def test_a_loop_whose_ends_do_not_match_is_a_cut(blend):
    made = list(interpolate(TWO_SCENES, blend, TWICE, loop=True))
    assert len(made) == 2 * len(TWO_SCENES)
    assert made[-1].origin == "repeated"


def test_the_sound_of_a_loop_stays_as_it_is(film, tmp_path, blend, packets):
    source = film("in.mp4", sound=["aac"])
    summary = upsample(source, tmp_path / "out.mkv", blend, TWICE, encoding=Encoding(preset="ultrafast"), loop=True)
    assert (summary.frames_out, summary.frames_made, summary.frames_repeated) == (24, 12, 0)
    assert [data for _, data in packets(tmp_path / "out.mkv")[1]] == [data for _, data in packets(source)[1]]
