"""Which factors decide whether a network trains: a logistic model with a weak ridge, compared by its deviance.

Shape letters: C cells (combinations of levels), S seeds, K columns of the design, the constant first.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, xlogy
from scipy.stats import chi2, t

from actbench.analysis.factorial import Array, Model, Term, make_model
from actbench.analysis.factorial_schema import TRAINABILITY
from actbench.analysis.intervals import CONFIDENCE, CONSTANT, TOO_SMALL
from actbench.analysis.metrics import CONDITION
from actbench.analysis.multiplicity import holm

RIDGE = 0.1  # a normal prior of each contrast with deviation 3.2: an odds ratio of 24
LARGEST = 1e8  # C·K²; beyond it a fit takes too long, and pairs of factors are left out
ITERATIONS, CLOSE = 100, 1e-9
WHOLE: Term = ("all_terms",)
SEPARATED = "separated: a level trains always or never, so that the estimate rests on the ridge"
MAIN_ONLY = "pairs of factors left out: too many cells"


def trainability(rows: pd.DataFrame) -> pd.DataFrame:
    """Split the deviance of `trained` among factors and pairs of factors of each study.

    logit P(trained) = constant + main effects + two-way interactions in sum-to-zero contrasts β, estimated at the
    largest ℓ(β) - RIDGE/2·|β|² (le Cessie & van Houwelingen 1992), which exists also where a level trains always or
    never. The deviance of a term is twice the loss of that when the term is taken out of the model of all terms that do
    not contain it (type II). share is the deviance over that between the model of a constant and one of each cell
    alone; all_terms is the whole model's. p is from chi-squared and takes runs as independent, given the cell. The
    interval is the jackknife over seeds: share ± t·√((S - 1)/S·Σ(share without a seed - their mean)²) (Tukey 1958).

    Args:
        rows: the runs at every learning rate, from `outcome_cube.outcomes`.

    Returns:
        Columns of stats_schema.TRAINABILITY; no row of a study in which no combination of levels has every seed.
    """
    parts = [part for study, own in rows.groupby("study", sort=True) for part in _of_study(str(study), own)]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return whole.reindex(columns=[column.name for column in TRAINABILITY])


def _of_study(study: str, rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    factors = [name for name in (*CONDITION, "lr") if rows[name].nunique() > 1]
    if not factors:
        return
    values = rows.assign(trained=rows["trained"].astype("float64"))
    wide = values.pivot_table(index=factors, columns="seed", values="trained", observed=True).dropna()
    if wide.empty:
        return
    cells, trained_CS = wide.index.to_frame(index=False), wide.to_numpy(dtype=np.float64)
    contrasts = cells.nunique().to_numpy() - 1
    large = len(wide) * (contrasts.sum() + (contrasts.sum() ** 2 - (contrasts**2).sum()) / 2 + 1.0) ** 2 > LARGEST
    model = make_model(cells, pairs=not large)
    terms = model.terms
    frame = pd.DataFrame({"term": [":".join(term) for term in [*terms, WHOLE]]})
    frame["order"] = [len(term) for term in terms] + [0]
    frame = frame.assign(study=study, family=study, n_cells=len(wide), n_runs=wide.size, n_seeds=wide.shape[1])
    yield frame.assign(**_estimates(model, terms, trained_CS, [MAIN_ONLY] if large else []))


def _estimates(model: Model, terms: list[Term], trained_CS: Array, notes: list[str]) -> dict[str, Any]:
    seeds = trained_CS.shape[1]
    if not trained_CS.size or trained_CS.min() == trained_CS.max():
        return {"note": "; ".join([CONSTANT, *notes])}
    deviance, total = deviances(model, terms, trained_CS)
    freedom = np.array([model.columns[term].stop - model.columns[term].start for term in terms])
    freedom = np.append(freedom, freedom.sum())
    p = np.asarray(chi2.sf(deviance, freedom))
    notes = notes + ([SEPARATED] if _separated(model, terms, trained_CS) else []) + ([TOO_SMALL] if seeds < 2 else [])
    share, half = deviance / total, np.full(len(deviance), np.nan)
    if seeds > 1:
        half = t.ppf((1 + CONFIDENCE) / 2, seeds - 1) * _jackknife_error(model, terms, trained_CS)
    found = {"deviance": deviance, "df": freedom, "share": share, "low": share - half, "high": share + half, "p": p}
    return found | {"p_holm": np.append(holm(pd.Series(p[:-1])), np.nan), "note": "; ".join(notes)}


def _jackknife_error(model: Model, terms: list[Term], trained_CS: Array) -> Array:
    seeds, left_out = trained_CS.shape[1], []
    for seed in range(seeds):
        deviance, total = deviances(model, terms, np.delete(trained_CS, seed, axis=1))
        left_out.append(deviance / total if total > 0 else np.full(len(deviance), np.nan))
    apart = np.array(left_out) - np.mean(left_out, axis=0)
    return np.asarray(np.sqrt((seeds - 1) / seeds * (apart**2).sum(axis=0)))


def deviances(model: Model, terms: list[Term], trained_CS: Array, ridge: float = RIDGE) -> tuple[Array, float]:
    """Return the deviance of each term and of all of them, and that of the cells as a whole."""
    yes_C, seeds = trained_CS.sum(axis=1), trained_CS.shape[1]

    def of(chosen: Iterable[Term]) -> float:
        places = np.concatenate(
            [[0], *(np.arange(model.columns[term].start, model.columns[term].stop) + 1 for term in chosen)]
        )
        beta_K, height = fit(design_CK[:, places], yes_C, seeds, ridge, start_K[places])
        if len(places) == len(start_K):
            start_K[:] = beta_K
        return 2 * height

    design_CK = np.column_stack([np.ones(len(yes_C)), model.design_CK[:, : model.columns[terms[-1]].stop]])
    start_K = np.zeros(design_CK.shape[1])
    whole, constant, found = of(terms), of([]), []
    for term in terms:
        without = [other for other in terms if not set(term) <= set(other)]
        full = whole if len(without) == len(terms) - 1 else of([*without, term])
        found.append(max(0.0, full - of(without)))
    cells = 2 * float((xlogy(yes_C, yes_C / seeds) + xlogy(seeds - yes_C, 1 - yes_C / seeds)).sum())
    return np.array([*found, whole - constant]), cells - constant


def fit(
    design_CK: Array, yes_C: Array, n: int, ridge: float = RIDGE, start_K: Array | None = None
) -> tuple[Array, float]:
    """Return β and the penalised log-likelihood at its largest, by Newton's method; the first column has no penalty."""
    penalty_K = np.full(design_CK.shape[1], ridge)
    penalty_K[0] = 0.0

    def height(beta_K: Array) -> float:
        eta_C = design_CK @ beta_K
        return float(yes_C @ eta_C - n * np.logaddexp(0, eta_C).sum() - 0.5 * penalty_K @ beta_K**2)

    beta_K = np.zeros(design_CK.shape[1]) if start_K is None else start_K
    now = height(beta_K)
    for _ in range(ITERATIONS):
        p_C = expit(design_CK @ beta_K)
        slope_K = design_CK.T @ (yes_C - n * p_C) - penalty_K * beta_K
        curve_KK = (design_CK.T * (n * p_C * (1 - p_C))) @ design_CK + np.diag(penalty_K)
        step_K = np.linalg.solve(curve_KK, slope_K)
        while (then := height(beta_K + step_K)) < now - CLOSE and np.abs(step_K).max() > CLOSE:
            step_K = step_K / 2
        beta_K = beta_K + step_K
        if abs(then - now) < CLOSE:
            break
        now = then
    return beta_K, height(beta_K)


def _separated(model: Model, terms: list[Term], trained_CS: Array) -> bool:
    share = pd.Series(trained_CS.mean(axis=1))
    means = [share.groupby([model.cells[name] for name in term]).mean() for term in terms]
    return any(((mean <= 0) | (mean >= 1)).any() for mean in means)
