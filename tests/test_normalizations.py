"""Laws of the normalisations, over the whole registry, and torch.nn as their twin.

Letters: P models, B batch, D width.
"""

import pytest
import torch
from torch import Tensor, nn

from actbench.levels.normalizations import NORMALIZATIONS

TWINS = {
    "none": lambda width: nn.Identity(),
    "batchnorm": nn.BatchNorm1d,
    "layernorm": nn.LayerNorm,
    "rmsnorm": lambda width: nn.RMSNorm(width, eps=1e-5),
}
TWIN_NAMES = {"gain": "weight", "shift": "bias"}
MODES = ("train", "probe", "eval")

every_norm = pytest.mark.parametrize("name", list(NORMALIZATIONS))
every_mode = pytest.mark.parametrize("mode", MODES)


def tensors(name: str, models: int, width: int, dtype: torch.dtype = torch.float32) -> tuple[dict[str, Tensor], ...]:
    """Return random parameters and positive random statistics, each (P, 1, D)."""
    noise = torch.Generator().manual_seed(1)
    entry = NORMALIZATIONS[name]
    random = [
        {key: 0.5 + torch.rand(models, 1, width, generator=noise, dtype=dtype) for key in keys}
        for keys in (entry.parameters, entry.statistics)
    ]
    return random[0], random[1]


def batch(models: int, examples: int, width: int, dtype: torch.dtype = torch.float32, seed: int = 2) -> Tensor:
    """Return pre-activations of mean 0.7 and variance 4."""
    noise = torch.Generator().manual_seed(seed)
    return 0.7 + 2 * torch.randn(models, examples, width, generator=noise, dtype=dtype)


def applied(name: str, z_PBD: Tensor, *rest: object) -> Tensor:
    """Apply a norm to z, parameters, statistics and mode, with the defaults of its arguments."""
    return NORMALIZATIONS[name].function(z_PBD, *rest, *NORMALIZATIONS[name].arguments.values())


def outcome(name: str, mode: str, z_PBD: Tensor, g_PBD: Tensor, models: slice = slice(None)) -> list[Tensor]:
    """Return the output, all gradients and the statistics afterwards, of some models of a stack."""
    parameters, statistics = tensors(name, len(z_PBD), z_PBD.shape[2], z_PBD.dtype)
    z = z_PBD[models].clone().requires_grad_()
    parameters = {key: value[models].clone().requires_grad_() for key, value in parameters.items()}
    statistics = {key: value[models].clone() for key, value in statistics.items()}
    output = applied(name, z, parameters, statistics, mode)
    return [output, *torch.autograd.grad(output, (z, *parameters.values()), g_PBD[models]), *statistics.values()]


@pytest.mark.parametrize("name", list(TWINS))
@every_mode
@pytest.mark.parametrize("width", [10, 64])
def test_torch_module_is_equal_to_rounding(name: str, mode: str, width: int) -> None:
    """Outputs, gradients and running statistics of each model are those of its own torch.nn module."""
    parameters, statistics = tensors(name, 3, width)
    parameters = {key: value.requires_grad_() for key, value in parameters.items()}
    twins = [TWINS[name](width).train(mode == "train" or (mode == "probe" and name == "batchnorm")) for _ in range(3)]
    for index, twin in enumerate(twins):
        with torch.no_grad():
            for key, value in parameters.items():
                getattr(twin, TWIN_NAMES[key]).copy_(value[index, 0])
            if statistics:
                twin.running_mean.copy_(statistics["mean"][index, 0])
                twin.running_var.copy_(statistics["variance"][index, 0])
    for seed in range(3):
        z_PBD, g_PBD = batch(3, 32, width, seed=seed).requires_grad_(), batch(3, 32, width, seed=9)
        output = applied(name, z_PBD, parameters, statistics, mode)
        gradients = torch.autograd.grad(output, (z_PBD, *parameters.values()), g_PBD)
        for index, twin in enumerate(twins):
            z = z_PBD[index].detach().requires_grad_()
            expected = twin(z)
            torch.testing.assert_close(output[index], expected, rtol=1e-5, atol=1e-5)
            own = [getattr(twin, TWIN_NAMES[key]) for key in parameters]
            for actual, wanted in zip(gradients, torch.autograd.grad(expected, (z, *own), g_PBD[index]), strict=True):
                torch.testing.assert_close(actual[index].reshape(wanted.shape), wanted, rtol=1e-4, atol=2e-5)
            if statistics and mode != "probe":
                torch.testing.assert_close(statistics["mean"][index, 0], twin.running_mean, rtol=1e-5, atol=1e-6)
                torch.testing.assert_close(statistics["variance"][index, 0], twin.running_var, rtol=1e-5, atol=1e-6)


@every_norm
@every_mode
def test_gradients_are_exact(name: str, mode: str) -> None:
    """The written-out backward pass agrees with finite differences in float64."""
    parameters, statistics = tensors(name, 2, 3, torch.float64)

    def function(z: Tensor, *values: Tensor) -> Tensor:
        own = dict(zip(parameters, values, strict=True))
        return applied(name, z, own, {key: value.clone() for key, value in statistics.items()}, mode)

    leaves = [value.requires_grad_() for value in (batch(2, 4, 3, torch.float64), *parameters.values())]
    assert torch.autograd.gradcheck(function, leaves)


@every_norm
@pytest.mark.parametrize("mode", ["probe", "eval"])
def test_only_training_updates_the_statistics(name: str, mode: str) -> None:
    """The modes probe and eval leave the running statistics as they are, and z and parameters too."""
    parameters, statistics = tensors(name, 3, 8)
    z_PBD = batch(3, 32, 8)
    before = [value.clone() for value in (z_PBD, *parameters.values(), *statistics.values())]
    applied(name, z_PBD, parameters, statistics, mode)
    for value, kept in zip((z_PBD, *parameters.values(), *statistics.values()), before, strict=True):
        assert torch.equal(value, kept)


@every_norm
def test_probe_gives_what_training_gives(name: str) -> None:
    """The mode probe returns the bits of the mode train."""
    z_PBD, g_PBD = batch(3, 32, 8), batch(3, 32, 8, seed=3)
    count = 2 + len(NORMALIZATIONS[name].parameters)  # output and gradients
    for probe, train in zip(
        outcome(name, "probe", z_PBD, g_PBD)[:count], outcome(name, "train", z_PBD, g_PBD), strict=False
    ):
        assert torch.equal(probe, train)


@every_norm
@every_mode
@pytest.mark.parametrize("width", [10, 64])
def test_stacked_equals_alone_to_the_last_bit(name: str, mode: str, width: int) -> None:
    """Outputs, gradients and statistics of a model have the same bits alone and among seven."""
    z_PBD, g_PBD = batch(7, 32, width), batch(7, 32, width, seed=3)
    together = outcome(name, mode, z_PBD, g_PBD)
    for index in range(7):
        alone = outcome(name, mode, z_PBD, g_PBD, slice(index, index + 1))
        for one, all_ in zip(alone, together, strict=True):
            assert torch.equal(one, all_[index : index + 1])


@every_norm
@every_mode
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_diverged_model_changes_no_neighbour(name: str, mode: str, poison: float) -> None:
    """A model whose values are not finite leaves outputs, gradients and statistics of the others as they are."""
    z_PBD, g_PBD = batch(3, 32, 8), batch(3, 32, 8, seed=3)
    clean = outcome(name, mode, z_PBD, g_PBD)
    z_PBD[1, 4] = poison
    for sick, healthy in zip(outcome(name, mode, z_PBD, g_PBD), clean, strict=True):
        assert torch.equal(sick[[0, 2]], healthy[[0, 2]])


@every_norm
@every_mode
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [0.0, 1e-20, 1e6])
def test_extremes_are_finite(name: str, mode: str, dtype: torch.dtype, size: float) -> None:
    """Shape and dtype are kept, and everything is finite for a constant, a vanishing and a huge signal."""
    z_PBD = size * batch(2, 32, 8, dtype)
    result = outcome(name, mode, z_PBD, torch.ones_like(z_PBD))
    assert (result[0].shape, result[0].dtype) == (z_PBD.shape, dtype)
    assert all(torch.isfinite(tensor).all() for tensor in result)


@pytest.mark.parametrize("name", [name for name in TWINS if NORMALIZATIONS[name].parameters])
def test_output_is_standardised(name: str) -> None:
    """At the initial parameters the mean square along the axis is 1, and the mean 0 where it is subtracted."""
    entry = NORMALIZATIONS[name]
    parameters = {key: torch.full((2, 1, 16), value) for key, value in entry.parameters.items()}
    output = applied(name, batch(2, 64, 16), parameters, {}, "probe")
    axis = 1 if name == "batchnorm" else 2
    torch.testing.assert_close((output**2).mean(axis), torch.ones_like(output.mean(axis)), rtol=1e-4, atol=0)
    if "shift" in entry.parameters:
        assert output.mean(axis).abs().max() < 1e-6


@every_norm
def test_the_flag_cancels_bias_is_true(name: str) -> None:
    """Adding one number to all units changes nothing exactly where the entry declares it."""
    parameters, statistics = tensors(name, 2, 8, torch.float64)
    z_PBD = batch(2, 32, 8, torch.float64)
    plain, moved = (applied(name, z, parameters, statistics, "probe") for z in (z_PBD, z_PBD + 3))
    assert torch.allclose(plain, moved, atol=1e-9) == NORMALIZATIONS[name].cancels_bias


def test_running_statistics_converge_to_those_of_the_data() -> None:
    """After a hundred batches the running mean and variance are those of the distribution: 0.7 and 4."""
    parameters, statistics = tensors("batchnorm", 2, 4)
    for seed in range(100):
        applied("batchnorm", batch(2, 1024, 4, seed=seed), parameters, statistics, "train")
    torch.testing.assert_close(statistics["mean"], torch.full((2, 1, 4), 0.7), rtol=0, atol=0.1)
    torch.testing.assert_close(statistics["variance"], torch.full((2, 1, 4), 4.0), rtol=0.05, atol=0)


def test_a_second_derivative_is_refused() -> None:
    """The written-out backward pass has no derivative of its own and says so instead of giving a wrong one."""
    parameters, statistics = tensors("layernorm", 1, 4)
    z_PBD = batch(1, 4, 4).requires_grad_()
    output = applied("layernorm", z_PBD, parameters, statistics, "train")
    (slope_PBD,) = torch.autograd.grad((output**2).sum(), z_PBD, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope_PBD.sum().backward()
