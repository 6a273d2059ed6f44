"""Gradient clipping: each model's gradient on its own, never the whole stack's.

Letters: P models, N parameters of one model, flat.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from actbench.levels import loops


@dataclass(frozen=True)
class Clip:
    """One rule: (gradient_PN, *arguments) -> changed_P; the gradient is clipped in place.

    changed_P: bool, true where the model's gradient was changed; a gradient that holds NaN stays NaN.
    """

    function: Callable[..., Tensor]
    formula: str
    reference: str
    arguments: dict[str, float | None] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    compiled: Callable[..., int] | None = None


def none(gradient_PN: Tensor) -> Tensor:
    """Leave every gradient as it is."""
    return torch.zeros(len(gradient_PN), dtype=torch.bool, device=gradient_PN.device)


def norm(gradient_PN: Tensor, threshold: float) -> Tensor:
    """Shorten each gradient whose Euclidean norm exceeds the threshold.

    g ← g·min(1, threshold / (‖g‖ + 1e-6)), as `torch.nn.utils.clip_grad_norm_`.
    Source: Pascanu, Mikolov & Bengio 2013, algorithm 1.
    """
    norm_P1: Tensor = torch.linalg.vector_norm(gradient_PN, dim=1, keepdim=True)
    factor_P1 = threshold / (norm_P1 + 1e-6)
    gradient_PN.mul_(factor_P1.clamp(max=1))
    return (factor_P1 < 1).squeeze(1)


def value(gradient_PN: Tensor, threshold: float) -> Tensor:
    """Clip each entry to [-threshold, threshold], as `torch.nn.utils.clip_grad_value_`.

    Source: Mikolov 2012, section 3.2.2.
    """
    # Two reductions: |g| > threshold would make full-size temporaries and take ten times as long.
    changed_P = (gradient_PN.amax(1) > threshold) | (gradient_PN.amin(1) < -threshold)
    gradient_PN.clamp_(-threshold, threshold)
    return changed_P


CLIPPING: dict[str, Clip] = {
    "none": Clip(none, formula="g", reference="the absence of clipping", compiled=loops.no_clip),
    "norm": Clip(
        norm,
        formula="g·min(1, threshold / (‖g‖ + 1e-6))",
        reference="Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks, ICML, "
        "algorithm 1",
        arguments={"threshold": None},
        bounds={"threshold": (1e-9, 1e9)},
        compiled=loops.norm_clip,
    ),
    "value": Clip(
        value,
        formula="min(threshold, max(-threshold, g)), entry by entry",
        reference="Mikolov 2012, Statistical language models based on neural networks, PhD thesis, Brno University of "
        "Technology",
        arguments={"threshold": None},
        bounds={"threshold": (1e-9, 1e9)},
        compiled=loops.value_clip,
    ),
}
