def test_flownet2_sd_answers_as_the_original(parity_error):
    assert parity_error("flownet2-sd") < 1e-3
