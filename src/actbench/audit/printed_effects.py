"""Shares of variance computed once more: as what least squares leave over with a term and without it.

Shape letters: C cells, S seeds, K columns of a model.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from actbench.audit.densities import f_tail, holm, midranks
from actbench.audit.printed_rows import Numbers, Row
from actbench.audit.raw_rows import CONDITION, Raw, runs_of
from actbench.audit.resampled import seed_ends

Array = np.ndarray[Any, np.dtype[np.float64]]
Term = tuple[str, ...]
RESPONSES = ("accuracy", "accuracy_rank", "trained")
SMALL = 1e-9


def factor_effects(raw: Raw, study: str) -> Iterator[Row]:
    """Type II shares of every factor and pair of factors, with the interaction with seeds as error."""
    runs = runs_of(raw, study)
    factors = [name for name in (*CONDITION, "lr") if runs[name].nunique() > 1]
    if not factors:
        return
    runs = runs.assign(
        accuracy=runs["score"],
        accuracy_rank=midranks(runs["score"].round(12).to_numpy()) / len(runs),
        trained=runs["trained"].astype(float),
    )
    cells = runs.set_index([*factors, "seed"])[list(RESPONSES)].unstack("seed").dropna()
    if cells.empty:
        return
    values = cells.to_numpy(dtype=float)
    products, freedoms = _terms(cells.index.to_frame(index=False), values - values.mean(axis=0))
    for place, response in enumerate(RESPONSES):
        s = runs["seed"].nunique()
        own = slice(place * s, (place + 1) * s)
        of_response = {term: product[own, own] for term, product in products.items()}
        for key, numbers in _of_response(response, cells[response].to_numpy(dtype=float), of_response, freedoms):
            yield key, numbers | {"family": f"{study}/{response}"}


def _of_response(response: str, values: Array, products: dict[Term, Array], freedoms: dict[Term, int]) -> Iterator[Row]:
    (c, s), names = values.shape, [":".join(term) for term in products] + ["higher_order", "seed", "seed_interaction"]

    def shares(counts_MS: Array) -> Array:
        return np.array([_shares(list(products.values()), values, counts) for counts in counts_MS]).T

    ends, whole = seed_ends(shares, s), shares(np.ones((1, s)))[:, 0]
    total = float(((values - values.mean()) ** 2).sum())
    tests = [_test(products[term], freedoms[term], total, c, s) for term in products]
    adjusted = holm(np.array([test.get("p", np.nan) for test in tests]))
    tests = [test | {"p_holm": p} for test, p in zip(tests, adjusted, strict=True)] + [{}] * 3
    orders = [len(term) for term in products] + [0, 0, 0]
    common = {"n_cells": c, "n_runs": c * s, "n_seeds": s}
    for name, share, (low, high), test, order in zip(names, whole, ends, tests, orders, strict=True):
        missing: Numbers = dict.fromkeys(("df", "df_error", "f", "p", "p_holm", "share_corrected"), np.nan)
        yield (response, name), missing | test | {"order": order, "share": share, "low": low, "high": high} | common


def _terms(levels: pd.DataFrame, values: Array) -> tuple[dict[Term, Array], dict[Term, int]]:
    """Return, for each term, the products of what it adds to the fits of two columns, and its degrees of freedom."""
    factors = list(map(str, levels))
    terms: list[Term] = [(name,) for name in factors] + list(combinations(factors, 2))
    columns = {term: pd.get_dummies(levels[list(term)].astype(str).agg("\0".join, axis=1), dtype=float).to_numpy()
               for term in terms}  # fmt: skip
    products, freedoms = {}, {}
    for term in terms:
        others = [columns[other] for other in terms if other != term and not set(term) < set(other)]
        without, rank = _fit(others, values)
        fitted, larger = _fit([*others, columns[term]], values)
        products[term] = fitted.T @ fitted - without.T @ without
        freedoms[term] = larger - rank
    return products, freedoms


def _fit(columns: list[Array], values: Array) -> tuple[Array, int]:
    design = np.hstack([np.ones((len(values), 1)), *columns])
    sizes, vectors = np.linalg.eigh(design.T @ design)
    known = sizes > SMALL * sizes[-1]
    kept = design @ (vectors[:, known] / np.sqrt(sizes[known]))
    return kept @ (kept.T @ values), kept.shape[1]


def _shares(products: list[Array], values: Array, counts: Array) -> Array:
    """Return the share of the sum of squares of each term, of the rest between cells, of seeds and of what is left."""
    s, share = counts.sum(), counts / counts.sum()
    drawn = np.repeat(values, counts.astype(int), axis=1)
    total = float(((drawn - drawn.mean()) ** 2).sum())
    if total <= SMALL * len(values):
        return np.full(len(products) + 3, np.nan)
    between = float(s * ((drawn.mean(axis=1) - drawn.mean()) ** 2).sum())
    seeds = float(len(values) * ((drawn.mean(axis=0) - drawn.mean()) ** 2).sum())
    terms = np.array([s * float(share @ product @ share) for product in products])
    return np.array([*terms, between - terms.sum(), seeds, total - between - seeds]) / total


def _test(product: Array, d: int, total: float, c: int, s: int) -> Numbers:
    numbers: Numbers = {"df": d, "df_error": d * (s - 1)}
    even = np.full(s, 1 / s)
    explained = s * float(even @ product @ even)
    error = float(np.trace(product)) - explained
    if not d or total <= SMALL * c or s < 2 or error <= SMALL * total:
        return numbers
    ratio = explained / error * (s - 1)
    corrected = max(0.0, (explained - error / (s - 1)) / total)
    return numbers | {"f": ratio, "p": f_tail(ratio, d, d * (s - 1)), "share_corrected": corrected}
