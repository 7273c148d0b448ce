"""At what size motion is estimated: large frames move by more pixels than any estimator searches.

Flow hardly gains from more than 540 lines, and costs and errs more with each of them. Networks look at the frames at
that size as well; what they say is done to the frames at full size, which are warped and mixed there.
"""

from torch import Tensor

from flow.warp import resize

LINES = 540  # short side up to which flow is estimated at full size


def choose_flow_scale(height: int, width: int) -> int:
    """Return the least power of two that brings the short side to `LINES` or below.

    >>> choose_flow_scale(720, 1280), choose_flow_scale(1080, 1920), choose_flow_scale(3840, 2160)
    (2, 2, 4)
    """
    scale = 1
    while min(height, width) > LINES * scale:
        scale *= 2
    return scale


def shrink(frame: Tensor, scale: int) -> Tensor:
    """Return the frame (B, C, H, W) ``scale`` times smaller, sides rounded up."""
    height, width = frame.shape[-2:]
    return resize(frame, (-(-height // scale), -(-width // scale)))


def shrink_both(frame0: Tensor, frame1: Tensor, scale: int | None) -> tuple[Tensor, Tensor]:
    """Return both frames (B, C, H, W) ``scale`` times smaller; None for the scale chosen by their size."""
    scale = scale or choose_flow_scale(frame0.shape[-2], frame0.shape[-1])
    return shrink(frame0, scale), shrink(frame1, scale)
