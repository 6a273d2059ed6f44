"""What the diagnostics compute: one number a model from what a pass on the probe left behind.

A number that does not exist (a ratio to nothing) is NaN.

Letters: P models of a stack, B examples, I rows and O columns of a weight, D units of the layer, N numbers of a model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from actbench.levels import spectra
from actbench.levels.family import LayerTrace
from actbench.levels.saturation import below_steepest, saturated


@dataclass(frozen=True)
class Layer:
    """One layer of every model: its weight, the weight's gradient and last update, and what a pass left behind.

    dead_PD: hidden units without gradient on every training example, now and at the recorded moment before. What a
    moment does not need, or does not have yet, is absent.
    """

    weight_PIO: Tensor
    gradient_PIO: Tensor
    trace: LayerTrace
    update_PIO: Tensor | None = None
    dead_PD: Tensor | None = None
    dead_before_PD: Tensor | None = None

    @property
    def z_PBD(self) -> Tensor:
        """Return the pre-activations; the logits at the output layer."""
        return self.trace.z_PBD

    @property
    def u_PBD(self) -> Tensor:
        """Return the activations of a hidden layer."""
        assert self.trace.u_PBD is not None
        return self.trace.u_PBD

    @cached_property
    def saturated_PBD(self) -> Tensor:
        """Tell whether each unit is saturated for each example."""
        return saturated(self.trace)

    @cached_property
    def low_PBD(self) -> Tensor:
        """Tell whether each unit is saturated below the steepest place for each example."""
        return self.saturated_PBD & below_steepest(self.trace)


@dataclass(frozen=True)
class Whole:
    """A whole network: its flat gradient, the clipping rule, its last updates (newest first), its hidden layers."""

    gradient_PN: Tensor
    clip: Callable[[Tensor], Tensor]
    updates_PN: Sequence[Tensor]
    hidden: Sequence[Layer]


def _mean(x_PBD: Tensor) -> Tensor:
    return x_PBD.flatten(1).double().mean(1).float()


def _std(x_PBD: Tensor) -> Tensor:
    """Square in float64: no finite number overflows."""
    x_PN = x_PBD.flatten(1).double()
    return (x_PN - x_PN.mean(1, keepdim=True)).square().mean(1).sqrt().float()


def _share(is_PBD: Tensor) -> Tensor:
    """Count in float32, exact here and several times as fast as over truth values."""
    return is_PBD.flatten(1).to(torch.float32).mean(1)


def _norm(x: Tensor) -> Tensor:
    """Square in float64: a vanishing gradient of 1e-25 still has a norm."""
    norm_P: Tensor = torch.linalg.vector_norm(x.flatten(1), dim=1, dtype=torch.float64)
    return norm_P.to(x.dtype)


def _cosine(x_PN: Tensor, y_PN: Tensor) -> Tensor:
    """Return the cosine along the last axis, NaN where one of the two is 0."""
    x_PN, y_PN = x_PN.double(), y_PN.double()
    lengths = (x_PN.square().sum(-1) * y_PN.square().sum(-1)).sqrt()
    return _ratio((x_PN * y_PN).sum(-1), lengths).float()


def _ratio(part_P: Tensor, whole_P: Tensor) -> Tensor:
    return torch.where(whole_P > 0, part_P / whole_P, torch.nan)


def preactivation_mean(layer: Layer) -> Tensor:
    """Return the mean of z over examples and units, shape (P,)."""
    return _mean(layer.z_PBD)


def preactivation_std(layer: Layer) -> Tensor:
    """Return the standard deviation of z over examples and units, shape (P,)."""
    return _std(layer.z_PBD)


def preactivation_min(layer: Layer) -> Tensor:
    """Return the lowest z, shape (P,)."""
    return layer.z_PBD.flatten(1).amin(1)


def preactivation_max(layer: Layer) -> Tensor:
    """Return the highest z, shape (P,)."""
    return layer.z_PBD.flatten(1).amax(1)


def activation_mean(layer: Layer) -> Tensor:
    """Return the mean of the activations over examples and units, shape (P,)."""
    return _mean(layer.u_PBD)


def activation_std(layer: Layer) -> Tensor:
    """Return the standard deviation of the activations over examples and units, shape (P,)."""
    return _std(layer.u_PBD)


def activation_min(layer: Layer) -> Tensor:
    """Return the lowest activation, shape (P,)."""
    return layer.u_PBD.flatten(1).amin(1)


def activation_max(layer: Layer) -> Tensor:
    """Return the highest activation, shape (P,)."""
    return layer.u_PBD.flatten(1).amax(1)


def zero_centredness(layer: Layer) -> Tensor:
    """Return |mean| / standard deviation of the activations, shape (P,); NaN where they do not vary."""
    return _ratio(_mean(layer.u_PBD).abs(), _std(layer.u_PBD))


def zero_fraction(layer: Layer) -> Tensor:
    """Return the share of activations that are exactly zero, shape (P,)."""
    return _share(layer.u_PBD == 0)


def saturated_fraction(layer: Layer) -> Tensor:
    """Return the share of saturated pairs of unit and example, shape (P,)."""
    return _share(layer.saturated_PBD)


def saturated_low(layer: Layer) -> Tensor:
    """Return the share saturated below the steepest place, shape (P,)."""
    return _share(layer.low_PBD)


def saturated_high(layer: Layer) -> Tensor:
    """Return the share saturated above the steepest place, shape (P,)."""
    return _share(layer.saturated_PBD & ~layer.low_PBD)


def dead_fraction(layer: Layer) -> Tensor:
    """Return the share of units that no training example gives a gradient, shape (P,)."""
    assert layer.dead_PD is not None
    return _share(layer.dead_PD)


def still_dead_fraction(layer: Layer) -> Tensor:
    """Return the share of the units dead before that are dead now, shape (P,); NaN where none was."""
    assert layer.dead_PD is not None
    assert layer.dead_before_PD is not None
    both_PD = layer.dead_PD & layer.dead_before_PD
    return _ratio(both_PD.sum(1), layer.dead_before_PD.sum(1))


def gradient_norm(layer: Layer) -> Tensor:
    """Return the Euclidean norm of the weight's gradient, shape (P,)."""
    return _norm(layer.gradient_PIO)


def backward_norm(layer: Layer) -> Tensor:
    """Return the root of the sum over examples and units of (∂loss/∂z)², shape (P,)."""
    assert layer.trace.signal_PBD is not None
    return _norm(layer.trace.signal_PBD)


def sign_coherence(layer: Layer) -> Tensor:
    """Return the mean over units of the larger share of one sign in the unit's weight gradient, shape (P,).

    Entries that are 0 do not count, nor do units whose whole gradient is 0; NaN where no unit is left.
    """
    positive_PO = (layer.gradient_PIO > 0).to(torch.float32).sum(1)
    negative_PO = (layer.gradient_PIO < 0).to(torch.float32).sum(1)
    present_PO = positive_PO + negative_PO
    share_PO = torch.maximum(positive_PO, negative_PO) / present_PO.clamp(min=1)
    return _ratio(share_PO.sum(1), (present_PO > 0).sum(1))


def update_ratio(layer: Layer) -> Tensor:
    """Return ‖ΔW‖ / ‖W‖ of the last update, W being the weight after it, shape (P,)."""
    assert layer.update_PIO is not None
    return _ratio(_norm(layer.update_PIO), _norm(layer.weight_PIO))


def weight_norm(layer: Layer) -> Tensor:
    """Return the Frobenius norm of the weight, shape (P,)."""
    return _norm(layer.weight_PIO)


def spectral_norm(layer: Layer) -> Tensor:
    """Return the largest singular value of the weight, shape (P,)."""
    return spectra.spectral_norm(layer.weight_PIO)


def effective_rank(layer: Layer) -> Tensor:
    """Return the participation ratio of the activations' covariance, shape (P,)."""
    return spectra.effective_rank(layer.u_PBD)


def input_correlation(layer: Layer) -> Tensor:
    """Return the mean cosine of z between examples 1 and 2, 3 and 4, …, shape (P,); NaN where z is 0."""
    pairs = layer.z_PBD.shape[1] // 2 * 2
    return _cosine(layer.z_PBD[:, 0:pairs:2].contiguous(), layer.z_PBD[:, 1:pairs:2].contiguous()).mean(1)


def global_gradient_norm(whole: Whole) -> Tensor:
    """Return the Euclidean norm of the gradient of all parameters, shape (P,)."""
    return _norm(whole.gradient_PN)


def gradient_ratio(whole: Whole) -> Tensor:
    """Return the weight gradient norm of the first over that of the last hidden layer, shape (P,)."""
    return _ratio(gradient_norm(whole.hidden[0]), gradient_norm(whole.hidden[-1]))


def backward_ratio(whole: Whole) -> Tensor:
    """Return the norm of ∂loss/∂z in the first over that in the last hidden layer, shape (P,)."""
    return _ratio(backward_norm(whole.hidden[0]), backward_norm(whole.hidden[-1]))


def clip_coefficient(whole: Whole) -> Tensor:
    """Return the norm that the clipping rule leaves over the norm it finds, shape (P,)."""
    return _ratio(_norm(whole.clip(whole.gradient_PN)), _norm(whole.gradient_PN))


def update_cosine(whole: Whole) -> Tensor:
    """Return the cosine between the last two updates of all parameters, shape (P,)."""
    last_PN, before_PN = whole.updates_PN
    return _cosine(last_PN, before_PN)
