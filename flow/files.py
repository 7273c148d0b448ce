"""Files of optical flow: the format is the name's ending.

A field is (H, W, 2) float32 in pixels, dx (right) then dy (down). A pixel may be unknown: `read_flow` gives it the
value 0 and False in ``valid``, and what a format stores for it is in the table below.

| ending | who uses it | values | unknown |
|---|---|---|---|
| .flo | Middlebury, Sintel, FlyingChairs | float32 | 1e10; read: beyond 1e9 |
| .npy | NumPy | float32; read: any float | NaN |
| .npz | NumPy, compressed | float32 or float16 | NaN |
| .png | KITTI, HD1K | 16 bits, steps of 1/64 px within -512..511.98 px | third channel 0 |
| .pfm | FlyingThings3D, Monkaa, Driving | float32 | NaN |
| .flo5 | Spring (HDF5, needs h5py) | float32 | NaN |

In every format NaN, infinity and values beyond 1e9 are unknown. No header is believed before the size of its file
bears it out, so a hostile one cannot fill the memory.
"""

import io
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import IO, Literal

import cv2
import numpy as np

UNKNOWN = 1e9  # Middlebury's threshold: no motion is that large
_FLO_TAG = b"PIEH"  # the float 202021.25, little-endian
_FLO_UNKNOWN = 1e10
_PNG_TAG = b"\x89PNG\r\n\x1a\n"
_KITTI_STEP, _KITTI_ZERO = 64, 2**15
_DEFLATE_LIMIT = 1032  # deflate, which .npz, .png and .flo5 use, cannot shrink anything more than this
_Order = Literal["C", "F"]  # rows first, or columns
_HALF_LIMIT = float(np.finfo(np.float16).max)


class FlowFileError(ValueError):
    """A file of optical flow cannot be read or written; the message names it and the way out."""


def known(flow: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Return where a field is known, (H, W) bool: ``valid``, finite and within 1e9.

    flow (H, W, 2), pixels; valid (H, W), anything but 0 is known, or None for all. Raises ValueError for other shapes.

    >>> known(np.array([[[1, 2], [np.nan, 0], [1e10, 1e10]]])).tolist()
    [[True, False, False]]
    """
    if flow.ndim != 3 or flow.shape[2] != 2 or not flow.size:
        raise ValueError(f"flow is {flow.shape}: bring it to (height, width, 2), dx then dy")
    if flow.dtype == np.float16:  # which cannot hold the threshold
        flow = flow.astype(np.float32)
    # Also false for NaN, which compares with nothing.
    within = np.abs(flow) <= UNKNOWN
    found: np.ndarray = within[..., 0] & within[..., 1]
    if valid is None:
        return found
    if valid.shape != found.shape:
        raise ValueError(f"valid is {valid.shape} but flow is {found.shape} (height, width): bring them to one size")
    return found & valid.astype(bool)


def read_flow(path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Return a file's flow (H, W, 2) float32 in pixels, 0 where unknown, and valid (H, W) bool, True where known.

    Raises FlowFileError if the file is missing, damaged, not what its name says, or its format unknown. The scale
    in a .pfm tells only the order of bytes, as in FlyingThings3D, and its third channel is left out. A .npz holds
    the field as "flow" or as its only array. The fields of Spring have twice the width and height of its frames.
    Sources: Baker 2011, doi:10.1007/s11263-010-0390-2 (.flo); Menze 2015, doi:10.1109/CVPR.2015.7298925 (.png);
    Mayer 2016, arXiv:1512.02134 (.pfm); Mehl 2023, arXiv:2303.01943 (.flo5).
    """
    path = Path(path)
    reader, _ = _format(path)
    with _reading(path):
        if not path.exists():
            raise FlowFileError(f"{path} does not exist: check the name")
        if not path.is_file():
            raise FlowFileError(f"{path} is a folder or a device: name a file")
        with path.open("rb") as file:
            flow = reader(path, file)
    with np.errstate(over="ignore"):  # a float64 too large for float32 becomes infinite, thus unknown
        flow = flow.astype(np.float32, order="C")
    valid = known(flow)
    flow[~valid] = 0
    return flow, valid


def write_flow(path: Path | str, flow: np.ndarray, valid: np.ndarray | None = None, *, half: bool = False) -> None:
    """Write a field in the format of the name's ending, in one move: a file is there whole or not at all.

    flow (H, W, 2), pixels, stored as float32 or in the steps of the format; valid (H, W) bool, False where the flow
    is unknown, or None where only NaN, infinity and values beyond 1e9 are. ``half`` stores a .npz as float16:
    11 bits per value, so steps of 1/64 px for motion of 16 to 32 px. Measured on DIS flow of a film, a .npz takes
    0.94 of the bytes of a .flo, one of float16 0.46 and a .png 0.09. Raises FlowFileError if the format is unknown,
    cannot hold values so large, or the file cannot be written; ValueError for arrays of other shapes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_flow(f"{folder}/a.flo", np.array([[[1.5, -2], [np.nan, 0]]]))
    ...     flow, valid = read_flow(f"{folder}/a.flo")
    >>> flow.tolist(), valid.tolist()
    ([[[1.5, -2.0], [0.0, 0.0]]], [[True, False]])
    """
    path = Path(path)
    _, encode = _format(path)
    mask = known(flow, valid)
    field = np.full(flow.shape, np.nan, np.float32)
    field[mask] = flow[mask]
    if half:
        if path.suffix.lower() != ".npz":
            raise FlowFileError(f"{path} cannot hold float16: write a .npz, or leave out half")
        _refuse_beyond(path, field, -_HALF_LIMIT, _HALF_LIMIT, "leave out half")
        field = field.astype(np.float16)
    data = encode(path, field)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise FlowFileError(f"{path} cannot be written ({_reason(error)}): choose another folder or name") from error
    finally:
        with suppress(OSError):
            partial.unlink()


# Readers and encoders: an unknown pixel is NaN in what they return and take, or whatever `known` refuses.


def _read_flo(path: Path, file: IO[bytes]) -> np.ndarray:
    head = file.read(12)
    if head[:4] != _FLO_TAG:
        raise FlowFileError(f"{path} is no .flo file (it does not begin with PIEH): check where it comes from")
    if len(head) < 12:
        raise FlowFileError(f"{path} is cut short within its header: get it anew")
    width, height = struct.unpack("<ii", head[4:])
    return _all_that_follows(path, file, (height, width, 2), np.dtype("<f4"))


def _encode_flo(path: Path, flow: np.ndarray) -> bytes:
    height, width = flow.shape[:2]
    values = np.where(np.isnan(flow), _FLO_UNKNOWN, flow).astype("<f4")
    return _FLO_TAG + struct.pack("<ii", width, height) + values.tobytes()


def _read_npy(path: Path, file: IO[bytes]) -> np.ndarray:
    shape, order, dtype = _npy_header(path, file)
    return _all_that_follows(path, file, shape, dtype, order)


def _encode_npy(path: Path, flow: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, flow, allow_pickle=False)
    return buffer.getvalue()


def _read_npz(path: Path, file: IO[bytes]) -> np.ndarray:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        name = "flow.npy" if "flow.npy" in names else names[0] if len(names) == 1 else None
        if name is None:
            raise FlowFileError(f'{path} holds {len(names)} arrays and none is called "flow": save it under that name')
        with archive.open(name) as member:
            shape, order, dtype = _npy_header(path, member)
            size = _believable(path, shape, dtype.itemsize)
            data = member.read(size)
            if len(data) < size or member.read(1):  # reading to the end also checks the archive's checksum
                raise FlowFileError(f"{path} is damaged (not as long as its header says): get it anew")
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _encode_npz(path: Path, flow: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, flow=flow)
    return buffer.getvalue()


def _npy_header(path: Path, file: IO[bytes]) -> tuple[tuple[int, int, int], _Order, np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.kind != "f":
        raise FlowFileError(f"{path} holds {dtype}, not floating-point numbers: save the flow in pixels as float32")
    if len(shape) != 3 or shape[2] != 2:
        raise FlowFileError(f"{path} holds an array {shape}: save it as (height, width, 2), dx then dy")
    return shape, "F" if fortran else "C", dtype


def _read_png(path: Path, file: IO[bytes]) -> np.ndarray:
    data = file.read()
    _check_png(path, data)
    # OpenCV's order is blue, green, red: valid, dy, dx.
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 3 or image.shape[2] != 3:
        raise FlowFileError(f"{path} is a damaged PNG: get it anew")
    flow = (image[..., :0:-1].astype(np.float32) - _KITTI_ZERO) / _KITTI_STEP
    flow[image[..., 0] == 0] = np.nan
    return flow


def _check_png(path: Path, data: bytes) -> None:
    """Refuse what the decoder would take for a picture: it fills up a truncated one, and allocates before it reads."""
    if data[:8] != _PNG_TAG or data[12:16] != b"IHDR" or len(data) < 33:
        raise FlowFileError(f"{path} is no PNG: check where it comes from")
    width, height, depth, color = struct.unpack(">IIBB", data[16:26])
    if (depth, color) != (16, 2):
        raise FlowFileError(
            f"{path} is a picture, not flow: a .png of flow has 3 channels of 16 bits (dx, dy, valid), as KITTI's do"
        )
    _believable(path, (height, width, 3), 2)
    at, kind = 8, b""
    while kind != b"IEND":
        if len(data) < at + 12:
            raise FlowFileError(f"{path} is cut short: get it anew")
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 8 + length
        if len(data) < end + 4:
            raise FlowFileError(f"{path} is cut short: get it anew")
        if zlib.crc32(memoryview(data)[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise FlowFileError(f"{path} is a damaged PNG: get it anew")
        at = end + 4


def _encode_png(path: Path, flow: np.ndarray) -> bytes:
    half_step = 0.5 / _KITTI_STEP
    lowest, highest = -_KITTI_ZERO / _KITTI_STEP, (2**16 - 1 - _KITTI_ZERO) / _KITTI_STEP
    _refuse_beyond(path, flow, lowest - half_step, highest + half_step, "write a .flo")
    mask = ~np.isnan(flow[..., 0])
    image = np.zeros((*mask.shape, 3), np.uint16)
    # float64 holds value * 64 + 2^15 exactly, so that the only rounding is this one.
    codes = np.rint(flow[mask].astype(np.float64) * _KITTI_STEP + _KITTI_ZERO)
    image[mask, :0:-1] = np.clip(codes, 0, 2**16 - 1)  # for the half step beyond either end
    image[..., 0] = mask
    done, data = cv2.imencode(".png", image)
    if not done:
        raise FlowFileError(f"{path} cannot be encoded as a PNG: write a .flo")
    return data.tobytes()


def _read_pfm(path: Path, file: IO[bytes]) -> np.ndarray:
    head = file.read(128)
    found = re.match(rb"(P[Ff])\s+(\d{1,9})\s+(\d{1,9})\s+([-+]?[\d.]+(?:[eE][-+]?\d+)?)\r?\s", head)
    if not found:
        raise FlowFileError(f"{path} is no .pfm file (it does not begin with PF, a size and a scale): check its origin")
    if found[1] == b"Pf":
        raise FlowFileError(f"{path} has 1 channel and flow needs 2 of 3: this looks like disparity or depth")
    width, height, scale = int(found[2]), int(found[3]), float(found[4])
    file.seek(found.end())
    values = _all_that_follows(path, file, (height, width, 3), np.dtype("<f4" if scale < 0 else ">f4"))
    return values[::-1, :, :2]  # the first row of the file is the lowest of the picture


def _encode_pfm(path: Path, flow: np.ndarray) -> bytes:
    height, width = flow.shape[:2]
    values = np.zeros((height, width, 3), "<f4")
    values[..., :2] = flow[::-1]
    return f"PF\n{width} {height}\n-1.0\n".encode() + values.tobytes()


def _read_flo5(path: Path, file: IO[bytes]) -> np.ndarray:
    h5py = _h5py(path)
    with h5py.File(file, "r") as archive:
        # A link may lead to another file, which nobody named.
        if not isinstance(archive.get("flow", getlink=True), h5py.HardLink):
            raise FlowFileError(f'{path} holds no data called "flow": check where it comes from')
        values = archive["flow"]
        if not isinstance(values, h5py.Dataset) or values.external or values.is_virtual or values.dtype.kind != "f":
            raise FlowFileError(f'{path} holds no numbers of its own called "flow": check where it comes from')
        if values.ndim != 3 or values.shape[2] != 2:
            raise FlowFileError(f"{path} holds an array {values.shape}: save it as (height, width, 2), dx then dy")
        for shape in (values.shape, values.chunks or values.shape):
            _believable(path, shape, values.dtype.itemsize)
        return values[()]


def _encode_flo5(path: Path, flow: np.ndarray) -> bytes:
    h5py, buffer = _h5py(path), io.BytesIO()
    with h5py.File(buffer, "w") as archive:
        archive.create_dataset("flow", data=flow, compression="gzip", compression_opts=5)
    return buffer.getvalue()


_Reader = Callable[[Path, IO[bytes]], np.ndarray]
_Encoder = Callable[[Path, np.ndarray], bytes]
_FORMATS: dict[str, tuple[_Reader, _Encoder]] = {
    ".flo": (_read_flo, _encode_flo),
    ".npy": (_read_npy, _encode_npy),
    ".npz": (_read_npz, _encode_npz),
    ".png": (_read_png, _encode_png),
    ".pfm": (_read_pfm, _encode_pfm),
    ".flo5": (_read_flo5, _encode_flo5),
}
FLOW_SUFFIXES = tuple(_FORMATS)


def _format(path: Path) -> tuple[_Reader, _Encoder]:
    if path.suffix.lower() not in _FORMATS:
        raise FlowFileError(f"{path} does not end in the name of a flow format: use one of {', '.join(FLOW_SUFFIXES)}")
    return _FORMATS[path.suffix.lower()]


def _h5py(path: Path) -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise FlowFileError(f"{path} is HDF5, which needs h5py: install it with pip install h5py") from error
    return h5py


def _all_that_follows(
    path: Path, file: IO[bytes], shape: tuple[int, int, int], dtype: np.dtype, order: _Order = "C"
) -> np.ndarray:
    """Return the rest of an uncompressed file as an array, if it is as long as the header says."""
    left = path.stat().st_size - file.tell()
    size = _size(path, shape, dtype.itemsize)
    if left != size:
        what = "cut short" if left < size else "longer than its header says"
        raise FlowFileError(f"{path} is {what} ({left} bytes for {size}): get it anew")
    return np.frombuffer(file.read(size), dtype).reshape(shape, order=order)


def _believable(path: Path, shape: tuple[int, ...], itemsize: int) -> int:
    """Return the bytes of an array that a compressed file promises, if the file is large enough to hold it."""
    size, held = _size(path, shape, itemsize), path.stat().st_size
    if size > _DEFLATE_LIMIT * held:
        raise FlowFileError(
            f"{path} is damaged (it promises {shape[1]} x {shape[0]} pixels in {held} bytes): get it anew"
        )
    return size


def _size(path: Path, shape: tuple[int, ...], itemsize: int) -> int:
    if min(shape) < 1:
        raise FlowFileError(f"{path} is damaged (its size is {shape[1]} x {shape[0]} pixels): get it anew")
    return math.prod(shape) * itemsize


def _refuse_beyond(path: Path, flow: np.ndarray, lowest: float, highest: float, cure: str) -> None:
    low, high = np.nanmin(flow, initial=0), np.nanmax(flow, initial=0)
    if low < lowest or high > highest:
        raise FlowFileError(
            f"{path} cannot hold motion of {low:g} to {high:g} px, only {lowest:g} to {highest:g} px: {cure}"
        )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong inside a reader into a FlowFileError."""
    try:
        yield
    except FlowFileError:
        raise
    except PermissionError as error:
        raise FlowFileError(f"{path} may not be read: ask for permission to read it") from error
    except Exception as error:  # parsers raise whatever they stumble over in a damaged file
        raise FlowFileError(f"{path} is damaged or not a {path.suffix} file ({_reason(error)}): get it anew") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).split("\n")[0].rstrip(".")
