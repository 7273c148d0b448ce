"""The source and the result in one picture: the source on the left, each of its frames held until the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from vfi.media import Frame, VideoInfo


class SideBySide:
    """Keeps the frames of a source while they are ahead of what is made of them; there are ten at most."""

    def __init__(self, source: VideoInfo) -> None:
        self._rotation = source.rotation
        upright = source.upright
        self.info = replace(upright, width=2 * upright.width, height=upright.height + upright.height % 2)
        self._ahead: deque[Frame] = deque()

    def passing(self, source: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames of the source, and keep them."""
        for frame in source:
            self._ahead.append(frame)
            yield frame

    def beside(self, made: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames of the result as pictures of both, upright and of even size."""
        shown = None
        for frame in made:
            while self._ahead and (shown is None or self._ahead[0].time <= frame.time):
                shown = self._ahead.popleft()
            assert shown is not None
            yield shown.beside(frame, self._rotation)
