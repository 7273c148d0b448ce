import re

import pytest

from vfi.evaluate import Report, Score
from vfi.study.effects import find_effects
from vfi.study.results import Measured, Run, Variant


def measured(psnr=30.0, ssim=0.9, luma=0.0, step=0.0):
    return Measured(Report((Score("a", psnr, ssim, 3.0, 1.0, step),)), (luma,))


def run(variant, rate=0.1, seconds=10.0, **scores):
    return Run(Variant(*variant.split()), {rate: 0.5, 9.0: None}, 100, seconds, (), measured(**scores))


def finding(runs, words, **references):
    (found,) = (one for one in find_effects(runs, references) if words in one.claim)
    return found


@pytest.mark.parametrize(
    ("luma", "verdict"), [(-0.8, "shown"), (-0.2, "too small to see"), (0.3, "refuted"), (0.05, "refuted")]
)
def test_darkening_by_sgd_is_judged_by_the_luma_of_its_frames(luma, verdict):
    found = finding([run("mse adam encoder", luma=-0.01), run("mse sgd encoder", luma=luma)], "darkens")
    assert found.verdict == verdict
    assert f"{luma:+.3f} levels of 255 after SGD and by -0.010 after Adam" in found.sentence
    assert f"in {int(luma < -0.01)} of 1 pair" in found.sentence


def test_frames_as_dark_after_adam_do_not_count_against_sgd():
    runs = [run("mse adam encoder", luma=-0.9), run("mse sgd encoder", luma=-0.7)]
    assert finding(runs, "darkens").verdict == "refuted"


@pytest.mark.parametrize(
    ("psnr", "ssim", "verdict", "words"),
    [
        (29.5, 0.91, "shown", "each loss wins"),
        (30.4, 0.91, "refuted", "loses nothing that counts"),
        (29.5, 0.89, "refuted", "gains nothing that counts at its own"),
        (30.0, 0.9, "refuted", "neither gains"),
    ],
)
def test_ssim_against_mse_is_judged_by_both_measures(psnr, ssim, verdict, words):
    found = finding([run("ssim adam encoder", psnr=psnr, ssim=ssim), run("mse adam encoder")], "SSIM as a loss")
    assert found.verdict == verdict
    assert words in found.sentence
    assert f"{ssim - 0.9:+.4f} of SSIM and {psnr - 30:+.2f} dB" in found.sentence


def test_only_runs_that_differ_in_one_thing_are_compared():
    runs = [run("mse adam encoder", psnr=31.0), run("ssim sgd encoder", psnr=10.0), run("mse sgd decoder")]
    claims = [found.claim for found in find_effects(runs, {"blend": measured()})]
    assert not any(re.search("SGD|SSIM|encoder", claim) for claim in claims)
    assert len(claims) == 2


def test_adam_is_ahead_only_if_it_wins_most_pairs():
    runs = [run("mse adam encoder", psnr=40.0), run("mse sgd encoder")]
    assert finding(runs, "Adam").verdict == "shown"
    for loss in ("ssim", "psnr"):
        runs += [run(f"{loss} adam encoder", psnr=29.9), run(f"{loss} sgd encoder")]
    found = finding(runs, "Adam")
    assert found.verdict == "refuted"
    assert "+3.27 dB" in found.sentence
    assert "in 1 of 3 pairs" in found.sentence


def test_the_place_of_fusion_is_judged_with_its_price():
    runs = [run("mse adam encoder", psnr=30.5), run("mse adam decoder", seconds=17.0)]
    found = finding(runs, "meet within the encoder")
    assert found.verdict == "shown"
    assert "+0.50 dB" in found.sentence
    assert "1.7 times as long" in found.sentence


def test_psnr_and_mse_are_told_apart_by_optimizer_with_the_rates_they_chose():
    runs = [run("psnr adam encoder"), run("mse adam encoder"), run("psnr sgd encoder", rate=0.01)]
    runs.append(run("mse sgd encoder", rate=1.0, psnr=29.0))
    found = finding(runs, "MSE's logarithm")
    assert found.verdict == "shown"
    assert "+0.00 dB by Adam and +1.00 dB by SGD" in found.sentence
    assert "SGD chose the rates 0.01 for PSNR, 1 for MSE" in found.sentence


def test_one_run_half_a_level_off_its_neighbours_is_named():
    runs = [run("mse adam encoder", step=0.1), run("l1 sgd decoder", step=-0.7, luma=-0.5)]
    found = finding(runs, "neighbours")
    assert found.verdict == "refuted"
    assert "l1, sgd, decoder with -0.700, where the true frames have -0.200; 1 of 2 runs" in found.sentence
    assert finding([run("mse adam encoder", step=0.9, luma=0.1)], "neighbours").verdict == "shown"
    assert finding(runs[:1], "neighbours").verdict == "shown"


def test_the_best_run_is_set_beside_the_blend_and_what_learnt_many_films():
    runs = [run("mse adam encoder", psnr=31.0), run("l1 adam encoder", psnr=30.0)]
    found = finding(runs, "this film alone", blend=measured(30.5), fusion=measured(33.0))
    assert found.verdict == "shown"
    assert "mse, adam, encoder, gains +0.50 dB on the blend; fusion, trained on many films, has +2.00" in found.sentence
    assert finding(runs, "this film alone", blend=measured(31.0)).verdict == "refuted"
