import json
import tempfile
from dataclasses import replace
from fractions import Fraction
from statistics import median

import pytest

from vfi.bench import bench
from vfi.bench_report import describe, draw
from vfi.evaluate import evaluate
from vfi.interpolator import Interpolator
from vfi.media import MediaError
from vfi.triplets import open_triplets


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_every_method_has_figures_that_agree_and_nothing_stays(film, temporary, tmp_path):
    source = film(frames=6)
    told = []
    names = ["minterpolate", "blend"]
    found = bench(source, names, rounds=1, device="cpu", precision="float32", progress=lambda *now: told.append(now))
    assert list(found.methods) == names
    assert told == [(done, 6) for done in range(1, 7)]
    assert not list(temporary.iterdir())
    assert (found.clip.width, found.clip.height, found.clip.frames, found.clip.rate) == (128, 72, 6, 25)
    assert found.device == "cpu"
    assert (found.methods["blend"].staged.backend, found.methods["blend"].staged.precision) == ("torch", "float32")
    yardstick = found.methods["minterpolate"]
    for method in found.methods.values():
        [trial] = method.rounds
        assert method.seconds_per_frame == trial.seconds / 6
        assert method.frames_per_second == 12 / trial.seconds
        ratio = method.seconds_per_frame / yardstick.seconds_per_frame
        assert [method.ratio.least, method.ratio.median, method.ratio.most] == pytest.approx([ratio] * 3)
        assert 2**23 < method.peak == trial.peak
        assert not trial.stages
        assert sum(method.shares.values()) == pytest.approx(1)
        assert method.shares["the rest"] >= 0
    assert yardstick.peak < found.methods["blend"].peak  # which needs torch
    report = evaluate(Interpolator.load("blend", "cpu", "float32"), open_triplets(source))
    assert found.methods["blend"].psnr == pytest.approx(report.psnr)

    lines = describe(found).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == names
    assert "film.mp4: 128x72, 25 fps, 6 frames of h264, 2x; 1 round in turns" in lines[-2 - ("busy" in lines[-1])]
    assert lines[-1 - ("busy" in lines[-1])].endswith("models on cpu")
    networks = replace(found, methods={"fast": found.methods["blend"]})
    assert "models on cpu; fast by torch in float32" in describe(networks)
    draw(found, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_rounds_are_summed_up_by_their_medians_and_the_start_of_a_film_is_enough(film, temporary):
    found = bench(film(frames=12), ["minterpolate-best", "minterpolate"], seconds=Fraction(1, 5), rounds=2)
    told = json.loads(found.to_json())
    assert (told["clip"]["frames"], told["clip"]["rate"], told["clip"]["name"]) == (5, "25", "film.mp4")
    assert set(told["versions"]) >= {"vfi", "torch", "av", "ffmpeg", "python"}
    assert told["machine"]["cpu"]["cores"] >= 1
    best, default = told["methods"]["minterpolate-best"], told["methods"]["minterpolate"]
    ratios = [one["seconds"] / other["seconds"] for one, other in zip(best["rounds"], default["rounds"], strict=True)]
    assert best["ratio"] == pytest.approx({"median": median(ratios), "least": min(ratios), "most": max(ratios)})
    assert default["ratio"] == {"median": 1, "least": 1, "most": 1}
    for method in (best, default):
        assert len(method["rounds"]) == 2
        assert method["seconds_per_frame"] == median(trial["seconds"] / 5 for trial in method["rounds"])
        assert method["startup"] == median(trial["startup"] for trial in method["rounds"])
        assert method["peak"] == max(trial["peak"] for trial in method["rounds"])
        assert sum(method["staged"]["stages"].values()) <= method["staged"]["seconds"]
        assert method["psnr"] > 20
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("film_of", "names", "options", "says"),
    [
        ({}, ["nope"], {}, "there is no model 'nope': use .* minterpolate-best"),
        ({}, ["blend", "blend"], {}, "named twice"),
        ({}, ["blend"], {"rounds": 0}, "one or more"),
        ({}, ["blend"], {"device": "cuda:99"}, "cuda:99"),
        ({}, ["blend"], {"seconds": Fraction(1, 25)}, r"film.mkv has fewer than 3 frames in 0.04 s"),
        ({"frames": 2}, ["blend"], {}, "film.mkv has 2 frames"),
        ({"times": [Fraction(n, 50) for n in (0, 1, 4, 6)]}, ["minterpolate"], {}, "constant frame rate"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence_and_leaves_nothing(film, temporary, film_of, names, options, says):
    with pytest.raises((ValueError, MediaError), match=says):
        bench(film("film.mkv", **film_of), names, **options)
    assert not list(temporary.iterdir())


def test_a_film_that_cannot_be_read_is_a_sentence(tmp_path, temporary):
    with pytest.raises(MediaError, match="does not exist"):
        bench(tmp_path / "film.mp4", ["blend"])
    with pytest.raises(MediaError, match="does not exist"):
        bench(tmp_path / "film.mp4", ["blend"], seconds=Fraction(1))
