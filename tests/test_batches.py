"""The order of the data depends on the seed alone."""

import torch

from actbench.training.batches import Batches, input_scales, shared_inputs
from test_twin import runs_of

X, Y = torch.arange(100.0)[:, None], torch.arange(100)


def test_an_epoch_holds_each_example_at_most_once() -> None:
    """Within an epoch no example comes twice; the incomplete last batch is left out."""
    batches = Batches(runs_of()[:1], X, Y)
    seen = torch.cat([batches.at(step)[1][0] for step in range(3)])
    assert len(seen.unique()) == 96


def test_equal_seeds_see_equal_batches_and_others_do_not() -> None:
    """Two conditions with one seed share every batch; another seed has its own."""
    one, two, other = (Batches([run], X, Y) for run in (*runs_of(seed=3)[:2], runs_of(seed=4)[0]))
    for step in (0, 1, 5, 40):
        assert torch.equal(one.at(step)[1], two.at(step)[1])
    assert not torch.equal(one.at(0)[1], other.at(0)[1])


def test_epochs_are_shuffled_anew() -> None:
    """The second epoch has another order."""
    batches = Batches(runs_of()[:1], X, Y)
    assert not torch.equal(batches.at(0)[1], batches.at(3)[1])


def test_a_later_batch_does_not_depend_on_those_before() -> None:
    """Asking for step 7 at once gives what asking for all steps gives."""
    walked = Batches(runs_of(), X, Y)
    for step in range(7):
        walked.at(step)
    assert torch.equal(walked.at(7)[1], Batches(runs_of(), X, Y).at(7)[1])


def test_input_scale_is_applied_to_each_model() -> None:
    """The inputs of a model are its examples times its own scale."""
    runs = runs_of()
    x_PBI, y_PB = Batches(runs, X, Y).at(0)
    scales = torch.tensor([run.input_scale for run in runs])
    assert torch.equal(x_PBI[..., 0], y_PB * scales[:, None])
    assert torch.equal(shared_inputs(X, input_scales(runs))[:, :, 0], scales[:, None] * X[:, 0])


def test_many_batches_at_once_are_those_one_by_one() -> None:
    """A row of updates, across the ends of epochs, has the examples that each of them alone has."""
    runs = [runs_of(seed=3)[0], runs_of(seed=4)[0], runs_of(seed=3)[1]]
    batches = Batches(runs, X, Y)
    for first, count in ((0, 1), (1, 3), (2, 1), (2, 9), (3, 3)):
        order_SKB, seed_P = batches.order(first, count)
        alone_KPB = torch.stack([Batches(runs, X, Y).at(first + k)[1] for k in range(count)])
        assert torch.equal(order_SKB[seed_P].transpose(0, 1), alone_KPB)
