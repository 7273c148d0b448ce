import pytest
import torch

from flow.device import choose_device, choose_precision


def test_names_are_taken_at_their_word():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_precision("bfloat16", torch.device("cpu")) == torch.bfloat16
    assert choose_precision("float16", torch.device("cuda")) == torch.float16


def test_auto_is_something_that_is_there():
    device = choose_device("auto")
    assert torch.zeros(1, device=device, dtype=choose_precision("auto", device)).sum() == 0


@pytest.mark.parametrize("name", ["quantum", "cpu:x"])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(ValueError, match="unknown device"):
        choose_device(name)


@pytest.mark.parametrize("name", ["float8", "float16"])
def test_a_precision_the_cpu_has_not_is_refused(name):
    with pytest.raises(ValueError, match="float32"):
        choose_precision(name, torch.device("cpu"))
