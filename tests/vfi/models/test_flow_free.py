import pytest
import torch

from vfi.models import build_model
from vfi.models.flow_free import FUSIONS

FRAMES = torch.rand(2, 1, 3, 22, 30, generator=torch.Generator().manual_seed(0))
EARLY, LATE = (torch.full((1, 1, 1, 1), t) for t in (0.25, 0.75))


def trained(fusion):
    """A model whose last layer is no longer silent."""
    torch.manual_seed(0)
    model = build_model("flow-free", {"widths": [8, 12], "fusion": fusion}).eval()
    torch.nn.init.normal_(model.unet.head.weight, std=0.1)
    return model


@pytest.mark.parametrize("fusion", FUSIONS)
def test_untrained_it_is_the_blend_wherever_the_frames_meet(fusion):
    model = build_model("flow-free", {"widths": [8, 12], "fusion": fusion}).eval()
    torch.testing.assert_close(model(*FRAMES, EARLY), torch.lerp(*FRAMES, EARLY))


@torch.no_grad()
def test_after_the_decoder_the_two_frames_are_treated_alike_and_seen_alone():
    model, others = trained("decoder"), FRAMES.flip(0)
    torch.testing.assert_close(model(*FRAMES, EARLY), model(*others, LATE))
    early = trained("encoder")
    assert not torch.allclose(early(*FRAMES, EARLY), early(*others, LATE), atol=1e-3)
    with pytest.raises(RuntimeError, match="channels"):
        model.unet(torch.rand(1, 7, 24, 32))  # it has no place for two frames


def test_an_unknown_place_is_told():
    with pytest.raises(ValueError, match="unknown fusion 'middle': use encoder or decoder"):
        build_model("flow-free", {"fusion": "middle"})
