"""What is done for the page: each is made in the page's process, and called in one of its own."""

import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from flow.by_name import find_estimator
from flow.color import add_legend, flow_to_color, largest_motion
from vfi.flow_video import ArrowStyle, Motion
from vfi.interpolator import Interpolator
from vfi.media import SlowMotion, VideoReader, read_image, write_image
from vfi.media.images import eight_bit, upright
from vfi.media.survey import main_video
from vfi.outputs import video_name
from vfi.pipeline import upsample
from vfi.preview import SECONDS, WIDTH, Preview
from vfi.spans import Content
from vfi.timing import Timing
from vfi.web.apart import Progress
from vfi.web.before_after import before_and_after

_PLAYABLE = {(".mp4", "h264"), (".mp4", "av1"), (".webm", "vp8"), (".webm", "vp9"), (".webm", "av1")}  # by browsers


@dataclass(frozen=True)
class Film:
    """A film with more frames."""

    output: Path
    before: Path  # the source and the result as browsers play them
    after: Path
    view: str  # both in one, as HTML
    said: str  # what was done, a few lines


@dataclass(frozen=True)
class MakeFilm:
    """Raise a video's frame rate or play it slower, into a folder."""

    source: Path
    folder: Path
    model: str
    timing: Timing
    change: str  # what the result's name gets
    content: Content
    slow: SlowMotion | None = None

    def __call__(self, progress: Progress) -> Film:
        output = self.folder / video_name(self.source, self.change)
        between = Interpolator.load(self.model)
        summary = upsample(
            self.source,
            output,
            between,
            self.timing,
            slow=self.slow,
            content=self.content,
            progress=lambda done, total, _: progress(done, total),
        )
        before, after = self.source, output
        said = str(summary)
        if not (playable(before) and playable(after)):
            before = write_preview(before, self.folder / "before.mp4")
            after = write_preview(after, self.folder / "after.mp4")
            said += (
                f"\nnote: Browsers cannot play this kind of video: below are its first {SECONDS} s at up to {WIDTH}"
                " pixels, and the download is whole."
            )
        view = before_and_after(before, after, self.slow.speed if self.slow else Fraction(1))
        return Film(output, before, after, view, said)


def playable(path: Path) -> bool:
    """Tell whether browsers play a video: 8 bits, 4:2:0, and a codec and container that they know."""
    with av.open(str(path)) as container:
        context = main_video(container, path).codec_context
        return (path.suffix.lower(), context.name.removeprefix("lib").replace("dav1d", "av1")) in _PLAYABLE and (
            context.pix_fmt in ("yuv420p", "yuvj420p")
        )


def write_preview(source: Path, output: Path) -> Path:
    """Write the beginning of a video, small, as any browser plays it; returns ``output``."""
    with VideoReader(source) as reader:
        info = reader.info.upright
        preview = Preview(info.width, info.height, info.pixel_aspect)
        start: Fraction | None = None
        for frame in reader:
            start = frame.time if start is None else start
            if frame.time - start >= SECONDS:
                break
            preview.write(eight_bit(upright(frame.rgb, reader.info.rotation)), frame.time)
    output.write_bytes(preview.finish())
    return output


def read_pair(first: Path, second: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return two pictures (H, W, 3) of one size and depth; 16 bits become 8 if only one picture has them.

    Raises MediaError if one cannot be read, and ValueError if the sizes differ.
    """
    one, other = read_image(first), read_image(second)
    if one.shape != other.shape:
        raise ValueError(
            f"{first.name} is {one.shape[1]}x{one.shape[0]} but {second.name} is {other.shape[1]}x{other.shape[0]}:"
            " bring them to one size"
        )
    return (one, other) if one.dtype == other.dtype else (eight_bit(one), eight_bit(other))


@dataclass(frozen=True)
class Pictures:
    """The pictures between two pictures, and all in one file."""

    files: tuple[Path, ...]
    archive: Path


@dataclass(frozen=True)
class MakePictures:
    """Make the pictures between two pictures, evenly spaced in time, into a folder."""

    first: Path
    second: Path
    folder: Path
    model: str
    count: int

    def __call__(self, progress: Progress) -> Pictures:
        before, after = read_pair(self.first, self.second)
        between = Interpolator.load(self.model)
        files: list[Path] = []
        times = [Fraction(i, self.count + 1) for i in range(1, self.count + 1)]
        for i in range(0, self.count, 4):  # a few at a time share the work for the pair, and fit into the memory
            for image in between(before, after, times[i : i + 4]):
                files.append(self.folder / f"{self.first.stem}_{len(files) + 1:02d}.png")
                write_image(files[-1], image)
            progress(len(files), self.count)
        archive = self.folder / f"{self.first.stem}_between.zip"
        with zipfile.ZipFile(archive, "w") as packed:  # a PNG is compressed already
            for file in files:
                packed.write(file, file.name)
        return Pictures(tuple(files), archive)


@dataclass(frozen=True)
class FlowPictures:
    """The flow between two pictures, drawn."""

    colors: Path
    arrows: Path
    said: str


@dataclass(frozen=True)
class MakeFlow:
    """Find the flow from one picture to another and draw it, into a folder."""

    first: Path
    second: Path
    folder: Path
    model: str

    def __call__(self, progress: Progress) -> FlowPictures:
        first, second = map(eight_bit, read_pair(self.first, self.second))
        estimate, _ = find_estimator(self.model)
        flow = estimate(first[None], second[None])[0]
        speed = largest_motion(flow)
        colors, arrows = (self.folder / f"{self.first.stem}_{kind}.png" for kind in ("flow", "arrows"))
        write_image(colors, add_legend(flow_to_color(flow), speed))
        write_image(arrows, ArrowStyle().draw_found(first, Motion(first, second, flow)))
        mean = float(np.hypot(*np.moveaxis(flow, 2, 0)).mean())
        return FlowPictures(colors, arrows, f"motion {mean:.2f} px on average, {speed:.1f} px at most (full colours)")
