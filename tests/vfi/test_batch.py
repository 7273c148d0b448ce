from pathlib import Path

import pytest
from PIL import Image

from vfi.batch import find_inputs, plan_batch
from vfi.media import MediaError
from vfi.outputs import output_path


@pytest.fixture
def folder(tmp_path):
    """Two videos, an earlier result of one of them, and things that are no videos."""
    folder = tmp_path / "films"
    (folder / "below").mkdir(parents=True)
    for name in ("b.MKV", "a.mp4", "a_2x.mp4", "notes.txt", ".a.part.mp4", "below/c.mp4"):
        (folder / name).touch()
    return folder


def doubled(path):
    return output_path(path, None, "2x", {})


def test_a_folder_stands_for_its_videos_and_what_is_left_is_told(folder):
    inputs = find_inputs([Path("other.avi"), folder])
    assert inputs.named == (Path("other.avi"),)
    assert [path.name for path in inputs.found] == ["a.mp4", "a_2x.mp4", "b.MKV"]
    assert [path.name for path in inputs.skipped] == ["below", "notes.txt"]


def test_what_an_earlier_run_made_is_not_taken_again(folder):
    batch = plan_batch(find_inputs([folder]), doubled)
    assert [(job.source.name, job.output.name) for job in batch.jobs] == [("a.mp4", "a_2x.mp4"), ("b.MKV", "b_2x.MKV")]
    assert [path.name for path in batch.skipped] == ["below", "notes.txt", "a_2x.mp4"]


def test_a_result_that_is_named_is_taken(folder):
    batch = plan_batch(find_inputs([folder / "a_2x.mp4"]), doubled)
    assert [job.output.name for job in batch.jobs] == ["a_2x_2x.mp4"]


@pytest.mark.parametrize(
    ("paths", "words"),
    [(["a.mp4", "below/c.mp4"], "two inputs"), (["a.mp4", "a.mp4"], "two inputs"), (["a.mp4", "."], "two inputs")],
)
def test_two_inputs_for_one_output_are_refused(folder, paths, words):
    with pytest.raises(MediaError, match=words):
        plan_batch(find_inputs([folder / path for path in paths]), lambda path: folder / "out.mp4")


def test_to_write_over_another_input_is_refused(folder):
    inputs = find_inputs([folder / "a.mp4", folder / "a_2x.mp4"])
    with pytest.raises(MediaError, match=r"a_2x\.mp4 is to be read and to be written"):
        plan_batch(inputs, doubled)


def test_a_folder_of_pictures_is_one_film(tmp_path):
    (tmp_path / "1.png").touch()
    assert find_inputs([tmp_path]).named == (tmp_path,)


def test_animated_pictures_are_videos(tmp_path):
    moving = [Image.new("RGB", (8, 6), color) for color in ("red", "green", "blue")]
    for name in ("a.webp", "b.png"):
        moving[0].save(tmp_path / name, save_all=True, append_images=moving[1:], duration=40)
    moving[0].save(tmp_path / "c.png")
    found = find_inputs([tmp_path])
    assert [path.name for path in found.found] == ["a.webp", "b.png"]
    assert [path.name for path in found.skipped] == ["c.png"]


def test_a_folder_without_a_video_is_refused(tmp_path):
    with pytest.raises(MediaError, match="holds no video"):
        find_inputs([tmp_path])
