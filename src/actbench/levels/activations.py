"""Activation functions: one entry each, with its derivative.

Letters: P models, B batch, D width. All functions are elementwise and take any shape.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from actbench.levels import activation_scalars as scalar
from actbench.levels.activation_scalars import Scalar
from actbench.levels.learned_slope import prelu

SELU_SCALE = 1.0507009873554804934  # λ and α: the fixed point with mean 0 and variance 1
SELU_ALPHA = 1.6732632423543772848


@dataclass(frozen=True)
class Activation:
    """One activation function.

    function, derivative: (z, *arguments, *learned tensors) -> tensor of z's shape and dtype. The derivative is a closed
    form for figures and theory; training differentiates `function`.
    arguments: name -> default of the numbers written in a config, e.g. `leaky_relu(0.2)`.
    bounds: name -> least and greatest value of an argument.
    learned: name -> initial value of a parameter that each layer trains, given as a tensor that broadcasts, (P, 1, 1).
    kinks: points where the derivative does not exist (for some value of the arguments).
    compiled: the same on one number, for the compiled engine; without it, autograd trains the activation.
    """

    function: Callable[..., Tensor]
    derivative: Callable[..., Tensor]
    formula: str
    reference: str
    arguments: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    learned: dict[str, float] = field(default_factory=dict)
    kinks: tuple[float, ...] = ()
    compiled: Scalar | None = None


def identity(z: Tensor) -> Tensor:
    """Return z itself."""
    return z


def rescaled_sigmoid(z: Tensor) -> Tensor:
    """Return 2·σ(2z) - 1, which is tanh z in exact arithmetic: a control for comparisons of sigmoid with tanh.

    As n / (n + 2) with n = exp(2z) - 1, which does not cancel near 0; beyond z = 20 it is 1 to the last bit.
    """
    n = torch.expm1(2 * z.clamp(max=20))
    return n / (n + 2)


def shifted_sigmoid(z: Tensor) -> Tensor:
    """Return σ(z) - 1/2, the sigmoid centred on zero, as tanh(z/2)/2, which does not cancel near 0."""
    return torch.tanh(z / 2) / 2


def _mish_weight(z: Tensor) -> tuple[Tensor, Tensor]:
    """Return s = σ(z) and tanh(ln(1 + eᶻ)) = t / (2 - t), t = s·(2 - s): one cheap sigmoid, precise for all z."""
    s = torch.sigmoid(z)
    t = s * (2 - s)
    return s, t / (2 - t)


class _Mish(torch.autograd.Function):
    """z·w with its derivative in closed form: w + z·s·((1 - s)·(1 + w))²."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return z * _mish_weight(z)[1]

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return g * _mish_derivative(z)


def mish(z: Tensor) -> Tensor:
    """Return z·tanh(softplus(z)), twice as fast as torch's own on a CPU. Source: Misra 2020."""
    result: Tensor = _Mish.apply(z)  # type: ignore[no-untyped-call]
    return result


def _identity_derivative(z: Tensor) -> Tensor:
    return torch.ones_like(z)


def _rescaled_sigmoid_derivative(z: Tensor) -> Tensor:
    s = torch.sigmoid(2 * z)
    return 4 * s * (1 - s)


def _sigmoid_derivative(z: Tensor) -> Tensor:
    return torch.sigmoid(z) * torch.sigmoid(-z)


def _tanh_derivative(z: Tensor) -> Tensor:
    return 1 - torch.tanh(z) ** 2


def _relu_derivative(z: Tensor) -> Tensor:
    """Return 1 where z > 0, else 0; six times as fast as turning truth values into numbers."""
    step: Tensor = torch.ops.aten.threshold_backward(torch.ones_like(z), z, 0)
    return step


def _leaky_derivative(z: Tensor, slope: float | Tensor) -> Tensor:
    positive = _relu_derivative(z)
    return positive + (1 - positive) * slope


def _elu_derivative(z: Tensor, alpha: float) -> Tensor:
    positive = _relu_derivative(z)
    return positive + (1 - positive) * alpha * torch.exp(z.clamp(max=0))


def _selu_derivative(z: Tensor) -> Tensor:
    return SELU_SCALE * _elu_derivative(z, SELU_ALPHA)


def _gelu_derivative(z: Tensor) -> Tensor:
    density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    cumulative: Tensor = torch.special.ndtr(z)
    return cumulative + z * density


def _silu_derivative(z: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 + z * (1 - s))


def _mish_derivative(z: Tensor) -> Tensor:
    s, w = _mish_weight(z)
    root = (1 - s) * (1 + w)
    return torch.addcmul(w, z * s, root * root)


def _softsign_derivative(z: Tensor) -> Tensor:
    return (1 + z.abs()) ** -2


def _hardtanh_derivative(z: Tensor) -> Tensor:
    return (z.abs() < 1).to(z.dtype)


def _hard_swish_derivative(z: Tensor) -> Tensor:
    return torch.where(z.abs() < 3, z / 3 + 0.5, (z > 0).to(z.dtype))


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(
        identity,
        _identity_derivative,
        formula="z",
        reference="Saxe, McClelland & Ganguli 2014, Exact solutions to the nonlinear dynamics of learning in deep "
        "linear neural networks, ICLR",
        compiled=scalar.IDENTITY,
    ),
    "sigmoid": Activation(
        torch.sigmoid,
        _sigmoid_derivative,
        formula="1 / (1 + exp(-z))",
        reference="Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors, Nature "
        "323, eq. 2",
        compiled=scalar.SIGMOID,
    ),
    "tanh": Activation(
        torch.tanh,
        _tanh_derivative,
        formula="(exp(z) - exp(-z)) / (exp(z) + exp(-z))",
        reference="LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.4",
        compiled=scalar.TANH,
    ),
    "relu": Activation(
        torch.relu,
        _relu_derivative,
        formula="max(0, z)",
        reference="Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines, ICML",
        kinks=(0.0,),
        compiled=scalar.RELU,
    ),
    "leaky_relu": Activation(
        F.leaky_relu,
        _leaky_derivative,
        formula="z if z > 0 else slope·z",
        reference="Maas, Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic models, ICML "
        "workshop",
        arguments={"slope": 0.01},
        bounds={"slope": (-1e3, 1e3)},
        kinks=(0.0,),
        compiled=scalar.SLOPED_RELU,
    ),
    "prelu": Activation(
        prelu,
        _leaky_derivative,
        formula="z if z > 0 else a·z, a learned in each layer",
        reference="He, Zhang, Ren & Sun 2015, Delving deep into rectifiers, ICCV, eq. 1",
        learned={"slope": 0.25},
        kinks=(0.0,),
        compiled=scalar.SLOPED_RELU,
    ),
    "elu": Activation(
        F.elu,
        _elu_derivative,
        formula="z if z > 0 else alpha·(exp(z) - 1)",
        reference="Clevert, Unterthiner & Hochreiter 2016, Fast and accurate deep network learning by exponential "
        "linear units (ELUs), ICLR",
        arguments={"alpha": 1.0},
        bounds={"alpha": (0.0, 1e3)},
        kinks=(0.0,),
        compiled=scalar.ELU,
    ),
    "selu": Activation(
        torch.selu,
        _selu_derivative,
        formula="λ·(z if z > 0 else α·(exp(z) - 1)), λ = 1.0507, α = 1.6733",
        reference="Klambauer, Unterthiner, Mayr & Hochreiter 2017, Self-normalizing neural networks, NeurIPS, eq. 2",
        kinks=(0.0,),
        compiled=scalar.SELU,
    ),
    "gelu": Activation(
        F.gelu,
        _gelu_derivative,
        formula="z·(1 + erf(z/√2)) / 2",
        reference="Hendrycks & Gimpel 2016, Gaussian error linear units (GELUs), arXiv:1606.08415, section 2",
        compiled=scalar.GELU,
    ),
    "silu": Activation(
        F.silu,
        _silu_derivative,
        formula="z / (1 + exp(-z))",
        reference="Elfwing, Uchibe & Doya 2018, Sigmoid-weighted linear units for neural network function "
        "approximation in reinforcement learning, Neural Networks 107",
        compiled=scalar.SILU,
    ),
    "mish": Activation(
        mish,
        _mish_derivative,
        formula="z·tanh(ln(1 + exp(z)))",
        reference="Misra 2020, Mish: a self regularized non-monotonic activation function, BMVC",
        compiled=scalar.MISH,
    ),
    "softplus": Activation(
        F.softplus,
        torch.sigmoid,
        formula="ln(1 + exp(z))",
        reference="Dugas, Bengio, Bélisle, Nadeau & Garcia 2001, Incorporating second-order functional knowledge for "
        "better option pricing, NeurIPS 13",
        compiled=scalar.SOFTPLUS,
    ),
    "softsign": Activation(
        F.softsign,
        _softsign_derivative,
        formula="z / (1 + |z|)",
        reference="Bergstra, Desjardins, Lamblin & Bengio 2009, Quadratic polynomials learn better image features, "
        "Technical report 1337, Université de Montréal",
        compiled=scalar.SOFTSIGN,
    ),
    "hardtanh": Activation(
        F.hardtanh,
        _hardtanh_derivative,
        formula="min(1, max(-1, z))",
        reference="Collobert et al. 2011, Natural language processing (almost) from scratch, JMLR 12",
        kinks=(-1.0, 1.0),
        compiled=scalar.HARDTANH,
    ),
    "rescaled_sigmoid": Activation(
        rescaled_sigmoid,
        _rescaled_sigmoid_derivative,
        formula="2 / (1 + exp(-2z)) - 1",
        reference="LeCun, Bottou, Orr & Müller 1998, Efficient backprop, section 4.4, on tanh",
        compiled=scalar.RESCALED_SIGMOID,
    ),
    "shifted_sigmoid": Activation(
        shifted_sigmoid,
        _sigmoid_derivative,
        formula="1 / (1 + exp(-z)) - 1/2",
        reference="LeCun, Bottou, Orr & Müller 1998, Efficient backprop, section 4.4, on symmetry",
        compiled=scalar.SHIFTED_SIGMOID,
    ),
    "hard_swish": Activation(
        F.hardswish,
        _hard_swish_derivative,
        formula="z·min(6, max(0, z + 3)) / 6",
        reference="Howard et al. 2019, Searching for MobileNetV3, ICCV, section 5.2",
        kinks=(-3.0, 3.0),
        compiled=scalar.HARD_SWISH,
    ),
}
