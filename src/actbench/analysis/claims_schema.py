"""The columns of claims.csv, of the tests behind it and of the exact checks."""

from actbench.plan.schema import Column

_CLAIM = Column("id", "string", "", "the claim's name in the ledger, config/claims.yaml")
_EFFECT = (
    Column("effect", "float64", "see unit", "mean over seeds of the effect that the rule defines", True),
    Column("low", "float64", "see unit", "low end of Student's 95 % interval over seeds", True),
    Column("high", "float64", "see unit", "high end of Student's 95 % interval over seeds", True),
    Column("unit", "string", "", "unit of effect, low, high and margin"),
    Column("p", "float64", "", "two-sided, for an effect of just the margin; below 0.05 if outside the interval", True),
)  # fmt: skip
_COUNTS = (
    Column("n_runs", "int64", "runs", "runs behind the effect"),
    Column("n_seeds", "int64", "seeds", "seeds behind the effect: the units"),
)
_NOTE = Column("note", "string", "", "why a number is missing or weak; empty if there is nothing to say")
_VERDICT = Column(
    "verdict", "string", "",
    "supported, contradicted, conditional, inconclusive, not yet tested, study missing, n too small or not estimable",
)  # fmt: skip
_STATEMENT = Column("statement", "string", "", "the claim in one sentence")
_KIND = Column("kind", "string", "", "exact: by calculus; measured: over runs; cost: timed")
_STUDY = Column("study", "string", "", "studies whose runs were taken")
_QUANTITY = Column("quantity", "string", "", "what was measured, when, where and on which scale; or the exact check")

CLAIMS = (
    _CLAIM,
    _STATEMENT,
    Column("source", "string", "", "texts that make the claim, and references"),
    _KIND,
    _STUDY,
    _QUANTITY,
    _VERDICT,
    *_EFFECT,
    Column("p_adjusted", "float64", "", "p after Holm's correction within the family", True),
    Column("family", "string", "", "the claims that Holm's correction takes together"),
    *_COUNTS,
    Column("holds_under", "string", "", "tests and levels under which it is supported"),
    Column("fails_under", "string", "", "tests and levels under which it is contradicted"),
    Column("figure", "string", "", "the figure that shows it"),
    _NOTE,
)

CLAIM_TESTS = (
    _CLAIM,
    Column("test", "string", "", "name of the test among those of the claim; empty if it has one"),
    Column("stratum", "string", "", "levels to which the row is restricted; empty: all runs of the test"),
    _STUDY,
    Column("rule", "string", "", "how the effect is computed: the rules of config/README.md"),
    _QUANTITY,
    Column("direction", "string", "", "which way the claim goes"),
    Column("margin", "float64", "see unit", "smallest effect that matters"),
    _VERDICT,
    *_EFFECT,
    *_COUNTS,
    _NOTE,
)

COST = (
    Column("activation", "string", "", "activation; identity is always among them"),
    Column("round", "int64", "", "number of the round, in which each activation has its turn"),
    Column("forward_ns", "float64", "ns", "forward pass for one number"),
    Column("backward_ns", "float64", "ns", "backward pass for one number"),
    Column("copy_ns", "float64", "ns", "copy of one number"),
    Column("step_us", "float64", "µs", "one update of one model of the default levels with this activation"),
    Column("device", "string", "", "kind of device that was timed; no other machine gives the same times"),
)

EXACT = (
    Column("check", "string", "", "name of the check"),
    Column("holds", "int64", "", "1: the claim holds as written; 0: it does not"),
    Column("value", "float64", "see detail", "what was found"),
    Column("expected", "float64", "see detail", "what the claim says", True),
    Column("tolerance", "float64", "see detail", "largest difference that counts as rounding", True),
    Column("detail", "string", "", "what was computed, and what float32 does at the ends"),
)
