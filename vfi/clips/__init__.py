"""The clips of a training corpus, whatever it is made of; images are read where they lie, videos are decoded once.

`vfi.clips.folders` has a table of what is recognised, `vfi.clips.shards` the convention for .tar files.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from vfi.clips.clip import LEAST, Clip, CorpusError, Excerpt, Fingerprint
from vfi.clips.films import Film, decode
from vfi.clips.folders import walk

__all__ = ["Clip", "CorpusError", "Excerpt", "Fingerprint", "find_clips"]


def find_clips(
    sources: Sequence[Path], cache: Path, progress: Callable[[int, int], None] | None = None
) -> tuple[list[Clip], Fingerprint]:
    """Return the clips of several sources that have three frames or more, and what files these are made of.

    cache: the folder into which videos are decoded, unless they are there already; progress is called with the number
    of videos done and of all. Raises CorpusError that says what is missing or damaged.
    """
    fingerprint = Fingerprint()
    found = [item for source in sources for item in walk(source, fingerprint)]
    films = sum(isinstance(item, Film) for item in found)
    clips: list[Clip] = []
    done = 0
    for item in found:
        if isinstance(item, Film):
            if progress:
                progress(done, films)
            done += 1
            item = decode(item, cache)
        if len(item) >= LEAST:
            clips.append(item)
    if not clips:
        raise CorpusError("no video has the three frames a triplet needs: add longer ones")
    return clips, fingerprint
