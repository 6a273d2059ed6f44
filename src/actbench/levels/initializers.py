"""Initialisers: the distribution of one layer's weights and biases at the start.

A layer computes h @ W + b, so W is (fan_in, fan_out). Every initialiser scales the same standard noise: the same
generator seed gives all normal ones the same `randn` and all uniform ones the same `rand`, and conditions are paired by
seed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from actbench.theory.gaussian import variance_preserving_gain
from actbench.theory.mean_field import Nonlinearity

Phi = Callable[[Tensor], Tensor]  # the activation that feeds the layer, float64 to float64


def zeros(generator: Generator, fan_in: int, fan_out: int) -> Tensor:
    """Return biases of zero, float32 (fan_out,)."""
    return torch.zeros(fan_out)


def no_variance(fan_in: int) -> float:
    """Return 0, the variance of biases that are zero."""
    return 0.0


@dataclass(frozen=True)
class Initializer:
    """One distribution of initial weights and biases.

    weight: (generator, fan_in, fan_out, phi, *arguments) -> float32 (fan_in, fan_out); phi is the activation whose
    output feeds the layer, None when the layer reads the data.
    bias: (generator, fan_in, fan_out) -> float32 (fan_out,).
    variance: (fan_in, fan_out, phi, *arguments) -> variance of one weight, for theory; phi on float64 arrays.
    bias_variance: fan_in -> variance of one bias.
    arguments: name -> default, None when it must be given. bounds: least and greatest value.
    """

    weight: Callable[..., Tensor]
    formula: str
    reference: str
    variance: Callable[..., float]
    bias: Callable[[Generator, int, int], Tensor] = zeros
    bias_variance: Callable[[int], float] = no_variance
    arguments: dict[str, float | None] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)


def _scaled_normal(generator: Generator, fan_in: int, fan_out: int, std: float) -> Tensor:
    return torch.randn(fan_in, fan_out, generator=generator) * std


def _scaled_uniform(generator: Generator, fan_in: int, fan_out: int, std: float) -> Tensor:
    bound = math.sqrt(3) * std
    return (2 * torch.rand(fan_in, fan_out, generator=generator) - 1) * bound


def xavier_uniform(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None) -> Tensor:
    """Draw weights with std² = 2 / (fan_in + fan_out). Source: Glorot & Bengio 2010, eq. 16."""
    return _scaled_uniform(generator, fan_in, fan_out, math.sqrt(2 / (fan_in + fan_out)))


def xavier_normal(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None) -> Tensor:
    """Draw weights with std² = 2 / (fan_in + fan_out). Source: Glorot & Bengio 2010, eq. 12."""
    return _scaled_normal(generator, fan_in, fan_out, math.sqrt(2 / (fan_in + fan_out)))


def he_uniform(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None) -> Tensor:
    """Draw weights with std² = 2 / fan_in. Source: He et al. 2015, eq. 10."""
    return _scaled_uniform(generator, fan_in, fan_out, math.sqrt(2 / fan_in))


def he_normal(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None) -> Tensor:
    """Draw weights with std² = 2 / fan_in. Source: He et al. 2015, eq. 10."""
    return _scaled_normal(generator, fan_in, fan_out, math.sqrt(2 / fan_in))


def lecun_normal(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None) -> Tensor:
    """Draw weights with std² = 1 / fan_in. Source: LeCun et al. 1998, eq. 16."""
    return _scaled_normal(generator, fan_in, fan_out, math.sqrt(1 / fan_in))


def orthogonal(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None) -> Tensor:
    """Draw a matrix with orthonormal rows or columns, uniformly (Haar measure).

    Q of the QR decomposition of normal noise, its columns signed so that R has a positive diagonal; in float64, because
    the rounding of a float32 decomposition differs between machines.
    Source: Saxe, McClelland & Ganguli 2014, section 3; Mezzadri 2007, section 5 (the signs).
    """
    noise = torch.randn(fan_in, fan_out, generator=generator).double()
    tall = noise if fan_in >= fan_out else noise.T
    q, r = torch.linalg.qr(tall)
    q = torch.where(r.diagonal() < 0, -q, q)
    return (q if fan_in >= fan_out else q.T).float().contiguous()


def torch_default(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None) -> Tensor:
    """Draw weights uniform in ±1/√fan_in, as `torch.nn.Linear` does."""
    return _scaled_uniform(generator, fan_in, fan_out, math.sqrt(1 / (3 * fan_in)))


def torch_default_bias(generator: Generator, fan_in: int, fan_out: int) -> Tensor:
    """Draw biases uniform in ±1/√fan_in, as `torch.nn.Linear` does."""
    return (2 * torch.rand(fan_out, generator=generator) - 1) / math.sqrt(fan_in)


def variance_preserving(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None) -> Tensor:
    """Draw weights that keep the mean square of the pre-activations.

    std² = 1 / (fan_in·E[φ(z)²]), z standard normal, φ the activation that feeds the layer (integrated, not sampled).
    Raises ValueError when φ is zero or not finite. Source: Poole et al. 2016, eq. 3.
    """
    gain = 1.0 if phi is None else _gain(phi)
    return _scaled_normal(generator, fan_in, fan_out, gain / math.sqrt(fan_in))


def _gain(phi: Phi) -> float:
    with torch.no_grad():
        return variance_preserving_gain(lambda z: phi(torch.from_numpy(z)).numpy())


def normal(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None, std: float) -> Tensor:
    """Draw weights with a fixed std, whatever the fans: for deliberately bad scales."""
    return _scaled_normal(generator, fan_in, fan_out, std)


def xavier_variance(fan_in: int, fan_out: int, phi: Nonlinearity | None) -> float:
    """Return 2 / (fan_in + fan_out)."""
    return 2 / (fan_in + fan_out)


def he_variance(fan_in: int, fan_out: int, phi: Nonlinearity | None) -> float:
    """Return 2 / fan_in."""
    return 2 / fan_in


def lecun_variance(fan_in: int, fan_out: int, phi: Nonlinearity | None) -> float:
    """Return 1 / fan_in."""
    return 1 / fan_in


def orthogonal_variance(fan_in: int, fan_out: int, phi: Nonlinearity | None) -> float:
    """Return 1 / max(fan_in, fan_out): the shorter side's vectors have length 1."""
    return 1 / max(fan_in, fan_out)


def torch_default_variance(fan_in: int, fan_out: int, phi: Nonlinearity | None) -> float:
    """Return 1 / (3·fan_in)."""
    return 1 / (3 * fan_in)


def torch_default_bias_variance(fan_in: int) -> float:
    """Return 1 / (3·fan_in)."""
    return 1 / (3 * fan_in)


def preserved_variance(fan_in: int, fan_out: int, phi: Nonlinearity | None) -> float:
    """Return 1 / (fan_in·E[φ(z)²]); without φ, 1 / fan_in."""
    return (1 if phi is None else variance_preserving_gain(phi.function, phi.kinks) ** 2) / fan_in


def normal_variance(fan_in: int, fan_out: int, phi: Nonlinearity | None, std: float) -> float:
    """Return std²."""
    return std**2


INITIALIZERS: dict[str, Initializer] = {
    "xavier_uniform": Initializer(
        xavier_uniform,
        formula="W ~ U(-a, a), a = √(6 / (fan_in + fan_out)); b = 0",
        variance=xavier_variance,
        reference="Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, "
        "AISTATS, eq. 16",
    ),
    "xavier_normal": Initializer(
        xavier_normal,
        formula="W ~ N(0, 2 / (fan_in + fan_out)); b = 0",
        variance=xavier_variance,
        reference="Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, "
        "AISTATS, eq. 12",
    ),
    "he_uniform": Initializer(
        he_uniform,
        formula="W ~ U(-a, a), a = √(6 / fan_in); b = 0",
        variance=he_variance,
        reference="He, Zhang, Ren & Sun 2015, Delving deep into rectifiers, ICCV, eq. 10",
    ),
    "he_normal": Initializer(
        he_normal,
        formula="W ~ N(0, 2 / fan_in); b = 0",
        variance=he_variance,
        reference="He, Zhang, Ren & Sun 2015, Delving deep into rectifiers, ICCV, eq. 10",
    ),
    "lecun_normal": Initializer(
        lecun_normal,
        formula="W ~ N(0, 1 / fan_in); b = 0",
        variance=lecun_variance,
        reference="LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, eq. 16",
    ),
    "orthogonal": Initializer(
        orthogonal,
        formula="W uniform among matrices with orthonormal rows or columns; b = 0",
        variance=orthogonal_variance,
        reference="Saxe, McClelland & Ganguli 2014, Exact solutions to the nonlinear dynamics of learning in deep "
        "linear neural networks, ICLR",
    ),
    "torch_default": Initializer(
        torch_default,
        formula="W, b ~ U(-a, a), a = 1 / √fan_in",
        variance=torch_default_variance,
        reference="Paszke et al. 2019, PyTorch, NeurIPS: torch.nn.Linear.reset_parameters",
        bias=torch_default_bias,
        bias_variance=torch_default_bias_variance,
    ),
    "variance_preserving": Initializer(
        variance_preserving,
        formula="W ~ N(0, 1 / (fan_in·E[φ(z)²])), z ~ N(0, 1), E[φ(z)²] = 1 for the data; b = 0",
        variance=preserved_variance,
        reference="Poole, Lahiri, Raghu, Sohl-Dickstein & Ganguli 2016, Exponential expressivity in deep neural "
        "networks through transient chaos, NeurIPS, eq. 3",
    ),
    "normal": Initializer(
        normal,
        formula="W ~ N(0, std²); b = 0",
        variance=normal_variance,
        reference="Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural "
        "networks, NeurIPS, section 5 (std 0.01)",
        arguments={"std": None},
        bounds={"std": (0.0, 1e6)},
    ),
}
