"""How to encode: FFmpeg's words, and what they come to for a given stream and container."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec.codec import find_best_pix_fmt_of_list

from vfi.media.color import depth
from vfi.media.errors import MediaError
from vfi.media.info import VideoInfo

_CODEC_OF_SUFFIX = {".webm": "libvpx-vp9", ".gif": "gif"}  # any other: libx264

# What makes a codec look nearly like its source at a bearable speed.
_DEFAULTS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "16", "preset": "medium"},
    "libx265": {"crf": "18", "preset": "medium"},
    "libsvtav1": {"crf": "20", "preset": "7"},
    "libvpx-vp9": {"crf": "20", "deadline": "good", "cpu-used": "3", "row-mt": "1"},
    "ffv1": {"level": "3"},
    "prores_ks": {"profile": "hq"},
}


@dataclass(frozen=True)
class Encoding:
    """The wishes of the user in FFmpeg's words; None leaves the choice to the container, codec and source."""

    codec: str | None = None  # libx264, libx265, libvpx-vp9, libsvtav1, ffv1, prores_ks, ...
    crf: float | None = None  # constant rate factor: 0 is best (lossless in 8-bit x264)
    preset: str | None = None
    pix_fmt: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)  # any other option of the encoder


@dataclass(frozen=True)
class Encoder:
    """An encoding made definite: it opens for the given stream."""

    codec: str
    pix_fmt: str
    options: dict[str, str]
    notes: tuple[str, ...]


def choose_encoder(encoding: Encoding, info: VideoInfo, output: Path) -> Encoder:
    """Return the encoder that follows ``encoding`` for a stream like ``info``, written to ``output``.

    Raises MediaError if the codec, an option or the pixel format is unknown or does not fit.
    """
    name = encoding.codec or _CODEC_OF_SUFFIX.get(output.suffix.lower(), "libx264")
    codec = _codec(name)
    options = _options(encoding, name)
    if info.hdr is not None:
        options = _with_hdr(options, name, info)
    pix_fmt = _pix_fmt(encoding.pix_fmt, info, codec, options)
    notes = []
    if pix_fmt != info.pix_fmt.replace("yuvj", "yuv"):
        why = "" if encoding.pix_fmt else f": {name} takes no {info.width}x{info.height} {info.pix_fmt}"
        notes.append(f"The pictures are stored as {pix_fmt}, not {info.pix_fmt} as in the source{why}.")
    if any(part in info.pix_fmt for part in ("yuva", "gbrap", "rgba", "argb", "bgra", "abgr", "ya8", "ya16")):
        notes.append("Transparency is left out: the new frames have none.")
    if info.hdr is not None and not any(key.endswith("-params") for key in options):
        notes.append(f"The HDR10 mastering data is left out: {name} is not told it here; use libx265.")
    return Encoder(name, pix_fmt, options, tuple(notes))


def open_context(codec: str, pix_fmt: str, width: int, height: int, options: dict[str, str]) -> av.VideoCodecContext:
    """Open a fresh encoder, which proves that it takes such pictures and options. Raises av.FFmpegError."""
    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options = dict(options)
    context.thread_count = 1
    context.open()
    return context


def _codec(name: str) -> av.Codec:
    try:
        codec = av.Codec(name, "w")
    except ValueError as error:
        raise MediaError(
            f"there is no encoder {name!r}: use for example libx264, libx265, libvpx-vp9, libsvtav1 or ffv1"
        ) from error
    if codec.type != "video":
        raise MediaError(f"{name} encodes {codec.type}, not video: use for example libx264")
    return codec


def _options(encoding: Encoding, codec: str) -> dict[str, str]:
    context: Any = av.CodecContext.create(codec, "w")
    private = {option.name for option in context.supported_options.private}
    known = private | {option.name for option in context.supported_options.generic}
    wished = {key: str(value) for key, value in encoding.options.items()}
    if encoding.crf is not None:
        wished["crf"] = f"{encoding.crf:g}"
    if encoding.preset is not None:
        wished["preset"] = encoding.preset
    for key in wished:
        if key not in known or (key in ("crf", "preset") and key not in private):
            near = difflib.get_close_matches(key, known, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "leave it out"
            raise MediaError(f"{codec} has no option {key!r}: {hint}")
    defaults = dict(_DEFAULTS.get(codec, {}))
    if {"qp", "b", "global_quality"} & wished.keys():
        defaults.pop("crf", None)  # another way to set the quality was chosen
    return {**defaults, **wished}


def _with_hdr(options: dict[str, str], codec: str, info: VideoInfo) -> dict[str, str]:
    """Add the HDR10 metadata, which encoders take as their own parameters; the user's own come last and win."""
    assert info.hdr is not None
    level = info.hdr.light_level
    if codec == "libx264":
        key, parts = "x264-params", [f"mastering-display={info.hdr.x265}"]
        if level:
            parts.append(f"cll={level[0]},{level[1]}")
    elif codec == "libx265":
        key, parts = "x265-params", ["hdr10=1", "repeat-headers=1", f"master-display={info.hdr.x265}"]
        if level:
            parts.append(f"max-cll={level[0]},{level[1]}")
    else:
        return options
    own = options.get(key)
    return {**options, key: ":".join([*parts, *([own] if own else [])])}


def _pix_fmt(wish: str | None, info: VideoInfo, codec: av.Codec, options: dict[str, str]) -> str:
    """Return the first pixel format with which the encoder opens: the wish, the source's, or the nearest."""
    offered = [fmt.name for fmt in codec.video_formats or [] if not fmt.name.startswith("yuvj")]
    if wish is not None:
        if offered and wish not in offered:
            raise MediaError(f"{codec.name} does not take {wish}: use one of {', '.join(offered)}")
        failure = _failure(codec.name, wish, info, options)
        if failure:
            raise MediaError(
                f"{codec.name} cannot encode {info.width}x{info.height} as {wish} with these options"
                f" ({failure}): change one of them"
            )
        return wish
    native = info.pix_fmt.replace("yuvj", "yuv")
    candidates = [fmt for fmt in offered if depth(fmt) >= min(info.depth, max(map(depth, offered)))]
    failure = None
    if native in offered or not offered:
        failure = _failure(codec.name, native, info, options)
        if failure is None:
            return native
        candidates = [fmt for fmt in candidates if fmt != native]
    while candidates:
        # FFmpeg's own notion of the nearest format may cross from YUV to RGB.
        family = [fmt for fmt in candidates if av.VideoFormat(fmt).is_rgb == av.VideoFormat(native).is_rgb]
        nearest: Any = find_best_pix_fmt_of_list(family or candidates, native)[0]
        problem = _failure(codec.name, nearest.name, info, options)
        if problem is None:
            return nearest.name
        failure = failure or problem
        candidates.remove(nearest.name)
    raise MediaError(
        f"{codec.name} does not encode {info.width}x{info.height} {info.pix_fmt} with these options ({failure}):"
        " change an option or the codec"
    )


def _failure(codec: str, pix_fmt: str, info: VideoInfo, options: dict[str, str]) -> str | None:
    try:
        open_context(codec, pix_fmt, info.width, info.height, options)
    except (av.FFmpegError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    return None
