"""Spectra of many small matrices by matrix products alone, so that a matrix has the same result in any stack.

Letters: P models, I rows, O columns, B examples, D units, G the shorter side of a matrix.
"""

import torch
from torch import Tensor

SQUARINGS = 10  # the 2¹⁰ = 1024th power of the Gram matrix


def gram(weight_PIO: Tensor) -> Tensor:
    """Return W Wᵀ or WᵀW, whichever is smaller, (P, G, G): its eigenvalues are the squared singular values."""
    weight_PIO = weight_PIO.contiguous()
    transposed_POI = weight_PIO.transpose(1, 2)
    rows, columns = weight_PIO.shape[1:]
    return torch.bmm(weight_PIO, transposed_POI) if rows < columns else torch.bmm(transposed_POI, weight_PIO)


def spectral_norm(weight_PIO: Tensor) -> Tensor:
    """Return the largest singular value of each matrix, shape (P,), within 0.1 %, and 0 for a matrix of zeros.

    Power iteration by squaring: A ← A² / tr(A²) from A = G / tr(G), G the Gram matrix; then σ² = tr(G A) / tr(A), the
    mean of the eigenvalues weighted by their 1024th power. Source: Golub & Van Loan 2013, Matrix computations, section
    8.2.1; Friedland 1991, Revisiting matrix squaring.
    """
    largest_P11 = weight_PIO.abs().amax((1, 2), keepdim=True)  # divided out, so that no square overflows
    gram_PGG = gram(weight_PIO / torch.where(largest_P11 > 0, largest_P11, 1))
    scale_P11 = trace(gram_PGG)[:, None, None]
    unit_PGG = gram_PGG / torch.where(scale_P11 > 0, scale_P11, 1)
    power_PGG = unit_PGG
    for _ in range(SQUARINGS):
        power_PGG = torch.bmm(power_PGG, power_PGG)
        total_P11 = trace(power_PGG)[:, None, None]
        power_PGG = power_PGG / torch.where(total_P11 > 0, total_P11, 1)
    largest_P = (unit_PGG * power_PGG).flatten(1).sum(1)  # tr(A) = 1
    return (largest_P * scale_P11[:, 0, 0]).sqrt() * largest_P11[:, 0, 0]


def effective_rank(u_PBD: Tensor) -> Tensor:
    """Return the participation ratio of the units' covariance, shape (P,); NaN where no unit varies.

    tr(C)² / tr(C²): the number of directions that carry the variance, 1 … D. Source: Gao et al. 2017, A theory of
    multineuronal dimensionality, dynamics and measurement, bioRxiv 214262; Roy & Vetterli 2007,
    The effective rank, EUSIPCO, for the idea.
    """
    unit_PBD = u_PBD / u_PBD.abs().amax((1, 2), keepdim=True)  # so that no sum or square overflows
    centred_PBD = unit_PBD - unit_PBD.mean(1, keepdim=True)
    covariance_PDD = torch.bmm(centred_PBD.transpose(1, 2), centred_PBD)
    total_P = trace(covariance_PDD)
    share_PDD = covariance_PDD / total_P[:, None, None]  # first, so that no square vanishes
    return 1 / share_PDD.square().flatten(1).sum(1)


def trace(square_PGG: Tensor) -> Tensor:
    """Return the sum of the diagonal of each matrix, shape (P,)."""
    return square_PGG.diagonal(dim1=1, dim2=2).contiguous().sum(1)
