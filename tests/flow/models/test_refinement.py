import torch

from flow.models.refinement import Refinement


def test_odd_grids_fit():
    decoder = Refinement(2, features=(4, 5, 6), decoded=(2, 3))
    grids = [(7, 9), (4, 5), (2, 3)]
    flows = decoder.refine([torch.rand(1, c, *grid) for c, grid in zip((4, 5, 6), grids, strict=True)])
    assert [tuple(flow.shape) for flow in flows] == [(1, 2, *grid) for grid in grids]
