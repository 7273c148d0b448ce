"""Films made on the spot, with known motion, sound, and everything else that a container holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

os.environ["VFI_CONFIG"] = os.devnull  # not the defaults of whoever runs the tests
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # As in the background of a shell, where a command rightly minds no Ctrl+C: what tests start would ignore it, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

STEP = 2  # pixels to the right per frame


def moving_square(index: int, size: tuple[int, int]) -> np.ndarray:
    """A white square on a gradient; RGB (H, W, 3) uint8."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(20, 200, width)
    image[..., 1] = np.linspace(40, 160, height)[:, None]
    image[..., 2] = 90
    left = 8 + STEP * index
    image[height // 3 : height // 3 + 16, left : left + 16] = 235
    return image


def make_film(
    path: Path,
    *,
    frames: int = 12,
    rate: Fraction = Fraction(25),
    times: Sequence[Fraction] | None = None,
    size: tuple[int, int] = (128, 72),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    tags: tuple[int, int, int, int] | None = None,
    picture: Callable[[int, tuple[int, int]], np.ndarray | av.VideoFrame] = moving_square,
    options: dict[str, str] | None = None,
    aspect: Fraction | None = None,
    rotation: int = 0,
    sound: Sequence[str] = (),
    subtitles: Sequence[str] = (),
    attachment: bytes | None = None,
    cover: bool = False,
    chapters: bool = False,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a film of ``frames`` pictures, at ``times`` (seconds, in milliseconds) or else at a constant rate.

    ``tags`` are matrix, range, primaries, transfer. ``sound`` names an audio codec per track, each a tone as long as
    the pictures; ``subtitles`` names a subtitle codec per track.
    """
    tick = Fraction(1, 1000) if times else 1 / rate
    moments = list(times) if times else [i / rate for i in range(frames)]
    length = moments[-1] + (moments[-1] - moments[-2] if len(moments) > 1 else 1 / rate)
    with av.open(str(path), "w") as output:
        output.metadata.update(metadata or {})
        video: Any = output.add_stream(codec, rate=rate)
        video.width, video.height, video.pix_fmt = *size, pix_fmt
        video.codec_context.time_base = video.time_base = tick
        if tags:
            video.colorspace, video.color_range, video.color_primaries, video.color_trc = tags
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if rotation:
            video.set_display_rotation(rotation)
        fast = {"preset": "ultrafast", "crf": "12"} if codec in ("libx264", "libx265") else {}
        video.options = {**fast, **(options or {})}
        tones = [output.add_stream(name, rate=48000) for name in sound]
        texts: list[Any] = []
        for number, name in enumerate(subtitles):
            text = output.add_mux_stream(name)
            text.time_base = Fraction(1, 1000)
            text.metadata.update({"language": ("eng", "fra")[number % 2], "title": f"Words {number}"})
            texts.append(text)
        picture_file: Any = output.add_mux_stream("mjpeg", width=64, height=64) if cover else None
        if cover:
            picture_file.disposition = Disposition.attached_pic
        if attachment is not None:
            output.add_attachment("font.ttf", "font/ttf", attachment)
        if chapters:
            half = round(length * 500)
            output.set_chapters(
                [
                    {"id": 1, "start": 0, "end": half, "time_base": Fraction(1, 1000), "metadata": {"title": "A"}},
                    {
                        "id": 2,
                        "start": half,
                        "end": 2 * half,
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": "B"},
                    },
                ]
            )
        for index, moment in enumerate(moments):
            made = picture(index, size)
            frame = made if isinstance(made, av.VideoFrame) else av.VideoFrame.from_ndarray(made, "rgb24")
            frame.pts, frame.time_base = round(moment / tick), tick
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if cover:
            packet = _jpeg(64, 64)
            packet.stream, packet.time_base, packet.pts, packet.dts = picture_file, tick, 0, 0
            output.mux(packet)
        for tone in tones:
            _mux_tone(output, tone, length)
        for text in texts:
            for number in range(2):
                _mux_text(output, text, number, length)
    return path


def _mux_tone(output: Any, stream: Any, seconds: Fraction) -> None:
    total = round(seconds * 48000)
    for start in range(0, total, 4800):
        n = np.arange(start, min(start + 4800, total))
        wave = (0.2 * np.sin(2 * np.pi * 440 * n / 48000)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _mux_text(output: Any, stream: Any, number: int, seconds: Fraction) -> None:
    words = f"line {number}".encode()
    mov_text = output.format.name in ("mp4", "mov")
    packet = av.Packet(len(words).to_bytes(2, "big") + words if mov_text else words)
    third = round(seconds * 1000) // 3
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts = packet.dts = number * third
    packet.duration = third
    output.mux(packet)


def _jpeg(width: int, height: int) -> av.Packet:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.color_range = width, height, "yuvj420p", 2
    encoder.time_base = Fraction(1, 25)
    return encoder.encode(av.VideoFrame(width, height, "yuvj420p"))[0]


def average(before: np.ndarray, after: np.ndarray, times: Sequence[Fraction]) -> list[np.ndarray]:
    """The simplest interpolator: a rounded weighted mean."""
    a, b = before.astype(np.float32), after.astype(np.float32)
    return [np.rint(a + float(t) * (b - a)).astype(before.dtype) for t in times]


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """film(name, **what) -> path: see `make_film`."""
    return lambda name="film.mp4", **what: make_film(tmp_path / name, **what)


@pytest.fixture
def blend() -> Callable[..., list[np.ndarray]]:
    return average


@pytest.fixture
def square() -> Callable[[int, tuple[int, int]], np.ndarray]:
    return moving_square


@pytest.fixture
def packets() -> Callable[[Path], dict[int, list[tuple[Fraction, bytes]]]]:
    """packets(path) -> by stream, the time in seconds and the bytes of every packet, in file order."""

    def read(path: Path) -> dict[int, list[tuple[Fraction, bytes]]]:
        with av.open(str(path)) as container:
            found: dict[int, list[tuple[Fraction, bytes]]] = {s.index: [] for s in container.streams}
            for packet in container.demux():
                if packet.size and packet.pts is not None:
                    found[packet.stream_index].append((packet.pts * packet.time_base, bytes(packet)))
        return found

    return read


@pytest.fixture
def python() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """python(code) -> the finished process that ran it."""
    return lambda code: subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def make_clapper(
    path: Path,
    times: Sequence[Fraction],
    claps: Sequence[int],
    *,
    codec: str = "libx264",
    sound: str = "aac",
    layout: str = "stereo",
    sound_from: Fraction = Fraction(0),
    clock: Fraction = Fraction(0),
) -> Path:
    """Write a film with frames at ``times`` (seconds), those numbered ``claps`` white, each with a tone of 60 ms.

    Pictures have B-frames and key frames apart; the sound begins at ``sound_from``; all times are later by ``clock``.
    """
    tick, rate = Fraction(1, 90000), 48000
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = video.time_base = tick
        video.options = {"preset": "ultrafast", "g": "10", "bf": "2"} if codec == "libx264" else {"cpu-used": "8"}
        track: Any = output.add_stream(sound, rate=rate)
        track.codec_context.layout = layout
        for index, moment in enumerate(times):
            image = np.full((48, 64, 3), 240 if index in claps else 30, np.uint8)
            image[:, (3 * index) % 56 : (3 * index) % 56 + 8] = 120
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = round((moment + clock) / tick), tick
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        length = 2 * times[-1] - times[-2]
        n = np.arange(round(sound_from * rate), round(length * rate))
        on = np.zeros(len(n), bool)
        for clap in claps:
            on |= (n >= times[clap] * rate) & (n < (times[clap] + Fraction(60, 1000)) * rate)
        wave = np.where(on, 0.5 * np.sin(2 * np.pi * 1000 * n / rate), 0).astype(np.float32)
        channels = av.AudioLayout(layout).nb_channels
        for start in range(0, len(n), 4800):
            samples = np.tile(wave[start : start + 4800], (channels, 1))
            tone = av.AudioFrame.from_ndarray(samples, "fltp", layout)
            tone.sample_rate, tone.pts, tone.time_base = rate, int(n[start]) + round(clock * rate), Fraction(1, rate)
            output.mux(track.encode(tone))
        output.mux(track.encode(None))
    return path


def sound_of(path: Path, track: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return when each sample of a sound track is heard (seconds), and the mean of its channels' samples, -1 to 1."""
    times, samples = [], []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp")
        for frame in container.decode(audio=track):
            (even,) = resampler.resample(frame)
            times.append(float(frame.pts * frame.time_base) + np.arange(frame.samples) / frame.sample_rate)
            samples.append(even.to_ndarray().mean(axis=0))
    return np.concatenate(times), np.concatenate(samples)


@pytest.fixture
def clapper(tmp_path: Path) -> Callable[..., Path]:
    """clapper(name, times, claps, **what) -> path: see `make_clapper`."""
    return lambda name, *args, **what: make_clapper(tmp_path / name, *args, **what)


@pytest.fixture
def heard() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """heard(path, track) -> times and samples: see `sound_of`."""
    return sound_of


@pytest.fixture
def claps() -> Callable[[Path], tuple[np.ndarray, np.ndarray]]:
    """claps(path) -> when white pictures and when tones begin, in seconds."""

    def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
        with av.open(str(path)) as container:
            shown = [(frame.time, frame.to_ndarray(format="gray").mean() > 150) for frame in container.decode(video=0)]
        white = [time for (_, before), (time, now) in pairwise([(0, False), *shown]) if now and not before]
        times, samples = sound_of(path)
        loud = times[np.abs(samples) > 0.2]
        return np.array(white), loud[np.diff(loud, prepend=-9) > 0.1]

    return read
