"""Ledgers of claims that nobody should write: made by hand; one that uses every rule, for fuzzing."""

import json
from typing import Any

from hypothesis import strategies as st

from actbench.plan import ledger
from actbench.plan.factors import FACTORS
from actbench.plan.registry import known_levels
from actbench.plan.schema import RUNS as RUN_COLUMNS
from actbench.plan.sources import check_names, metric_names
from bad_configs import BOMB

CONFIG = """
name: judged
studies:
  main:
    question: q
    activation: [relu, tanh]
    depth: [2, 4]
    lr: [0.02, 0.1]
    norm: [none, layernorm]
    seed: [0, 1, 2]
"""

RULES = """
studies: [main, elsewhere]
claims:
  a-difference:
    statement: s
    source: [A, C]
    kind: measured
    family: f
    figure: learning_curves
    study: main
    rule: difference
    quantity: score
    this: {activation: relu}
    that: {activation: tanh}
    strata: [norm]
    margin: 0.02
  equal:
    {statement: s, source: [B], kind: measured, study: main, rule: equivalence, quantity: score, margin: 0.1,
     where: {norm: none}, this: {activation: relu}, scale: rank, rates: each}
  of-depth:
    {statement: s, source: [B], kind: measured, study: main, rule: slope, quantity: gradient_norm, over: depth,
     over_scale: log2, scale: log10, moment: start, layers: spread, direction: not lower}
  several:
    statement: s
    source: [B]
    kind: measured
    study: main
    tests:
      mean: {rule: mean, quantity: val_accuracy, margin: -0.5}
      speed: {rule: difference, quantity: steps_to_loss, threshold: 1.5, rates: fastest, this: {norm: none}}
      early: {rule: auc, quantity: gradient_norm, moment: early, outcome: failed, direction: lower}
      share: {rule: interaction_share, quantity: score, margin: 0.05}
      gone: {study: elsewhere, rule: mean, quantity: score}
  settled: {statement: s, source: [A], kind: exact, rule: exact, check: linear_derivative}
  timed: {statement: s, source: [A], kind: cost, rule: cost, quantity: ns_per_element, this: {activation: relu}}
  later: {statement: s, source: [A], kind: measured, needs: another study}
"""
HEAD = "studies: [main]\nclaims:\n  a: {statement: s, source: [A], kind: measured, study: main, "
TEST = HEAD + "rule: difference, quantity: score, this: {activation: relu}, "
SLOPE = HEAD + "rule: slope, quantity: score, "

# What it is -> its bytes. Each must be refused in one line.
REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "a list": b"- a\n",
    "zero bytes": bytes(1000),
    "not UTF-8": b"studies: [\xff]\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "a YAML bomb": (BOMB + RULES).encode(),
    "an alias": b"studies: &s [main]\nclaims: {a: *s}\n",
    "code": b"studies: !!python/object/apply:os.system ['touch executed']\nclaims: {}\n",
    "deep": b"studies: [main]\nclaims: " + b"{a: " * 30 + b"{}" + b"}" * 30,
    "a megabyte": RULES.encode() + b"# filler\n" * 120_000,
    "a key twice": (TEST + "margin: 1, margin: 2}\n").encode(),
    "a claim twice": (RULES + "  settled: {}\n").encode(),
    "no claims": b"studies: [main]\nclaims: {}\n",
    "studies as a word": b"studies: main\nclaims: {}\n",
    **{
        words: (TEST + words + "}\n").encode()
        for words in (
            "margin: .nan", "margin: .inf", "margin: 1e999", "margin: -1", "margin: true", "margin: null",
            "margin: [1]", f"margin: {10**400}", "threshold: .nan", "threshold: -.inf", "studyy: main", "that: []",
            "that: {seed: 1}", "that: {depth: two}", "where: {norm: []}", "where: main", "strata: norm",
            "strata: [[norm]]", "strata: [norm, norm]", "strata: [activation]", "strata: [{}]", "scale: {}",
            "rates: 3", "moment: never", "layers: '1'", "outcome: [failed]", "direction: up", "tests: [1]",
            "tests: {x: 1}", "tests: {x: {study: mian}}", "tests: {x: {statement: s}}", "check: 3", "over: [depth]",
        )
    },
    **{
        words: (SLOPE + words + "}\n").encode()
        for words in (
            "over: activation, strata: [activation]", "over: seed", "over: lr", "over: datasets",
            "over: depth, where: {depth: 2, depth: 4}",
        )
    },
    "a study that is not there": TEST.replace("study: main", "study: mian").encode() + b"}\n",
    "a path as id": TEST.replace("a: {", "../a: {").encode() + b"}\n",
    "a path as figure": (TEST + "figure: ../learning_curves}\n").encode(),
    "an exact check as law": (HEAD + "rule: law, quantity: score, check: linear_derivative}\n").encode(),
    "a law as exact check": (HEAD + "rule: exact, check: clip_coefficient}\n").encode(),
    "a path as check": (HEAD + "rule: exact, check: ../x}\n").encode(),
}  # fmt: skip

LEVELS: dict[str, list[Any]] = {
    "activation": ["relu", "tanh", "gelu", ["relu", "tanh"]],
    "depth": [2, 4, 8, [2, 4]],
    "lr": [0.02, 0.1, [0.02, 0.1]],
    "norm": ["none", "layernorm", ["none", "layernorm"]],
    "init": ["he_normal", "xavier_normal"],
    "dataset": ["mnist1d"],
}
QUANTITIES = [
    *metric_names(), *known_levels("diagnostic"), ledger.SPEED,
    *(column.name for column in RUN_COLUMNS if column.dtype in ("int64", "float64")),
]  # fmt: skip
NUMBERS = [0, -1, 1, 0.02, 1e308, -1e308, 5e-324, 1.5]


@st.composite
def possible(draw: st.DrawFn) -> bytes:
    """Make a ledger of one claim out of words that are all known, whether or not they go together."""
    sides = st.lists(st.sampled_from(list(LEVELS)), max_size=2, unique=True)
    test: dict[str, Any] = {"study": draw(st.sampled_from(["main", "main", "main", "elsewhere"]))}
    test |= {"rule": draw(st.sampled_from(list(ledger.RULES))), "quantity": draw(st.sampled_from(QUANTITIES))}
    test |= {key: draw(st.sampled_from(NUMBERS)) for key in ("threshold", "margin")}
    test |= {key: draw(st.sampled_from(words)) for key, words in ledger.CHOICES.items() if key != "rule"}
    for key in ("where", "this", "that"):
        test[key] = {factor: draw(st.sampled_from(LEVELS[factor])) for factor in draw(sides)}
    test["over"] = draw(st.sampled_from(list(FACTORS)))
    test["strata"] = draw(st.lists(st.sampled_from(list(FACTORS)), max_size=2, unique=True))
    test["check"] = draw(st.sampled_from(check_names("exact") + check_names("law")))
    needed = ("study", "quantity", *ledger.RULES[test["rule"]][0])
    if "check" not in needed:
        del test["check"]
    kept = {key: value for key, value in test.items() if key in (*needed, "rule") or draw(st.booleans())}
    claim = {"statement": "s", "source": ["A"], "kind": "measured", **kept}
    return json.dumps({"studies": ["main", "elsewhere"], "claims": {"a": claim}}).encode()
