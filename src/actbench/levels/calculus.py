"""Claims about functions that arithmetic or calculus settles, checked to tolerance in float64 and at float32's ends.

Each check is one function and one entry of CHECKS; a claim of the ledger names it under `check`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from actbench.levels.activations import ACTIVATIONS
from actbench.levels.clipping import norm as clip_by_norm

WIDE = 1e4  # reach of the range checks
ROUNDING = 1e-12


@dataclass(frozen=True)
class Finding:
    """What a check found: does the claim hold as written, by which number."""

    holds: bool
    value: float
    expected: float
    tolerance: float
    detail: str


def _grid(reach: float, count: int = 200_001, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return an odd number of points of [-reach, reach], denser near 0: sign(t)·reach·|t|³."""
    t = torch.linspace(-1, 1, count, dtype=torch.float64)
    return (t**3 * reach).to(dtype)


def _slope(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    leaf = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return slope


def _range(name: str, low: float, high: float) -> Finding:
    """Compare the values on a wide grid with an open interval; float32 may reach its ends by rounding."""
    function = ACTIVATIONS[name].function
    inside = function(_grid(15.0))
    everywhere = function(_grid(WIDE, dtype=torch.float32))
    strict = bool((inside > low).all() and (inside < high).all())
    closed = bool((everywhere >= low).all() and (everywhere <= high).all())
    z = _grid(200.0, dtype=torch.float32)
    upper = z[function(z) == high].min().item() if (function(z) == high).any() else math.inf
    lower = z[function(z) == low].max().item() if (function(z) == low).any() else -math.inf
    detail = (
        f"{name} on |z| ≤ 15 in float64 spans {inside.min().item():.3g} to {inside.max().item():.10g}; in float32 it is"
        f" exactly {high:g} from z = {upper:.4g} on and exactly {low:g} below {lower:.4g}"
    )
    return Finding(strict and closed, inside.max().item(), high, 0.0, detail)


def sigmoid_range() -> Finding:
    """σ(z) lies in (0, 1)."""
    return _range("sigmoid", 0.0, 1.0)


def tanh_range() -> Finding:
    """Tanh z lies in (-1, 1)."""
    return _range("tanh", -1.0, 1.0)


def relu_range() -> Finding:
    """max(0, z) takes every value of [0, ∞) and no other."""
    z = _grid(WIDE)
    values = ACTIVATIONS["relu"].function(z)
    holds = bool((values >= 0).all() and (values[z >= 0] == z[z >= 0]).all())
    detail = f"least value 0, and equal to z for all z ≥ 0 up to {WIDE:g}: no upper bound"
    return Finding(holds, values.min().item(), 0.0, 0.0, detail)


def softmax_sum() -> Finding:
    """Softmax has outputs that sum to 1."""
    draws = torch.Generator().manual_seed(0)
    logits = torch.randn(2000, 10, generator=draws) * torch.logspace(-3, 3, 2000)[:, None]
    off = (torch.softmax(logits, 1).double().sum(1) - 1).abs().max().item()
    detail = "largest |sum - 1| in float32 over 2,000 draws of ten logits of size 1e-3 to 1e3"
    return Finding(off < 1e-6, off, 0.0, 1e-6, detail)


def linear_collapse() -> Finding:
    """Stacked linear layers equal one linear layer: outputs agree at any depth (float64, 1 to 64 layers)."""
    draws = torch.Generator().manual_seed(0)
    worst = 0.0
    for depth in (1, 2, 4, 8, 16, 32, 64):
        h = x = torch.randn(100, 40, generator=draws, dtype=torch.float64)
        weight, bias = torch.eye(40, dtype=torch.float64), torch.zeros(40, dtype=torch.float64)
        for _ in range(depth):
            w = torch.randn(40, 40, generator=draws, dtype=torch.float64) / math.sqrt(40)
            b = torch.randn(40, generator=draws, dtype=torch.float64)
            h, weight, bias = h @ w + b, weight @ w, bias @ w + b
        worst = max(worst, ((h - (x @ weight + bias)).abs().max() / h.abs().max()).item())
    detail = "largest difference between the network and the product of its layers, relative to the largest output"
    return Finding(worst < ROUNDING, worst, 0.0, ROUNDING, detail)


def linear_derivative() -> Finding:
    """Differentiate a linear activation: is it 0 everywhere? It is the slope, 1 for the identity."""
    slope = _slope(ACTIVATIONS["identity"].function, _grid(10.0))
    detail = f"derivative of the identity by autograd: {slope.min().item():g} everywhere, its slope, not 0"
    return Finding(bool((slope == 0).all()), slope.max().item(), 0.0, 0.0, detail)


def sigmoid_derivative_peak() -> Finding:
    """σ′ has its peak 0.25 at 0 and is small outside about (-3, 3); tanh′ has its peak 1 at 0."""
    z = _grid(10.0)
    peaks = {name: _slope(ACTIVATIONS[name].function, z) for name in ("sigmoid", "tanh")}
    at = {name: z[slope.argmax()].item() for name, slope in peaks.items()}
    outside = peaks["sigmoid"][z.abs() > 3].max().item()
    top, other = peaks["sigmoid"].max().item(), peaks["tanh"].max().item()
    holds = abs(top - 0.25) < ROUNDING and abs(other - 1) < ROUNDING and max(map(abs, at.values())) < 1e-6
    detail = f"tanh′ peaks at {other:g}; both at z = 0; for |z| > 3, σ′ is below {outside:.4f}, a fifth of its peak"
    return Finding(holds and outside < 0.05, top, 0.25, ROUNDING, detail)


def three_layer_example() -> Finding:
    """Three sigmoid layers with weights 1 leave about 1.5 % of the gradient: 0.25³, and the chain as computed."""
    z = _grid(10.0)
    chain = _slope(lambda x: torch.sigmoid(torch.sigmoid(torch.sigmoid(x))), z).max().item()
    detail = f"0.25³ = {0.25**3:.6f} is the bound; the chain σ(σ(σ(x))) itself has slope at most {chain:.4f}"
    return Finding(abs(chain - 0.015) < 0.005, chain, 0.015, 0.005, detail)


def ten_layer_bound() -> Finding:
    """Ten sigmoid layers with weights of at most 1 scale the gradient by at most 0.25¹⁰ (10,000 random chains)."""
    draws = torch.Generator().manual_seed(0)
    weight, bias = (torch.rand(10, 10_000, generator=draws, dtype=torch.float64) * 2 - 1 for _ in range(2))

    def chain(x: Tensor) -> Tensor:
        for w, b in zip(weight, bias, strict=True):
            x = torch.sigmoid(w * x + b)
        return x

    largest = _slope(chain, torch.randn(10_000, generator=draws, dtype=torch.float64)).abs().max().item()
    detail = "largest slope of 10,000 random chains of ten sigmoids; weights above 1 can exceed the bound"
    return Finding(largest <= 0.25**10, largest, 0.25**10, 0.0, detail)


def clip_law() -> Finding:
    """Clipping by norm multiplies by min(1, threshold / (‖g‖ + 1e-6)): nothing happens below the threshold."""
    draws = torch.Generator().manual_seed(0)
    scale = torch.logspace(-4, 4, 400, dtype=torch.float64)[:, None]
    gradient = torch.randn(400, 50, generator=draws, dtype=torch.float64) * scale
    norms = gradient.norm(dim=1)
    clipped = gradient.clone()
    clip_by_norm(clipped, 1.0)
    below = norms + 1e-6 <= 1
    untouched = torch.equal(clipped[below], gradient[below])
    law = gradient * (1 / (norms + 1e-6)).clamp(max=1)[:, None]
    off = ((clipped - law).abs().max(1).values / norms).max().item()
    detail = (
        f"400 gradients of norm {norms.min():.2g} to {norms.max():.2g}; the {int(below.sum())} below 1 are untouched"
    )
    return Finding(untouched and off < ROUNDING, off, 0.0, ROUNDING, detail)


def rescaled_sigmoid_is_tanh() -> Finding:
    """2·σ(2z) - 1 = tanh z."""
    z = _grid(20.0)
    off = (ACTIVATIONS["rescaled_sigmoid"].function(z) - torch.tanh(z)).abs().max().item()
    return Finding(off < ROUNDING, off, 0.0, ROUNDING, "largest difference on |z| ≤ 20, float64")


def elu_limit() -> Finding:
    """ELU is smooth at 0 and saturates at -1 on the negative side."""
    entry = ACTIVATIONS["elu"]
    z = torch.tensor([-30.0, -1e-9, 1e-9], dtype=torch.float64)
    values, slopes = entry.function(z), _slope(entry.function, z)
    jump = (slopes[1] - slopes[2]).abs().item()
    ends = f"value {values[0].item():.12g} and slope {slopes[0].item():.2g} at z = -30"
    detail = f"{ends}; slopes at ±1e-9 differ by {jump:.1g}"
    return Finding(abs(values[0].item() + 1) < ROUNDING and jump < 1e-8, values[0].item(), -1.0, ROUNDING, detail)


CHECKS: dict[str, Callable[[], Finding]] = {
    "linear_collapse": linear_collapse,
    "linear_derivative": linear_derivative,
    "sigmoid_range": sigmoid_range,
    "tanh_range": tanh_range,
    "relu_range": relu_range,
    "softmax_sum": softmax_sum,
    "sigmoid_derivative_peak": sigmoid_derivative_peak,
    "three_layer_example": three_layer_example,
    "ten_layer_bound": ten_layer_bound,
    "clip_law": clip_law,
    "rescaled_sigmoid_is_tanh": rescaled_sigmoid_is_tanh,
    "elu_limit": elu_limit,
}
