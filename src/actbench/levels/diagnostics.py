"""Diagnostics: what is recorded inside a network while it trains, one number a model and layer. `measures` computes.

A forward and backward pass on the probe (the first training examples), in training mode, leaves behind what they need.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from actbench.levels import measures


@dataclass(frozen=True)
class Diagnostic:
    """One recorded quantity.

    measure: (Layer) -> (P,), or (Whole) -> (P,) where `where` is `network`.
    where: `hidden` layers, `weights` (hidden and output), or `network` (layer 0).
    when: `always` (every evaluation) or `few` (the first, the middle one and the last).
    after: updates that must have been made before.
    on: `probe`, or `train`: the whole training split.
    """

    measure: Callable[..., Tensor]
    where: str
    formula: str
    unit: str
    meaning: str
    reference: str
    when: str = "always"
    after: int = 0
    on: str = "probe"


DIAGNOSTICS: dict[str, Diagnostic] = {
    "preactivation_mean": Diagnostic(
        measures.preactivation_mean,
        where="hidden",
        formula="mean over examples b and units d of z",
        unit="",
        meaning="centre of what the activation sees; far from 0 it works on one side only",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, section 3",
        when="few",
    ),
    "preactivation_std": Diagnostic(
        measures.preactivation_std,
        where="hidden",
        formula="square root of the mean over b and d of (z - mean)²",
        unit="",
        meaning="strength of the forward signal, whose square mean-field theory predicts",
        reference="Poole, Lahiri, Raghu, Sohl-Dickstein & Ganguli (2016), Exponential expressivity in deep neural "
        "networks through transient chaos, eq. 3",
        when="few",
    ),
    "preactivation_min": Diagnostic(
        measures.preactivation_min,
        where="hidden",
        formula="lowest z over b and d",
        unit="",
        meaning="how far the lowest unit is pushed into the flat side",
        reference="LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, section 4.4",
        when="few",
    ),
    "preactivation_max": Diagnostic(
        measures.preactivation_max,
        where="hidden",
        formula="highest z over b and d",
        unit="",
        meaning="how far the highest unit is pushed",
        reference="LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, section 4.4",
        when="few",
    ),
    "activation_mean": Diagnostic(
        measures.activation_mean,
        where="hidden",
        formula="mean over examples b and units d of u",
        unit="",
        meaning="centre of the activations; zero-centred activations keep it near 0",
        reference="LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, section 4.3",
    ),
    "activation_std": Diagnostic(
        measures.activation_std,
        where="hidden",
        formula="square root of the mean over b and d of (u - mean)²",
        unit="",
        meaning="strength of the signal; it shrinks or grows with depth when the init does not fit",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, figure 6",
    ),
    "activation_min": Diagnostic(
        measures.activation_min,
        where="hidden",
        formula="lowest u over b and d",
        unit="",
        meaning="lowest answer of any unit",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, section 3",
        when="few",
    ),
    "activation_max": Diagnostic(
        measures.activation_max,
        where="hidden",
        formula="highest u over b and d",
        unit="",
        meaning="highest answer of any unit; activations that blow up show here first",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, section 3",
        when="few",
    ),
    "zero_centredness": Diagnostic(
        measures.zero_centredness,
        where="hidden",
        formula="|mean| / std of u over b and d; none if u does not vary",
        unit="",
        meaning="how far from zero-centred: 0 is centred, sigmoid has 2 and more",
        reference="LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, section 4.3",
        when="few",
    ),
    "zero_fraction": Diagnostic(
        measures.zero_fraction,
        where="hidden",
        formula="share of u = 0 over b and d",
        unit="fraction",
        meaning="how sparse the layer is; 1 means that no unit answers to any example",
        reference="Glorot, Bordes & Bengio (2011), Deep sparse rectifier networks, section 4",
    ),
    "saturated_fraction": Diagnostic(
        measures.saturated_fraction,
        where="hidden",
        formula="share of |φ′(z)| < 0.05·max|φ′| over b and d",
        unit="fraction",
        meaning="how much of the layer hardly passes a gradient, one definition for every activation",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, section 3; Rakitianskaia & Engelbrecht (2015), Measuring saturation in neural networks",
    ),
    "saturated_low": Diagnostic(
        measures.saturated_low,
        where="hidden",
        formula="share of |φ′(z)| < 0.05·max|φ′| with z below the lowest place of max|φ′|",
        unit="fraction",
        meaning="the part of saturated_fraction on the low side: the zero side of ReLU, the lower end of sigmoid",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, section 3",
        when="few",
    ),
    "saturated_high": Diagnostic(
        measures.saturated_high,
        where="hidden",
        formula="share of |φ′(z)| < 0.05·max|φ′| with z above the lowest place of max|φ′|",
        unit="fraction",
        meaning="the part of saturated_fraction on the high side",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, section 3",
        when="few",
    ),
    "dead_fraction": Diagnostic(
        measures.dead_fraction,
        where="hidden",
        formula="share of units d with |φ′(z)| < 1e-35 for every example of the training split, normalised in parts "
        "of the probe's size",
        unit="fraction",
        meaning="units that no training example can change any more",
        reference="Lu, Shin, Su & Karniadakis (2020), Dying ReLU and initialization",
        when="few",
        on="train",
    ),
    "still_dead_fraction": Diagnostic(
        measures.still_dead_fraction,
        where="hidden",
        formula="share now dead of the units dead at the recorded moment before; none if none was dead",
        unit="fraction",
        meaning="1: what is dead stays dead; below 1: units come back",
        reference="Lu, Shin, Su & Karniadakis (2020), Dying ReLU and initialization",
        when="few",
        after=1,
        on="train",
    ),
    "gradient_norm": Diagnostic(
        measures.gradient_norm,
        where="weights",
        formula="‖∂loss/∂W‖₂ of the layer's weight, mean loss over the probe",
        unit="",
        meaning="size of the learning signal that reaches the layer",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, figure 7",
    ),
    "backward_norm": Diagnostic(
        measures.backward_norm,
        where="weights",
        formula="‖∂loss/∂z‖₂ over b and d, mean loss over the probe",
        unit="",
        meaning="size of the backward signal before it meets the layer's input, as theory predicts it",
        reference="Schoenholz, Gilmer, Ganguli & Sohl-Dickstein (2017), Deep information propagation, section 4",
    ),
    "sign_coherence": Diagnostic(
        measures.sign_coherence,
        where="weights",
        formula="mean over units d of max(n₊, n₋) / (n₊ + n₋), n± the positive and negative entries of column d of "
        "∂loss/∂W; none if all are 0",
        unit="fraction",
        meaning="1: all incoming weights of a unit must move the same way, which makes steps zig-zag; near 0.5: free",
        reference="LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, section 4.3",
        when="few",
    ),
    "update_ratio": Diagnostic(
        measures.update_ratio,
        where="weights",
        formula="‖ΔW‖₂ / ‖W‖₂, ΔW the last update before the moment and W the weight after it",
        unit="",
        meaning="relative speed of the layer",
        reference="You, Gitman & Ginsburg (2017), Large batch training of convolutional networks, section 4",
        when="few",
        after=1,
    ),
    "weight_norm": Diagnostic(
        measures.weight_norm,
        where="weights",
        formula="‖W‖₂ over all entries (Frobenius)",
        unit="",
        meaning="size of the weights; growth under a large rate shows here",
        reference="You, Gitman & Ginsburg (2017), Large batch training of convolutional networks, section 4",
        when="few",
    ),
    "spectral_norm": Diagnostic(
        measures.spectral_norm,
        where="weights",
        formula="largest singular value of W, by 10 squarings of its Gram matrix, within 0.1 %",
        unit="",
        meaning="largest factor by which the linear map stretches a signal; products above 1 may explode",
        reference="Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, "
        "section 2.1",
        when="few",
    ),
    "effective_rank": Diagnostic(
        measures.effective_rank,
        where="hidden",
        formula="tr(C)² / tr(C²), C the covariance of the units over the probe; none if nothing varies",
        unit="dimensions",
        meaning="directions that carry the activations; near 1 the representation has collapsed",
        reference="Gao, Trautmann, Yu, Santhanam, Ryu, Shenoy & Ganguli (2017), A theory of multineuronal "
        "dimensionality, dynamics and measurement",
        when="few",
    ),
    "input_correlation": Diagnostic(
        measures.input_correlation,
        where="hidden",
        formula="mean over pairs of examples (1, 2), (3, 4), … of z·z′ / (‖z‖ ‖z′‖)",
        unit="",
        meaning="how alike the layer sees two inputs; 1 in the ordered phase, where depth forgets the input",
        reference="Poole, Lahiri, Raghu, Sohl-Dickstein & Ganguli (2016), eq. 5",
        when="few",
    ),
    "global_gradient_norm": Diagnostic(
        measures.global_gradient_norm,
        where="network",
        formula="‖∂loss/∂θ‖₂ over all parameters, before clipping, mean loss over the probe",
        unit="",
        meaning="what norm clipping compares with its threshold",
        reference="Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, "
        "algorithm 1",
    ),
    "gradient_ratio": Diagnostic(
        measures.gradient_ratio,
        where="network",
        formula="gradient_norm of the first over that of the last hidden layer; none if nothing arrives at the last",
        unit="",
        meaning="below 1 the gradient vanishes on its way to the input, above 1 it explodes",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, figure 7",
    ),
    "backward_ratio": Diagnostic(
        measures.backward_ratio,
        where="network",
        formula="backward_norm of the first over that of the last hidden layer; none if nothing arrives at the last",
        unit="",
        meaning="the same of the backward signal, free of the size of the layers' inputs",
        reference="Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural "
        "networks, section 4.2.1",
    ),
    "clip_coefficient": Diagnostic(
        measures.clip_coefficient,
        where="network",
        formula="‖g after the run's clipping rule‖₂ / ‖g‖₂, g = ∂loss/∂θ on the probe; none if g = 0",
        unit="fraction",
        meaning="1: clipping leaves the gradient alone; below: it shortens it so much",
        reference="Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, "
        "algorithm 1",
    ),
    "update_cosine": Diagnostic(
        measures.update_cosine,
        where="network",
        formula="cosine between the last two updates of θ before the moment, momentum and clipping included",
        unit="",
        meaning="1: straight on; below 0: the steps zig-zag",
        reference="LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, section 4.3",
        after=2,
    ),
}
