"""Laws of the initialisers, over the whole registry."""

import math

import pytest
import torch
from torch import Tensor, nn

from actbench.levels.activations import ACTIVATIONS
from actbench.levels.initializers import INITIALIZERS
from actbench.levels.nonlinearity import nonlinearity

FANS = [(40, 64), (64, 64), (300, 200), (64, 10)]
REQUIRED = 0.37  # for an argument that must be given
TANH_MEAN_SQUARE = 0.39429449039746  # E[tanh(z)²], from mpmath
UNIFORM = {"xavier_uniform", "he_uniform", "torch_default"}

# The variance that the formula of each shipped level promises, for a layer that tanh feeds.
VARIANCES = {
    "xavier_uniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "xavier_normal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he_uniform": lambda fan_in, fan_out: 2 / fan_in,
    "he_normal": lambda fan_in, fan_out: 2 / fan_in,
    "lecun_normal": lambda fan_in, fan_out: 1 / fan_in,
    "orthogonal": lambda fan_in, fan_out: 1 / max(fan_in, fan_out),
    "torch_default": lambda fan_in, fan_out: 1 / (3 * fan_in),
    "variance_preserving": lambda fan_in, fan_out: 1 / (fan_in * TANH_MEAN_SQUARE),
    "normal": lambda fan_in, fan_out: 0.37**2,
}

every_initializer = pytest.mark.parametrize("name", list(INITIALIZERS))
every_shipped = pytest.mark.parametrize("name", list(VARIANCES))
every_shape = pytest.mark.parametrize(("fan_in", "fan_out"), FANS)


def generator(seed: int = 0) -> torch.Generator:
    """Return a generator of its own."""
    return torch.Generator().manual_seed(seed)


def draw(name: str, fan_in: int, fan_out: int, seed: int = 0) -> Tensor:
    """Draw the weights of one layer, fed by tanh."""
    return INITIALIZERS[name].weight(generator(seed), fan_in, fan_out, torch.tanh, *arguments_of(name))


def arguments_of(name: str) -> tuple[float, ...]:
    """Return the defaults of a level's arguments, and a number of its own for one that must be given."""
    return tuple(REQUIRED if value is None else value for value in INITIALIZERS[name].arguments.values())


@every_initializer
@every_shape
def test_shape_dtype_and_layout(name: str, fan_in: int, fan_out: int) -> None:
    """Weights are contiguous float32 (fan_in, fan_out), biases float32 (fan_out,)."""
    weight = draw(name, fan_in, fan_out)
    bias = INITIALIZERS[name].bias(generator(), fan_in, fan_out)
    assert (weight.shape, weight.dtype, weight.is_contiguous()) == ((fan_in, fan_out), torch.float32, True)
    assert (bias.shape, bias.dtype) == ((fan_out,), torch.float32)


@every_initializer
@every_shape
def test_mean_and_variance_are_the_formula(name: str, fan_in: int, fan_out: int) -> None:
    """Twenty draws have mean 0 and the variance of the formula, within five standard errors."""
    weights = torch.stack([draw(name, fan_in, fan_out, seed) for seed in range(20)]).double()
    declared = INITIALIZERS[name].variance(fan_in, fan_out, nonlinearity("tanh"), *arguments_of(name))
    variance = VARIANCES[name](fan_in, fan_out) if name in VARIANCES else declared
    assert declared == pytest.approx(variance, rel=1e-6)
    count = weights.numel()
    assert abs(weights.mean()) < 5 * math.sqrt(variance / count)
    assert (weights**2).mean() == pytest.approx(variance, rel=5 * math.sqrt(2 / count))


@every_shipped
def test_distribution_is_uniform_or_normal(name: str) -> None:
    """The kurtosis is 9/5 for uniform weights and 3 for normal ones; random orthogonal ones are close to normal."""
    weights = torch.stack([draw(name, 64, 64, seed) for seed in range(20)]).double()
    kurtosis = (weights**4).mean() / (weights**2).mean() ** 2
    expected = 1.8 if name in UNIFORM else 3 * 64 / 66 if name == "orthogonal" else 3
    assert kurtosis == pytest.approx(expected, rel=0.03)


@every_initializer
def test_draws_depend_on_the_generator_alone(name: str) -> None:
    """The same seed gives the same bits whatever the global generator does, another seed others."""
    torch.manual_seed(1)
    first = draw(name, 64, 32, seed=7)
    state = torch.manual_seed(2).get_state()
    assert torch.equal(first, draw(name, 64, 32, seed=7))
    assert torch.equal(state, torch.default_generator.get_state())
    assert not torch.equal(first, draw(name, 64, 32, seed=8))


def test_conditions_share_their_noise() -> None:
    """All normal initialisers scale one draw, all uniform ones another, so conditions are paired by seed."""
    for names in (UNIFORM, set(VARIANCES) - UNIFORM - {"orthogonal"}):
        scaled = [draw(name, 64, 32) / math.sqrt(VARIANCES[name](64, 32)) for name in sorted(names)]
        for other in scaled[1:]:
            torch.testing.assert_close(other, scaled[0], rtol=1e-5, atol=1e-6)


TORCH_NORMAL = {
    "xavier_normal": lambda w, g: nn.init.xavier_normal_(w, generator=g),
    "he_normal": lambda w, g: nn.init.kaiming_normal_(w, nonlinearity="relu", generator=g),
    "lecun_normal": lambda w, g: nn.init.kaiming_normal_(w, nonlinearity="linear", generator=g),
    "normal": lambda w, g: nn.init.normal_(w, std=0.37, generator=g),
}


@pytest.mark.parametrize("name", list(TORCH_NORMAL))
def test_normal_initialisers_have_torchs_scale(name: str) -> None:
    """The ratio of the weights to standard noise is the one of torch.nn.init on a plain weight (out, in)."""
    fan_in, fan_out = 200, 300
    twin = TORCH_NORMAL[name](torch.empty(fan_out, fan_in), generator()).std()
    noise = torch.randn(fan_out, fan_in, generator=generator()).std()
    own = draw(name, fan_in, fan_out) / torch.randn(fan_in, fan_out, generator=generator())
    torch.testing.assert_close(own, (twin / noise).expand_as(own), rtol=1e-4, atol=0)


TORCH_UNIFORM = {
    "xavier_uniform": lambda w, g: nn.init.xavier_uniform_(w, generator=g),
    "he_uniform": lambda w, g: nn.init.kaiming_uniform_(w, nonlinearity="relu", generator=g),
    "torch_default": lambda w, g: nn.init.kaiming_uniform_(w, a=math.sqrt(5), generator=g),
}


@pytest.mark.parametrize("name", list(TORCH_UNIFORM))
def test_uniform_initialisers_have_torchs_bounds(name: str) -> None:
    """The largest and least of 60,000 weights are those of torch.nn.init on a plain weight, and never beyond √3·std."""
    fan_in, fan_out = 200, 300
    twin, own = TORCH_UNIFORM[name](torch.empty(fan_out, fan_in), generator(1)), draw(name, fan_in, fan_out, 2)
    bound = math.sqrt(3 * VARIANCES[name](fan_in, fan_out))
    for weights in (twin, own):
        assert weights.abs().max() <= bound * (1 + 1e-6)
        assert weights.max() == pytest.approx(bound, rel=1e-3)
        assert weights.min() == pytest.approx(-bound, rel=1e-3)


def test_torch_default_bias_is_the_linear_layers() -> None:
    """Biases are uniform in ±1/√fan_in, the bounds of torch.nn.Linear; all other initialisers start them at 0."""
    own = INITIALIZERS["torch_default"].bias(generator(), 25, 20_000)
    twin = nn.Linear(25, 20_000).bias.detach()
    for bias in (own, twin):
        assert bias.abs().max() <= 0.2 * (1 + 1e-6)
        assert bias.max() == pytest.approx(0.2, rel=2e-3)
        assert bias.std() == pytest.approx(0.2 / math.sqrt(3), rel=0.03)
    others = [entry.bias(generator(), 25, 20) for entry in INITIALIZERS.values() if entry.bias_variance(25) == 0]
    assert len(others) >= len(VARIANCES) - 1
    assert not torch.stack(others).any()


@every_shape
def test_orthogonal_weights_are_orthogonal(fan_in: int, fan_out: int) -> None:
    """The shorter side of the matrix is orthonormal to float32 rounding."""
    weight = draw("orthogonal", fan_in, fan_out).double()
    gram = weight.T @ weight if fan_in >= fan_out else weight @ weight.T
    torch.testing.assert_close(gram, torch.eye(len(gram), dtype=gram.dtype), rtol=0, atol=1e-6)


def test_orthogonal_weights_are_uniform() -> None:
    """Traces of 4,000 orthogonal 3x3 matrices have mean 0 and mean square 1; without the signs they do not."""
    traces = torch.stack([draw("orthogonal", 3, 3, seed).trace() for seed in range(4000)]).double()
    assert traces.mean() == pytest.approx(0, abs=5 / math.sqrt(4000))
    assert (traces**2).mean() == pytest.approx(1, abs=5 * math.sqrt(2 / 4000))


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_variance_preserving_weights_preserve_the_variance(name: str) -> None:
    """Normal pre-activations of variance 1 give the next layer's a mean square of 1: fan_in·E[w²]·E[φ²]."""
    entry = ACTIVATIONS[name]
    learned = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in entry.learned.values()]

    def phi(z: Tensor) -> Tensor:
        return entry.function(z, *entry.arguments.values(), *learned)

    u = phi(torch.randn(1_000_000, generator=generator(1), dtype=torch.float64)).detach()
    weight = INITIALIZERS["variance_preserving"].weight(generator(2), 200, 2000, phi)
    assert (200 * (weight**2).mean() * (u**2).mean()).item() == pytest.approx(1, rel=0.015)


def test_variance_preserving_gain_is_one_for_the_data() -> None:
    """A layer that reads the data has variance 1 / fan_in: the weights of lecun_normal."""
    own = INITIALIZERS["variance_preserving"].weight(generator(), 40, 64, None)
    assert torch.equal(own, draw("lecun_normal", 40, 64))


def test_variance_preserving_is_he_for_relu() -> None:
    """For ReLU the integrated gain is He's √2."""
    own = INITIALIZERS["variance_preserving"].weight(generator(), 64, 64, torch.relu)
    torch.testing.assert_close(own, draw("he_normal", 64, 64), rtol=1e-6, atol=0)


def test_an_activation_without_a_gain_is_an_error() -> None:
    """An activation that vanishes, or is not finite, stops with a line that says so."""
    weight = INITIALIZERS["variance_preserving"].weight
    with pytest.raises(ValueError, match="zero everywhere"):
        weight(generator(), 4, 4, torch.zeros_like)
    with pytest.raises(ValueError, match="not finite"):
        weight(generator(), 4, 4, torch.log)
