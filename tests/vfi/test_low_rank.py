import torch

from vfi.low_rank import add_low_rank, merge_low_rank
from vfi.models import build_model

CONFIG = {"start": "dis", "refine_levels": 1, "fusion": [16, 16], "context": [16, 16]}


def ranks(model, before):
    """Rank of what changed, by weight."""
    changes = {name: (weight - before[name]) for name, weight in model.state_dict().items()}
    return {
        name: int(torch.linalg.matrix_rank(change.flatten(1).double(), atol=1e-6))
        for name, change in changes.items()
        if change.any()
    }


def test_an_untrained_update_changes_nothing_and_merges_into_the_same_weights():
    model = build_model("flow-fusion", CONFIG).eval()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    add_low_rank(model, 4)
    merge_low_rank(model)
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_what_is_learnt_has_the_rank_and_stays_when_it_is_merged():
    torch.manual_seed(0)
    model = build_model("flow-free", {"widths": [16, 16]})
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.requires_grad_(False)
    weights = add_low_rank(model, 2)
    assert {id(weight) for weight in weights} == {id(weight) for weight in model.parameters() if weight.requires_grad}
    frames, t = torch.rand(2, 1, 3, 32, 32), torch.full((1, 1, 1, 1), 0.5)
    optimizer = torch.optim.Adam(weights, lr=1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        (model(*frames, t) - torch.rand(1, 3, 32, 32)).square().mean().backward()
        optimizer.step()
    learnt = model(*frames, t)
    merge_low_rank(model)
    torch.testing.assert_close(model(*frames, t), learnt)
    found = ranks(model, before)
    assert set(found) == {name for name in before if name.endswith("weight")}
    assert set(found.values()) == {2}
