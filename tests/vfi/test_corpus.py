import av
import cv2
import numpy as np
import pytest
import torch

from flow.warp import backward_warp
from vfi.corpus import Corpus, CorpusError, Sampling


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
    return Corpus([folder], tmp_path_factory.mktemp("cache"))


SAMPLING = Sampling(batch=4, crop=64, spans=(2,), cut=255)


def test_the_same_step_gives_the_same_batch_and_another_step_another(corpus):
    first, again, other = (corpus.batch(SAMPLING, seed=1, number=step) for step in (7, 7, 8))
    assert torch.equal(first.before, again.before)
    assert not torch.equal(first.before, other.before)


def test_the_middle_lies_where_its_time_says(corpus):
    batch = corpus.batch(Sampling(batch=8, crop=64, spans=(4,), cut=255), seed=0, number=0)
    assert set(batch.t.flatten().tolist()) == {0.25, 0.5, 0.75}


def test_the_teacher_finds_the_motion_that_was_made(corpus):
    batch = corpus.batch(SAMPLING, seed=0, number=0)
    warped = backward_warp(batch.before, batch.flows[:, :2])
    error = (warped - batch.middle).abs().mean(1) * batch.valid[:, 0]
    assert batch.valid.mean() > 0.7
    assert error.mean() < 0.3 * (batch.before - batch.middle).abs().mean()


def test_made_up_scenes_come_with_their_true_flow(corpus):
    batch = corpus.batch(Sampling(batch=4, crop=64, synthetic=1.0, largest=0.1), seed=0, number=0)
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
    batch = corpus.batch(Sampling(batch=8, crop=64, spans=(4,), cut=255, synthetic=0.0), seed=0, number=0)
    assert set(batch.t.flatten().tolist()) <= {0.25, 0.5, 0.75}


def test_shrinking_doubles_the_motion_in_reach(corpus):
    batch = corpus.batch(Sampling(batch=2, crop=32, shrink=2, spans=(2,), cut=255), seed=0, number=0)
    assert batch.middle.shape == (2, 3, 32, 32)


def frames(folder, sizes):
    """A clip of noise, an image file a frame; sizes (width, height)."""
    folder.mkdir(parents=True)
    for i, (width, height) in enumerate(sizes):
        image = np.random.default_rng(i).integers(0, 255, (height, width, 3), np.uint8)
        cv2.imwrite(str(folder / f"im{i + 1}.png"), image)
    return folder


def test_a_large_batch_holds_the_samples_of_small_ones(corpus):
    large = corpus.batch(Sampling(batch=6, crop=64, cut=255, synthetic=0.3), seed=5, number=1)
    small = [corpus.batch(Sampling(batch=2, crop=64, cut=255, synthetic=0.3), seed=5, number=n) for n in (3, 4, 5)]
    for whole, *parts in zip(large[:6], *(batch[:6] for batch in small), strict=True):
        assert torch.equal(whole, torch.cat(parts))


@pytest.mark.parametrize(("length", "times"), [(3, {1 / 2}), (7, {i / 6 for i in range(1, 6)})])
def test_clips_shorter_than_the_span_are_used_from_end_to_end(tmp_path, length, times):
    corpus = Corpus([frames(tmp_path / "clip", [(40, 40)] * length)], tmp_path)
    batch = corpus.batch(Sampling(batch=32, crop=32, spans=(20,), cut=255, teacher=False), seed=0, number=0)
    assert {round(t, 3) for t in batch.t.flatten().tolist()} == {round(t, 3) for t in times}


def test_frames_smaller_than_the_crop_keep_their_proportions(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    y, x = np.mgrid[:32, :80]
    for i in range(3):  # squares of four pixels on a board that moves
        board = (((x + 4 * i) // 4 + y // 4) % 2 * 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{i}.png"), cv2.cvtColor(board, cv2.COLOR_GRAY2BGR))
    batch = Corpus([folder], tmp_path).batch(Sampling(batch=4, crop=64, cut=255, teacher=False), seed=0, number=0)
    board = (batch.middle[:, :1] > 0.5).float()
    edges = [(board.diff(dim=axis) != 0).sum(axis).float().mean().item() for axis in (2, 3)]
    assert edges[0] == pytest.approx(edges[1], abs=0.6)  # 32 pixels became 64: seven edges either way


def test_a_clip_whose_frames_differ_in_size_is_named(tmp_path):
    corpus = Corpus([frames(tmp_path / "clip", [(40, 40), (50, 40), (40, 40)])], tmp_path)
    with pytest.raises(CorpusError, match=r"im1\.png is 50x40 and others are 40x40"):
        corpus.batch(Sampling(batch=1, crop=32, cut=255), seed=0, number=0)


def test_the_last_tenth_of_a_single_clip_can_be_held_out(folder, tmp_path):
    single = Corpus([frames(tmp_path / "clip", [(32, 24)] * 40)], tmp_path, hold_out=True)
    assert (len(single.clips[0]), len(single.held_out[0])) == (36, 4)
    whole = Corpus([tmp_path / "clip"], tmp_path).clips[0]
    triplets = list(single.held_out_triplets())
    assert len(triplets) == 2
    assert np.array_equal(triplets[-1].after, whole[39])
    assert not Corpus([folder / "a.mkv"], tmp_path, hold_out=True).held_out  # too short
    assert not Corpus([tmp_path / "clip", folder], tmp_path, hold_out=True).held_out


def test_what_it_is_made_of_is_told_by_names_and_sizes_wherever_it_lies(tmp_path):
    def told(folder):
        return Corpus([folder], tmp_path).summary()

    first = told(frames(tmp_path / "a" / "clip", [(40, 40)] * 4))
    assert (first["clips"], first["frames"], first["files"]) == (1, 4, 4)
    again = told(frames(tmp_path / "b" / "clip", [(40, 40)] * 4))
    assert first == again
    (tmp_path / "b" / "clip" / "im2.png").write_bytes(b"another size")
    assert told(tmp_path / "b" / "clip")["sha256_of_paths_and_sizes"] != first["sha256_of_paths_and_sizes"]
