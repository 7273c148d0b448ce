"""Films that come to be in several goes: killed, stopped, shared, damaged."""

import dataclasses
import itertools
import json
import multiprocessing
import random
import shutil
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from filelock import FileLock

from vfi.interpolator import Interpolator
from vfi.media import Encoding, MediaError, Part, SlowMotion, VideoReader
from vfi.pipeline import upsample
from vfi.resumable import Stopped, can_resume, default_workdir, partial_output, upsample_resumably
from vfi.spans import Content
from vfi.timing import Factor, TargetRate

TWICE = Factor(Fraction(2))
FAST = Encoding(preset="ultrafast")
LOSSLESS = Encoding(preset="ultrafast", crf=0)
SOME = {"made_by": {"model": "average"}, "encoding": FAST, "chunk": Fraction(2, 5)}


def pictures(path):
    with VideoReader(path) as reader:
        return [(frame.time, [bytes(plane) for plane in frame.picture.planes]) for frame in reader]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stopping(after):
    """A wish to stop that comes when so many frames have been asked for."""
    count = itertools.count()
    return lambda: next(count) >= after


def fading_square(index, size):
    """A red square over nothing, which fades."""
    image = np.zeros((size[1], size[0], 4), np.uint8)
    image[20:40, 8 + 2 * index : 32 + 2 * index] = 250, 10, 20, 255 - 8 * index
    return av.VideoFrame.from_ndarray(image, "rgba").reformat(format="yuva420p")


@pytest.mark.parametrize("codec", ["libvpx-vp9", "libvpx"])
def test_transparency_beside_the_pictures_survives_chunks(codec, film, tmp_path, blend):
    quick = {"cpu-used": "8", "deadline": "realtime", "crf": "10", "b": "4M", "auto-alt-ref": "0"}
    source = film("in.webm", frames=24, codec=codec, pix_fmt="yuva420p", options=quick, picture=fading_square)
    wishes = {"encoding": Encoding(codec=codec, options=quick)}
    uncut, cut = tmp_path / "uncut.webm", tmp_path / "cut.webm"
    upsample(source, uncut, blend, TWICE, **wishes)
    upsample_resumably(source, cut, blend, TWICE, **(SOME | wishes))
    found = []
    for path in (uncut, cut):
        with VideoReader(path) as reader:
            found.append([(frame.time, frame.alpha) for frame in reader])
        with av.open(str(path)) as container:
            assert container.streams.video[0].metadata["alpha_mode"] == "1"  # in this spelling not a mere tag
    assert [time for time, _ in found[0]] == [time for time, _ in found[1]]
    means = [[alpha.mean() for _, alpha in frames] for frames in found]
    assert means[0][0] > 1.4 * means[0][-1]  # it fades
    assert np.allclose(*means, atol=0.3)


@pytest.mark.parametrize(
    ("name", "timing", "what"),
    [
        (
            "out.mkv",
            TWICE,
            {"rate": Fraction(24000, 1001), "sound": ["aac"], "subtitles": ["subrip"], "chapters": True},
        ),
        ("out.mp4", Factor(Fraction(5, 2)), {"times": [Fraction(i * (i + 30), 1000) for i in range(40)]}),
        ("out.mp4", TargetRate(Fraction(3)), {"sound": ["aac"]}),
        ("out.mkv", TargetRate(Fraction(60)), {"sound": ["aac", "flac"], "attachment": b"font", "cover": True}),
    ],
    ids=["whole", "variable", "slower", "faster"],
)
def test_the_film_is_that_of_an_uncut_run(name, timing, what, film, tmp_path, blend, packets):
    source = film("in.mkv", frames=40, metadata={"title": "A walk"}, options={"g": "9", "preset": "medium"}, **what)
    uncut, cut = tmp_path / f"uncut_{name}", tmp_path / name
    one = upsample(source, uncut, blend, timing, encoding=LOSSLESS)
    other = upsample_resumably(source, cut, blend, timing, **(SOME | {"encoding": LOSSLESS}))
    assert dataclasses.replace(one, output=cut) == other
    assert pictures(cut) == pictures(uncut)
    before, after = packets(uncut), packets(cut)
    assert before.keys() == after.keys()
    assert all(before[index] == after[index] for index in before if index)
    with av.open(str(uncut)) as a, av.open(str(cut)) as b:
        assert b.metadata == a.metadata
        assert b.chapters() == a.chapters()
        assert [s.metadata.get("language") for s in b.streams] == [s.metadata.get("language") for s in a.streams]
    assert names(tmp_path) == sorted(["in.mkv", name, f"uncut_{name}"])


@pytest.mark.parametrize("slow", [None, SlowMotion(Fraction(1, 3))], ids=["part", "slow part"])
def test_a_part_of_a_film_is_that_of_an_uncut_run(slow, film, tmp_path, blend, packets):
    source = film("in.mkv", frames=60, sound=["aac"], subtitles=["subrip"], chapters=True, options={"g": "9"})
    uncut, cut, part = tmp_path / "uncut.mkv", tmp_path / "cut.mkv", Part(Fraction(4, 5), Fraction(2))
    timing = TWICE if slow is None else Factor(Fraction(3))
    one = upsample(source, uncut, blend, timing, part=part, slow=slow, encoding=LOSSLESS)
    other = upsample_resumably(source, cut, blend, timing, part=part, slow=slow, **(SOME | {"encoding": LOSSLESS}))
    assert dataclasses.replace(one, output=cut) == other
    assert pictures(cut) == pictures(uncut)
    before, after = packets(uncut), packets(cut)
    assert all(before[index] == after[index] for index in (1, 2))


def test_slow_motion_is_stopped_with_its_sound(film, tmp_path, blend, packets):
    source, output = film("in.mkv", frames=40, sound=["aac"], options={"g": "9"}), tmp_path / "out.mkv"
    wishes = SOME | {"slow": SlowMotion(Fraction(1, 2))}
    with pytest.raises(Stopped) as stopped:
        upsample_resumably(source, output, blend, TWICE, **wishes, stop=stopping(33))
    until, partial = stopped.value.until, stopped.value.partial
    assert [time for time, _ in pictures(partial)] == [Fraction(i, 25) for i in range(round(until * 25))]
    assert abs(packets(partial)[1][-1][0] - until) < Fraction(1, 20)
    assert upsample_resumably(source, output, blend, TWICE, **wishes).duration == Fraction(80, 25)


@pytest.mark.parametrize(
    ("source", "output", "can"),
    [("a.mp4", "b.mkv", True), ("a.gif", "b.mkv", False), ("-", "b.mkv", False), ("a.mp4", "-", False),
     ("a.mp4", "b.gif", False), ("a.y4m", "b.mp4", False), ("%03d.png", "b.mp4", False), ("a.mp4", "%03d.png", False)],
)  # fmt: skip
def test_only_films_come_to_be_chunk_by_chunk(source, output, can):
    assert can_resume(Path(source), Path(output)) == can


def test_stopped_anywhere_it_leaves_the_film_so_far_and_goes_on(film, tmp_path, blend, packets):
    source, output = film("in.mkv", frames=50, sound=["aac"], options={"g": "9"}), tmp_path / "out.mkv"
    uncut = tmp_path / "uncut.mkv"
    upsample_resumably(source, uncut, blend, TWICE, **SOME)
    for after in (33, 7, 52):
        with pytest.raises(Stopped) as stopped:
            upsample_resumably(source, output, blend, TWICE, **SOME, stop=stopping(after))
        partial, until = stopped.value.partial, stopped.value.until
        assert partial == partial_output(output)
        assert not output.exists()
        so_far = pictures(partial)
        assert [time for time, _ in so_far] == [Fraction(i, 50) for i in range(round(until * 50))]
        assert until - Fraction(1, 20) < packets(partial)[1][-1][0] < until
    assert until > 1
    summary = upsample_resumably(source, output, blend, TWICE, **SOME)
    assert (summary.frames_in, summary.frames_out) == (50, 100)
    assert pictures(output) == pictures(uncut)
    assert names(tmp_path) == ["in.mkv", "out.mkv", "uncut.mkv"]


def test_stopped_before_the_first_frame_nothing_is_left(film, tmp_path, blend):
    source = film()
    with pytest.raises(Stopped) as stopped:
        upsample_resumably(source, tmp_path / "out.mp4", blend, TWICE, **SOME, stop=lambda: True)
    assert stopped.value.partial is None
    assert names(tmp_path) == ["film.mp4"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_loses_one_chunk_at_most(error, film, tmp_path, blend):
    calls = []

    def between(before, after, moments):
        calls.append(before)
        if len(calls) == 25:
            raise error
        return blend(before, after, moments)

    source, output = film(frames=40, options={"g": "9"}), tmp_path / "out.mp4"
    with pytest.raises(error):
        upsample_resumably(source, output, between, TWICE, **SOME)
    assert names(tmp_path) == [".out.mp4.vfi", "film.mp4"]
    upsample_resumably(source, output, between, TWICE, **SOME)
    assert len(calls) - 1 - 39 < 10  # frames made twice: fewer than a chunk has
    assert len(pictures(output)) == 80


@pytest.fixture
def at_work():
    """at_work(source, output) -> a process of its own that upsamples by the model blend, in chunks of five frames."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["__main__", "vfi.interpolator", "vfi.resumable"])  # else every start takes seconds
    started = []

    def start(source, output):
        options = {"made_by": {}, "encoding": FAST, "chunk": Fraction(1, 5)}
        model = Interpolator.load("blend", "cpu")
        process = server.Process(target=upsample_resumably, args=(source, output, model, TWICE), kwargs=options)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


def states(output):
    """The state of every chunk of an output that comes to be."""
    manifest = default_workdir(output) / "manifest.json"
    return [chunk["state"] for chunk in json.loads(manifest.read_text())["chunks"]] if manifest.exists() else []


def test_killed_at_twenty_random_moments_the_film_is_the_same(film, tmp_path, at_work):
    # What takes the time is starting processes, and opening the film and its encoders, not the frames.
    source = film("in.mkv", frames=40, size=(64, 48), sound=["aac"], options={"g": "9"})
    output, uncut = tmp_path / "out.mkv", tmp_path / "uncut.mkv"
    began = time.monotonic()
    at_work(source, uncut).join()
    whole, dice = time.monotonic() - began, random.Random(0)
    expected = pictures(uncut)
    for _ in range(20):
        before = states(output).count("done")
        process = at_work(source, output)
        process.join(dice.uniform(0, whole))
        process.kill()
        process.join()
        assert process.exitcode in (0, -9)
        if output.exists():
            assert pictures(output) == expected
            output.unlink()
        else:
            assert states(output).count("done") >= before
    at_work(source, output).join()
    assert pictures(output) == expected
    assert names(tmp_path) == ["in.mkv", "out.mkv", "uncut.mkv"]


def test_several_processes_share_the_work(film, tmp_path, at_work):
    source, output = film("in.mkv", frames=60, size=(64, 48), options={"g": "9"}), tmp_path / "out.mkv"
    processes = [at_work(source, output) for _ in range(3)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(pictures(output)) == 120
    assert names(tmp_path) == ["in.mkv", "out.mkv"]


def test_what_another_process_is_at_is_left_to_it_until_it_dies(film, tmp_path, at_work):
    source, output = film("in.mkv", frames=20, size=(64, 48)), tmp_path / "out.mkv"
    folder = default_workdir(output)
    folder.mkdir()
    with FileLock(folder / "00000005.lock"):
        process = at_work(source, output)
        while states(output) != ["done", "open", "done", "done"]:
            process.join(0.05)
            assert process.is_alive()
        process.join(0.5)
        assert states(output) == ["done", "open", "done", "done"]
    process.join()
    assert process.exitcode == 0
    assert len(pictures(output)) == 40


def begun(source, output, between, after=33):
    """Begin a film and stop, when the first of its chunks is done."""
    with pytest.raises(Stopped):
        upsample_resumably(source, output, between, TWICE, **SOME, stop=stopping(after))
    assert states(output)[0] == "done"


def test_a_damaged_chunk_is_made_again(film, tmp_path, blend):
    source, output = film(frames=40, options={"g": "9"}), tmp_path / "out.mp4"
    begun(source, output, blend)
    chunk = default_workdir(output) / "00000000.nut"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 255
    chunk.write_bytes(data)
    upsample_resumably(source, output, blend, TWICE, **SOME)
    upsample_resumably(source, tmp_path / "uncut.mp4", blend, TWICE, **SOME)
    assert pictures(output) == pictures(tmp_path / "uncut.mp4")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"encoding": Encoding(crf=30)}, "codec libx264 yuv420p crf=16"),
        ({"content": Content(cuts="off")}, "cuts hold there, off here"),
        ({"made_by": {"model": "other"}}, "model average there, other here"),
        ({"chunk": Fraction(1)}, "seconds in a chunk 2/5 there, 1 here"),
        ({}, "source "),
    ],
    ids=["encoding", "content", "model", "chunk", "source"],
)
def test_other_wishes_or_another_source_are_refused_and_nothing_is_lost(other, words, film, tmp_path, blend):
    source, output = film(frames=40, options={"g": "9"}), tmp_path / "out.mp4"
    begun(source, output, blend)
    if not other:
        film(frames=41, options={"g": "9"})
    kept = names(default_workdir(output))
    with pytest.raises(MediaError, match=words):
        upsample_resumably(source, output, blend, TWICE, **(SOME | other))
    assert names(default_workdir(output)) == kept
    assert upsample_resumably(source, output, blend, TWICE, **(SOME | other), restart=True).frames_out >= 80
    assert not default_workdir(output).exists()


def test_a_workdir_may_be_anywhere_and_serve_another_container(film, tmp_path, blend):
    source, work = film(frames=40, options={"g": "9"}), tmp_path / "deep" / "work"
    with pytest.raises(Stopped):
        upsample_resumably(source, tmp_path / "a.mp4", blend, TWICE, **SOME, workdir=work, stop=stopping(33))
    assert (work / "00000000.nut").exists()
    summary = upsample_resumably(source, tmp_path / "b.mkv", blend, TWICE, **SOME, workdir=work)
    assert (summary.frames_out, summary.output.name) == (80, "b.mkv")
    assert not work.exists()


def test_a_folder_that_serves_another_name_is_no_film_of_this_name(film, tmp_path, blend):
    source, output = film(frames=40, options={"g": "9"}), tmp_path / "out.mp4"

    def removing(before, after, moments):
        shutil.rmtree(default_workdir(output), ignore_errors=True)
        return blend(before, after, moments)

    with pytest.raises(MediaError):
        upsample_resumably(source, output, removing, TWICE, **SOME)
    assert names(tmp_path) == ["film.mp4"]


def test_what_the_container_cannot_do_is_known_before_any_work(film, tmp_path):
    def never(before, after, moments):
        raise AssertionError("worked in vain")

    with pytest.raises(MediaError, match=r"\.webm cannot hold"):
        upsample_resumably(film(), tmp_path / "out.webm", never, TWICE, made_by={}, encoding=Encoding("ffv1"))
    assert names(tmp_path) == ["film.mp4"]


def test_progress_goes_on_where_it_was(film, tmp_path, blend):
    source, output, seen = film(frames=40, options={"g": "9"}), tmp_path / "out.mp4", []
    begun(source, output, blend)
    upsample_resumably(source, output, blend, TWICE, **SOME, progress=lambda *now: seen.append(now))
    assert seen[0] == (20, 80, 1)
    assert seen[-1] == (80, 80, 1)


def test_a_full_disk_keeps_what_is_made(film, tmp_path, python):
    def noise(index, size):
        return np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), np.uint8)

    source = film(picture=lambda i, size: noise(i if i > 15 else 0, size), frames=30, options={"g": "9"})
    code = f"""
import resource
from fractions import Fraction
from pathlib import Path
from vfi.media import Encoding, MediaError
from vfi.resumable import upsample_resumably
from vfi.timing import Factor
def run():
    upsample_resumably(Path({str(source)!r}), Path({str(tmp_path / "out.mkv")!r}), lambda a, b, t: [a for _ in t],
                       Factor(Fraction(2)), made_by={{}}, encoding=Encoding(preset="ultrafast", crf=0),
                       chunk=Fraction(1, 2))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    run()
except MediaError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
run()
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert "no room left" in done.stdout
    assert "the same command goes on with it" in done.stdout
    assert names(tmp_path) == ["film.mp4", "out.mkv"]
