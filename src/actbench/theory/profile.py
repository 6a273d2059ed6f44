"""What theory expects of each layer of a network at initialisation: forward variance and backward factor.

Letters of the formulas: q variance of a layer's pre-activations before its norm, v after it (what the activation sees),
h the layer's output with mean square p and mean m over the units, s and t the weights of skip and branch.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count, islice

from actbench.theory.gaussian import moment
from actbench.theory.mean_field import Nonlinearity, mean, mean_square, mean_square_slope, variance_slope

LARGEST_SPREAD = 0.09  # of χ, in any layer: at 0.13 the factor of networks is 3 % from the limit, at 0.085 1.6 %
LARGEST_VARIANCE = 1e150  # beyond it squares of what passes through a layer leave the range of numbers
LARGEST_DRIFT = 0.003  # of the factor per layer, from what theory leaves out: about half of what is seen

Standardised = tuple[
    float, float
]  # variance of what the activation sees, and the factor on squared gradients before it


def _plain(q: float, centred: float, epsilon: float) -> Standardised:
    return q, 1.0


def _by_example(q: float, centred: float, epsilon: float) -> Standardised:
    return q / (q + epsilon), 1 / (q + epsilon)


def _by_batch(q: float, centred: float, epsilon: float) -> Standardised:
    return centred / (centred + epsilon), 1 / (centred + epsilon)


# What each norm does to the variance: over an example's units, q itself; over a large batch, the part of q in which
# examples differ (Yang et al. 2019). A norm that is not here has no prediction.
NORMS: dict[str, Callable[[float, float, float], Standardised]] = {
    "none": _plain,
    "layernorm": _by_example,
    "rmsnorm": _by_example,
    "batchnorm": _by_batch,
}


@dataclass(frozen=True)
class Chain:
    """A network at initialisation.

    first_var: weight variance times fan_in of the first layer, which reads the data; weight_var: of all others.
    first_bias_var, bias_var: variance of the biases of the first layer and of all others. skip, branch:
    h' = skip·h + branch·φ(z), from the second layer on. epsilon: what the norm adds to the variance.
    """

    depth: int
    first_var: float
    weight_var: float
    bias_var: float = 0.0
    first_bias_var: float = 0.0
    norm: str = "none"
    skip: float = 0.0
    branch: float = 1.0
    epsilon: float = 0.0


@dataclass(frozen=True)
class LayerForecast:
    """One hidden layer. forward_variance: mean square of what the activation sees. backward_norm2: squared norm of the
    gradient of that, the last hidden layer's being 1. output_square: mean square of the layer's output.

    Where the width is finite: spread is the standard deviation over random networks of the relative error of χ that
    comes from their differing variances; astray is what the gradient along the signal itself adds to backward_norm2, as
    a share of it: a direction that theory leaves out and that outgrows the rest in some networks with skips.
    """

    layer: int
    forward_variance: float
    backward_norm2: float
    output_square: float
    spread: float = 0.0
    astray: float = 0.0


@dataclass(frozen=True)
class _Forward:
    variance: float
    slope: float  # E[φ′²]
    rescale: float
    square: float
    along: float  # growth of the squared length of a change of h along h
    spread2: float


Begun = tuple[list[_Forward], Iterator[_Forward]]  # the first layers, and what gives the next ones


def forecast(phi: Nonlinearity, chain: Chain, input_square: float, width: float = math.inf) -> list[LayerForecast]:
    """Predict forward variance and backward norm of every hidden layer.

    Forward: q' = σ_w²·p + σ_b², p' = s²·p + t²·E[φ²] + 2·s·t·m·E[φ], m' = s·m + t·E[φ]. Backward, with
    D = ‖∂loss/∂h‖²: D of the layer below = D·(s² + t²·σ_w²·E[φ′²]/ρ), ρ the variance that the norm divides by, and
    ‖∂loss/∂z‖² = t²·E[φ′²]·D. Without norm and skip the factor from a layer to the one below is χ(q).
    Exact for independent weights in the limit of infinite width; for batch norm also of large batches of uncorrelated
    inputs.

    input_square: mean square of the inputs. width: units of a layer, for `spread` (without norm and skip) and
    `astray` (without norm); infinite, there is neither.
    Raises ValueError when the norm has no prediction. Source: Poole et al. 2016, eq. 3; Schoenholz et al. 2017, eq. 12;
    Yang & Schoenholz 2017, Mean field residual networks, section 4; Yang et al. 2019.
    """
    if chain.norm not in NORMS:
        raise ValueError(f"there is no prediction for norm {chain.norm}")
    layers = _forward_pass(phi, chain, input_square, width)
    gradients = _backward_pass(layers, chain, width)
    return [
        LayerForecast(index, layer.variance, gradient, layer.square, math.sqrt(layer.spread2), share)
        for index, (layer, (gradient, share)) in enumerate(zip(layers, gradients, strict=True), start=1)
    ]


def finite_width(layers: list[LayerForecast]) -> tuple[float, float]:
    """Return the largest spread of a forecast, and by how much a layer the astray part raises the factor.

    The largest, not the mean: networks that part near a variance that repels go different ways from there.
    """
    return max(layer.spread for layer in layers), math.log1p(layers[0].astray) / len(layers)


def applies(layers: list[LayerForecast]) -> bool:
    """Tell whether the width is large enough for the limit of infinite width to speak of single networks."""
    spread, drift = finite_width(layers)
    return spread <= LARGEST_SPREAD and drift <= LARGEST_DRIFT


def _forward_pass(phi: Nonlinearity, chain: Chain, input_square: float, width: float) -> list[_Forward]:
    alike = next(norm for norm, effect in NORMS.items() if effect is NORMS[chain.norm])
    known, rest = _begun(phi, replace(chain, depth=0, norm=alike), input_square, width)
    known += islice(rest, max(0, chain.depth - len(known)))
    if len(known) < chain.depth:
        raise ValueError(f"layer {len(known) + 1} has no prediction")
    return known[: chain.depth]


@lru_cache(maxsize=512)  # networks that differ in depth alone begin alike
def _begun(phi: Nonlinearity, chain: Chain, input_square: float, width: float) -> Begun:
    return [], _forward(phi, chain, input_square, width)


def _forward(phi: Nonlinearity, chain: Chain, input_square: float, width: float) -> Iterator[_Forward]:
    square, centre, unsettled2 = input_square, 0.0, 0.0
    for layer in count(1):
        first = (chain.first_var, chain.first_bias_var)
        weight_var, bias_var = first if layer == 1 else (chain.weight_var, chain.bias_var)
        q = weight_var * square + bias_var
        if not q <= LARGEST_VARIANCE:
            raise ValueError(f"the variance of layer {layer} is out of range")
        variance, rescale = NORMS[chain.norm](q, weight_var * max(square - centre * centre, 0.0), chain.epsilon)
        height, power = mean(phi, variance), mean_square(phi, variance)
        skip, branch = (0.0, 1.0) if layer == 1 else (chain.skip, chain.branch)
        after = skip**2 * square + branch**2 * power + 2 * skip * branch * centre * height
        along = 0.0
        if chain.norm == "none" and math.isfinite(width) and square * after > 0:
            moved = 1 - bias_var / q if q > 0 else 0.0  # the share of z that a change of h along h changes: not b
            bent = moment(lambda u: phi.function(u) * phi.derivative(u) * u, variance, phi.kinks)
            tilt = moment(lambda u: phi.derivative(u) * u, variance, phi.kinks)
            overlap = skip**2 * square + skip * branch * centre * (height + moved * tilt) + branch**2 * moved * bent
            along = (overlap / square) * (overlap / after)  # whose square may be out of range
        square, centre = after, skip * centre + branch * height
        spread2 = _slope_elasticity(phi, variance) ** 2 * unsettled2 if unsettled2 else 0.0
        yield _Forward(variance, mean_square_slope(phi, variance), rescale, square, along, spread2)
        if chain.norm == "none" and chain.skip == 0 and math.isfinite(width):
            unsettled2 = _next_unsettled2(phi, chain, variance, unsettled2, width)


def _next_unsettled2(phi: Nonlinearity, chain: Chain, q: float, unsettled2: float, width: float) -> float:
    """Propagate the relative variance of q: (d ln V / d ln q)² times it + σ_w⁴·Var[φ²]/(width·V²).

    Source: the delta method on q' = σ_w²·(mean of φ² over the units) + σ_b²; Hanin & Nica 2020 for ReLU.
    """
    power = mean_square(phi, q)
    ahead = chain.weight_var * power + chain.bias_var
    if ahead == 0 or q == 0:
        return 0.0
    scatter = moment(lambda u: (phi.function(u) ** 2 / power) ** 2, q, phi.kinks) - 1
    elasticity = variance_slope(phi, q, chain.weight_var) * q / ahead
    return elasticity**2 * unsettled2 + (chain.weight_var * power / ahead) ** 2 * scatter / width


def _slope_elasticity(phi: Nonlinearity, q: float) -> float:
    """Return d ln E[φ′²] / d ln q = E[φ′(√q·z)²·(z² - 1)] / (2·E[φ′²]), by Stein's lemma."""
    slope = mean_square_slope(phi, q)
    if q == 0 or slope == 0:
        return 0.0
    return (moment(lambda u: phi.derivative(u) ** 2 * u * u, q, phi.kinks) / q - slope) / (2 * slope)


def _backward_pass(layers: list[_Forward], chain: Chain, width: float) -> list[tuple[float, float]]:
    """Return ‖∂loss/∂z‖² of each layer, relative to the last, and the share of the gradient along the signal."""
    gradients, shares, signal, share = [0.0] * len(layers), [0.0] * len(layers), 1.0, 1 / width
    for index in reversed(range(len(layers))):
        skip, branch = (0.0, 1.0) if index == 0 else (chain.skip, chain.branch)
        own = branch**2 * layers[index].slope
        gradients[index], shares[index] = own * signal, share
        growth = skip**2 + chain.weight_var * own * layers[index].rescale
        signal *= growth
        share *= max(1.0, layers[index].along / growth) if growth > 0 else 1.0
    last = gradients[-1]
    return [(value / last if last > 0 else 0.0, share) for value, share in zip(gradients, shares, strict=True)]
