"""One definition of saturation for every activation, from its derivative alone.

An activation saturates at z where |φ′(z)| is below a stated fraction of its largest |φ′|; it is saturated low or high
where z lies below or above the first place of that largest slope. ReLU's zero side and leaky ReLU's side of slope 0.01
are then saturated (low) as the flat sides of sigmoid are, and GELU is around its minimum too.

Letters: P models, B examples, D units, G points of the grid.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from actbench.levels.family import LayerTrace

SATURATED = 0.05  # of the largest |φ′|
NO_SLOPE = 1e-35  # a smaller |φ′| counts as 0: less than compiled exponentials, which stop at 1e-38, make of it
GRID_G = torch.linspace(-20, 20, 8001, dtype=torch.float64)  # every place of a largest slope lies there, 0 included

Derivative = Callable[[Tensor], Tensor]


def steepest(derivative: Derivative, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Return the largest |φ′(z)| and the lowest z where it is reached.

    Args:
        derivative: φ′ of z alone; tensors of learned parameters, shape (P, 1, 1), may hide in it.
        device: where those are.

    Returns:
        Two tensors that broadcast against z (P, B, D): shape (1,), or (P, 1, 1) for learned or mixed activations.
    """
    grid_G = _grid(device)
    largest, place = derivative(grid_G).abs().max(-1, keepdim=True)
    return largest, grid_G[place]


@cache
def _grid(device: torch.device | None) -> Tensor:
    return GRID_G.to(device)


def saturated(trace: LayerTrace) -> Tensor:
    """Tell for each unit of a hidden layer and each example whether it is saturated, (P, B, D).

    |φ′(z)| < SATURATED·max|φ′|. Source: Glorot & Bengio 2010, section 3, who watch the ends of the activation's range.
    """
    assert trace.derivative is not None
    largest, _ = steepest(trace.derivative, trace.z_PBD.device)
    return trace.slope_PBD.abs() < (SATURATED * largest).to(trace.z_PBD.dtype)


def below_steepest(trace: LayerTrace) -> Tensor:
    """Tell for each unit of a hidden layer and each example whether z lies below the place of max|φ′|, (P, B, D)."""
    assert trace.derivative is not None
    _, place = steepest(trace.derivative, trace.z_PBD.device)
    return trace.z_PBD < place.to(trace.z_PBD.dtype)
