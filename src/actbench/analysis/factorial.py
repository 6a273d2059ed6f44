"""Which factors and which pairs of factors matter: an analysis of variance in which the seed is the unit.

Shape letters: C cells (combinations of levels), S seeds, K columns of the design, D columns of one term.
"""

import math
from dataclasses import dataclass
from itertools import accumulate, combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import f, rankdata

from actbench.analysis.intervals import CONSTANT, TOO_SMALL, join_notes
from actbench.analysis.metrics import CONDITION
from actbench.analysis.multiplicity import holm
from actbench.analysis.seed_resampling import SeedStatistic, seed_intervals

Array = np.ndarray[Any, np.dtype[np.float64]]
Contrasts = np.ndarray[Any, np.dtype[np.int8]]  # 1, 0 and -1
Term = tuple[str, ...]
RESPONSES = ("accuracy", "accuracy_rank", "trained")
TOLERANCE = 1e-9
CELLS_AT_ONCE = 4096
SEPARATED = "linear probability model: a logistic one has no finite estimate here"
CONFOUNDED = "not estimable: confounded with other terms"
REST: tuple[Term, ...] = (("higher_order",), ("seed",), ("seed_interaction",))


@dataclass(frozen=True)
class Model:
    """One study: its cells, its terms, and the design's columns of each term."""

    cells: pd.DataFrame
    terms: list[Term]
    columns: dict[Term, slice]
    design_CK: Contrasts


def factor_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Split the variance of each study among its factors, their pairs, and the rest.

    The sums of squares are of type II: a term is adjusted for all terms that do not contain it (Langsrud 2003); in a
    full factorial every type is the same. With z the D adjusted, orthonormal contrasts of a term in each seed,
    SS = S |mean z|², and the error of the term is its interaction with the seeds: F = (SS / D) / (Σ |z - mean z|² /
    (D (S - 1))) with D and D (S - 1) degrees of freedom. share = SS / total (η²); share_corrected takes off what noise
    adds on average, D times the mean square of the error (as ω² does). Intervals of share are a bootstrap over seeds.

    Responses: accuracy is the score; accuracy_rank its rank among the study's runs, over the number of runs, which the
    floor at 0 of failed runs cannot dominate; trained is 0 or 1, as a linear probability model, which has estimates
    also where whole levels train always or never and a logistic model separates.

    Args:
        rows: the runs at every learning rate, from `outcome_cube.outcomes`.

    Returns:
        Columns of stats_schema.FACTOR_EFFECTS; no row of a study in which no combination of levels has every seed.
    """
    needed = rows[["study", *CONDITION, "lr", "seed", "score", "trained"]]
    parts = [_of_study(str(study), own) for study, own in needed.groupby("study", sort=True)]
    return pd.concat(parts, ignore_index=True)


def _of_study(study: str, rows: pd.DataFrame) -> pd.DataFrame:
    factors = [name for name in (*CONDITION, "lr") if rows[name].nunique() > 1]
    ranked = rows.assign(
        accuracy=rows["score"],
        accuracy_rank=rankdata(rows["score"].round(12)) / len(rows),
        trained=rows["trained"].astype("float64"),
    )
    if not factors:
        return pd.DataFrame()
    n_seeds = rows["seed"].nunique()
    wide = ranked.pivot_table(index=factors, columns="seed", values=list(RESPONSES), observed=True)
    complete = wide.dropna()
    if complete.empty:
        return pd.DataFrame()
    left_out = len(wide) - len(complete)
    model = make_model(complete.index.to_frame(index=False))
    together_CS = complete[list(RESPONSES)].to_numpy(dtype=np.float64)
    contrasts = adjusted(model, together_CS)
    parts = []
    for place, name in enumerate(RESPONSES):
        own = slice(place * n_seeds, (place + 1) * n_seeds)
        parts.append(_of_response(model, {term: z[:, own] for term, z in contrasts.items()}, together_CS[:, own], name))
    frame = pd.concat(parts, ignore_index=True).assign(study=study, n_seeds=n_seeds)
    note = f"{left_out} cells without every seed left out" if left_out else ""
    frame = frame.assign(n_cells=len(complete), note=join_notes(frame["note"], [note] * len(frame)))
    family = frame["study"] + "/" + frame["response"]
    return frame.assign(family=family, p_holm=frame.groupby("response")["p"].transform(holm))


def make_model(cells: pd.DataFrame, pairs: bool = True) -> Model:
    """Return the design of all main effects and two-way interactions in sum-to-zero contrasts.

    Args:
        cells: the level of each factor in each cell.
        pairs: without them main effects alone.
    """
    factors = list(cells.columns)
    single = {name: _contrasts(cells[name]) for name in factors}
    terms: list[Term] = [(name,) for name in factors] + (list(combinations(factors, 2)) if pairs else [])
    ends = [0, *accumulate(math.prod(single[name].shape[1] for name in term) for term in terms)]
    columns = {term: slice(start, end) for term, (start, end) in zip(terms, pairwise(ends), strict=True)}
    design_CK = np.empty((len(cells), ends[-1]), dtype=np.int8)
    for term, own in columns.items():
        part = single[term[0]]
        if len(term) == 2:
            part = (part[:, :, None] * single[term[1]][:, None, :]).reshape(len(cells), -1)
        design_CK[:, own] = part
    return Model(cells, terms, columns, design_CK)


def _contrasts(levels: "pd.Series[Any]") -> Contrasts:
    """Return one column for each level but the last: 1 there, -1 at the last, 0 elsewhere."""
    codes, known = pd.factorize(levels, sort=True)
    k = len(known) - 1
    return np.asarray(np.vstack([np.eye(k, dtype=np.int8), np.full(k, -1, dtype=np.int8)])[codes])


def adjusted(model: Model, values_CS: Array) -> dict[Term, Array]:
    """Return for each term its orthonormal contrasts (D, S), adjusted for the mean and for others.

    Those are the terms that do not contain it. D is smaller than the columns of the term where other terms determine
    some of them, 0 where they determine all.
    """
    gram_KK, right_KS = _products(model, values_CS - values_CS.mean(axis=0))
    found = {}
    for term in model.terms:
        own = np.arange(gram_KK.shape[0])[model.columns[term]]
        others = [
            np.arange(gram_KK.shape[0])[model.columns[o]] for o in model.terms if o != term and not set(term) < set(o)
        ]
        other = np.concatenate(others) if others else np.empty(0, dtype=int)
        weights = np.linalg.pinv(gram_KK[np.ix_(other, other)], hermitian=True) @ gram_KK[np.ix_(other, own)]
        left = gram_KK[np.ix_(own, own)] - gram_KK[np.ix_(own, other)] @ weights
        size, vectors = np.linalg.eigh((left + left.T) / 2)
        kept = size > TOLERANCE * max(float(gram_KK.diagonal().max()), 1.0)
        found[term] = (vectors[:, kept] / np.sqrt(size[kept])).T @ (right_KS[own] - weights.T @ right_KS[other])
    return found


def _products(model: Model, values_CS: Array) -> tuple[Array, Array]:
    """Return XᵀX and Xᵀ values of the centred design X, some cells at a time: of a large grid X itself is too large."""
    mean_K = model.design_CK.mean(axis=0)
    gram_KK, right_KS = np.zeros((len(mean_K), len(mean_K))), np.zeros((len(mean_K), values_CS.shape[1]))
    for start in range(0, len(values_CS), CELLS_AT_ONCE):
        own = slice(start, start + CELLS_AT_ONCE)
        centred_CK = model.design_CK[own] - mean_K
        gram_KK += centred_CK.T @ centred_CK
        right_KS += centred_CK.T @ values_CS[own]
    return gram_KK, right_KS


def _of_response(model: Model, contrasts: dict[Term, Array], values_CS: Array, response: str) -> pd.DataFrame:
    s = values_CS.shape[1]
    statistic = SeedStatistic(lambda weights_S: shares(contrasts, values_CS, weights_S), s)
    low, high, kind = seed_intervals(statistic)
    names = [*model.terms, *REST]
    frame = pd.DataFrame({"term": [":".join(term) for term in names], "share": statistic.of(np.ones(s))})
    frame = frame.assign(low=low, high=high, interval=kind, response=response, n_runs=values_CS.size)
    frame["order"] = [len(term) if term in contrasts else 0 for term in names]
    tests = pd.DataFrame([f_test(contrasts[term], values_CS) if term in contrasts else {} for term in names])
    frame = frame.join(tests.reindex(columns=["df", "df_error", "f", "p", "share_corrected", "test_note"]))
    separated = SEPARATED if response == "trained" and _separates(model, values_CS) else ""
    note = [separated if term in contrasts else "" for term in names]
    return frame.assign(note=join_notes(frame["test_note"].fillna(""), note))


def shares(contrasts: dict[Term, Array], values_CS: Array, weights_S: Array) -> Array:
    """Return the share of the total sum of squares of each term, then of higher orders, seeds and the rest."""
    c, s = values_CS.shape[0], weights_S.sum()
    share_S = weights_S / s
    cell_C, seed_S = values_CS @ share_S, values_CS.mean(axis=0)
    mean = float(seed_S @ share_S)
    total = float(((values_CS - mean) ** 2).sum(axis=0) @ weights_S)
    between, seeds = float(s * ((cell_C - mean) ** 2).sum()), float(c * ((seed_S - mean) ** 2) @ weights_S)
    terms = np.array([s * float(((z_DS @ share_S) ** 2).sum()) for z_DS in contrasts.values()])
    if total <= TOLERANCE * c:
        return np.full(len(terms) + len(REST), np.nan)
    rest = between - terms.sum(), seeds, total - between - seeds
    return np.concatenate([terms, rest]) / total


def f_test(z_DS: Array, values_CS: Array) -> dict[str, Any]:
    """Return degrees of freedom, F, p and the corrected share of one term, as far as they exist."""
    d, s = z_DS.shape
    total = float(((values_CS - values_CS.mean()) ** 2).sum())
    if not d or total <= TOLERANCE * len(values_CS):
        return {"df": d, "df_error": d * (s - 1), "test_note": CONSTANT if d else CONFOUNDED}
    mean_D = z_DS.mean(axis=1)
    explained, error = s * float((mean_D**2).sum()), float(((z_DS - mean_D[:, None]) ** 2).sum())
    row: dict[str, Any] = {"df": d, "df_error": d * (s - 1), "test_note": TOO_SMALL if s < 2 else ""}
    if s < 2 or error <= TOLERANCE * total:
        return row
    ratio = explained / error * (s - 1)
    corrected = max(0.0, (explained - error / (s - 1)) / total)
    return row | {"f": ratio, "p": float(f.sf(ratio, d, d * (s - 1))), "share_corrected": corrected}


def _separates(model: Model, values_CS: Array) -> bool:
    """Tell whether a level of a factor, or a pair of levels of two, has all runs trained or none."""
    share = pd.Series(values_CS.mean(axis=1))
    for term in model.terms:
        means = share.groupby([model.cells[name] for name in term]).mean()
        if ((means <= 0) | (means >= 1)).any():
            return True
    return False
