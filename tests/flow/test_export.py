"""Networks as files for other runtimes, and the answers of these files."""

import sys

import cv2
import numpy as np
import pytest
import torch

from flow.backends import ENDINGS, ExportedFileError, ExportedFlow
from flow.by_name import find_estimator
from flow.estimator import FlowEstimator
from flow.export import export_flow
from flow.models import FLOW_MODELS, build_flow_model
from flow.noise import NoiseDataset

ODD = NoiseDataset(((67, 83),))


@pytest.fixture
def network():
    def build(name):
        torch.manual_seed(0)
        return FlowEstimator(build_flow_model(name, {"width": 0.03}), "cpu", "float32")

    return build


@pytest.mark.parametrize("name", FLOW_MODELS)
def test_every_network_answers_the_same_as_onnx(tmp_path, network, name):
    pytest.importorskip("onnxruntime")
    estimator = network(name)
    written = export_flow(estimator, tmp_path / "net.onnx", "onnx", dataset=ODD)
    assert written.largest_difference < 0.001
    assert written.epe == pytest.approx(written.epe_torch, abs=0.001)
    assert min(written.milliseconds, written.milliseconds_torch) > 0
    # As small as can be, and of as many pairs as need be.
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 1, 9, 3), np.uint8)
    np.testing.assert_allclose(ExportedFlow(tmp_path / "net.onnx")(*images), estimator(*images), atol=0.001)


@pytest.mark.parametrize(("name", "format"), [("flownetc", "openvino"), ("flownet2-sd", "torch")])
def test_other_formats_answer_the_same(tmp_path, network, name, format):
    if format != "torch":
        pytest.importorskip(format)
    path = tmp_path / f"net{ENDINGS[format][0]}"
    estimator = network(name)
    written = export_flow(estimator, path, format, dataset=ODD)
    assert written.largest_difference < 0.001
    assert sorted(map(str, tmp_path.iterdir())) == sorted(written.files)
    assert written.mebibytes * 2**20 == sum(file.stat().st_size for file in tmp_path.iterdir())
    exported, place = find_estimator(str(path))
    assert place == "cpu"
    for shape in ((128, 64, 3), (2, 40, 101, 3), (5, 3, 3)):
        images = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
        flow = exported(*images)
        assert (flow.shape, flow.dtype) == ((*shape[:-1], 2), np.float32)
        np.testing.assert_allclose(flow, estimator(*images), atol=0.001)


def test_openvino_runs_an_onnx_file_when_told_to(tmp_path, network):
    pytest.importorskip("openvino")
    pytest.importorskip("onnxruntime")
    export_flow(network("flownets"), tmp_path / "net.onnx", "onnx", dataset=ODD)
    images = ODD[0].frame0, ODD[0].frame1
    flows = [find_estimator(str(tmp_path / "net.onnx"), backend=name)[0](*images) for name in ("onnx", "openvino")]
    np.testing.assert_allclose(*flows, atol=0.001)


def test_a_file_that_answers_otherwise_is_not_left(tmp_path, network):
    pytest.importorskip("onnxruntime")
    with pytest.raises(ValueError, match="differs from PyTorch's by"):
        export_flow(network("flownets"), tmp_path / "net.onnx", "onnx", dataset=ODD, tolerance=0.0)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported_is_told(tmp_path, network):
    with pytest.raises(ValueError, match="onnx, openvino, torch"):
        export_flow(network("flownets"), tmp_path / "net.onnx", "coreml")
    with pytest.raises(ValueError, match=r"must end in \.xml"):
        export_flow(network("flownets"), tmp_path / "net.onnx", "openvino")
    with pytest.raises(ValueError, match="in float32"):
        export_flow(FlowEstimator(network("flownets").model, "cpu", "bfloat16"), tmp_path / "net.onnx", "onnx")


def test_what_no_backend_reads_is_told(tmp_path):
    with pytest.raises(ExportedFileError, match="does not exist"):
        find_estimator(str(tmp_path / "net.onnx"))
    with pytest.raises(ValueError, match="use one of onnx, openvino, torch"):
        find_estimator(str(tmp_path / "net.onnx"), backend="tensorrt")
    with pytest.raises(ValueError, match=r"reads \.pt2: export the network with --format torch"):
        find_estimator(str(tmp_path / "net.onnx"), backend="torch")
    with pytest.raises(ValueError, match="vfi flow export"):
        find_estimator("dis", backend="onnx")
    with pytest.raises(ValueError, match="leave out --device"):
        find_estimator(str(tmp_path / "net.onnx"), "cuda")
    (tmp_path / "net.pt2").write_bytes(b"nothing")
    with pytest.raises(ExportedFileError, match="cannot be read by torch"):
        find_estimator(str(tmp_path / "net.pt2"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_foreign_network_is_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    with torch.no_grad():
        torch.onnx.export(
            torch.nn.Conv2d(3, 2, 1), torch.rand(1, 3, 8, 8), tmp_path / "net.onnx", dynamo=False, input_names=["image"]
        )
    with pytest.raises(ExportedFileError, match="takes image, not frame0 and frame1"):
        find_estimator(str(tmp_path / "net.onnx"))


@pytest.mark.parametrize(("ending", "module"), [(".onnx", "onnxruntime"), (".xml", "openvino")])
def test_a_missing_runtime_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch, ending, module):
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not there
    (tmp_path / f"net{ending}").touch()
    with pytest.raises(ValueError, match=rf"{module} is not installed: run pip install 'vfi\[export\]'"):
        find_estimator(str(tmp_path / f"net{ending}"))


def test_the_flow_of_the_noise_takes_its_pictures_into_each_other():
    sample = ODD[0]
    x, y = np.meshgrid(np.arange(83, dtype=np.float32), np.arange(67, dtype=np.float32))
    back = cv2.remap(sample.frame1, x + sample.flow[..., 0], y + sample.flow[..., 1], cv2.INTER_CUBIC)
    inner = (slice(8, -8), slice(8, -8))
    still, moved = (np.abs(sample.frame0[inner].astype(int) - image[inner]).mean() for image in (sample.frame1, back))
    assert moved < 0.3 * still
