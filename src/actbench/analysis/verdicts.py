"""From effects by seed to a verdict, by the rule that the ledger fixed: nothing else has a say."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from actbench.analysis.intervals import CONFIDENCE
from actbench.plan.ledger import ClaimTest, bound_of

Array = np.ndarray[Any, np.dtype[np.float64]]
SUPPORTED, CONTRADICTED, CONDITIONAL, INCONCLUSIVE = "supported", "contradicted", "conditional", "inconclusive"
NOT_YET, MISSING, TOO_SMALL, NOT_ESTIMABLE = "not yet tested", "study missing", "n too small", "not estimable"
DECIDED = (SUPPORTED, CONTRADICTED, CONDITIONAL, INCONCLUSIVE)
VERDICTS = (*DECIDED, NOT_YET, MISSING, TOO_SMALL, NOT_ESTIMABLE)
FEWEST_SEEDS = 3


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its interval, and how far beyond the margin it lies."""

    effect: float
    low: float
    high: float
    p: float
    n_seeds: int
    verdict: str
    note: str = ""


def judge(by_seed: Array, test: ClaimTest, chosen_again: float | None = None) -> Estimate:
    """Estimate the mean effect and decide.

    The interval is Student's t at 95 % over seeds: mean ± t·error with error = s/√n (Student 1908). Where resamples of
    seeds choose other learning rates, the error is the one that `seed_resampling.resampled_error` finds with the choice
    inside. p is two-sided, for the effect being just the smallest that matters (a minimum-effect test: Murphy & Myors
    1999), so it is below 0.05 just when the interval leaves that out. Of an equivalence it is twice the larger of two
    one-sided p (Schuirmann 1987).

    Args:
        by_seed: one effect a seed; nan where a seed has none.
        test: the test of the ledger.
        chosen_again: the error with the choice of rates inside; None where every resample chooses alike.
    """
    values = by_seed[~np.isnan(by_seed)]
    n = len(values)
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan, np.nan, 0, NOT_ESTIMABLE)
    effect = float(values.mean())
    if n < FEWEST_SEEDS:
        return Estimate(effect, np.nan, np.nan, np.nan, n, TOO_SMALL, f"fewer than {FEWEST_SEEDS} seeds")
    error = float(values.std(ddof=1) / np.sqrt(n)) if chosen_again is None else chosen_again
    if error < 1e-12 * max(1.0, abs(effect)):  # all seeds agree
        return Estimate(effect, effect, effect, np.nan, n, decide(effect, effect, test), "constant values")
    reach = error * float(student.ppf((1 + CONFIDENCE) / 2, n - 1))
    low, high = effect - reach, effect + reach
    return Estimate(effect, low, high, _p(effect, error, n, test), n, decide(low, high, test))


def _p(effect: float, error: float, n: int, test: ClaimTest) -> float:
    if test.rule == "equivalence":
        nearest = min(test.margin - effect, test.margin + effect)
        return float(min(1.0, 2 * student.sf(nearest / error, n - 1)))
    return float(2 * student.sf(abs(effect - bound_of(test.rule, test.direction, test.margin)) / error, n - 1))


def decide(low: float, high: float, test: ClaimTest) -> str:
    """Return the verdict of an interval: wholly beyond the margin, wholly short of it, or neither."""
    if test.rule == "equivalence":
        inside, outside = -test.margin < low and high < test.margin, low > test.margin or high < -test.margin
        return SUPPORTED if inside else CONTRADICTED if outside else INCONCLUSIVE
    bound, rising = (
        bound_of(test.rule, test.direction, test.margin),
        test.direction in ("higher", "not lower") or test.rule == "auc",
    )
    above, below = low > bound, high < bound
    if above or below:
        return SUPPORTED if above == rising else CONTRADICTED
    return INCONCLUSIVE


def unite(verdict: str, strata: list[str]) -> str:
    """Return the verdict of a test from its own and those of its strata: conditional where these disagree."""
    return CONDITIONAL if {SUPPORTED, CONTRADICTED} <= set(strata) else verdict


def conclude(verdicts: list[str]) -> str:
    """Return the verdict of a claim from those of its tests, all of which it asserts.

    All alike: that one. Some hold and some do not: conditional. Otherwise what cannot be decided decides, and a test
    that could not be made (no study, too few seeds, nothing to measure) leaves open a claim whose others hold.
    """
    made = [verdict for verdict in verdicts if verdict in DECIDED]
    if not made:
        return verdicts[0] if verdicts else NOT_YET
    if set(made) == {SUPPORTED} and len(made) < len(verdicts):
        return INCONCLUSIVE
    if len(set(made)) == 1:
        return made[0]
    if CONDITIONAL in made or {SUPPORTED, CONTRADICTED} <= set(made):
        return CONDITIONAL
    return INCONCLUSIVE
