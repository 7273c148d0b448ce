import re
from fractions import Fraction

import av
import pytest

from vfi.media import Encoding, Part, SlowMotion
from vfi.pipeline import upsample
from vfi.timing import Factor

TWICE, FAST = Factor(Fraction(2)), Encoding(crf=40)
WORDS = [("<i>One</i>\nand a half", 0, 300), ("Grüß 你好 & <b>two</b>", 400, 900)]  # text, first and last millisecond


@pytest.fixture
def spoken(film, tmp_path):
    """A film of a second with two tracks of subtitles in SubRip, the second a forced one."""
    source, path = film(frames=25), tmp_path / "spoken.mkv"
    with av.open(str(source)) as pictures, av.open(str(path), "w") as output:
        video = output.add_stream_from_template(pictures.streams.video[0], opaque=True)
        texts = [output.add_mux_stream("subrip"), output.add_mux_stream("subrip")]
        for text, language in zip(texts, ("eng", "fra"), strict=True):
            text.time_base = Fraction(1, 1000)
            text.metadata.update({"language": language, "title": f"Words in {language}"})
        texts[1].disposition = av.stream.Disposition.forced
        for packet in pictures.demux():
            if packet.size:
                packet.stream = video
                output.mux(packet)
        for text in texts:
            for words, start, end in WORDS:
                packet = av.Packet(words.encode())
                packet.stream, packet.time_base = text, Fraction(1, 1000)
                packet.pts = packet.dts = start
                packet.duration = end - start
                output.mux(packet)
    return path


def texts_of(path):
    """Return codec, language and texts, as (ASS, start, end) in seconds, of every track of subtitles."""
    with av.open(str(path)) as film:
        found = {
            stream.index: (stream.codec_context.codec.canonical_name, stream.language, [])
            for stream in film.streams.subtitles
        }
        for packet in film.demux(film.streams.subtitles):
            for text in packet.decode() if packet.size else []:
                start, last = packet.pts * packet.time_base, (packet.pts + packet.duration) * packet.time_base
                found[packet.stream.index][2].append((text.ass.split(b",", 8)[-1].decode(), start, last))
    return list(found.values())


def plain(texts):
    """Return them without the ends of styles, which not every format writes, and with times as numbers."""
    return [(re.sub(r"\{\\([ib]0|r)\}", "", words).rstrip(), float(start), float(end)) for words, start, end in texts]


@pytest.mark.parametrize(("name", "codec"), [("out.mp4", "mov_text"), ("out.mov", "mov_text"), ("out.webm", "webvtt")])
def test_texts_that_a_container_cannot_hold_take_its_own_form(name, codec, spoken, tmp_path, blend):
    summary = upsample(spoken, tmp_path / name, blend, TWICE, encoding=FAST)
    before, after = texts_of(spoken), texts_of(tmp_path / name)
    assert [(kind, language) for kind, language, _ in after] == [(codec, "eng"), (codec, "fra")]
    assert [plain(texts) for *_, texts in after] == [plain(texts) for *_, texts in before]
    assert summary.copied == ()
    assert summary.notes == tuple(
        f"Subtitle {number} (srt, {language}) is converted to {codec}." for number, language in ((1, "eng"), (2, "fra"))
    )
    with av.open(str(tmp_path / name)) as made:  # .mov has no word for a forced track
        assert name == "out.mov" or [
            bool(stream.disposition & av.stream.Disposition.forced) for stream in made.streams.subtitles
        ] == [0, 1]


def test_texts_come_back_from_mp4_as_they_were(spoken, tmp_path, blend):
    upsample(spoken, tmp_path / "out.mp4", blend, TWICE, encoding=FAST)
    upsample(tmp_path / "out.mp4", tmp_path / "back.mkv", blend, TWICE, encoding=FAST)
    before, after = texts_of(spoken), texts_of(tmp_path / "back.mkv")
    assert [kind for kind, *_ in after] == ["subrip", "subrip"]
    assert [plain(texts) for *_, texts in after] == [plain(texts) for *_, texts in before]


def test_texts_of_a_slower_part_are_shown_when_they_are_said(spoken, tmp_path, blend):
    upsample(
        spoken, tmp_path / "out.mp4", blend, TWICE, encoding=FAST,
        part=Part(Fraction(1, 5), Fraction(4, 5)), slow=SlowMotion(Fraction(1, 2)),
    )  # fmt: skip
    (*_, texts), _ = texts_of(tmp_path / "out.mp4")
    assert [(round(start, 3), round(end, 3)) for _, start, end in plain(texts)] == [(0, 0.2), (0.4, 1.2)]


def test_an_attachment_is_left_out_of_webm_at_once(film, tmp_path, blend):
    source = film("in.mkv", attachment=b"glyphs")
    summary = upsample(source, tmp_path / "out.webm", blend, TWICE, encoding=FAST)
    assert summary.notes == ("Left out attachment 1 (font.ttf): .webm cannot hold it; .mkv holds most.",)
