"""How to encode: FFmpeg's words, and what they come to for a given stream and container."""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.codec import find_best_pix_fmt_of_list

from vfi.media.color import BT601, FULL_RANGE, LIMITED_RANGE, RGB, depth, has_alpha
from vfi.media.errors import MediaError, WishError
from vfi.media.info import Hdr, VideoInfo

FINEST_TICK = Fraction(1, 2**30)  # seconds; containers count ticks per second in 31 bits
_PLAIN_SIZE = 352, 288  # which most encoders take
_MOST = 2**31 - 1  # of numbers in FFmpeg's fractions
SILENT = {"libx265": {"x265-params": "log-level=none"}}  # options without which encoders write to the terminal
# Endings of the files that can be written, and FFmpeg's names of what is written then.
CONTAINERS = {".mp4": "mp4", ".m4v": "ipod", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
# Encoders for players, many of which show nothing but 4:2:0, so that RGB is stored as that unless asked otherwise.
_FOR_PLAYERS = ("libx264", "libx265", "libvpx", "libvpx-vp9", "libsvtav1")
# How encoders take HDR10 metadata: their option, further parameters, mastering display with units, light level.
_HDR_PARAMETERS = {
    "libx264": ("x264-params", "", "mastering-display", (50000, 10000), "cll"),
    "libx265": ("x265-params", "hdr10=1:repeat-headers=1:", "master-display", (50000, 10000), "max-cll"),
    "libsvtav1": ("svtav1-params", "", "mastering-display", (1, 1), "content-light"),
}
# Whatever x264 does with AVX-512, two runs may differ (build 165, trees of macroblocks); with these they do not.
_STEADY = {"libx264": ("x264-params", "asm=MMX2,SSE2Fast,SSSE3,SSE4.2,AVX,FMA3,BMI2,AVX2")}

# What makes a codec look nearly like its source at a bearable speed.
_DEFAULTS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "16", "preset": "medium"},
    "libx265": {"crf": "18", "preset": "medium"},
    "libsvtav1": {"crf": "20", "preset": "7"},
    "libvpx-vp9": {"crf": "20", "deadline": "good", "cpu-used": "3", "row-mt": "1"},
    "ffv1": {"level": "3"},
    "prores_ks": {"profile": "hq"},
}
# Above 4K x264 looks fewer frames ahead than forty, and its threads share a frame, instead of one each, for the memory:
# of 8K the program takes 3.6 GB so, 4.3 GB looking ten frames ahead; a frame for each of two cores took 0.9 GB more.
_VAST = 4096 * 2304  # pixels
_VAST_DEFAULTS = {"libx264": {"rc-lookahead": "4", "x264-params": "sliced-threads=1"}}
_PRESETS = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"]
_TUNES = ["animation", "grain", "psnr", "ssim", "fastdecode", "zerolatency"]
# Options that take words which only the encoder knows; where it meets another, it writes to the terminal.
_WORDS = {
    ("libx264", "preset"): _PRESETS,
    ("libx265", "preset"): _PRESETS,
    ("libx264", "tune"): [*_TUNES, "film", "stillimage", "touhou"],
    ("libx265", "tune"): _TUNES,
}
_COARSEST = {"libx264": 51}  # crf, beyond which an encoder goes no further without a word; others refuse it
# What they need further for pictures with transparency.
_ALPHA_DEFAULTS = {"prores_ks": {"profile": "4444"}, "libvpx": {"auto-alt-ref": "0"}}
# The encoders that hold transparency, by the ending of the file.
_FOR_ALPHA = {".mov": "prores_ks", ".mkv": "ffv1", ".webm": "libvpx-vp9"}


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
    keeps_hdr: bool  # the HDR10 metadata of the source, if any
    notes: tuple[str, ...]


def check_encoding(encoding: Encoding) -> None:
    """Raise WishError for a codec that there is not, and for what it does not take, whatever the stream."""
    if encoding.codec is None:
        if encoding.preset is not None:  # the words are the same for all that are chosen by themselves
            _check_word("libx264", "preset", encoding.preset)
        return
    codec = _codec(encoding.codec)
    _check_options(codec, _options(encoding, encoding.codec, alpha=False, vast=False), encoding)
    if encoding.pix_fmt is not None:
        _check_pix_fmt(encoding.pix_fmt, codec)


def choose_encoder(encoding: Encoding, info: VideoInfo, output: Path) -> Encoder:
    """Return the encoder that follows ``encoding`` for a stream like ``info``, written to ``output``.

    Raises MediaError if the codec, an option or the pixel format is unknown or does not fit.
    """
    suffix = output.suffix.lower()
    if suffix not in CONTAINERS:
        raise WishError(f"{output} must end in one of {', '.join(CONTAINERS)}: choose such a name")
    name = encoding.codec or _default_codec(suffix, info)
    codec = _codec(name)
    alpha = has_alpha(info.pix_fmt) and _holds_alpha(codec, suffix)
    options = _options(encoding, name, alpha, vast=info.width * info.height > _VAST)
    _check_options(codec, options, encoding)
    keeps_hdr = info.hdr is not None and name in _HDR_PARAMETERS
    if info.hdr is not None and keeps_hdr:
        options = _with_hdr(options, name, info.hdr)
    try:
        pix_fmt = _pix_fmt(encoding.pix_fmt, info, codec, options, alpha)
    except MediaError:
        if not alpha:
            raise
        # Builds of x265 list formats with transparency that they do not take.
        pix_fmt = _pix_fmt(encoding.pix_fmt, info, codec, options, alpha=False)
    notes = []
    if has_alpha(info.pix_fmt) and not has_alpha(pix_fmt):
        notes.append(
            f"Transparency is left out, over black: {suffix} with {name} holds none, .mov with prores_ks, .webm with"
            " libvpx-vp9 and .mkv with ffv1 do."
        )
    if not _same_samples(pix_fmt, info.pix_fmt if has_alpha(pix_fmt) else _plain(info.pix_fmt)):
        notes.append(_stored_otherwise(pix_fmt, info, name, encoding.pix_fmt is not None))
    if info.hdr is not None and not keeps_hdr:
        notes.append(f"The HDR10 mastering data is left out: {name} does not take it; libx265 does.")
    return Encoder(name, pix_fmt, options, keeps_hdr, tuple(notes))


def _stored_otherwise(pix_fmt: str, info: VideoInfo, codec: str, asked: bool) -> str:
    stored = f"The pictures are stored as {pix_fmt}"
    if asked:
        return f"{stored}, not {info.pix_fmt} as in the source."
    if av.VideoFormat(info.pix_fmt).is_rgb and "420" in pix_fmt:
        full = pix_fmt.replace("420", "444")
        return f"{stored}, which every player shows, not as {info.pix_fmt}: {full} keeps all detail of colour."
    return f"{stored}, not {info.pix_fmt} as in the source: {codec} takes no {info.width}x{info.height} {info.pix_fmt}."


def open_context(codec: str, pix_fmt: str, width: int, height: int, options: dict[str, str]) -> av.VideoCodecContext:
    """Open a fresh encoder, which proves that it takes such pictures and options. Raises av.FFmpegError."""
    os.environ.setdefault("SVT_LOG", "1")  # else SVT-AV1 writes to the terminal by itself
    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options = dict(options)
    context.thread_count = 1
    context.open()
    return context


def stored(info: VideoInfo, encoder: Encoder) -> VideoInfo:
    """Return what the pictures of ``info`` will be when they have gone through ``encoder``."""
    color, was_rgb, is_rgb = info.color, av.VideoFormat(info.pix_fmt).is_rgb, av.VideoFormat(encoder.pix_fmt).is_rgb
    if is_rgb:
        color = replace(color, matrix=RGB, range=FULL_RANGE)
    elif was_rgb:
        color = replace(color, matrix=color.guessed_matrix(info.height), range=LIMITED_RANGE)
    elif encoder.codec.startswith("prores") and color.full_range:
        color = replace(color, range=LIMITED_RANGE)  # it knows no other
    if encoder.codec == "libvpx":  # VP8 neither
        color = replace(color, matrix=BT601, range=LIMITED_RANGE)
    return replace(info, pix_fmt=encoder.pix_fmt, color=color, hdr=info.hdr if encoder.keeps_hdr else None)


def add_encoder(
    output: av.container.OutputContainer, encoder: Encoder, info: VideoInfo, rate: Fraction, tick: Fraction
) -> Any:
    """Add a video stream to ``output`` that encodes pictures of ``info``, as `stored` gives it; returns the stream.

    rate: frames per second, on average; tick: seconds, the unit of the pictures' times. Raises ValueError if the
    container does not hold the codec.
    """
    # The average of a variable rate may be too fine a fraction; it only tells an encoder roughly what to expect.
    stream: Any = output.add_stream(encoder.codec, rate=rate.limit_denominator(max(1, _MOST // math.ceil(rate))))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = info.width, info.height, info.pix_fmt
    context.time_base = tick
    context.colorspace, context.color_range = info.color.matrix, info.color.range
    context.color_primaries, context.color_trc = info.color.primaries, info.color.transfer
    if info.pixel_aspect:
        context.sample_aspect_ratio = info.pixel_aspect
    if context.codec.canonical_name == "hevc" and output.format.name in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # the only HEVC that Apple's players know
    context.options = _steadied(encoder.codec, encoder.options)
    context.thread_type = "AUTO"
    return stream


def _steadied(codec: str, options: dict[str, str]) -> dict[str, str]:
    """Return options with which a codec makes the same of the same pictures on this machine, the user's come last."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    if codec not in _STEADY or not any(name.startswith(("AVX512", "X86_V4")) for name in found):
        return dict(options)
    key, steady = _STEADY[codec]
    return {**options, key: ":".join([steady, *filter(None, [options.get(key)])])}


def headers(context: av.VideoCodecContext) -> bytes:
    """Return what an open encoder puts at the head of a file, which its packets rely on."""
    found = context.extradata or b""
    if context.codec.canonical_name == "hevc":
        # x265 tells of itself and of the processor in messages, NAL units of type 39, that no decoder needs.
        units = re.split(rb"\x00\x00\x00?\x01", found)
        found = b"".join(unit for unit in units if unit and unit[0] >> 1 != 39)
    return found


def _default_codec(suffix: str, info: VideoInfo) -> str:
    if has_alpha(info.pix_fmt) and suffix in _FOR_ALPHA:
        return _FOR_ALPHA[suffix]
    if suffix == ".webm":
        return "libvpx-vp9" if info.depth <= 8 else "libsvtav1"  # libvpx is built for 8 bits only
    # Few players show H.264 of more than 8 bits, but .m4v holds no other.
    return "libx264" if info.depth <= 8 or suffix == ".m4v" else "libx265"


def _holds_alpha(codec: av.Codec, suffix: str) -> bool:
    """Tell whether transparency survives the codec in the container."""
    if codec.name in ("libvpx", "libvpx-vp9") and suffix not in (".webm", ".mkv"):
        return False  # where it is kept beside the pictures
    return any(has_alpha(layout.name) for layout in codec.video_formats or [])


def _same_samples(one: str, other: str) -> bool:
    """Tell whether two pixel formats differ in nothing but the order of what they hold."""
    a, b = av.VideoFormat(one), av.VideoFormat(other)
    rgb = a.is_rgb and b.is_rgb and not (a.has_palette or b.has_palette)
    return one == other or bool(rgb and depth(one) == depth(other) and has_alpha(one) == has_alpha(other))


def _codec(name: str) -> av.Codec:
    try:
        codec = av.Codec(name, "w")
    except ValueError as error:
        raise WishError(
            f"there is no encoder {name!r}: use for example libx264, libx265, libvpx-vp9, libsvtav1 or ffv1"
        ) from error
    if codec.type != "video":
        raise WishError(f"{name} encodes {codec.type}, not video: use for example libx264")
    return codec


def _wished(encoding: Encoding) -> dict[str, str]:
    """Return all options that the user wishes."""
    wished = {key: str(value) for key, value in encoding.options.items()}
    if encoding.crf is not None:
        wished["crf"] = f"{encoding.crf:g}"
    if encoding.preset is not None:
        wished["preset"] = encoding.preset
    return wished


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def _check_word(codec: str, key: str, value: str) -> None:
    """Raise WishError if an encoder knows only certain words for an option, and this is none of them, and no number."""
    words = _WORDS.get((codec, key))
    if words and not _is_number(value) and not set(re.split(r"[,./+-]", value)) <= set(words):
        raise WishError(f"{codec} has no {key} {value!r}: use {', '.join(words)}")


def _check_options(codec: av.Codec, options: dict[str, str], encoding: Encoding) -> None:
    """Raise WishError that names the wish without which an encoder opens for plain pictures, if it does not with it."""
    pix_fmt = next(iter(_formats(codec)), "yuv420p")

    def failure(options: dict[str, str]) -> str | None:
        return _failure(codec.name, pix_fmt, *_PLAIN_SIZE, options)

    wished = _wished(encoding)
    if not wished or failure(options) is None:
        return
    for key, value in wished.items():
        if failure({name: given for name, given in options.items() if name != key}) is None:
            raise WishError(f"{codec.name} does not take {value} for its option {key}: change it, or leave it out")


def _options(encoding: Encoding, codec: str, alpha: bool, vast: bool) -> dict[str, str]:
    context: Any = av.CodecContext.create(codec, "w")
    private = {option.name for option in context.supported_options.private}
    known = private | {option.name for option in context.supported_options.generic}
    wished = _wished(encoding)
    if encoding.crf is not None and encoding.crf > _COARSEST.get(codec, math.inf):
        raise WishError(f"{codec} takes a crf up to {_COARSEST[codec]}, not {encoding.crf:g}: the lower, the better")
    for key, value in wished.items():
        if key not in known or (key in ("crf", "preset") and key not in private):
            near = difflib.get_close_matches(key, known, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "leave it out"
            raise WishError(f"{codec} has no option {key!r}: {hint}")
        _check_word(codec, key, value)
    defaults = dict(_DEFAULTS.get(codec, {})) | (_ALPHA_DEFAULTS.get(codec, {}) if alpha else {})
    if vast and "preset" not in wished:  # which says itself how far to look
        defaults |= _VAST_DEFAULTS.get(codec, {})
    if {"qp", "b", "global_quality"} & wished.keys():
        defaults.pop("crf", None)  # another way to set the quality was chosen
    options = {**defaults, **wished}
    for key, silence in SILENT.get(codec, {}).items():
        options[key] = ":".join([silence, *filter(None, [wished.get(key)])])
    return options


def _with_hdr(options: dict[str, str], codec: str, hdr: Hdr) -> dict[str, str]:
    """Add the HDR10 metadata to the encoder's own parameters, of which the user's come last and win."""
    key, further, mastering, units, light = _HDR_PARAMETERS[codec]
    parameters = f"{further}{mastering}={hdr.mastering(*units)}"
    if hdr.light_level is not None:
        parameters += f":{light}={hdr.light_level[0]},{hdr.light_level[1]}"
    return {**options, key: ":".join([parameters, *([options[key]] if key in options else [])])}


def _plain(pix_fmt: str) -> str:
    """Return the format without transparency, and without the range that older names include."""
    return pix_fmt.replace("yuvj", "yuv").replace("yuva", "yuv").replace("gbrap", "gbrp")


def _formats(codec: av.Codec) -> list[str]:
    """Return the pixel formats that an encoder takes, none if it does not tell."""
    return [f.name for f in codec.video_formats or [] if not f.name.startswith(("yuvj", "ya"))]


def _check_pix_fmt(wish: str, codec: av.Codec) -> None:
    formats = _formats(codec)
    if formats and wish not in formats:
        raise WishError(f"{codec.name} does not take {wish}: use one of {', '.join(formats)}")


def _pix_fmt(wish: str | None, info: VideoInfo, codec: av.Codec, options: dict[str, str], alpha: bool) -> str:
    """Return the first pixel format with which the encoder opens: the wish, the source's, or the nearest.

    With ``alpha`` it is one with transparency.
    """
    offered = [name for name in _formats(codec) if has_alpha(name) == alpha]
    if wish is not None:
        _check_pix_fmt(wish, codec)
        failure = _failure(codec.name, wish, info.width, info.height, options)
        if failure:
            raise MediaError(
                f"{codec.name} cannot encode {info.width}x{info.height} as {wish} with these options"
                f" ({failure}): change one of them"
            )
        return wish
    native = info.pix_fmt if alpha else _plain(info.pix_fmt)
    if av.VideoFormat(native).is_rgb and native not in offered and codec.name in _FOR_PLAYERS:
        native = "yuva420p" if alpha else "yuv420p10le" if info.depth > 8 else "yuv420p"
    candidates = [fmt for fmt in offered if depth(fmt) >= min(info.depth, max(map(depth, offered)))]
    failure = None
    if native in offered or not offered:
        failure = _failure(codec.name, native, info.width, info.height, options)
        if failure is None:
            return native
        candidates = [fmt for fmt in candidates if fmt != native]
    while candidates:
        # FFmpeg's own notion of the nearest format may cross from YUV to RGB.
        family = [fmt for fmt in candidates if av.VideoFormat(fmt).is_rgb == av.VideoFormat(native).is_rgb]
        nearest: Any = find_best_pix_fmt_of_list(family or candidates, native)[0]
        problem = _failure(codec.name, nearest.name, info.width, info.height, options)
        if problem is None:
            return nearest.name
        failure = failure or problem
        candidates.remove(nearest.name)
    raise MediaError(
        f"{codec.name} does not encode {info.width}x{info.height} {info.pix_fmt} with these options ({failure}):"
        " change an option or the codec"
    )


def _failure(codec: str, pix_fmt: str, width: int, height: int, options: dict[str, str]) -> str | None:
    """Return why an encoder does not open, or None if it does."""
    try:
        open_context(codec, pix_fmt, width, height, options)
    except (av.FFmpegError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    return None
