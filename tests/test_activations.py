"""Laws of the activations, over the whole registry.

Letters: P models, B batch, D width.
"""

import math
import re

import pytest
import torch
from torch import Tensor, nn

from actbench.levels.activations import ACTIVATIONS, Activation
from formulas import evaluate

TWINS = {
    "identity": nn.Identity(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(),
    "prelu": nn.PReLU(),
    "elu": nn.ELU(),
    "selu": nn.SELU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
    "softsign": nn.Softsign(),
    "hardtanh": nn.Hardtanh(),
    "hard_swish": nn.Hardswish(),
    "rescaled_sigmoid": nn.Tanh(),
    "shifted_sigmoid": lambda z: nn.Tanh()(z / 2) / 2,
}

# The definitions written once more, in the words of the papers, for one number.
DEFINITIONS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "tanh": lambda z: (math.exp(z) - math.exp(-z)) / (math.exp(z) + math.exp(-z)),
    "relu": lambda z: max(0.0, z),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "prelu": lambda z: z if z > 0 else 0.25 * z,
    "elu": lambda z: z if z > 0 else math.exp(z) - 1,
    "selu": lambda z: 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * (math.exp(z) - 1)),
    "gelu": lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2,
    "silu": lambda z: z / (1 + math.exp(-z)),
    "mish": lambda z: z * math.tanh(math.log(1 + math.exp(z))),
    "softplus": lambda z: math.log(1 + math.exp(z)),
    "softsign": lambda z: z / (1 + abs(z)),
    "hardtanh": lambda z: min(1.0, max(-1.0, z)),
    "hard_swish": lambda z: z * min(6.0, max(0.0, z + 3)) / 6,
    "rescaled_sigmoid": math.tanh,
    "shifted_sigmoid": lambda z: 1 / (1 + math.exp(-z)) - 0.5,
}

every_activation = pytest.mark.parametrize("name", list(ACTIVATIONS))
both_precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def extras(entry: Activation, dtype: torch.dtype = torch.float64) -> list[float | Tensor]:
    """Return the arguments and the learned parameters at their initial values."""
    return [*entry.arguments.values(), *(torch.tensor(value, dtype=dtype) for value in entry.learned.values())]


def points(entry: Activation) -> Tensor:
    """Return a float64 grid without the kinks."""
    grid = torch.linspace(-9.99, 9.98, 4001, dtype=torch.float64)
    keep = torch.stack([(grid - kink).abs() > 1e-6 for kink in (*entry.kinks, math.inf)]).all(0)
    return grid[keep]


def gradient(entry: Activation, z: Tensor) -> Tensor:
    """Differentiate the function by autograd."""
    leaf = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(entry.function(leaf, *extras(entry, z.dtype)).sum(), leaf)
    return slope


@every_activation
@both_precisions
@pytest.mark.parametrize("shape", [(), (5,), (3, 32, 4)])
def test_shape_and_dtype_are_kept(name: str, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Function and derivative keep the shape and the dtype of z."""
    entry = ACTIVATIONS[name]
    z = torch.ones(shape, dtype=dtype) / 3
    for function in (entry.function, entry.derivative):
        result = function(z, *extras(entry, dtype))
        assert (result.shape, result.dtype) == (z.shape, dtype)


@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_values_are_the_definition(name: str) -> None:
    """The function is the formula of its paper, computed for single numbers with the math module."""
    z = torch.linspace(-6, 6, 241, dtype=torch.float64)
    exact = torch.tensor([DEFINITIONS[name](value) for value in z.tolist()], dtype=torch.float64)
    entry = ACTIVATIONS[name]
    torch.testing.assert_close(entry.function(z, *extras(entry)), exact, rtol=1e-12, atol=1e-12)


@every_activation
def test_values_are_the_formula(name: str) -> None:
    """The function is what its entry's formula says, whose constants have four decimals or more."""
    entry = ACTIVATIONS[name]
    learned = dict(zip(re.findall(r"(\w+) learned", entry.formula), entry.learned.values(), strict=True))
    z = torch.linspace(-6, 6, 61, dtype=torch.float64)
    said = [evaluate(entry.formula, z=value, **entry.arguments, **learned) for value in z.tolist()]
    torch.testing.assert_close(
        entry.function(z, *extras(entry)), torch.tensor(said, dtype=torch.float64), rtol=1e-4, atol=1e-9
    )


@every_activation
def test_derivative_equals_autograd(name: str) -> None:
    """The closed-form derivative is what autograd finds, away from kinks."""
    entry = ACTIVATIONS[name]
    z = points(entry)
    torch.testing.assert_close(entry.derivative(z, *extras(entry)), gradient(entry, z), rtol=1e-11, atol=1e-12)


@every_activation
def test_derivative_equals_differences(name: str) -> None:
    """The closed-form derivative is the limit of differences of the function."""
    entry = ACTIVATIONS[name]
    z, step = points(entry), 1e-7
    rise = entry.function(z + step, *extras(entry)) - entry.function(z - step, *extras(entry))
    torch.testing.assert_close(entry.derivative(z, *extras(entry)), rise / (2 * step), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "value"), [("leaky_relu", 0.3), ("leaky_relu", -0.5), ("elu", 0.4), ("elu", 2.0)])
def test_arguments_change_function_and_derivative_alike(name: str, value: float) -> None:
    """A level with another argument is torch's module with that argument, and its derivative follows."""
    twin = {"leaky_relu": nn.LeakyReLU, "elu": nn.ELU}[name](value)
    z = points(ACTIVATIONS[name]).requires_grad_()
    output = ACTIVATIONS[name].function(z, value)
    assert torch.equal(output, twin(z))
    (slope,) = torch.autograd.grad(output.sum(), z)
    torch.testing.assert_close(ACTIVATIONS[name].derivative(z.detach(), value), slope)


@pytest.mark.parametrize("name", list(TWINS))
def test_torch_module_is_equal_to_rounding(name: str) -> None:
    """In float32 the function and its gradient are those of the torch.nn module."""
    entry = ACTIVATIONS[name]
    z = (3 * torch.randn(8192, generator=torch.Generator().manual_seed(1))).requires_grad_()
    expected = TWINS[name](z)
    actual = entry.function(z, *extras(entry, torch.float32))
    torch.testing.assert_close(actual, expected, rtol=3e-6, atol=1e-9)
    (slope,) = torch.autograd.grad(actual.sum(), z)
    (twin_slope,) = torch.autograd.grad(expected.sum(), z)
    torch.testing.assert_close(slope, twin_slope, rtol=3e-6, atol=1e-6)


@every_activation
@both_precisions
@pytest.mark.parametrize("size", [0.0, 1e-30, 20.0, 88.8, 104.0, 710.0, 1e4, 1e30])
def test_extremes_are_finite(name: str, dtype: torch.dtype, size: float) -> None:
    """Values, derivatives and gradients are finite at every finite z, however large."""
    entry = ACTIVATIONS[name]
    z = torch.tensor([-size, size], dtype=dtype)
    for result in (
        entry.function(z, *extras(entry, dtype)),
        entry.derivative(z, *extras(entry, dtype)),
        gradient(entry, z),
    ):
        assert torch.isfinite(result).all()


@every_activation
def test_small_inputs_keep_their_relative_precision(name: str) -> None:
    """Where φ(0) = 0, a vanishing float32 signal is passed on with full relative precision."""
    entry = ACTIVATIONS[name]
    z = torch.tensor([-1e-3, -1e-6, -1e-12, -1e-20, 1e-20, 1e-12, 1e-6, 1e-3])
    exact = entry.function(z.double(), *extras(entry))
    torch.testing.assert_close(entry.function(z, *extras(entry, z.dtype)).double(), exact, rtol=1e-6, atol=0)


@every_activation
def test_second_derivatives_are_exact(name: str) -> None:
    """Autograd can differentiate twice, and agrees with finite differences both times."""
    entry = ACTIVATIONS[name]
    leaves = [torch.tensor([-3.7, -0.8, 0.3, 2.1], dtype=torch.float64).requires_grad_()]
    leaves += [value.requires_grad_() for value in extras(entry) if isinstance(value, Tensor)]

    def function(z: Tensor, *learned: Tensor) -> Tensor:
        return entry.function(z, *entry.arguments.values(), *learned)

    assert torch.autograd.gradcheck(function, leaves)
    assert torch.autograd.gradgradcheck(function, leaves)


@every_activation
@pytest.mark.parametrize("width", [10, 64])
def test_stacked_equals_alone_to_the_last_bit(name: str, width: int) -> None:
    """A model's outputs and gradients have the same bits alone and among seven."""
    entry = ACTIVATIONS[name]
    noise = torch.Generator().manual_seed(2)
    z_PBD, g_PBD = 2 * torch.randn(7, 32, width, generator=noise), torch.randn(7, 32, width, generator=noise)
    learned = [value + torch.rand(7, 1, 1, generator=noise) for value in entry.learned.values()]

    def run(models: slice) -> list[Tensor]:
        leaves = [tensor[models].clone().requires_grad_() for tensor in (z_PBD, *learned)]
        output = entry.function(leaves[0], *entry.arguments.values(), *leaves[1:])
        return [output, *torch.autograd.grad(output, leaves, g_PBD[models])]

    together = run(slice(0, 7))
    for index in range(7):
        for one, all_ in zip(run(slice(index, index + 1)), together, strict=True):
            assert torch.equal(one, all_[index : index + 1])


@every_activation
def test_declared_kinks_are_all_there_are(name: str) -> None:
    """The derivative jumps at each declared kink, for some argument, and nowhere else."""
    entry = ACTIVATIONS[name]
    elsewhere = entry.derivative(points(entry), *extras(entry)).diff()
    crossing = torch.stack([(points(entry)[1:] > k) & (points(entry)[:-1] < k) for k in (*entry.kinks, math.inf)]).any(
        0
    )
    assert elsewhere[~crossing].abs().max() < 0.01
    others = [0.5 for _ in entry.arguments] + [torch.tensor(0.5) for _ in entry.learned]
    for kink in entry.kinks:
        beside = torch.tensor([kink - 1e-9, kink + 1e-9], dtype=torch.float64)
        assert entry.derivative(beside, *others).diff().abs() > 0.3


def test_every_kink_has_a_finite_derivative() -> None:
    """At a kink the closed form takes one of its sides, as autograd does, never NaN."""
    for entry in ACTIVATIONS.values():
        z = torch.tensor(entry.kinks, dtype=torch.float64)
        assert torch.isfinite(entry.derivative(z, *extras(entry))).all()


def test_prelu_is_torchs_to_the_last_bit() -> None:
    """Each model of a stack has the bits of F.prelu with its own slope, at 0 too; so have the gradients of z."""
    noise = torch.Generator().manual_seed(3)
    z_PBD = torch.randn(5, 32, 8, generator=noise)
    z_PBD[:, 0] = 0.0
    g_PBD = torch.randn(5, 32, 8, generator=noise)
    slope_P11 = torch.linspace(-0.5, 2, 5)[:, None, None].requires_grad_()
    z_PBD.requires_grad_()
    output = ACTIVATIONS["prelu"].function(z_PBD, slope_P11)
    dz_PBD, dslope_P11 = torch.autograd.grad(output, (z_PBD, slope_P11), g_PBD)
    for index, slope in enumerate(slope_P11.detach().flatten()):
        z, a = z_PBD[index].detach().requires_grad_(), slope[None].clone().requires_grad_()
        twin = nn.functional.prelu(z, a)
        dz, da = torch.autograd.grad(twin, (z, a), g_PBD[index])
        assert torch.equal(output[index], twin)
        assert torch.equal(dz_PBD[index], dz)
        torch.testing.assert_close(dslope_P11[index, 0], da, rtol=1e-5, atol=1e-5)


def test_selu_keeps_mean_and_variance() -> None:
    """SELU of a standard normal variable has mean 0 and variance 1, with the published constants."""
    from actbench.theory.gaussian import expectation

    def selu(z: object) -> object:
        return ACTIVATIONS["selu"].function(torch.from_numpy(z)).numpy()

    assert expectation(selu) == pytest.approx(0, abs=1e-7)
    assert expectation(lambda z: selu(z) ** 2) == pytest.approx(1, abs=1e-7)
