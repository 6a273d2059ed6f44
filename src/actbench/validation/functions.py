"""Checks of single functions: derivative peaks, bounds, constants, the clipping law."""

import math
from functools import partial

import numpy as np
import torch

from actbench.levels.activations import SELU_ALPHA, SELU_SCALE
from actbench.levels.clipping import CLIPPING
from actbench.levels.nonlinearity import nonlinearity
from actbench.theory.correlation import next_correlation
from actbench.theory.fixed_points import edges_of_chaos, fixed_points
from actbench.theory.gaussian import variance_preserving_gain
from actbench.theory.mean_field import batch_norm_factor, mean
from actbench.validation.check import Check

LINE = np.linspace(-20, 20, 400_001)
LAYERS = 10  # of the chain whose derivatives are multiplied


def derivative_peak(name: str) -> float:
    """Return the largest |φ′| on a fine grid."""
    return float(np.abs(nonlinearity(name).derivative(LINE)).max())


def derivative_chain(name: str) -> float:
    """Return the largest product of derivatives along a chain z ↦ φ(z) of LAYERS unit weights, over its inputs."""
    phi, z, product = nonlinearity(name), LINE, np.ones_like(LINE)
    for _ in range(LAYERS):
        product *= phi.derivative(z)
        z = phi.function(z)
    return float(product.max())


def selu_alpha() -> float:
    """Return α of the fixed point with mean 0 and variance 1 in closed form."""
    return -math.sqrt(2 / math.pi) / (math.erfc(1 / math.sqrt(2)) * math.exp(0.5) - 1)


def selu_scale() -> float:
    """Return λ of the same fixed point."""
    near, far = math.erfc(1 / math.sqrt(2)) * math.exp(0.5), math.erfc(math.sqrt(2)) * math.exp(2)
    bracket = 2 * far + math.pi * near**2 - 2 * (2 + math.pi) * near + math.pi + 2
    return (1 - near) * math.sqrt(2 * math.pi / bracket)


def selu_fixed_variance() -> float:
    """Return the variance that SELU layers with LeCun weights settle at."""
    found = fixed_points(nonlinearity("selu"), 1, 0)
    assert found.settles is not None
    return found.points[found.settles].q


def arc_cosine(c: float) -> float:
    """Return the next correlation of ReLU layers."""
    return next_correlation(nonlinearity("relu"), 1.0, c, 2.0, 0.0)


def clipped_norm(norm: float) -> float:
    """Return the norm of a gradient of this norm after clipping at 1, through the registered rule."""
    gradient_PN = torch.zeros(1, 64, dtype=torch.float64)
    gradient_PN[0, :2] = torch.tensor([0.6, 0.8], dtype=torch.float64) * norm
    CLIPPING["norm"].function(gradient_PN, 1.0)
    return float(gradient_PN.norm())


def gain(name: str) -> float:
    """Return the variance-preserving gain of an activation."""
    phi = nonlinearity(name)
    return variance_preserving_gain(phi.function, phi.kinks)


def tanh_edge() -> float:
    """Return σ_w² at the edge of chaos of tanh with σ_b² = 0.05."""
    return edges_of_chaos(nonlinearity("tanh"), 0.05)[0][0].weight_var


KLAMBAUER = "Klambauer et al. 2017, Self-normalizing neural networks, the fixed point (0, 1)"
FUNCTION_CHECKS = (
    Check("peak of sigmoid's derivative", 0.25, partial(derivative_peak, "sigmoid"), 1e-12, "calculus: σ(0)(1 - σ(0))"),
    Check("peak of tanh's derivative", 1.0, partial(derivative_peak, "tanh"), 1e-12, "calculus: 1 - tanh(0)²"),
    Check(
        "largest gradient through ten sigmoids",
        0.25**LAYERS,
        partial(derivative_chain, "sigmoid"),
        0.0,
        "calculus: 0.25^10 bounds the product of ten derivatives",
        at_most=True,
    ),
    Check("SELU's λ", selu_scale(), lambda: SELU_SCALE, 1e-12, KLAMBAUER),
    Check("SELU's α", selu_alpha(), lambda: SELU_ALPHA, 1e-12, KLAMBAUER),
    Check("variance that SELU settles at", 1.0, selu_fixed_variance, 1e-9, KLAMBAUER),
    Check("mean of SELU at variance 1", 0.0, lambda: mean(nonlinearity("selu"), 1), 1e-9, KLAMBAUER),
    Check("gain of ReLU", math.sqrt(2), partial(gain, "relu"), 1e-10, "He et al. 2015, eq. 10"),
    Check(
        "gain of leaky_relu(0.2)",
        math.sqrt(2 / 1.04),
        partial(gain, "leaky_relu(0.2)"),
        1e-10,
        "He et al. 2015, eq. 15",
    ),
    Check("ReLU's correlation map at 0", 1 / math.pi, partial(arc_cosine, 0.0), 1e-10, "Cho & Saul 2009, eq. 6"),
    Check(
        "ReLU's correlation map at 1/2",
        (math.sqrt(3) / 2 + math.pi / 3) / math.pi,
        partial(arc_cosine, 0.5),
        1e-10,
        "Cho & Saul 2009, eq. 6",
    ),
    Check("ReLU's correlation map at 1", 1.0, partial(arc_cosine, 1.0), 1e-10, "Cho & Saul 2009, eq. 6"),
    Check(
        "edge of chaos of tanh at σ_b² = 0.05",
        1.76,
        tanh_edge,
        0.005,
        "Schoenholz et al. 2017, Deep information propagation, the experiments with σ_b² = 0.05",
    ),
    Check(
        "gradient factor of ReLU under batch norm",
        math.pi / (math.pi - 1),
        lambda: batch_norm_factor(nonlinearity("relu")),
        1e-10,
        "Yang et al. 2019, limit of large batches",
    ),
    Check(
        "clipping a gradient of norm 5 at 1", 1.0, partial(clipped_norm, 5.0), 1e-6, "Pascanu et al. 2013, algorithm 1"
    ),
    Check(
        "clipping a gradient of norm 0.5 at 1",
        0.5,
        partial(clipped_norm, 0.5),
        1e-12,
        "Pascanu et al. 2013, algorithm 1",
    ),
)
