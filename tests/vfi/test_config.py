from pathlib import Path

import pytest

from vfi.config import ConfigError, Option, Setting, find_settings, read_config, write_config

COMMANDS = {
    "upsample": {"crf": Option("crf"), "cut-threshold": Option("cut_threshold"), "json": Option("as_json")},
    "flow": {"video": {"encoder-opt": Option("encoder_opt", many=True)}},
}


@pytest.fixture
def config(tmp_path):
    def write(text):
        (tmp_path / "config.toml").write_text(text)
        return tmp_path / "config.toml"

    return write


def test_keys_are_the_options_and_become_the_parameters(config):
    path = config('[upsample]\ncrf = 18\ncut-threshold = 9.5\njson = true\n[flow.video]\nencoder_opt = ["a=b"]\n')
    assert read_config(path, COMMANDS) == {
        "upsample": {"crf": 18, "cut_threshold": 9.5, "as_json": True},
        "flow": {"video": {"encoder_opt": ["a=b"]}},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[upsample]\ncfr = 1", r"config\.toml, \[upsample\]: there is no option 'cfr': did you mean crf\?"),
        ("[upsample]\nzzz = 1", "there is no option 'zzz': there is crf, cut-threshold, json"),
        ("[upsampel]\ncrf = 1", "there is no command 'upsampel': did you mean upsample?"),
        ("crf = 1", "there is no command 'crf'"),
        ("[flow.vdeo]", r"config\.toml, \[flow\]: there is no option 'vdeo'"),
        ("upsample = 3", r"upsample is a command: write its options under \[upsample\]"),
        ("[flow]\nvideo = 3", r"write its options under \[flow\.video\]"),
        ("[upsample]\ncrf = [1]", "crf takes a single value"),
        ("[upsample.crf]\na = 1", "crf takes a single value"),
        ('[flow.video]\nencoder-opt = "a=b"', "encoder-opt takes a list"),
        ("[upsample", "is no TOML file"),
        ("a = \xff", "is no TOML file"),
    ],
)
def test_what_is_wrong_is_one_sentence(config, text, words):
    path = config("")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=words) as error:
        read_config(path, COMMANDS)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "none.toml", COMMANDS)
    assert find_settings(tmp_path / "none.toml", COMMANDS, {}) == []


def test_a_variable_goes_before_the_file(config):
    path = config("[upsample]\ncrf = 18\ncut-threshold = 9")
    environment = {"VFI_UPSAMPLE_CRF": "20", "VFI_FLOW_VIDEO_ENCODER_OPT": "a=b", "VFI_UPSAMPLE_CFR": "1"}
    assert find_settings(path, COMMANDS, environment) == [
        Setting("upsample.crf", "20", "VFI_UPSAMPLE_CRF"),
        Setting("upsample.cut-threshold", 9, str(path)),
        Setting("flow.video.encoder-opt", "a=b", "VFI_FLOW_VIDEO_ENCODER_OPT"),
    ]


OPTIONS = {
    "source": Option("source", many=True),
    "steps": Option("steps"),
    "lr": Option("lr"),
    "spans": Option("spans"),
}


def test_what_is_written_is_read_again(tmp_path):
    hostile = 'a "b"\\ c\n\t\x7f é 漢 # = [x]'
    options = {"source": [Path("a b"), hostile], "steps": True, "lr": float("inf"), "spans": None}
    write_config(tmp_path / "a.toml", options, "what it is for")
    assert (tmp_path / "a.toml").read_text().startswith("# what it is for\n")
    assert read_config(tmp_path / "a.toml", OPTIONS) == {"source": ["a b", hostile], "steps": True, "lr": float("inf")}


def test_the_file_of_a_single_command_has_no_table(config):
    assert read_config(config("lr = 1e-4\nsteps = 20"), OPTIONS) == {"lr": 1e-4, "steps": 20}
    with pytest.raises(ConfigError, match=r"there is no option 'stepps': did you mean steps\?"):
        read_config(config("lr = 1\nstepps = 20"), OPTIONS)
    with pytest.raises(ConfigError, match=r"no option 'pans': did you mean spans\?"):
        read_config(config("pans = 1"), OPTIONS)
