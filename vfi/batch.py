"""Several videos in one call: which files are meant, and where each one's result goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vfi.media import MediaError
from vfi.media.animation import is_animation
from vfi.media.images import IMAGE_SUFFIXES
from vfi.media.y4m import PIPE
from vfi.outputs import refuse_twins

# Of the files in a folder, those with these endings are taken.
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".wmv", ".flv",
    ".3gp", ".ogv", ".mxf", ".y4m", ".gif", ".apng",
)  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """The files that a list of paths stands for."""

    named: tuple[Path, ...]  # as they were given, whatever they are: files, and folders of pictures
    found: tuple[Path, ...]  # videos in folders
    skipped: tuple[Path, ...]  # the other things in folders


@dataclass(frozen=True)
class Job:
    """One video to make, and of what."""

    source: Path
    output: Path


@dataclass(frozen=True)
class Batch:
    """All that is to be done."""

    jobs: tuple[Job, ...]
    skipped: tuple[Path, ...]  # in folders: what is no video, and what an earlier run made of one


def find_inputs(paths: Sequence[Path]) -> Inputs:
    """Return what the paths stand for: files for themselves, folders for the videos in them, not for those below.

    Animated pictures are videos. A folder of pictures without videos is one film. Hidden files are passed over. Raises
    MediaError for a folder with neither, or one that may not be read.
    """
    named, found, skipped = [], [], []
    for path in paths:
        if not path.is_dir():
            named.append(path)
            continue
        try:
            entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        except OSError as error:
            raise MediaError(f"{path} cannot be looked into ({error.strerror}): choose another folder") from error
        videos = [entry for entry in entries if entry.suffix.lower() in VIDEO_SUFFIXES and entry.is_file()]
        pictures = [entry for entry in entries if entry.suffix.lower() in IMAGE_SUFFIXES]
        # Thousands of pictures are not opened: of a film of them the first one tells enough.
        if videos or (pictures and is_animation(pictures[0])):
            videos = sorted([*videos, *filter(is_animation, pictures)])
        if not videos and pictures:
            named.append(path)
            continue
        if not videos:
            raise MediaError(
                f"{path} holds no video ({', '.join(VIDEO_SUFFIXES)}) and no pictures: name another folder or a file"
            )
        found += videos
        skipped += [entry for entry in entries if entry not in videos]
    return Inputs(tuple(named), tuple(found), tuple(skipped))


def plan_batch(inputs: Inputs, output_of: Callable[[Path], Path]) -> Batch:
    """Return the jobs; ``output_of`` tells the file that is made of each source.

    What is found in a folder beside the video that it would be made of is taken for the result of an earlier run, and
    skipped. Raises MediaError if two jobs would write one file, or one would write over the source of another.
    """
    outputs = {output_of(source).resolve() for source in (*inputs.named, *inputs.found)}
    results = [path for path in inputs.found if path.resolve() in outputs]
    sources = [*inputs.named, *(path for path in inputs.found if path not in results)]
    jobs = tuple(Job(source, output_of(source)) for source in sources)
    refuse_twins(job.output.resolve() for job in jobs)
    known = {source.resolve() for source in sources}
    for job in jobs:
        if job.output != PIPE and job.output.resolve() in known:
            raise MediaError(f"{job.output} is to be read and to be written: choose another name with -o")
    return Batch(jobs, (*inputs.skipped, *results))
