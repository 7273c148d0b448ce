from fractions import Fraction

import av

from vfi.media.placement import Placement
from vfi.media.streams import carried_chapters, carried_metadata, carried_stream_metadata, label


def test_what_a_muxer_says_of_itself_is_not_carried_over():
    source = {"title": "T", "major_brand": "isom", "ENCODER": "Lavf", "creation_time": "2021-11-11T13:14:03Z"}
    assert carried_metadata(source) == {"title": "T", "creation_time": "2021-11-11T13:14:03Z"}


def test_what_described_the_old_encoding_is_not_carried_over():
    source = {"language": "eng", "DURATION": "00:00:01", "BPS-eng": "1", "_STATISTICS_TAGS": "BPS", "title": "Main"}
    assert carried_stream_metadata(source) == {"language": "eng", "title": "Main"}


def test_chapters_count_from_the_start_of_the_file():
    chapter = {"id": 1, "start": 5000, "end": 9000, "time_base": Fraction(1, 1000), "metadata": {"title": "A"}}
    assert carried_chapters([chapter], Placement(Fraction(3))) == [{**chapter, "start": 2000, "end": 6000}]


def test_a_stream_is_named_by_kind_number_codec_and_language(film):
    with av.open(str(film("in.mkv", sound=["aac"], subtitles=["subrip"]))) as container:
        assert [label(stream) for stream in container.streams][1:] == ["audio 1 (aac)", "subtitle 2 (srt, eng)"]
