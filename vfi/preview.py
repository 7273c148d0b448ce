"""Small videos to put into a page: H.264 in MP4, in memory, bounded in length, size and rate."""

import io
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np

from vfi.media import Color
from vfi.media.color import from_rgb

SECONDS, WIDTH, KILOBITS = 10, 640, 1000  # at most: 1.4 MB in all
_COLOR = Color(matrix=1, range=1, primaries=1, transfer=1)
_CLOCK = Fraction(1, 90_000)  # seconds; fine enough for any rate


class Preview:
    """Takes the frames of a video of any length, in order, and keeps its beginning, encoded."""

    def __init__(self, width: int, height: int, aspect: Fraction | None = None) -> None:
        """width, height: of the frames; aspect: width of their pixels by height, None for square ones."""
        shown = width * (aspect or 1)
        scale = min(Fraction(1), WIDTH / Fraction(shown), WIDTH / Fraction(height))
        self.size = (max(2, round(shown * scale / 2) * 2), max(2, round(height * scale / 2) * 2))  # 4:2:0 needs even
        self._start: Fraction | None = None
        self._file = io.BytesIO()
        self._output = av.open(self._file, "w", format="mp4")
        stream: Any = self._output.add_stream("libx264")
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *self.size, "yuv420p"
        context.colorspace, context.color_range = _COLOR.matrix, _COLOR.range
        context.color_primaries, context.color_trc = _COLOR.primaries, _COLOR.transfer
        context.time_base = stream.time_base = _CLOCK
        context.thread_count = 1  # else it would go on while a method is timed
        rate = {"crf": "23", "maxrate": f"{KILOBITS}k", "bufsize": f"{KILOBITS}k"}
        context.options = {**rate, "preset": "medium", "g": "12", "bf": "0"}  # close key frames: players seek at once
        self._stream = stream

    def write(self, image: np.ndarray, time: Fraction) -> None:
        """Take a frame (H, W, 3) uint8 RGB at a time in seconds; what comes `SECONDS` after the first is left out."""
        self._start = time if self._start is None else self._start
        if time - self._start >= SECONDS:
            return
        if (image.shape[1], image.shape[0]) != self.size:
            image = cv2.resize(image, self.size, interpolation=cv2.INTER_AREA)
        picture = from_rgb(image, "yuv420p", _COLOR)
        picture.pts, picture.time_base = round((time - self._start) / _CLOCK), _CLOCK
        self._output.mux(self._stream.encode(picture))

    def finish(self) -> bytes:
        """Return the file."""
        self._output.mux(self._stream.encode(None))
        self._output.close()
        return self._file.getvalue()
