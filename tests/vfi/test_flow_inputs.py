import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vfi.flow_inputs import View, open_inputs, pair_files
from vfi.media import MediaError, Part, write_image


def named(*names):
    return [(name, one.name, two.name) for name, one, two in pair_files([Path(n) for n in names], "here")]


def write(folder, *names, size=(20, 30)):
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        write_image(folder / name, np.full((*size, 3), index, np.uint8))
    return folder


def test_pairs_are_told_by_their_names():
    assert named("walk2.png", "run1.png", "walk1.png", "run2.png") == [
        ("run1", "run1.png", "run2.png"),
        ("walk1", "walk1.png", "walk2.png"),
    ]
    chairs = ["00002_img1.ppm", "00001_img2.ppm", "00001_img1.ppm", "00002_img2.ppm"]
    assert [name for name, _, _ in named(*chairs)] == ["00001_flow", "00002_flow"]
    assert named(*chairs[1:3]) == [("00001_flow", "00001_img1.ppm", "00001_img2.ppm")]
    kitti = ["000000_10.png", "000000_11.png", "000001_10.png", "000001_11.png"]
    assert named(*kitti)[1] == ("000001_10", "000001_10.png", "000001_11.png")


def test_any_other_images_are_frames_in_the_order_of_their_numbers():
    assert named("f10.png", "f9.png", "f11.png", "f8.png") == [
        ("f8", "f8.png", "f9.png"),
        ("f9", "f9.png", "f10.png"),
        ("f10", "f10.png", "f11.png"),
    ]
    assert named("b1.png", "a1.png") == [("a1", "a1.png", "b1.png")]


def test_a_pair_that_lacks_one_is_an_error_and_no_guess():
    with pytest.raises(MediaError, match=r"run1.png has no partner"):
        named("walk1.png", "walk2.png", "run1.png")


def test_a_folder_streams_each_frame_once(tmp_path):
    folder = write(tmp_path / "walk", "a.png", "b.png", "c.png", "d.png")
    (source,) = open_inputs([folder])
    assert source.stem == "walk"
    pairs = list(source.pairs(View()))
    assert [pair.name for pair in pairs] == source.names() == ["a", "b", "c"]
    assert [(int(p.first[0, 0, 0]), int(p.second[0, 0, 0])) for p in pairs] == [(0, 1), (1, 2), (2, 3)]
    assert pairs[0].second is pairs[1].first


def test_two_images_are_in_memory_however_long_the_film(film, tmp_path):
    frames = [f"{index}.png" for index in range(12)]
    for path in (film(frames=12), write(tmp_path / "frames", *frames)):
        born: list[weakref.ref] = []
        (source,) = open_inputs([path])
        for pair in source.pairs(View()):
            born.append(weakref.ref(pair.second))
            assert sum(image() is not None for image in born) <= 2
        assert len(born) == 11


@pytest.mark.parametrize("times", [None, [Fraction(t, 1000) for t in (0, 40, 100, 130, 500, 600)]])
def test_frames_of_a_video_go_by_their_numbers(film, times):
    path = film("film.mkv", frames=6, times=times, rate=Fraction(30000, 1001))
    for frames, numbers in (
        (slice(0, None), range(5)),
        (slice(2, 5), (2, 3)),
        (slice(4, 99), (4,)),
        (slice(None, 2), (0,)),
    ):
        (source,) = open_inputs([path], frames=frames)
        expected = [f"film_00000{number}" for number in numbers]
        assert [pair.name for pair in source.pairs(View())] == source.names() == expected
    with pytest.raises(MediaError, match="has the frames 0 to 5"):
        open_inputs([path], frames=slice(5, 9))


def test_frames_of_a_folder_go_by_their_places(tmp_path):
    folder = write(tmp_path / "walk", "f08.png", "f09.png", "f10.png", "f11.png")
    assert open_inputs([folder], frames=slice(1, 3))[0].names() == ["f09"]
    assert open_inputs([folder], frames=slice(2, None))[0].names() == ["f10"]
    with pytest.raises(MediaError, match="walk holds the frames 0 to 3"):
        open_inputs([folder], frames=slice(3, None))
    pairs = write(tmp_path / "pairs", *(f"{name}{i}.png" for name in "abc" for i in (1, 2)))
    assert open_inputs([pairs], frames=slice(1, 3))[0].names() == ["b1", "c1"]
    with pytest.raises(MediaError, match="pairs holds the pairs 0 to 2"):
        open_inputs([pairs], frames=slice(3, 9))


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_a_part_of_a_video_keeps_the_numbers_of_its_frames(film, rate):
    path = film(frames=12, rate=rate)
    (source,) = open_inputs([path], Part(4 / rate, 8 / rate))
    assert [pair.name for pair in source.pairs(View())] == source.names() == [f"film_00000{i}" for i in (4, 5, 6)]
    (whole,) = open_inputs([path])
    assert len(whole.names()) == len(list(whole.pairs(View()))) == 11


def test_a_video_of_variable_rate_is_cut_by_time(film):
    times = [Fraction(t, 1000) for t in (0, 40, 100, 130, 500, 600)]
    (source,) = open_inputs([film("film.mkv", times=times)], Part(Fraction(1, 10), Fraction(3, 5)))
    assert [pair.name for pair in source.pairs(View())] == source.names() == ["film_000002", "film_000003"]


def test_a_video_is_seen_as_players_show_it(film):
    flat = film("flat.mp4", frames=2)
    turned = film("turned.mp4", frames=2, rotation=90)
    (first,), (second,) = (next(iter(open_inputs([path])[0].pairs(View()))).first[None] for path in (flat, turned))
    assert second.shape == (128, 72, 3)
    assert np.abs(np.rot90(first).astype(int) - second).mean() < 1


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "gray", "gray10le"])
def test_deep_and_grey_videos_become_8_bit_colour(film, pix_fmt):
    path = film("film.mkv", frames=2, codec="ffv1", pix_fmt=pix_fmt)
    (pair,) = open_inputs([path])[0].pairs(View())
    assert pair.first.dtype == np.uint8
    assert pair.first.shape == (72, 128, 3)
    assert pair.first.max() > 200


def test_a_view_crops_resizes_and_greys():
    image = np.random.default_rng(0).integers(0, 65535, (20, 30, 3), np.uint16)
    np.testing.assert_array_equal(View(crop=(4, 2, 8, 6))(image, "x"), np.rint(image[2:8, 4:12] / 257).astype(np.uint8))
    assert View(size=(12, 10))(image, "x").shape == (10, 12, 3)
    both = View(size=(16, 18), crop=(4, 2, 8, 6))
    assert both(image, "x").shape == (18, 16, 3)
    assert (both.enlargement(image), View(size=(12, 10)).enlargement(image), View().enlargement(image)) == (3, 1, 1)
    assert (np.ptp(View(grey=True)(image, "x").astype(int), axis=2) == 0).all()
    with pytest.raises(MediaError, match="x is 30x20, which a crop of 30x20 at 1,0 leaves"):
        View(crop=(1, 0, 30, 20))(image, "x")


def test_images_of_two_sizes_need_a_view_that_makes_them_one(tmp_path):
    folder = write(tmp_path / "walk", "a.png")
    write(folder, "b.png", size=(20, 40))
    (source,) = open_inputs([folder])
    with pytest.raises(MediaError, match=r"is 30x20 but .*b\.png is 40x20"):
        list(source.pairs(View()))
    assert len(list(source.pairs(View(size=(30, 20))))) == 1


def test_what_cannot_be_paired_says_why(tmp_path, film):
    one = write(tmp_path / "one", "a.png")
    path = film(frames=5)
    for inputs, part, words in (
        ([tmp_path / "missing.mp4"], None, "does not exist"),
        ([write(tmp_path / "none")], None, "holds no image"),
        ([one], None, "holds a single image"),
        ([one / "a.png"], None, "name the second as well"),
        ([one], Part(Fraction(1)), "leave out --start"),
        ([path], Part(Fraction(1)), "no frame .* from 0 to 0.2 s"),
        ([path], Part(None, Fraction(1, 50)), "a single frame"),
        ([film("short.mkv", codec="ffv1", frames=1)], None, "a single picture"),
    ):
        with pytest.raises(MediaError, match=words):
            open_inputs(inputs, part)
