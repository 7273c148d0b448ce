import av
import numpy as np
import pytest
import torch

from flow.warp import backward_warp
from vfi.corpus import Corpus, CorpusError, Sampling, find_videos


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two clips: textured scenes that move 3 px to the right and 2 px down with every frame."""
    folder = tmp_path_factory.mktemp("videos")
    for name, seed in (("a", 0), ("b", 1)):
        noise = np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8)
        scene = np.kron(noise, np.ones((4, 4, 1), np.uint8))
        with av.open(str(folder / f"{name}.mkv"), "w") as container:
            stream = container.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 80, "bgr0"
            for i in range(12):
                x, y = 60 - 3 * i, 40 - 2 * i
                image = np.ascontiguousarray(scene[y : y + 80, x : x + 96])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            container.mux(stream.encode())
    return folder


@pytest.fixture(scope="module")
def corpus(folder, tmp_path_factory):
    return Corpus(find_videos(folder), tmp_path_factory.mktemp("cache"))


SAMPLING = Sampling(batch=4, crop=64, spans=(2,), cut=255)


def test_the_same_step_gives_the_same_batch_and_another_step_another(corpus):
    first, again, other = (corpus.batch(SAMPLING, seed=1, step=step) for step in (7, 7, 8))
    assert torch.equal(first.before, again.before)
    assert not torch.equal(first.before, other.before)


def test_the_middle_lies_where_its_time_says(corpus):
    batch = corpus.batch(Sampling(batch=8, crop=64, spans=(4,), cut=255), seed=0, step=0)
    assert set(batch.t.flatten().tolist()) == {0.25, 0.5, 0.75}


def test_the_teacher_finds_the_motion_that_was_made(corpus):
    batch = corpus.batch(SAMPLING, seed=0, step=0)
    warped = backward_warp(batch.before, batch.flows[:, :2])
    error = (warped - batch.middle).abs().mean(1) * batch.valid[:, 0]
    assert batch.valid.mean() > 0.7
    assert error.mean() < 0.3 * (batch.before - batch.middle).abs().mean()


def test_made_up_scenes_come_with_their_true_flow(corpus):
    batch = corpus.batch(Sampling(batch=4, crop=64, synthetic=1.0, largest=0.1), seed=0, step=0)
    assert batch.middle.shape == (4, 3, 64, 64)
    assert batch.valid.min() == 1
    for t in batch.t.flatten().tolist():
        assert 0.1 <= t <= 0.9
    # Along straight lines the way to either end is in proportion to the time to it.
    to0, to1 = batch.flows[:, :2], batch.flows[:, 2:]
    torch.testing.assert_close(to0 * (1 - batch.t), -to1 * batch.t, atol=1e-3, rtol=0)
    for neighbour, flow in ((batch.before, to0), (batch.after, to1)):
        error = (backward_warp(neighbour, flow) - batch.middle).abs().mean(1)
        assert error.median() < 0.5 * (neighbour - batch.middle).abs().mean(1).median()


def test_without_made_up_scenes_every_crop_is_from_the_videos(corpus):
    batch = corpus.batch(Sampling(batch=8, crop=64, spans=(4,), cut=255, synthetic=0.0), seed=0, step=0)
    assert set(batch.t.flatten().tolist()) <= {0.25, 0.5, 0.75}


def test_shrinking_doubles_the_motion_in_reach(corpus):
    batch = corpus.batch(Sampling(batch=2, crop=32, shrink=2, spans=(2,), cut=255), seed=0, step=0)
    assert batch.middle.shape == (2, 3, 32, 32)


def test_the_last_tenth_can_be_held_out(folder, tmp_path):
    long = Corpus([folder / "a.mkv"], tmp_path, hold_out=True)
    assert len(long.clips[0]) == 12  # too short a clip keeps everything
    clip = np.concatenate([long.clips[0]] * 3)
    assert len(clip) // 10 == 3


def test_decoding_happens_once(folder, tmp_path):
    Corpus(find_videos(folder), tmp_path)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    Corpus(find_videos(folder), tmp_path)
    assert made == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_a_folder_without_videos_says_so(tmp_path):
    with pytest.raises(CorpusError, match="holds no video"):
        find_videos(tmp_path)


def test_a_broken_video_is_named_and_leaves_nothing_in_the_cache(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_text("this is no video")
    with pytest.raises(CorpusError, match=r"broken\.mp4 cannot be decoded"):
        Corpus([broken], tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
