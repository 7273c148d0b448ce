"""Flow to look at: a video's in colours or as arrows, with the sound and the times of the source; arrows on images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from flow.arrows import draw_arrows, evident_motion
from flow.by_name import Estimate
from flow.color import LEAST_SCALE, add_legend, flow_to_color, largest_motion
from flow.files import read_flow
from vfi.flow_inputs import View
from vfi.media import Color, Encoding, Frame, MediaError, Part, VideoReader, VideoWriter, read_image, write_image
from vfi.media.alpha import opaque_format
from vfi.media.color import LIMITED_RANGE, depth
from vfi.media.images import upright
from vfi.media.info import VideoInfo
from vfi.media.protocols import PassOn
from vfi.media.writer import check_output

Progress = Callable[[int, "int | None"], None]
"""Called with the frames done so far and, if known, the frames there are; twice from 0 where a video is read twice."""

_BT709 = 1


@dataclass(frozen=True)
class ArrowStyle:
    """How arrows are drawn: see `flow.arrows.draw_arrows`."""

    spacing: int = 16  # pixels
    scale: float = 1.0  # lengths of the motion
    threshold: float = 0.5  # pixels of motion
    color: tuple[int, int, int] = (255, 255, 0)  # RGB in 0..255
    everywhere: bool = False  # also where the images differ no more than by their noise

    def draw_found(self, image: np.ndarray, motion: "Motion") -> np.ndarray:
        """Return the image (H, W, 3) uint8 or uint16 with arrows of a motion that a model found.

        Raises ValueError as `draw_arrows` does.
        """
        evident = None if self.everywhere else evident_motion(motion.first, motion.second, motion.flow, motion.grain)
        return self.draw(image, motion.flow, evident)

    def draw(self, image: np.ndarray, flow: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
        """Return the image (H, W, 3) uint8 or uint16 with arrows, for flow (H, W, 2) in pixels, known where valid.

        Raises ValueError as `draw_arrows` does.
        """
        return draw_arrows(
            image,
            flow,
            valid,
            spacing=self.spacing,
            scale=self.scale,
            threshold=self.threshold,
            color=self.color,
        )


@dataclass(frozen=True, eq=False)
class Motion:
    """Two images (H, W, 3) RGB uint8 and the flow (H, W, 2) in pixels from the first to the second."""

    first: np.ndarray
    second: np.ndarray
    flow: np.ndarray
    grain: float = 1.0  # pixels, the side of what was one before the images were enlarged


@dataclass(frozen=True)
class FlowVideoSummary:
    """What was written."""

    output: Path
    frames: int
    duration: Fraction  # seconds
    size: tuple[int, int]  # width, height
    max_flow: float | None  # pixels, the speed of the full colours; None for arrows
    notes: tuple[str, ...]  # what the user should know, a sentence each


def color_video(
    source: Path,
    output: Path,
    model: Estimate,
    *,
    max_flow: float | None = None,
    legend: bool = False,
    view: View | None = None,
    part: Part | None = None,
    encoding: Encoding | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FlowVideoSummary:
    """Write the flow from each frame to the next in colours, each at its frame's time, the last one held to the end.

    All frames have one scale, ``max_flow`` in pixels. Without it the flow of the whole video is found twice: first for
    its fastest pixel (1 px at least), then to be drawn, since keeping it would fill the memory. Pictures are upright,
    8 bits, of what ``view`` looks at, with the ``legend`` at their right; a ``part`` of the film begins at 0 and keeps
    its sound. The output appears only when it is complete and verified; raises MediaError if the source, the output or
    the encoding does not work out, and ValueError for a ``max_flow`` that is not positive.
    """
    check_output(output, source, overwrite)
    if max_flow is not None and not 0 < max_flow < float("inf"):
        raise ValueError(f"max_flow is {max_flow}: give a speed above 0 in pixels, or leave it out")
    view = view or View()
    with VideoReader(source, part) as reader:
        info = replace(_seen(reader.info, view), color=Color(_BT709, LIMITED_RANGE, _BT709, _BT709), hdr=None)
        info = replace(info, pix_fmt="yuv420p")
    if legend:
        height, width, _ = add_legend(np.zeros((info.height, info.width, 3), np.uint8), LEAST_SCALE).shape
        info = replace(info, width=width, height=height)
    scale = max_flow
    if scale is None:
        scale = LEAST_SCALE
        with VideoReader(source, part) as reader:
            for _, motion in _motions(reader, model, view, None, progress):
                if motion is not None:
                    scale = max(scale, largest_motion(motion.flow))

    def drawn(motions: Iterator[tuple[Frame, Motion | None]]) -> Iterator[Frame]:
        picture: np.ndarray | None = None
        for frame, motion in motions:
            if motion is not None:
                picture = flow_to_color(motion.flow, max_flow=scale)
                picture = add_legend(picture, scale) if legend else picture
            assert picture is not None  # a video has two frames or more
            yield replace(frame, picture=None, pixels=picture, color=info.color)

    summary = _write(source, output, model, drawn, info, view, part, encoding, progress)
    return replace(summary, max_flow=scale)


def arrow_video(
    source: Path,
    output: Path,
    model: Estimate,
    *,
    style: ArrowStyle | None = None,
    view: View | None = None,
    part: Part | None = None,
    encoding: Encoding | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FlowVideoSummary:
    """Write a video with arrows over each frame that show its motion to the next; the last one has none.

    Pictures are upright and in colour, whatever the source's are, of what ``view`` looks at; a ``part`` of the film
    begins at 0 and keeps its sound. The output appears only when it is complete and verified; raises MediaError if the
    source, the output or the encoding does not work out, and ValueError for a style that cannot be drawn.
    """
    check_output(output, source, overwrite)
    style, view = style or ArrowStyle(), view or View()
    with VideoReader(source, part) as reader:
        info, rotation = _seen(reader.info, view), reader.info.rotation
    info = replace(info, pix_fmt=opaque_format(info.pix_fmt))
    if len(av.VideoFormat(info.pix_fmt).components) < 3 or av.VideoFormat(info.pix_fmt).has_palette:
        info = replace(info, pix_fmt="yuv420p" if depth(info.pix_fmt) <= 8 else "yuv420p10le")

    def drawn(motions: Iterator[tuple[Frame, Motion | None]]) -> Iterator[Frame]:
        for frame, motion in motions:
            image = view.cut(upright(frame.rgb, rotation), str(source))
            pixels = image if motion is None else style.draw_found(image, motion)
            yield replace(frame, picture=None, pixels=pixels)

    return _write(source, output, model, drawn, info, view, part, encoding, progress)


def arrow_picture(
    image: Path,
    output: Path,
    *,
    flow: Path | None = None,
    second: Path | None = None,
    model: Estimate | None = None,
    style: ArrowStyle | None = None,
    view: View | None = None,
    overwrite: bool = False,
) -> None:
    """Write an image with arrows: of a file of flow, or of the motion that ``model`` finds to a second image.

    Drawn is what ``view`` looks at of the image; the flow of a file is to be of that.

    Raises MediaError or FlowFileError if a file cannot be read or written, and ValueError if the sizes differ.
    """
    check_output(output, image, overwrite)
    style, view = style or ArrowStyle(), view or View()
    whole = read_image(image)
    first = view.cut(whole, str(image))
    if flow is not None:
        found, valid = read_flow(flow)
        if found.shape[:2] != first.shape[:2]:
            raise MediaError(f"{flow} is {_size(found)} but {image} is {_size(first)}: give the flow of this image")
        drawn = style.draw(first, found, valid)
    elif second is not None and model is not None:
        other = read_image(second)
        one, two = view(whole, str(image)), view(other, str(second))
        if one.shape != two.shape:
            raise MediaError(f"{image} is {_size(one)} but {second} is {_size(two)}: bring them to one size")
        drawn = style.draw_found(first, Motion(one, two, model(one[None], two[None])[0], view.enlargement(whole)))
    else:
        raise ValueError("arrows need a file of flow, or a second image and a model: give one of them")
    write_image(output, drawn)


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"


def _write(
    source: Path,
    output: Path,
    model: Estimate,
    drawn: Callable[[Iterator[tuple[Frame, Motion | None]]], Iterator[Frame]],
    info: VideoInfo,
    view: View,
    part: Part | None,
    encoding: Encoding | None,
    progress: Progress | None,
) -> FlowVideoSummary:
    with VideoReader(source, part) as reader:
        times = reader.timeline
        start = times.start - reader.origin
        with VideoWriter(
            output,
            reader,
            encoding=encoding or Encoding(),
            rate=times.average_rate,
            tick=times.tick,
            start=start,
            info=info,
        ) as writer:
            count = 0
            for frame in drawn(_motions(reader, model, view, writer.copy, progress)):
                writer.write(frame)
                count += 1
            writer.finish(start + times.duration)
        return FlowVideoSummary(
            output=output,
            frames=count,
            duration=times.duration,
            size=(info.width, info.height),
            max_flow=None,
            notes=(*reader.notes, *writer.notes),
        )


def _motions(
    reader: VideoReader,
    model: Estimate,
    view: View,
    pass_on: PassOn | None,
    progress: Progress | None,
) -> Iterator[tuple[Frame, Motion | None]]:
    """Yield every frame and its motion to the next, upright; for the last frame None."""
    previous: tuple[Frame, np.ndarray] | None = None
    done, total = 0, reader.frame_count
    for frame in reader.frames(pass_on):
        whole = upright(frame.rgb, reader.info.rotation)
        image = view(whole, str(reader.path))
        if previous is not None:
            flow = model(previous[1][None], image[None])[0]
            yield previous[0], Motion(previous[1], image, flow, view.enlargement(whole))
            done += 1
            if progress is not None:
                progress(done, total)
        previous = frame, image
    if previous is not None:
        yield previous[0], None
        if progress is not None:
            progress(done + 1, total)


def _seen(info: VideoInfo, view: View) -> VideoInfo:
    """Return what the pictures that a view shows are like."""
    info = info.upright
    if view.crop is not None:
        info = replace(info, width=view.crop[2], height=view.crop[3])
    if view.size is not None:  # whose pixels are as they are asked for
        info = replace(info, width=view.size[0], height=view.size[1], pixel_aspect=None)
    return info
