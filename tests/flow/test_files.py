import io
import os
import struct
import sys
import zipfile
import zlib

import cv2
import numpy as np
import pytest

from flow.files import FLOW_SUFFIXES, FlowFileError, known, read_flow, write_flow

EXACT = (".flo", ".npy", ".npz", ".pfm")
ALWAYS = (*EXACT, ".png")  # .flo5 needs h5py


def field(height=13, width=17, seed=0, largest=90.0):
    """Random motion, a fifth of it unknown."""
    random = np.random.default_rng(seed)
    flow = random.uniform(-largest, largest, (height, width, 2)).astype(np.float32)
    valid = random.random((height, width)) < 0.8
    return np.where(valid[..., None], flow, 0), valid


def png(values, depth=16, color=2, size=None):
    """A PNG made by hand from big-endian samples (H, W, 3), red first."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width, height = size or (values.shape[1], values.shape[0])
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def npy_header(shape, dtype="<f4"):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


@pytest.fixture(params=FLOW_SUFFIXES)
def suffix(request):
    if request.param == ".flo5":
        pytest.importorskip("h5py")
    return request.param


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (31, 18)])
def test_what_is_written_is_read_again(tmp_path, suffix, size):
    flow, valid = field(*size, seed=size[0])
    path = tmp_path / f"a{suffix}"
    write_flow(path, flow, valid)
    read, read_valid = read_flow(path)
    assert read.dtype == np.float32
    assert read_valid.dtype == bool
    np.testing.assert_array_equal(read_valid, valid)
    np.testing.assert_allclose(read, flow, rtol=0, atol=1 / 128 if suffix == ".png" else 0)


def test_a_second_round_changes_nothing(tmp_path, suffix):
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write_flow(first, *field())
    once = read_flow(first)
    write_flow(second, *once)
    np.testing.assert_array_equal(read_flow(second)[0], once[0])
    np.testing.assert_array_equal(read_flow(second)[1], once[1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2e9, -1e10, 1e300])
def test_no_number_and_no_motion_so_large_are_unknown(tmp_path, suffix, value):
    flow = np.ones((3, 4, 2))
    flow[1, 2, 0] = value
    write_flow(tmp_path / f"a{suffix}", flow, np.ones((3, 4), bool))
    read, valid = read_flow(tmp_path / f"a{suffix}")
    assert not valid[1, 2]
    assert valid.sum() == 11
    assert (read[1, 2] == 0).all()
    assert (read[valid] == 1).all()


def test_a_field_without_any_known_pixel_is_a_file(tmp_path, suffix):
    write_flow(tmp_path / f"a{suffix}", np.full((3, 4, 2), np.nan))
    flow, valid = read_flow(tmp_path / f"a{suffix}")
    assert not valid.any()
    assert not flow.any()


def test_the_ending_may_be_in_capitals(tmp_path, suffix):
    flow, valid = field()
    write_flow(tmp_path / f"a{suffix.upper()}", np.rint(flow), valid)
    np.testing.assert_array_equal(read_flow(tmp_path / f"a{suffix.upper()}")[0], np.rint(flow))


def test_the_arrays_given_stay_as_they_are(tmp_path, suffix):
    flow, valid = np.full((2, 2, 2), np.nan), np.zeros((2, 2), bool)
    write_flow(tmp_path / f"a{suffix}", flow, valid)
    assert np.isnan(flow).all()
    assert not valid.any()


def test_bytes_of_a_flo(tmp_path):
    flow = np.array([[[1.5, -2], [0, 0.25], [9, 9]]], np.float32)
    expected = (
        struct.pack("<f", 202021.25) + struct.pack("<ii", 3, 1) + struct.pack("<6f", 1.5, -2.0, 0.0, 0.25, 1e10, 1e10)
    )
    write_flow(tmp_path / "a.flo", flow, np.array([[True, True, False]]))
    assert (tmp_path / "a.flo").read_bytes() == expected


def test_a_kitti_png_made_by_hand_is_read(tmp_path):
    dx, dy, valid = [32768 + 64, 32768, 65535, 5], [32768 - 32, 32769, 0, 5], [1, 7, 1, 0]
    (tmp_path / "a.png").write_bytes(png(np.array([list(zip(dx, dy, valid, strict=True))])))
    flow, known_pixels = read_flow(tmp_path / "a.png")
    assert flow.tolist() == [[[1.0, -0.5], [0.0, 1 / 64], [32767 / 64, -512.0], [0.0, 0.0]]]
    assert known_pixels.tolist() == [[True, True, True, False]]


def test_samples_of_a_kitti_png(tmp_path):
    flow = np.array([[[1, -0.5], [0.0079, 511.984], [3, 3]]])
    write_flow(tmp_path / "a.png", flow, np.array([[True, True, False]]))
    samples = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert samples.dtype == np.uint16
    assert samples.tolist() == [[[32832, 32736, 1], [32769, 65535, 1], [0, 0, 0]]]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("between", [b"\n", b" ", b"\r\n"])
def test_a_pfm_made_by_hand_is_read_from_the_bottom_up(tmp_path, order, between):
    head = b"".join((b"PF", between, b"2 2", between, b"-1.0" if order == "<" else b"1", between[-1:]))
    values = [5, 6, 0, 7, 8, 0, 1, 2, 0, 3, 4, 0]  # the lower row first
    (tmp_path / "a.pfm").write_bytes(head + struct.pack(f"{order}12f", *values))
    flow, valid = read_flow(tmp_path / "a.pfm")
    assert flow.tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert valid.all()


def test_opencv_reads_our_pfm(tmp_path):
    flow, _ = field()
    write_flow(tmp_path / "a.pfm", flow)
    image = cv2.imread(str(tmp_path / "a.pfm"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    np.testing.assert_array_equal(image, np.dstack([flow, np.zeros(flow.shape[:2], np.float32)]))


def test_opencv_reads_our_flo(tmp_path):
    flow, _ = field()
    write_flow(tmp_path / "a.flo", flow)
    np.testing.assert_array_equal(cv2.readOpticalFlow(str(tmp_path / "a.flo")), flow)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8"])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
def test_an_array_of_any_floats_is_read(tmp_path, dtype, layout):
    flow = layout(np.arange(24, dtype=dtype).reshape(3, 4, 2))
    np.save(tmp_path / "a.npy", flow)
    np.savez(tmp_path / "a.npz", anything=flow)
    np.savez_compressed(tmp_path / "b.npz", other=np.ones(3), flow=flow)
    for name in ("a.npy", "a.npz", "b.npz"):
        np.testing.assert_array_equal(read_flow(tmp_path / name)[0], flow)


def test_half_precision_keeps_11_bits_in_fewer_bytes(tmp_path):
    flow, valid = field(60, 80)
    write_flow(tmp_path / "whole.npz", flow, valid)
    write_flow(tmp_path / "half.npz", flow, valid, half=True)
    read, read_valid = read_flow(tmp_path / "half.npz")
    np.testing.assert_array_equal(read_valid, valid)
    np.testing.assert_allclose(read, flow, rtol=2**-11, atol=2**-24)
    assert (tmp_path / "half.npz").stat().st_size < 0.6 * (tmp_path / "whole.npz").stat().st_size


def test_spring_stores_the_field_as_flow(tmp_path):
    h5py = pytest.importorskip("h5py")
    flow, valid = field()
    write_flow(tmp_path / "a.flo5", flow, valid)
    with h5py.File(tmp_path / "a.flo5") as file:
        assert list(file) == ["flow"]
        stored = file["flow"][()]
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, np.where(valid[..., None], flow, np.nan))


def test_without_h5py_a_flo5_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)  # what Python itself does for a module that must not be imported
    (tmp_path / "a.flo5").write_bytes(b"\x89HDF")
    with pytest.raises(FlowFileError, match=r"a\.flo5.*pip install h5py"):
        read_flow(tmp_path / "a.flo5")
    with pytest.raises(FlowFileError, match=r"b\.flo5.*pip install h5py"):
        write_flow(tmp_path / "b.flo5", np.ones((2, 2, 2)))


@pytest.mark.parametrize("name", ["a.mat", "a", "a.flow", ".flo"])
def test_an_unknown_format_lists_the_known_ones(tmp_path, name):
    for call in (lambda path: read_flow(path), lambda path: write_flow(path, np.ones((2, 2, 2)))):
        with pytest.raises(FlowFileError) as caught:
            call(tmp_path / name)
        assert all(known_suffix in str(caught.value) for known_suffix in FLOW_SUFFIXES)


def test_a_missing_file_and_a_folder_are_named(tmp_path, suffix):
    with pytest.raises(FlowFileError, match="does not exist: check the name"):
        read_flow(tmp_path / f"a{suffix}")
    (tmp_path / f"b{suffix}").mkdir()
    with pytest.raises(FlowFileError, match=f"b{suffix} is a folder"):
        read_flow(tmp_path / f"b{suffix}")


def test_a_file_that_may_not_be_read_says_so(tmp_path):
    path = tmp_path / "a.flo"
    write_flow(path, np.ones((2, 2, 2)))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(FlowFileError, match="may not be read"):
        read_flow(path)


def test_a_file_cut_anywhere_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_flow(path, *field())
    data = path.read_bytes()
    for length in {*range(0, len(data), max(1, len(data) // 60)), 3, 11, 12, len(data) - 1}:
        path.write_bytes(data[:length])
        with pytest.raises(FlowFileError, match=f"a{suffix}"):
            read_flow(path)


@pytest.mark.parametrize("suffix", EXACT[:2] + EXACT[3:])
def test_a_file_longer_than_its_header_says_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_flow(path, *field())
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(FlowFileError, match="longer than its header says"):
        read_flow(path)


@pytest.mark.parametrize("suffix", ALWAYS)
def test_damage_is_refused_or_read_as_a_field_but_never_raises_anything_else(tmp_path, suffix):
    path, random = tmp_path / f"a{suffix}", np.random.default_rng(7)
    write_flow(path, *field(6, 7))
    data = path.read_bytes()
    for _ in range(300):
        damaged = bytearray(data)
        for at in random.integers(0, min(len(data), 200), random.integers(1, 4)):
            damaged[at] = random.integers(256)
        path.write_bytes(damaged)
        try:
            flow, valid = read_flow(path)
        except FlowFileError as error:
            assert str(path) in str(error)  # noqa: PT017 - most damage is refused, but not all can be seen
        else:
            assert flow.shape == (*valid.shape, 2)
            assert np.isfinite(flow).all()


@pytest.mark.parametrize("suffix", FLOW_SUFFIXES)
def test_a_file_of_another_kind_is_refused(tmp_path, suffix):
    if suffix == ".flo5":
        pytest.importorskip("h5py")
    path = tmp_path / f"a{suffix}"
    for data in (b"", b"\0" * 500, b"Not a field of motion, just a line of text.\n" * 9):
        path.write_bytes(data)
        with pytest.raises(FlowFileError, match=f"a{suffix} "):
            read_flow(path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.flo", b"PIEH" + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + b"\0" * 64),
        ("a.flo", b"PIEH" + struct.pack("<ii", -1, -8) + b"\0" * 64),
        ("a.flo", b"PIEH" + struct.pack("<ii", 0, 0)),
        ("a.flo", b"PIEH" + struct.pack(">ii", 4, 2) + b"\0" * 64),
        ("a.npy", npy_header((10**9, 10**9, 2)) + b"\0" * 64),
        ("a.npy", npy_header((-4, -2, 2)) + b"\0" * 64),
        ("a.npy", npy_header((0, 5, 2))),
        ("a.pfm", b"PF\n999999999 999999999\n-1\n" + b"\0" * 64),
        ("a.pfm", b"PF\n" + b"9" * 100 + b" 1\n-1\n" + b"\0" * 64),
        ("a.png", png(np.zeros((2, 2, 3)), size=(2**20, 2**20))),
        ("a.png", png(np.zeros((2, 2, 3)), size=(0, 2))),
    ],
)
def test_a_header_of_absurd_size_is_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FlowFileError, match=name):
        read_flow(tmp_path / name)


def test_an_archive_that_promises_more_than_it_can_hold_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("flow.npy", npy_header((10**6, 10**6, 2)) + b"\0" * 1000)
    with pytest.raises(FlowFileError, match="1000000 x 1000000 pixels"):
        read_flow(tmp_path / "a.npz")


def test_hdf5_that_promises_more_than_it_can_hold_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.flo5", "w") as file:
        file.create_dataset("flow", (10**6, 10**6, 2), "f4", chunks=(16, 16, 2))  # no chunk is stored
    with pytest.raises(FlowFileError, match="1000000 x 1000000 pixels"):
        read_flow(tmp_path / "a.flo5")


def test_hdf5_that_leads_to_another_file_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    write_flow(tmp_path / "other.flo5", np.ones((2, 2, 2)))
    with h5py.File(tmp_path / "a.flo5", "w") as file:
        file["flow"] = h5py.ExternalLink("other.flo5", "flow")
    with pytest.raises(FlowFileError, match='holds no data called "flow"'):
        read_flow(tmp_path / "a.flo5")


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 1), (3, 4, 3), (2, 3, 4), (1, 3, 4, 2)])
def test_an_array_of_another_shape_is_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.ones(shape, np.float32))
    np.savez(tmp_path / "a.npz", flow=np.ones(shape, np.float32))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(FlowFileError, match=r"save it as \(height, width, 2\)"):
            read_flow(tmp_path / name)


@pytest.mark.parametrize("values", [np.ones((2, 2, 2), int), np.full((2, 2, 2), None), np.ones((2, 2, 2), complex)])
def test_an_array_of_other_things_than_floats_is_refused(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(FlowFileError, match="not floating-point numbers"):
        read_flow(tmp_path / "a.npy")


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint16)])
def test_a_picture_is_not_flow(tmp_path, image):
    cv2.imwrite(str(tmp_path / "a.png"), image)
    with pytest.raises(FlowFileError, match="is a picture, not flow"):
        read_flow(tmp_path / "a.png")


def test_a_pfm_of_one_channel_is_not_flow(tmp_path):
    (tmp_path / "a.pfm").write_bytes(b"Pf\n2 2\n-1\n" + b"\0" * 16)
    with pytest.raises(FlowFileError, match="1 channel"):
        read_flow(tmp_path / "a.pfm")


def test_an_archive_of_several_arrays_needs_one_called_flow(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.ones((2, 2, 2)), b=np.ones((2, 2, 2)))
    with pytest.raises(FlowFileError, match='holds 2 arrays and none is called "flow"'):
        read_flow(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "largest", "half", "cure"), [("a.png", 512.0, False, "write a .flo"), ("a.npz", 7e4, True, "leave out")]
)
def test_motion_beyond_the_format_is_refused_rather_than_clipped(tmp_path, name, largest, half, cure):
    with pytest.raises(FlowFileError, match=f"cannot hold motion of 0 to {largest:g} px.*{cure}"):
        write_flow(tmp_path / name, np.full((2, 2, 2), largest), half=half)
    assert not list(tmp_path.iterdir())


def test_only_an_archive_holds_half_precision(tmp_path):
    with pytest.raises(FlowFileError, match=r"write a \.npz"):
        write_flow(tmp_path / "a.flo", np.ones((2, 2, 2)), half=True)


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, suffix):
    (tmp_path / f"a{suffix}").mkdir()
    (tmp_path / f"a{suffix}" / "something").touch()
    for path in (tmp_path / f"a{suffix}", tmp_path / "no folder" / f"b{suffix}"):
        with pytest.raises(FlowFileError, match="cannot be written"):
            write_flow(path, np.ones((2, 2, 2)))
    assert [found.name for found in tmp_path.rglob("*")] == [f"a{suffix}", "something"]


def test_a_refused_field_leaves_the_old_file_as_it_was(tmp_path):
    write_flow(tmp_path / "a.png", np.ones((2, 2, 2)))
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(FlowFileError):
        write_flow(tmp_path / "a.png", np.full((2, 2, 2), 1e4))
    assert [found.name for found in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == before


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3), (2, 4, 4), (0, 4, 2)])
def test_only_a_field_can_be_written(tmp_path, shape):
    with pytest.raises(ValueError, match=r"bring it to \(height, width, 2\)"):
        write_flow(tmp_path / "a.flo", np.ones(shape))


def test_valid_has_the_size_of_the_flow():
    with pytest.raises(ValueError, match="bring them to one size"):
        known(np.ones((4, 5, 2)), np.ones((5, 4), bool))
