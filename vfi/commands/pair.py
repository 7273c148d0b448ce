"""`vfi pair`: the images between two images."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from vfi.commands.options import DEFAULT_MODEL, LargeMaking, Model, Overwrite


def pair(
    first: Annotated[Path, typer.Argument(help="Image to start from.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Image to end at.", show_default=False)],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")] = Path("between"),
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="Images to make.")] = 1,
    model: Model = DEFAULT_MODEL,
    making: LargeMaking,
    overwrite: Overwrite = False,
) -> None:
    """Make the images between two images, evenly spaced in time.

    [bold]Example:[/bold] vfi pair a.png b.png --count 3 -o between
    """
    from vfi.choices import check_model
    from vfi.media import MediaError
    from vfi.media.images import read_image, write_image
    from vfi.outputs import make_folder, refuse_existing

    making.check()
    check_model(model)
    files = [output / f"{first.stem}_{i:0{len(str(count))}d}.png" for i in range(1, count + 1)]
    for file in files:
        refuse_existing(file, overwrite)
    before, after = read_image(first), read_image(second)
    if (before.shape, before.dtype) != (after.shape, after.dtype):
        sizes = [f"{image.shape[1]}x{image.shape[0]} {image.dtype}" for image in (before, after)]
        raise MediaError(
            f"{first} and {second} differ, they are {' and '.join(sizes)}: bring them to one size and depth"
        )
    times = [Fraction(i, count + 1) for i in range(1, count + 1)]
    interpolator = making.load(model)
    make_folder(output)
    for i in range(0, count, 8):  # a few at a time: hundreds of images would fill the memory
        for file, image in zip(files[i : i + 8], interpolator(before, after, times[i : i + 8]), strict=True):
            write_image(file, image)
    typer.echo(f"wrote {count} image{'s' if count > 1 else ''} to {output}")
