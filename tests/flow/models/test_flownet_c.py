import pytest


@pytest.mark.parametrize("name", ["flownetc", "flownetc-bn", "flownet2-c"])
def test_flownet_c_answers_as_the_original(name, parity_error):
    assert parity_error(name) < 1e-3
