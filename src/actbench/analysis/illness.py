"""One rule of the diagnosis: a quantity of a run at one moment, and the threshold beyond which it is an illness."""

from dataclasses import dataclass, field

ABOVE, BELOW = "above", "below"
START, ANY, END = "start", "any", "end"
SYMPTOM, CAUSE = "symptom", "cause"


@dataclass(frozen=True)
class Illness:
    """One rule. It says nothing of a run that did not record its quantity.

    table: `runs`, `curves` or `layers`, where the quantity is recorded.
    diagnostic: name of the diagnostic, of the column of `runs`, or of the split's loss in `curves`.
    moment: `start`, the first recorded step; `end`, the last, after an update at least; `any`, all of them.
    reduction: how the layers or steps become one number, an entry of evidence.REDUCTIONS.
    comparison, threshold: the rule finds something when the number is above or below it.
    kind: `symptom`, the training failed; `cause`, what may have made it fail: an illness only of a run with a symptom,
    and in any other run just worth a word.
    shown: the quantity in words, for the sentence that cites it. meaning: what follows for training.
    minus: a diagnostic that is subtracted first. levels: the rule speaks only of runs with one of these levels.
    given: another rule that must have found something too, without which the number does no harm.
    """

    table: str
    diagnostic: str
    moment: str
    reduction: str
    comparison: str
    threshold: float
    kind: str
    shown: str
    meaning: str
    source: str
    minus: str = ""
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    given: str = ""
