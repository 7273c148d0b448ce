"""Models computed by other runtimes than PyTorch."""

import shutil
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from flow.backends import import_extra
from flow.device import automatic_precision, multiplies_bfloat16
from vfi.adapt import adapt
from vfi.backends import PIXELS, Backend, BackendError, cache_folder, choose_backend, choose_dtype
from vfi.interpolator import Interpolator
from vfi.models import load_model

HALF, THIRD = [Fraction(1, 2)], [Fraction(1, 3)]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def pair(square):
    """A texture that moves to the right, and a square that moves over it."""
    grain = np.random.default_rng(0).integers(0, 256, (30, 44, 3), np.uint8)
    ground = cv2.resize(grain, (176, 120), interpolation=cv2.INTER_CUBIC)
    first, second = ground[:101, :149].copy(), ground[:101, 6:155].copy()
    first[30:60, 30:60], second[30:60, 42:72] = 230, 230
    return first, second


@pytest.mark.parametrize(
    ("model", "backend"),
    [
        ("flow-fusion", "openvino"),
        ("fast", "onnx"),
        ("fast", "openvino"),
        ("classical", "openvino"),
        ("flow-free", "onnx"),
    ],
)
def test_frames_are_those_of_pytorch(pair, model, backend):
    pytest.importorskip("onnxruntime" if backend == "onnx" else backend)
    made, plain = (
        next(Interpolator.load(model, "cpu", "float32", backend=b).make(*pair, THIRD)) for b in (backend, "torch")
    )
    difference = np.abs(made.image.astype(int) - plain.image)
    assert (difference <= 1).mean() >= 0.999
    assert difference.mean() < 0.01
    assert made.confidence == (None if plain.confidence is None else pytest.approx(plain.confidence, abs=1e-4))


@pytest.mark.skipif(not multiplies_bfloat16(), reason="this CPU does not multiply bfloat16")
def test_motion_is_float32_where_networks_are_bfloat16():
    pytest.importorskip("openvino")
    # A thing that moves further than it is large, so that at no time between either flow has it where it is.
    ground = np.random.default_rng(0).random((1, 3, 96, 160), np.float32) / 8
    frames, flows = [ground.copy(), ground.copy()], np.zeros((1, 8, 96, 160), np.float32)
    for number, left, moved in ((0, 40, 37.3), (1, 77, -37.3)):
        frames[number][..., 40:54, left : left + 14] = 0.9
        flows[:, 2 * number, 40:54, left : left + 14] = moved
    inputs = {"small0": frames[0], "small1": frames[1], "t": np.full((1, 1, 1, 1), 0.4, np.float32), "flows": flows}
    found = []
    for precision in (torch.float32, torch.bfloat16):
        backend = Backend(load_model("fast"), "openvino", precision)
        outputs = backend.portable.outputs
        found.append(dict(zip(outputs, backend(inputs, outputs), strict=True)))
    exact, coarse = found
    assert exact["paths"].min() < -10  # it is followed
    assert np.array_equal(exact["paths"], coarse["paths"])
    assert not np.array_equal(exact["made"], coarse["made"])  # which networks have a say in


@pytest.mark.parametrize(
    ("model", "backend"),
    [("flow-fusion", "openvino"), ("fast", "openvino"), ("fast", "onnx")],
)
def test_frames_in_8_bits_are_worth_as_much(model, backend):
    pytest.importorskip("onnxruntime" if backend == "onnx" else backend)
    source = Path(__file__).parents[2] / "samples/webb.mp4"
    with av.open(source) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in islice(film.decode(video=0), 12, 21)]
    scores, trust = [], []
    for precision in ("float32", "int8"):
        interpolator = Interpolator.load(model, "cpu", precision, backend=backend)
        assert interpolator.precision == precision
        made = [next(interpolator.make(frames[i], frames[i + 2], HALF)) for i in (0, 2, 6)]
        scores.append([cv2.PSNR(one.image, frames[i]) for one, i in zip(made, (1, 3, 7), strict=True)])
        trust.append([one.confidence for one in made])
    assert scores[0] != scores[1]
    assert np.abs(np.subtract(*scores)).max() < 0.05
    assert np.abs(np.subtract(*trust)).max() < 0.01


def test_openvino_convolves_8_bits_but_for_the_confidence():
    pytest.importorskip("openvino")
    openvino = import_extra("openvino")  # without its telemetry
    backend = Backend(load_model("fast"), "openvino", torch.int8)
    network = openvino.Core().read_model(backend._prepared())
    network.reshape({"small0": [1, 3, 96, 160], "small1": [1, 3, 96, 160], "flows": [1, 8, 96, 160], "t": [1, 1, 1, 1]})
    plan = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).get_runtime_model()
    layers = [node.get_rt_info() for node in plan.get_ops()]
    precisions = [
        layer["runtimePrecision"].astype(str) for layer in layers if layer["layerType"].astype(str) == "Convolution"
    ]
    exact = sum(isinstance(module, torch.nn.Conv2d) for module in backend.model.confidence.modules())
    assert len(precisions) > 20
    assert [precision in ("u8", "i8") for precision in precisions].count(False) == exact == 4


def test_of_a_model_without_a_network_nothing_is_rounded(pair):
    for name in ("blend", "classical"):
        assert Interpolator.load(name, "cpu", "int8").precision == "float32"


def test_sizes_depths_and_flow_scales_may_change_between_calls(pair):
    pytest.importorskip("openvino")
    fast, plain = (Interpolator.load("fast", "cpu", "float32", "1/2", backend=b) for b in ("openvino", "torch"))
    for images in (pair, [image[:70] for image in pair], [image.astype(np.uint16) * 257 for image in pair]):
        difference = np.abs(fast(*images, THIRD)[0].astype(int) - plain(*images, THIRD)[0])
        assert (difference <= np.iinfo(images[0].dtype).max / 255).mean() >= 0.999


def test_what_was_written_before_is_opened_while_motion_is_found(pair, tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    expected = Interpolator.load("fast", "cpu", "float32", backend="openvino")(*pair, THIRD)
    interpolator = Interpolator.load("fast", "cpu", "float32", backend="openvino")
    start = interpolator.start(*pair)
    ahead = interpolator._networks[1]._opened
    assert ahead is not None
    assert np.array_equal(interpolator(*pair, THIRD, start), expected)
    assert interpolator._networks[1]._opened is ahead  # and not opened anew
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    stranger = Interpolator.load("fast", "cpu", "float32", backend="openvino")
    stranger.start(*pair)
    assert stranger._networks[1]._opened is None


def test_a_file_is_written_once_for_every_model_and_way_to_fall_back(pair):
    pytest.importorskip("openvino")
    shutil.rmtree(cache_folder(), ignore_errors=True)
    for fallback in ("soft", "soft", "hold"):
        Interpolator.load("fast", "cpu", fallback=fallback, backend="openvino")(*pair, THIRD)
    assert len(list(cache_folder().glob("*.onnx"))) == 2
    # Beside each lies the model for this size alone, and what OpenVINO made of that for this processor.
    assert {path.suffix for path in cache_folder().iterdir() if path.is_file()} == {".onnx"}
    for path in cache_folder().glob("*.onnx"):
        assert sorted(kept.suffix for kept in path.with_suffix("").iterdir()) == [".bin", ".blob", ".xml"]


def test_without_a_place_to_keep_it_a_model_is_written_for_this_time(pair, tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert Interpolator.load("flow-free", "cpu", backend="openvino")(*pair, THIRD)[0].shape == pair[0].shape


def test_what_openvino_makes_of_a_model_need_not_be_kept(pair):
    pytest.importorskip("openvino")
    place = cache_folder() / Backend(load_model("fast"), "openvino")._key()
    shutil.rmtree(place, ignore_errors=True)
    expected = Interpolator.load("fast", "cpu", "float32", backend="openvino")(*pair, THIRD)[0]
    shutil.rmtree(place)
    place.touch()  # so that there can be no folder
    assert np.array_equal(Interpolator.load("fast", "cpu", "float32", backend="openvino")(*pair, THIRD)[0], expected)
    assert place.is_file()
    place.unlink()


def test_a_runtime_that_computes_other_frames_is_refused(pair, monkeypatch):
    pytest.importorskip("openvino")
    model = load_model("flow-free")
    backend = Backend(model, "openvino")
    write = torch.onnx.export

    def write_another(network, *args, **kwargs):
        with torch.no_grad():
            network.model.unet.head.bias.add_(1)
            write(network, *args, **kwargs)
            network.model.unet.head.bias.sub_(1)

    monkeypatch.setattr(torch.onnx, "export", write_another)
    with pytest.raises(BackendError, match="--backend torch"):
        backend.frame((torch.rand(1, 3, 64, 96), torch.rand(1, 3, 64, 96)), 0.5)
    assert not [path for path in cache_folder().iterdir() if path.stem == backend._key()]


def test_auto_is_openvino_on_a_cpu_in_float32_for_models_that_compute_something():
    pytest.importorskip("openvino")
    cpu, fast = torch.device("cpu"), load_model("fast")
    assert choose_backend("auto", fast, cpu, "auto") == choose_backend("auto", fast, cpu, "float32") == "openvino"
    assert choose_backend("auto", fast, torch.device("cuda"), "auto") == "torch"
    assert choose_backend("auto", fast, cpu, "bfloat16") == ("openvino" if multiplies_bfloat16() else "torch")
    assert choose_dtype("torch", "auto", cpu, fast) == automatic_precision(cpu)[0]
    assert choose_dtype("openvino", "auto", cpu, fast) == (torch.bfloat16 if multiplies_bfloat16() else torch.int8)
    assert choose_dtype("openvino", "float32", cpu, fast) == choose_dtype("onnx", "auto", cpu, fast) == torch.float32
    for name in ("blend", "flow-fusion-scratch"):
        assert choose_backend("auto", load_model(name), cpu, "auto") == "torch"
    assert 480 * 270 in PIXELS
    assert 96 * 64 not in PIXELS
    assert 3840 * 2160 in PIXELS
    assert 7680 * 4320 not in PIXELS


def test_auto_leaves_little_frames_to_pytorch_and_not_the_little_that_is_looked_at_of_large_ones():
    pytest.importorskip("openvino")
    fast = Interpolator.load("fast", "cpu")
    assert not fast._suits((90, 160))
    assert fast._suits((90, 160), times=8)
    assert not fast._suits((4320, 7680), times=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "tensorrt"}, "auto, torch, openvino, onnx"),
        ({"backend": "onnx", "precision": "bfloat16"}, "float32"),
        ({"name": "flow-fusion-scratch", "backend": "openvino"}, "depends on the size"),
        ({"backend": "torch", "precision": "int8"}, "for flow-fusion, fast and faster"),
        ({"name": "flow-free", "precision": "int8"}, "for flow-fusion, fast and faster"),
        ({"name": "flow-fusion-scratch", "precision": "int8"}, "for flow-fusion, fast and faster"),
    ],
)
def test_what_no_backend_computes_is_told(options, message):
    with pytest.raises(ValueError, match=message):
        Interpolator.load(**({"name": "fast"} | options))


def test_a_model_that_learns_is_computed_with_what_it_learnt(film):
    pytest.importorskip("openvino")
    source = film(frames=30, size=(96, 64), picture=lambda i, size: np.roll(np.random.default_rng(0).integers(
        0, 256, (size[1], size[0], 3), np.uint8), 3 * i, axis=1))  # fmt: skip
    clock = iter(range(10_000))
    lesson = adapt(source, Interpolator.load("fast", "cpu", backend="openvino"), budget=60, clock=lambda: next(clock))
    assert lesson.interpolator.backend == "openvino"
