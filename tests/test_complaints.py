"""What users of other interpolators complain about most, and the tests that show that vfi does not have it."""

import re
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vfi.media import Encoding, Frame, VideoReader
from vfi.media.color import Color
from vfi.pipeline import interpolate, upsample
from vfi.timing import Factor, TargetRate

TESTS = Path(__file__).parent

COMPLAINTS = {
    "1 sound drifts, the duration changes": [
        "test_complaints.py::test_rates_over_1001_keep_duration_and_sound_to_the_sample",
        "vfi/test_pipeline.py::test_sound_and_picture_of_a_minute_end_together",
        "vfi/test_pipeline_time.py::test_sound_stays_in_step_with_the_picture_in_the_whole_and_in_a_part",
    ],
    "2 the frame count is off by one, the last frame is lost": [
        "test_complaints.py::test_ten_frames_become_twenty_and_ninety_become_180",
        "vfi/test_pipeline.py::test_n_frames_become_n_times_k_and_the_last_is_held",
    ],
    "3 compiled extensions that will not install": [
        "test_complaints.py::test_nothing_is_compiled",
        "test_wheel.py::test_it_upsamples_from_any_folder",
    ],
    "4 morphing across cuts, thresholds that nobody sees": [
        "vfi/test_spans.py::test_across_a_cut_every_new_frame_is_the_nearer_one",
        "vfi/test_cuts.py::test_every_cut_is_found_at_the_first_frame_of_the_new_scene",
        "vfi/test_cuts.py::test_a_fade_through_black_is_no_cut",
        "test_cli_content.py::test_list_cuts_prints_when_the_scene_begins_and_writes_nothing",
    ],
    "5 out of memory at 1080p to 4K, seams of tiles": [
        "vfi/test_tiles.py::test_tiles_make_what_the_whole_frame_is",
        "vfi/test_tiles.py::test_motion_from_beyond_a_tile_and_its_margin_is_found",
        "vfi/test_tiles.py::test_out_of_memory_is_tried_again_with_smaller_tiles_and_said_once",
    ],
    "6 any target rate, 24 to 60": [
        "vfi/test_pipeline_time.py::test_frames_of_any_rate_lie_where_the_motion_was_at_their_time",
        "vfi/test_pipeline.py::test_any_rate_can_be_asked_for",
        "vfi/test_timing.py::test_a_fractional_factor_of_a_constant_rate_is_an_even_grid",
    ],
    "7 animation on twos and threes": [
        "vfi/test_spans.py::test_animation_on_twos_is_made_anew_by_time_from_the_pictures_around",
        "vfi/test_spans.py::test_the_doubled_frames_of_24_made_30_are_made_anew",
    ],
    "8 colours shift, new frames flicker": [
        "vfi/test_pipeline.py::test_new_frames_have_the_brightness_of_their_neighbours",
        "vfi/test_pipeline.py::test_source_frames_are_identical_in_a_lossless_output",
        "vfi/test_pipeline.py::test_pure_red_and_its_tags_survive",
        "vfi/test_pipeline.py::test_highlights_beyond_white_do_not_flicker",
        "vfi/test_interpolator.py::test_colours_are_rounded_not_truncated",
    ],
    "9 HDR and ten bits are washed out": [
        "test_hdr.py::test_tags_depth_and_mastering_data_stay",
        "test_hdr.py::test_frames_of_the_source_come_through_unchanged_where_nothing_is_lost",
        "test_hdr.py::test_new_frames_are_as_fine_as_ten_bits_and_lie_between_their_neighbours",
    ],
    "10 memory grows with the film": [
        "test_complaints.py::test_ten_frames_are_held_however_long_the_film",
        "vfi/test_spans.py::test_few_frames_are_read_ahead_in_a_long_still_film",
    ],
    "11 a variable rate plays at the wrong speed": [
        "vfi/test_pipeline.py::test_a_variable_rate_stays_variable_and_in_step",
        "vfi/test_pipeline_time.py::test_a_variable_rate_becomes_a_constant_one_by_time",
    ],
    "12 dead links to weights, no checksums": [
        "test_wheel.py::test_it_carries_every_shipped_weight",
        "test_cli_models.py::test_verify_names_the_damaged_file_and_exits_with_1",
        "flow/test_checksums.py::test_one_bit_is_enough_to_be_damaged",
    ],
    # Several processes share a film by its chunks; that each of them can have a GPU of its own is not tested.
    "13 several GPUs for one video": ["vfi/test_resumable.py::test_several_processes_share_the_work"],
    "14 nothing is left after a crash": [
        "vfi/test_resumable.py::test_killed_at_twenty_random_moments_the_film_is_the_same",
        "test_cli_interruptions.py::test_a_killed_command_goes_on_when_it_is_given_again",
    ],
    "15 subtitles, chapters, sound tracks, attachments are lost": [
        "vfi/test_pipeline.py::test_all_other_streams_are_copied_packet_by_packet",
        "vfi/test_pipeline.py::test_mp4_keeps_its_sound_subtitles_and_chapters",
        "vfi/test_pipeline.py::test_what_the_container_cannot_hold_is_named",
    ],
    "16 pixel aspect, rotation, odd sizes": [
        "vfi/test_pipeline.py::test_pixel_aspect_and_rotation_are_kept",
        "vfi/test_pipeline.py::test_an_odd_size_is_kept",
    ],
    "17 transparency": [
        "vfi/test_pipeline.py::test_transparency_is_kept_where_the_format_holds_it",
        "vfi/test_transparency.py::test_colours_are_mixed_as_they_are_seen_and_rounded",
    ],
    "18 a command line for folders": [
        "test_cli_batch.py::test_a_failure_stops_nothing_and_comes_last_in_the_report",
        "vfi/test_batch.py::test_a_folder_stands_for_its_videos_and_what_is_left_is_told",
    ],
    "19 artefacts of large motion, burnt-in text, no caution": [
        "test_quality.py::test_large_motion_is_found",
        "vfi/models/test_classical.py::test_text_stays_still_over_a_ground_that_moves",
        "vfi/test_interpolator.py::test_where_it_is_not_trusted_a_frame_falls_back_as_asked",
    ],
    "20 frames on disk, no pipes": [
        "test_complaints.py::test_no_frame_is_written_but_into_the_film",
        "test_cli_formats.py::test_a_pipe_carries_the_video_alone_and_all_else_goes_to_stderr",
    ],
    # TensorRT reads ONNX, which is not tested: it needs a GPU.
    "21 export to ONNX, TensorRT, OpenVINO": [
        "vfi/test_export.py::test_a_file_answers_as_the_model_at_any_size_and_time",
        "flow/test_export.py::test_every_network_answers_the_same_as_onnx",
        "flow/test_export.py::test_other_formats_answer_the_same",
    ],
    "22 training on one's own footage": [
        "test_cli.py::test_a_model_learned_from_one_video_upsamples_it",
        "test_cli_adapt.py::test_adapt_writes_what_helps_beside_the_clip_and_upsample_takes_it",
    ],
    "23 flow in the wrong scale": [
        "flow/test_estimator.py::test_two_images_give_a_flow_of_their_size",
        "flow/test_foreign.py::test_the_unit_of_the_flow_is_kept",
        "flow/test_warp.py::test_a_resized_flow_points_to_the_same_place",
    ],
    "24 a score for one's own result": [
        "test_cli.py::test_eval_takes_a_video_and_a_factor_and_reports_every_item",
        "test_cli_report.py::test_a_result_becomes_a_page_with_numbers_beside_it",
    ],
    "25 a decode that dies half way ends as a shorter film": [
        "vfi/media/test_reader.py::test_damage_half_way_is_an_error_not_a_shorter_film",
        "vfi/media/test_reader.py::test_a_file_cut_short_is_refused_before_any_work",
    ],
}


def test_every_complaint_has_tests_that_exist():
    assert [int(complaint.split()[0]) for complaint in COMPLAINTS] == list(range(1, 26))
    for test in (test for tests in COMPLAINTS.values() for test in tests):
        file, name = test.split("::")
        assert re.search(rf"^def {name}\(", (TESTS / file).read_text(), re.MULTILINE), test


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001)])
@pytest.mark.parametrize(
    "timing", [Factor(Fraction(2)), Factor(Fraction(5, 2)), TargetRate(Fraction(60000, 1001))], ids=str
)
def test_rates_over_1001_keep_duration_and_sound_to_the_sample(rate, timing, film, heard, tmp_path, blend):
    source, output = film("in.mkv", rate=rate, frames=48, sound=["flac"], size=(64, 48)), tmp_path / "out.mkv"
    summary = upsample(source, output, blend, timing)
    assert abs(summary.written.duration_error) <= Fraction(1, 1000)  # Matroska's tick
    for before, after in zip(heard(source), heard(output), strict=True):
        np.testing.assert_array_equal(before, after)
    late = timing.instants(10**6, 10**6 / rate, (10**6 + 1) / rate)  # half a day on
    assert all((instant * timing.rate(rate)).denominator == 1 for instant in late)


@pytest.mark.parametrize("frames", [10, 90])
def test_ten_frames_become_twenty_and_ninety_become_180(frames, film, tmp_path, blend):
    source = film(frames=frames, size=(64, 48))
    assert upsample(source, tmp_path / "out.mp4", blend, Factor(Fraction(2))).frames_out == 2 * frames
    with VideoReader(source) as before, VideoReader(tmp_path / "out.mp4") as after:
        kept = list(after)[::2]
        assert len(kept) == frames
        assert all(np.abs(k.rgb.astype(int) - o.rgb).mean() < 4 for k, o in zip(kept, before, strict=True))


def test_nothing_is_compiled():
    root = TESTS.parent
    sources = {file.suffix for folder in ("vfi", "flow") for file in (root / folder).rglob("*") if file.is_file()}
    assert not sources & {".c", ".cc", ".cpp", ".cu", ".cuh", ".pyx", ".so", ".pyd"}
    project = (root / "pyproject.toml").read_text()
    assert not re.search("cupy|correlation|spatial|triton|ninja|setup.py", project)


def test_ten_frames_are_held_however_long_the_film(blend):
    alive, most = weakref.WeakSet(), 0

    def endless():
        nonlocal most
        for index in range(300):
            pixels = np.full((8, 8, 3), index % 200, np.uint8)
            pixels[index % 8] = 255
            frame = Frame(Fraction(index, 25), Fraction(1, 25), Color(), pixels=pixels)
            alive.add(frame)
            most = max(most, len(alive))
            yield frame

    made = sum(1 for _ in interpolate(endless(), blend, Factor(Fraction(3))))
    assert made == 900
    assert most <= 10


def test_no_frame_is_written_but_into_the_film(film, tmp_path, blend):
    source = film(frames=20, size=(64, 48))
    seen = set()

    def look(*_):
        seen.update(path.suffix for path in tmp_path.rglob("*") if path.is_file())

    upsample(source, tmp_path / "out.mp4", blend, Factor(Fraction(2)), encoding=Encoding(), progress=look)
    assert seen == {".mp4"}
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert len(container.streams.video) == 1
