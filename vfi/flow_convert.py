"""Convert files of optical flow: to another format, or to a picture."""

from collections.abc import Sequence
from pathlib import Path

from flow.color import add_legend, flow_to_color, largest_motion
from flow.files import FLOW_SUFFIXES, read_flow, write_flow
from vfi.media.images import write_image
from vfi.outputs import make_folder, refuse_existing, refuse_twins

COLOR = "color"
FORMATS = tuple(suffix[1:] for suffix in FLOW_SUFFIXES)


def converted_name(source: Path, to: str) -> str:
    """Return the name of a converted file: ``walk.flo`` becomes ``walk.npz``, or the picture ``walk_color.png``."""
    return f"{source.stem}_color.png" if to == COLOR else f"{source.stem}.{to}"


def convert_flow(
    sources: Sequence[Path],
    to: str,
    target: Path,
    *,
    half: bool = False,
    max_flow: float | None = None,
    legend: bool = False,
    overwrite: bool = False,
) -> list[Path]:
    """Write every source into the folder ``target`` as ``to``, a flow format or "color"; return the files written.

    Of a single source ``target`` may also be the file, if its ending is that of ``to``. half: store a .npz as
    float16. max_flow: the speed in pixels of the full colours, or None for each field's own fastest; legend: put the
    key to the colours beside the picture. Raises FlowFileError or MediaError for a file that cannot be read, held or
    written, and ValueError for an unknown format. Before anything is written it is made sure that no two sources
    become one file, and that none exists that may not be replaced.
    """
    if to != COLOR and to not in FORMATS:
        raise ValueError(f"there is no flow format {to!r}: use {', '.join(FORMATS)} or {COLOR}")
    if half and to != "npz":
        raise ValueError(f"{to} cannot hold float16: convert to npz, or leave out half")
    if to != COLOR and (max_flow is not None or legend):
        raise ValueError(f"{to} has no colours to scale or explain: convert to {COLOR}, or leave those options out")
    outputs = [target / converted_name(source, to) for source in sources]
    if len(outputs) == 1 and target.suffix.lower() == outputs[0].suffix and not target.is_dir():
        outputs = [target]
    refuse_twins(outputs)
    for output in outputs:
        refuse_existing(output, overwrite)
    for source, output in zip(sources, outputs, strict=True):
        flow, valid = read_flow(source)
        make_folder(output.parent)
        if to == COLOR:
            speed = largest_motion(flow, valid) if max_flow is None else max_flow
            picture = flow_to_color(flow, valid, max_flow)
            write_image(output, add_legend(picture, speed) if legend else picture)
        else:
            write_flow(output, flow, valid, half=half)
    return outputs
