"""How a whole network begins: what an initialiser is told of each layer, where offsets go, which noise is drawn."""

import itertools

import pytest
import torch
from torch import Tensor

from actbench.plan.design import Run
from actbench.training import state
from exactness import with_levels
from test_twin import runs_of, tiny_dataset

GAINS = {"relu": 2**0.5, "tanh": 1.5925374, "selu": 1.0}  # E[φ(z)²]^(-1/2), z standard normal


def beginning(run: Run) -> dict[str, Tensor]:
    """Return the initial parameters of a run."""
    training = state.start([run], tiny_dataset())
    return {name: view[0] for name, view in training.stack.views(training.stack.parameters_PN).items()}


@pytest.mark.parametrize(("activation", "gain"), GAINS.items())
def test_the_data_feed_the_first_layer_and_the_activation_all_others(activation: str, gain: float) -> None:
    """Beside weights of variance 1/fan_in, from the same noise, those above the first layer are larger by the gain."""
    (run, *_) = runs_of(activation=activation, depth=3)
    plain, kept = (beginning(with_levels(run, init=init)) for init in ("lecun_normal", "variance_preserving"))
    torch.testing.assert_close(kept["weight1"], plain["weight1"])
    for layer in (2, 3, 4):
        torch.testing.assert_close(kept[f"weight{layer}"], gain * plain[f"weight{layer}"], rtol=1e-5, atol=0)


def test_an_offset_is_added_to_hidden_biases_alone() -> None:
    """All other numbers are the same with an offset of -0.7, the output's biases among them."""
    (run, *_) = runs_of(init="torch_default", depth=2)
    run = with_levels(run, init="torch_default")
    without, moved = beginning(run), beginning(with_levels(run, bias_offset=-0.7))
    for name, tensor in without.items():
        torch.testing.assert_close(moved[name], tensor - 0.7 if name in ("bias1", "bias2") else tensor)


@pytest.mark.parametrize("init", ["he_normal", "torch_default"])
def test_each_layer_and_seed_has_noise_of_its_own(init: str) -> None:
    """No two layers of equal size begin alike, nor do weights and biases; another seed begins otherwise."""
    (run, *_) = runs_of(depth=3, width=8)
    begun = beginning(with_levels(run, init=init, seed=3))
    hidden = [begun[f"weight{layer}"] / begun[f"weight{layer}"].std() for layer in (1, 2, 3)]  # 8 inputs, 8 units
    drawn = [*hidden, beginning(with_levels(run, init=init, seed=4))["weight2"]]
    biases = [begun[f"bias{layer}"] for layer in (1, 2, 3)] if init == "torch_default" else []
    for one, other in (*itertools.combinations(drawn, 2), *itertools.combinations(biases, 2)):
        assert torch.isclose(one, other, rtol=1e-3).float().mean() < 0.1, "by chance a few numbers are alike"
