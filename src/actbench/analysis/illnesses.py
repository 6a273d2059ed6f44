"""What can be wrong with a run: rules as data, one entry an illness, each with its threshold and source.

Symptoms first, then causes in the order of time. `tests/test_illnesses.py` has a built case of each.
"""

import math

from actbench.analysis.illness import ABOVE, BELOW, END, SYMPTOM, Illness
from actbench.analysis.initial_causes import INITIAL_CAUSES
from actbench.analysis.metrics import TIMES_CHANCE
from actbench.analysis.training_causes import TRAINING_CAUSES

SYMPTOMS: dict[str, Illness] = {
    "error": Illness(
        "runs",
        "could_not_train",
        END,
        "column",
        ABOVE,
        0.5,
        SYMPTOM,
        shown="share of attempts that could not train",
        meaning="the network could not be trained at all, e.g. for want of memory, and nothing was recorded",
        source="column `status`: error",
    ),
    "non_finite": Illness(
        "runs",
        "diverged",
        END,
        "column",
        ABOVE,
        0.5,
        SYMPTOM,
        shown="share of attempts with a NaN or infinite loss",
        meaning="the loss became NaN or infinite",
        source="column `status`: diverged; Goodfellow, Bengio & Courville 2016, Deep learning, section 11.5",
    ),
    "did_not_learn": Illness(
        "runs",
        "times_chance",
        END,
        "column",
        BELOW,
        TIMES_CHANCE,
        SYMPTOM,
        shown="best validation accuracy over that of guessing",
        meaning="the network answers hardly better than guessing",
        source="metric `trained`: at least twice chance on validation data",
    ),
    "fell_back": Illness(
        "runs",
        "times_chance_at_end",
        END,
        "column",
        BELOW,
        TIMES_CHANCE,
        SYMPTOM,
        shown="last validation accuracy over that of guessing",
        meaning="the network had learned, and in the end answers hardly better than guessing again",
        source="the measure of metric `trained`, after the last update instead of at the best step",
    ),
}

ILLNESSES: dict[str, Illness] = {**SYMPTOMS, **INITIAL_CAUSES, **TRAINING_CAUSES}

assert all(math.isfinite(entry.threshold) for entry in ILLNESSES.values())
assert all(entry.given in ("", *ILLNESSES) for entry in ILLNESSES.values())
