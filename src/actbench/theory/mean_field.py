"""Mean-field theory of wide random networks: how the variance of the signal goes from layer to layer.

z = W h + b with independent weights of variance σ_w²/fan_in and biases of variance σ_b²: in the limit of infinite width
every pre-activation is normal with mean 0 and variance q, and q alone says how the next layer looks.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from actbench.theory.gaussian import Function, moment

BESIDE = 1e-150  # where the derivative is taken on either side of 0
KEPT = 8192  # moments: layers behind a norm see the same variance, and fixed points are sought on one grid of them
SMALL = 1e-6  # a variance at which curvature has gone, as it has at its inverse


@dataclass(frozen=True)
class Nonlinearity:
    """An activation as theory sees it: φ and φ′, float64 arrays to float64 arrays, and the points where φ′ jumps."""

    function: Function
    derivative: Function
    kinks: tuple[float, ...] = ()


@lru_cache(KEPT)
def mean(phi: Nonlinearity, q: float) -> float:
    """Return E[φ(√q·z)], z standard normal."""
    return moment(phi.function, q, phi.kinks)


@lru_cache(KEPT)
def mean_square(phi: Nonlinearity, q: float) -> float:
    """Return E[φ(√q·z)²]."""
    return moment(lambda u: phi.function(u) ** 2, q, phi.kinks)


@lru_cache(KEPT)
def mean_square_slope(phi: Nonlinearity, q: float) -> float:
    """Return E[φ′(√q·z)²]; at q = 0 the mean of its values on both sides of 0."""
    if q == 0:
        return float((phi.derivative(np.array([-BESIDE, BESIDE])) ** 2).mean())
    return moment(lambda u: phi.derivative(u) ** 2, q, phi.kinks)


def next_variance(phi: Nonlinearity, q: float, weight_var: float, bias_var: float) -> float:
    """Return the variance of the pre-activations one layer on.

    V(q) = σ_w²·E[φ(√q·z)²] + σ_b².

    q: variance of the pre-activations. weight_var: σ_w², variance of a weight times fan_in. bias_var: σ_b².
    Source: Poole et al. 2016, Exponential expressivity in deep neural networks through transient chaos, eq. 3.
    """
    return weight_var * mean_square(phi, q) + bias_var


def variance_slope(phi: Nonlinearity, q: float, weight_var: float) -> float:
    """Return dV/dq = σ_w²·E[φ(√q·z)·φ′(√q·z)·z] / √q, which is χ₁ + σ_w²·E[φφ″] without a second derivative.

    At q = 0, which is a fixed point only where φ(0) = 0, it is σ_w²·E[φ′(0)²].
    Source: Schoenholz et al. 2017, Deep information propagation, eq. 7 (the bracket); Stein's lemma.
    """
    if q == 0:
        return weight_var * mean_square_slope(phi, q)
    return weight_var * moment(lambda u: phi.function(u) * phi.derivative(u) * u, q, phi.kinks) / q


def gradient_factor(phi: Nonlinearity, q: float, weight_var: float) -> float:
    """Return χ: the factor on the squared gradient norm from one layer to the one below.

    χ(q) = σ_w²·E[φ′(√q·z)²]; above 1 gradients grow and two close inputs part, below 1 both vanish.
    Source: Schoenholz et al. 2017, eq. 5 and 12; Poole et al. 2016, eq. 7.
    """
    return weight_var * mean_square_slope(phi, q)


def batch_norm_factor(phi: Nonlinearity) -> float:
    """Return the factor on the squared gradient norm of a layer with batch norm, for large batches.

    E[φ′(z)²] / Var[φ(z)], z standard normal: π/(π - 1) for ReLU, 1 for the identity. By the Poincaré inequality it is
    at least 1, with 1 for affine φ alone: without skips, batch norm makes gradients explode with depth. Holds for
    z ↦ φ(batchnorm(z)), infinite width, a batch that tends to infinity, and inputs that have become uncorrelated.
    Raises ValueError when φ is constant. Source: Yang et al. 2019, A mean field theory of batch normalization, ICLR,
    in the limit of large batches.
    """
    spread = mean_square(phi, 1) - mean(phi, 1) ** 2
    if not spread > 0:
        raise ValueError("batch_norm_factor: the activation is constant")
    return mean_square_slope(phi, 1) / spread


def layer_norm_factor(phi: Nonlinearity, weight_var: float = 1, bias_var: float = 0) -> float:
    """Return the factor on the squared gradient norm of a layer with layer norm or RMS norm.

    σ_w²·E[φ′(z)²] / (σ_w²·E[φ(z)²] + σ_b²), z standard normal: the norm divides by the root of the variance before it.
    Raises ValueError when φ is zero and there is no bias. Source: Poole et al. 2016, eq. 3, with the length set to 1
    in each layer; Xiong et al. 2020, On layer normalization in the transformer architecture, lemma 2.
    """
    before = next_variance(phi, 1, weight_var, bias_var)
    if not before > 0:
        raise ValueError("layer_norm_factor: the signal is zero")
    return gradient_factor(phi, 1, weight_var) / before


def residual_factor(phi: Nonlinearity, weight_var: float) -> float | None:
    """Return the factor on the squared gradient norm of a layer with an identity skip, where it has a closed form.

    h' = h + φ(z) multiplies it by 1 + σ_w²·E[φ′(√q·z)²]. The variance q grows with depth, so this is one number only
    where E[φ′²] does not depend on q (ReLU: 1 + σ_w²/2); else None. Biases, which have no part in it, may be there.
    Source: Yang & Schoenholz 2017, Mean field residual networks, section 4.
    """
    slopes = [mean_square_slope(phi, q) for q in (SMALL, 1.0, 1 / SMALL)]
    alike = max(slopes) - min(slopes) <= 1e-9 * slopes[1]
    return 1 + weight_var * slopes[1] if alike else None


def depth_scale(factor: float) -> float:
    """Return ξ = -1 / ln|factor|, the number of layers over which a quantity falls by e; infinite at factor 1.

    Source: Schoenholz et al. 2017, eq. 7 and 9.
    """
    if factor == 0:
        return 0.0
    rate = -math.log(abs(factor))
    return math.inf if rate == 0 else 1 / rate
