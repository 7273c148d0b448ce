"""Models as files for other runtimes."""

import sys

import numpy as np
import pytest
import torch

from flow.backends import ENDINGS, open_network
from vfi.export import export_model
from vfi.models import load_model


@pytest.mark.parametrize(("model", "format"), [("fast", "onnx"), ("flow-free", "openvino"), ("flow-free", "torch")])
def test_a_file_answers_as_the_model_at_any_size_and_time(tmp_path, model, format):
    if format != "torch":
        pytest.importorskip("onnxruntime" if format == "onnx" else format)
    network = load_model(model).eval()
    written = export_model(network, tmp_path / f"net{ENDINGS[format][0]}", format)
    assert written.share_within_a_level >= 0.999
    assert sorted(map(str, tmp_path.iterdir())) == sorted(written.files)
    file, random = open_network(tmp_path / f"net{ENDINGS[format][0]}", format), np.random.default_rng(0)
    assert tuple(file.inputs) == written.inputs
    for height, width, t in ((50, 71, 0.1), (64, 96, 0.75)):
        frames = [random.random((1, 3, height, width), np.float32) for _ in range(2)]
        flows = random.normal(size=(1, 4, height, width)).astype(np.float32)
        time = np.full((1, 1, 1, 1), t, np.float32)
        inputs = dict(zip(("frame0", "frame1", "t", "small0", "small1", "flows"), (*frames, time, *frames, flows)))  # noqa: B905
        answer = file.compute({name: inputs[name] for name in file.inputs})
        assert len(answer) == len(written.outputs)
        with torch.no_grad():
            known = map(torch.from_numpy, (*frames, flows))
            first, second, flows = known
            state = network.prepare(first, second, flows) if "flows" in file.inputs else network.prepare(first, second)
            made = network.synthesize(state, torch.from_numpy(time))
        np.testing.assert_allclose(answer[0], made.numpy(), atol=0.5 / 255)


def test_a_file_in_8_bits_answers_within_a_level_and_has_none_of_what_cannot(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    network = load_model("fast").eval()
    written = export_model(network, tmp_path / "net.onnx", "onnx", int8=True)
    assert written.share_within_a_level >= 0.999
    nodes = onnx.load(tmp_path / "net.onnx").graph.node
    makers = {name: node.op_type for node in nodes for name in node.output}
    convolutions = [node for node in nodes if node.op_type == "Conv" and "confidence" not in node.name]
    convolved = [makers[name] for node in convolutions for name in node.input[:2]]
    assert len(convolved) > 30  # what goes in, and the weights
    assert set(convolved) == {"DequantizeLinear"}
    assert not any(type(module).__name__ == "Int8Conv" for module in network.modules())
    for model, format in (("fast", "torch"), ("flow-free", "onnx")):
        with pytest.raises(ValueError, match="int8 is for flow-fusion, fast and faster"):
            export_model(load_model(model), tmp_path / f"other{ENDINGS[format][0]}", format, int8=True)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="depends on the size"):
        export_model(load_model("flow-fusion-scratch"), tmp_path / "net.onnx", "onnx")
    with pytest.raises(ValueError, match=r"must end in \.xml"):
        export_model(load_model("fast"), tmp_path / "net.onnx", "openvino")
    with pytest.raises(ValueError, match="onnx, openvino, torch"):
        export_model(load_model("fast"), tmp_path / "net.onnx", "coreml")
    with pytest.raises(ValueError, match="no folder"):
        export_model(load_model("fast"), tmp_path / "none" / "net.onnx", "onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ValueError, match="not installed"):
        export_model(load_model("fast"), tmp_path / "net.onnx", "onnx")
    assert not list(tmp_path.iterdir())
