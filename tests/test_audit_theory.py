"""The audit's own predictions: their integrals against the product's, and a wrong number in every column."""

from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actbench.audit.normal_means import SLOPES, moments, pair_mean, slope
from actbench.audit.printed_functions import formula
from actbench.audit.printed_scales import audit_scales, scale, settled
from actbench.audit.printed_theory import KEYS, audit_theory, unknown_levels
from actbench.audit.raw_rows import Raw, read_printed, read_raw
from actbench.levels.nonlinearity import nonlinearity
from actbench.levels.theory_table import SCALE_COLUMNS, scale_rows
from actbench.plan.registry import known_levels
from actbench.theory.correlation import pair_moment
from actbench.theory.fixed_points import fixed_points
from actbench.theory.mean_field import mean, mean_square, mean_square_slope

ARGUED = ("leaky_relu(0.2)", "elu(0.5)")


@pytest.fixture(scope="module")
def reference(project_root: Path) -> tuple[Raw, Path]:
    """Read the reference result."""
    folder = project_root / "results" / "reference" / "default"
    return read_raw(folder / "tables"), folder / "stats"


@pytest.mark.parametrize("name", [*SLOPES, *ARGUED])
def test_means_are_those_of_adaptive_quadrature(name: str) -> None:
    """E[φ], E[φ²] and E[φ′²], from where only the slope at 0 counts to where nearly all is saturated."""
    phi = nonlinearity(name)
    for q in (1e-8, 0.01, 1.0, 7.3, 8000.0):
        expected = (mean(phi, q), mean_square(phi, q), mean_square_slope(phi, q))
        assert moments(name, q) == pytest.approx(expected, rel=1e-9, abs=1e-13), q


@pytest.mark.parametrize("name", [*SLOPES, *ARGUED])
def test_slopes_are_difference_quotients(name: str) -> None:
    """Each slope that is written out is that of its formula."""
    z, phi = np.linspace(-4.05, 4.05, 56), formula(name)
    assert phi is not None
    assert slope(name)(z) == pytest.approx((phi(z + 1e-5) - phi(z - 1e-5)) / 2e-5, abs=1e-8)


def test_every_activation_has_a_slope() -> None:
    """A new activation with a formula gets its slope too."""
    assert set(SLOPES) >= {name for name in known_levels("activation") if formula(name) is not None}


@pytest.mark.parametrize(("name", "c"), [("elu", 0.3), ("relu", 0.9), ("tanh", 0.98), ("hardtanh", 0.5)])
def test_means_of_pairs_are_those_of_nested_quadrature(name: str, c: float) -> None:
    """E[φ(u) φ(v)] of two correlated normal variables."""
    phi = nonlinearity(name)
    expected = pair_moment(phi.function, 2.0, c, phi.kinks)
    assert pair_mean(name, phi.function, 2.0, c) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("weight_var", [0.5, 1.0, 1.9, 2.2, 3.0, 30.0])
@pytest.mark.parametrize("name", ["identity", "sigmoid", "tanh", "relu", "gelu", "selu", "softplus"])
def test_variances_settle_where_the_product_says(name: str, weight_var: float) -> None:
    """Vanishing, growing, attracted, and left alone."""
    found, own = fixed_points(nonlinearity(name), weight_var, 0.0), settled(name, weight_var)
    if found.every:
        assert own == (1.0, True)
    elif found.settles is None:
        assert not own.stable
        assert own.q == pytest.approx(found.points[-1].q if found.points else 1e9)
    else:
        assert own.stable
        assert own.q == pytest.approx(found.points[found.settles].q, rel=1e-9)


@pytest.mark.parametrize("column", ["weight_var", "forward_variance", "backward_norm2", "weight_gradient"])
def test_a_wrong_prediction_is_found(column: str, reference: tuple[Raw, Path]) -> None:
    """A number changed in its fourth digit, in a first layer and in later ones, and no other."""
    raw, table = reference[0], read_printed(reference[1] / "theory.csv")
    wrong, places = table.assign(**{column: table[column].astype("float64")}), [0, 1, 1000]
    wrong.loc[places, column] = wrong.loc[places, column] * 1.0005 + 0.0005
    lines = audit_theory(raw, wrong)[1]
    named = [", ".join(map(str, row)) for row in table.loc[places, [*KEYS, "layer"]].itertuples(index=False)]
    assert len(lines) == len(places)
    assert all(any(f"{name}: {column} is" in line for line in lines) for name in named)


def test_a_row_too_few_is_found(reference: tuple[Raw, Path]) -> None:
    """A layer that is not printed is named."""
    table = read_printed(reference[1] / "theory.csv")
    assert "no such row" in " ".join(audit_theory(reference[0], table.drop(index=7))[1])


@pytest.mark.parametrize("column", ["chi", "xi_c", "xi_gradient"])
def test_a_wrong_scale_is_found(column: str, reference: tuple[Raw, Path]) -> None:
    """Each number that is changed in its fourth digit, and each one where none belongs."""
    raw, table = reference[0], read_printed(reference[1] / "depth_scales.csv")
    own = table[table["activation"] == "tanh"]
    wrong = (own[column] * 1.0005).fillna(0.3)
    lines = audit_scales(raw, own.assign(**{column: wrong}))[1]
    assert len(own) == len(lines) > 30
    assert all(f"{column} is" in line for line in lines)


@pytest.mark.parametrize("off", [-1.25e-8, 1.25e-8])
def test_a_factor_near_one_has_a_scale(off: float) -> None:
    """Off 1 by more than a hundred millionth it is 1/|ln(1 + off)|; by less there is none."""
    assert scale(1 + off) == pytest.approx(1 / abs(np.log1p(off)), rel=1e-7)
    assert np.isnan(scale(1 + 0.64 * off))


def test_inputs_that_hardly_part_are_held_to_a_bound(reference: tuple[Raw, Path]) -> None:
    """Near the edge of chaos SELU's inputs come to rest at c = 0.9999: a scale of 6,008 layers passes, 600 does not."""
    *_, row = islice(scale_rows(["selu"]), 18)
    printed = pd.DataFrame([row], columns=list(SCALE_COLUMNS))
    assert printed["xi_c"][0] == pytest.approx(6008.1, abs=0.1)
    assert audit_scales(reference[0], printed)[1] == []
    assert len(audit_scales(reference[0], printed.assign(xi_c=600.0))[1]) == 1


def test_a_level_that_is_not_known_is_left_alone_and_named(reference: tuple[Raw, Path]) -> None:
    """An initialisation of another hand: its conditions are not compared, the others still are."""
    raw, table = reference[0], read_printed(reference[1] / "theory.csv")
    runs = raw.runs.replace({"init": {"he_normal": "of_old"}})
    renamed = Raw(runs, raw.curves, raw.layers, raw.studies)
    assert unknown_levels(renamed) == ["of_old"]
    compared, problems = audit_theory(renamed, table.replace({"init": {"he_normal": "of_old"}}))
    assert problems == []
    assert 0 < compared < audit_theory(raw, table)[0]


def test_an_empty_table_is_no_error(reference: tuple[Raw, Path]) -> None:
    """A config without any prediction prints none."""
    empty = read_printed(reference[1] / "depth_scales.csv").iloc[:0]
    assert audit_scales(reference[0], empty) == (0, [])
