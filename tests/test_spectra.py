"""Spectra by matrix products equal those of torch.linalg."""

import pytest
import torch

from actbench.levels.spectra import effective_rank, spectral_norm


@pytest.mark.parametrize("shape", [(1, 1), (40, 64), (64, 64), (64, 10), (128, 128)])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_the_spectral_norm_is_the_largest_singular_value(shape: tuple[int, int], scale: float) -> None:
    """Random, orthogonal-like and rank-one matrices agree within 0.1 % over many scales."""
    noise = torch.Generator().manual_seed(0)
    random = torch.randn(2, *shape, generator=noise)
    column, row = torch.randn(shape[0], 1, generator=noise), torch.randn(1, shape[1], generator=noise)
    weight = torch.cat([random, torch.eye(*shape)[None], (column @ row)[None]]) * scale
    expected = torch.linalg.matrix_norm(weight, 2)
    assert spectral_norm(weight).tolist() == pytest.approx(expected.tolist(), rel=1e-3)


def test_a_matrix_of_zeros_has_norm_0() -> None:
    """Nothing is divided by nothing, and a neighbour keeps its own value."""
    weight = torch.stack([torch.zeros(4, 4), torch.eye(4)])
    assert spectral_norm(weight).tolist() == pytest.approx([0.0, 1.0])


def test_the_effective_rank_counts_directions() -> None:
    """K equally strong directions have rank k, unequal ones less; scale and offset do not matter."""
    noise = torch.Generator().manual_seed(1)
    for rank in (1, 3, 8):
        basis, _ = torch.linalg.qr(torch.randn(64, rank, generator=noise))
        centred = basis - basis.mean(0)
        whitened = torch.linalg.qr(centred)[0]
        directions, _ = torch.linalg.qr(torch.randn(16, rank, generator=noise))
        u = (whitened @ directions.T)[None]
        assert effective_rank(1e-4 * u + 5e-5).item() == pytest.approx(rank, rel=1e-2)
        assert effective_rank(1e5 * u).item() == pytest.approx(rank, rel=1e-3)
    uneven = torch.randn(64, 16, generator=noise) * torch.linspace(0.1, 2, 16)
    eigenvalues = torch.linalg.eigvalsh(torch.cov(uneven.T))
    assert effective_rank(uneven[None]).item() == pytest.approx(
        (eigenvalues.sum() ** 2 / eigenvalues.square().sum()).item(), rel=1e-3
    )


def test_constant_activations_have_no_rank() -> None:
    """Where nothing varies there is no such number."""
    assert effective_rank(torch.ones(1, 32, 4)).isnan().all()
