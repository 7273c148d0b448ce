"""At what scale a model looks at frames: as it is told, or else as their size asks for."""

from torch import Tensor

from flow.scale import FINE, Scale, choose_scale, shrink


class Scaled:
    """What models that find motion have in common."""

    flow_scale: int | None = None  # as in `Scale`; None chooses by the size of the frames
    coarse: bool | None = None  # the same
    fine = FINE  # pixels of frames that it looks at whole
    sparing = False  # of what it takes to find the motion of larger ones, as `choose_scale` has it

    def scale_of(self, height: int, width: int) -> Scale:
        """Return at what scale frames of this size are looked at."""
        return choose_scale(height, width, self.flow_scale, self.coarse, self.fine, self.sparing)

    def small(self, frame0: Tensor, frame1: Tensor) -> tuple[Tensor, Tensor]:
        """Return the frames (B, 3, H, W) at the flow scale."""
        scale = self.scale_of(*frame0.shape[-2:]).flow
        return shrink(frame0, scale), shrink(frame1, scale)
