"""Every diagnostic equals a plain computation on one ordinary network."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from actbench.levels.diagnostics import DIAGNOSTICS
from actbench.training import loop
from actbench.training.evaluate import diagnostic_keys, probe, score
from test_twin import CLASSES, INPUTS, runs_of, tiny_dataset
from twin import PlainNetwork, plain_network


def plain_profile(network: PlainNetwork, x: torch.Tensor, y: torch.Tensor) -> dict[tuple[int, str], float]:
    """Compute every diagnostic of one network with hooks and autograd."""
    activations: list[torch.Tensor] = []
    hooks = [layer.register_forward_hook(lambda _, __, u: activations.append(u)) for layer in network.layers]
    network.zero_grad()
    functional.cross_entropy(network(x), y).backward()
    for hook in hooks:
        hook.remove()
    values = {}
    for layer, u in enumerate(activations, 1):
        values[layer, "activation_mean"] = u.mean().item()
        values[layer, "activation_std"] = u.std(correction=0).item()
        values[layer, "zero_fraction"] = (u == 0).double().mean().item()
    linears = [layer.linear for layer in network.layers] + [network.output]
    for layer, linear in enumerate(linears, 1):
        values[layer, "gradient_norm"] = linear.weight.grad.norm().item()
    squares = sum(p.grad.square().sum() for p in network.parameters())
    values[0, "global_gradient_norm"] = squares.sqrt().item()
    return values


@pytest.mark.parametrize("norm", ["none", "batchnorm", "layernorm"])
def test_diagnostics_equal_plain_autograd(norm: str) -> None:
    """All recorded diagnostics of each model agree with the plain network's."""
    runs, data = runs_of(activation="relu", norm=norm), tiny_dataset()
    training = loop.start(runs, data)
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    _, values_PK = probe(training.stack, training.batches.scale_P11, x, y)
    keys = diagnostic_keys(training.stack.network)
    assert {name for _, name in keys} == set(DIAGNOSTICS)
    views = training.stack.views(training.stack.parameters_PN)
    for index, run in enumerate(runs):
        expected = plain_profile(plain_network(run, INPUTS, CLASSES, views, index), x * run.input_scale, y)
        assert set(expected) == set(keys)
        measured = dict(zip(keys, values_PK[index].tolist(), strict=True))
        for key, value in expected.items():
            assert measured[key] == pytest.approx(value, rel=2e-4, abs=1e-6), key


@pytest.mark.parametrize("norm", ["none", "batchnorm"])
def test_scores_equal_a_plain_evaluation(norm: str) -> None:
    """Loss and accuracy on a set that fills no whole number of vectors equal torch's in evaluation mode."""
    runs, data = runs_of(norm=norm), tiny_dataset()
    training = loop.start(runs, data)
    x, y = torch.from_numpy(data.x_train[:75]), torch.from_numpy(data.y_train[:75])
    loss_P, accuracy_P = score(training.stack, training.batches.scale_P11, x, y)
    views = training.stack.views(training.stack.parameters_PN)
    for index, run in enumerate(runs):
        network = plain_network(run, INPUTS, CLASSES, views, index).eval()
        with torch.no_grad():
            logits = network(x * run.input_scale)
        assert loss_P[index].item() == pytest.approx(functional.cross_entropy(logits, y).item(), rel=1e-4)
        assert accuracy_P[index].item() == pytest.approx((logits.argmax(1) == y).double().mean().item(), abs=1e-6)


def test_the_record_holds_the_probe_of_every_evaluation() -> None:
    """Nothing recorded is missing for a run that ends well."""
    record = loop.train_stack(runs_of(), tiny_dataset())
    assert np.isfinite(record.layers_PEK).all()
    assert np.isfinite(record.curves_PES2).all()
