"""Files and streams: read a video, write a video. Knows PyAV and numpy, and nothing of models."""

from vfi.media.color import Color
from vfi.media.encoding import CONTAINERS, Encoding
from vfi.media.errors import MediaError
from vfi.media.frame import Frame
from vfi.media.images import read_image, write_image
from vfi.media.info import VideoInfo
from vfi.media.part import Part
from vfi.media.placement import SlowMotion
from vfi.media.reader import VideoReader
from vfi.media.writer import VideoWriter

__all__ = [
    "CONTAINERS",
    "Color",
    "Encoding",
    "Frame",
    "MediaError",
    "Part",
    "SlowMotion",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "read_image",
    "write_image",
]
