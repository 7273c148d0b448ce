import pytest


@pytest.mark.parametrize("name", ["flownets", "flownets-bn", "flownet2-s"])
def test_flownet_s_answers_as_the_original(name, parity_error):
    assert parity_error(name) < 1e-3
