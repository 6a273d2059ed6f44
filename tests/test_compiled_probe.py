"""The compiled probe finds what autograd through the readable forward pass finds, and what numpy finds in one layer."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from actbench.levels import diagnostic_loops as loops
from actbench.levels import measures, spectra
from actbench.levels.diagnostics import DIAGNOSTICS
from actbench.plan.design import Run
from actbench.training import loop, probe, state
from actbench.training.evaluate import score
from actbench.training.process import one_core
from exactness import looped
from test_twin import runs_of, tiny_dataset

DATA = tiny_dataset()
X, Y = torch.from_numpy(DATA.x_train), torch.from_numpy(DATA.y_train)
# Rounding alone; an iteration; and numbers that a subtraction or a threshold makes sensitive to rounding. One example
# of one unit (96 · 16) may lie on the other side of a threshold.
RTOL, ATOL = 2e-4, 2e-6
LOOSE = {"spectral_norm": (1e-3, 0), "sign_coherence": (1e-3, 2e-3), "update_cosine": (1e-3, 1e-4)}
LOOSE |= dict.fromkeys(("saturated_fraction", "saturated_low", "saturated_high"), (0, 1.01 / (96 * 16)))
# Torch rounds to 0 what these make 1e-9 (GELU) or 1e-38 of.
NOT_QUITE_ZERO = ("gelu", "softplus", "mish")


@pytest.fixture(autouse=True)
def _as_jobs_train() -> Iterator[None]:
    """Treat denormal numbers as a job does, and undo that for other tests."""
    one_core()
    yield
    torch.set_flush_denormal(False)


def probed(runs: Sequence[Run], by: object, steps: Sequence[int]) -> list[tuple[torch.Tensor, ...]]:
    """Return loss, accuracy and diagnostics at some steps; training is the compiled engine's, whoever probes."""
    training, found = state.start(runs, DATA), []
    for first, last in zip([0, *steps], steps, strict=False):
        loop._advance_watched(training, first, last)
        scale = training.batches.scale_P11
        scores, values_PK = by(training.stack, scale, X, Y, training.watch, last)
        found.append((*scores, values_PK))
    return found


def check(runs: Sequence[Run]) -> None:
    """Compare both probes at the start, in the middle and at the end."""
    keys = probe.diagnostic_keys(state.build_network(runs, DATA))
    steps = state.start(runs, DATA).watch.steps
    chosen = [steps[0], steps[len(steps) // 2], steps[-1]]
    ours, twins = (probed(runs, by, chosen) for by in (probe.probe, probe.probe_by_autograd))
    for (loss, right, values), (twin_loss, twin_right, twin_values) in zip(ours, twins, strict=True):
        torch.testing.assert_close(loss, twin_loss, rtol=1e-5, atol=1e-6)
        assert torch.equal(right, twin_right)
        for place, key in enumerate(keys):
            rtol, atol = LOOSE.get(key[1], (RTOL, ATOL))
            if key[1] == "zero_fraction" and runs[0].activation in NOT_QUITE_ZERO:
                assert (values[:, place] <= twin_values[:, place]).all()
                continue
            torch.testing.assert_close(
                values[:, place], twin_values[:, place], rtol=rtol, atol=atol, equal_nan=True,
                msg=lambda text, key=key: f"{key}: {text}",
            )  # fmt: skip


@pytest.mark.parametrize("activation", looped("activation"))
def test_every_activation_is_probed_as_by_autograd(activation: str) -> None:
    """All diagnostics agree for every activation, with inputs that kill and saturate units."""
    check(runs_of(activation=activation, bias_offset=-1.0))
    check(runs_of(activation=activation, input_scale=5.0, lr=0.01))


@pytest.mark.parametrize("norm", looped("norm"))
@pytest.mark.parametrize("residual", looped("residual"))
def test_every_structure_is_probed_as_by_autograd(norm: str, residual: str) -> None:
    """All diagnostics agree for every norm and skip, with a learned activation, at a width that is no vector's."""
    check(runs_of(activation="prelu", norm=norm, residual=residual, width=17))


@pytest.mark.parametrize("clip", looped("clip"))
@pytest.mark.parametrize("optimizer", looped("optimizer"))
def test_every_step_is_probed_as_by_autograd(clip: str, optimizer: str) -> None:
    """All diagnostics agree for every clipping rule and optimiser, in a network of one hidden layer."""
    check(runs_of(clip=clip, optimizer=optimizer, depth=1, lr=0.01))


def test_the_compiled_probe_measures_registered_diagnostics() -> None:
    """What has a loop is in the registry."""
    compiled = state.build_network(runs_of(), DATA).compiled
    assert compiled is not None
    assert set(compiled.measured) <= set(DIAGNOSTICS)


def test_a_diagnostic_without_a_loop_is_measured_by_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new entry of the registry is recorded with no compiled form, and changes no bit of the others."""
    runs = runs_of(activation="relu", bias_offset=-1.0)
    before = loop.train_stack(runs, DATA)
    for name in ("activation_mean", "still_dead_fraction", "clip_coefficient"):
        monkeypatch.setitem(DIAGNOSTICS, f"my_{name}", DIAGNOSTICS[name])
    record = loop.train_stack(runs, DATA)
    for place, (layer, name) in enumerate(record.keys):
        known = before.layers_PEK[..., before.keys.index((layer, name.removeprefix("my_")))]
        if name.startswith("my_"):
            np.testing.assert_allclose(record.layers_PEK[..., place], known, rtol=1e-4, atol=1e-6)
        else:
            np.testing.assert_array_equal(record.layers_PEK[..., place], known)
    assert len(record.keys) == len(before.keys) + 3 + 3 + 1, "two of three hidden layers, one of the network"


def test_dead_units_are_looked_for_where_autograd_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Part by part, the last one reaching back, both find the same dead units; fewer than on the probe alone."""
    monkeypatch.setattr(probe, "PROBE", 36)
    runs = runs_of(activation="relu", bias_offset=-1.5)
    check(runs)
    check(runs_of(activation="relu", bias_offset=-1.5, norm="layernorm"))
    place = probe.diagnostic_keys(state.build_network(runs, DATA)).index((1, "dead_fraction"))
    on_probe = lambda stack, scale, x, y, *rest: probe.probe(stack, scale, x[:36], y[:36], *rest)  # noqa: E731
    (*_, some), (*_, every) = (probed(runs, by, [0])[0] for by in (on_probe, probe.probe))
    assert (some[:, place] > every[:, place]).any()


@pytest.mark.parametrize("norm", ["none", "layernorm", "batchnorm"])
def test_the_last_search_for_dead_units_scores_in_passing(norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit as scoring alone does, and only where no batch is normalised; who leaves takes its scores along."""
    monkeypatch.setattr(probe, "PROBE", 36)
    training = state.start(runs_of(activation="relu", bias_offset=-1.5, norm=norm), DATA)
    scale, steps = training.batches.scale_P11, training.watch.steps
    for first, last in zip((0, *steps), steps, strict=False):
        assert training.watch.on_train is None
        loop._advance_watched(training, first, last)
        probe.probe(training.stack, scale, X, Y, training.watch, last)
    if norm == "batchnorm":
        assert training.watch.on_train is None
        return
    for keep in ([True, True, True], [True, False, True]):
        training.watch.select(torch.tensor(keep))
        assert training.watch.on_train is not None
        for found, alone in zip(training.watch.on_train, score(training.stack, scale, X, Y), strict=True):
            assert torch.equal(found, alone[torch.tensor(keep)])


@pytest.mark.parametrize("scale", [1e-25, 1.0, 3e37])
def test_moments_of_any_finite_numbers_are_finite(scale: float) -> None:
    """Both twins equal numpy in float64, where float32 squares are 0 or infinite."""
    x_BD = np.random.default_rng(0).uniform(-1, 2, (64, 17)).astype(np.float32) * np.float32(scale)
    exact = x_BD.astype(np.float64)
    assert loops.moments(x_BD.reshape(-1)) == pytest.approx((exact.mean(), exact.std()), rel=1e-9)
    assert loops.extremes(x_BD) == (x_BD.min(), x_BD.max())
    x_PBD = torch.from_numpy(x_BD)[None]
    assert measures._std(x_PBD).item() == pytest.approx(exact.std(), rel=1e-6)
    assert measures._mean(x_PBD).item() == pytest.approx(exact.mean(), rel=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (40, 64), (64, 64), (64, 10), (128, 128)])
@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e30])
def test_spectra_of_any_finite_matrix(shape: tuple[int, int], scale: float) -> None:
    """Random, orthogonal-like and rank-one matrices: σ within 0.1 % of LAPACK's; both ranks agree with eigenvalues."""
    noise = np.random.default_rng(0)
    column, row = noise.standard_normal((shape[0], 1)), noise.standard_normal((1, shape[1]))
    for matrix in (noise.standard_normal(shape), np.eye(*shape), column @ row):
        weight = (matrix * scale).astype(np.float32)
        expected = np.linalg.svd(weight.astype(np.float64), compute_uv=False)
        assert loops.spectral_norm(weight) == pytest.approx(expected[0], rel=1e-3)
        assert spectra.spectral_norm(torch.from_numpy(weight)[None]).item() == pytest.approx(expected[0], rel=1e-3)
        if shape[0] > 1:
            centred = weight.astype(np.float64) - weight.astype(np.float64).mean(0)
            values = np.linalg.svd(centred, compute_uv=False) ** 2
            room = np.empty_like(weight), np.empty((shape[1], shape[1]), np.float32)
            rank = values.sum() ** 2 / (values**2).sum()
            assert loops.effective_rank(weight, *room) == pytest.approx(rank, rel=1e-3)
            assert spectra.effective_rank(torch.from_numpy(weight)[None]).item() == pytest.approx(rank, rel=1e-3)


def test_numbers_that_do_not_exist_are_nan() -> None:
    """Nothing varies, nothing is left, nothing has a direction; a matrix of zeros has norm 0."""
    zeros, ones = np.zeros((8, 4), np.float32), np.full((8, 4), 0.1, np.float32)
    room = np.empty_like(ones), np.empty((4, 4), np.float32)
    assert math.isnan(loops.effective_rank(ones, *room))
    assert math.isnan(loops.sign_coherence(zeros))
    assert math.isnan(loops.pair_correlation(zeros))
    assert loops.spectral_norm(zeros) == 0
    assert loops.moments(ones.reshape(-1))[1] == 0
    assert (loops.zero_share(zeros.reshape(-1)), loops.zero_share(ones.reshape(-1))) == (1, 0)
