import pytest

from vfi.study.plan import all_variants


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((["mse", "hue"], ["adam"], ["encoder"]), "unknown loss 'hue'"),
        ((["mse"], ["lion"], ["encoder"]), "unknown optimizer 'lion': use adam, adamw, sgd"),
        ((["mse"], ["adam"], ["middle"]), "unknown fusion 'middle': use encoder, decoder"),
        ((["mse", "mse"], ["adam"], ["encoder"]), "a loss is named twice"),
    ],
)
def test_what_is_unknown_or_named_twice_is_told(words, says):
    with pytest.raises(ValueError, match=says):
        all_variants(*words)


def test_every_combination_is_a_variant():
    names = [str(v) for v in all_variants(["mse", "l1+0.2*ssim"], ["adam", "sgd"], ["encoder", "decoder"])]
    assert len(set(names)) == 8
    assert "l1+0.2*ssim, sgd, decoder" in names
