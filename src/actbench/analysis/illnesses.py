"""What can be wrong with a run: rules as data, one entry an illness, each with its threshold and source.

A rule looks at one quantity of a run at one moment. It says nothing of a run that did not record it. Thresholds lie
beyond what is seen in networks that learn well: see `tests/test_illnesses.py` for built cases.
"""

import math
from dataclasses import dataclass, field

ABOVE, BELOW = "above", "below"
START, END, EARLY = "start", "end", "early"
SYMPTOM, CAUSE = "symptom", "cause"
LEARNED, AROUND = "learned", "around"


@dataclass(frozen=True)
class Illness:
    """One rule.

    table: `runs`, `curves` or `layers`, where the quantity is recorded.
    diagnostic: name of the diagnostic, of the column of `runs`, or of the split's loss in `curves`.
    moment: `start`, the first recorded step; `early`, the first after an update; `end`, the last recorded step.
    reduction: how the layers or steps become one number, an entry of evidence.REDUCTIONS.
    comparison, threshold: the run is ill when the number is above or below it.
    kind: `symptom`, the training failed; `cause`, what may have made it fail.
    shown: the quantity in words, for the sentence that cites it. meaning: what follows for training.
    minus: a diagnostic that is subtracted first. levels: the rule speaks only of runs with one of these levels.
    excused: when it is worth a word but no illness: in a run that `learned`, or in one that learned and whose skips
    are a way `around` the layer; empty: never.
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
    excused: str = ""


ILLNESSES: dict[str, Illness] = {
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
        shown="share of attempts with a NaN or infinite loss or gradient",
        meaning="loss or gradient became NaN or infinite",
        source="column `status`: diverged; Goodfellow, Bengio & Courville 2016, Deep learning, section 11.5",
    ),
    "did_not_learn": Illness(
        "runs",
        "times_chance",
        END,
        "column",
        BELOW,
        2.0,
        SYMPTOM,
        shown="best validation accuracy over that of guessing",
        meaning="the network answers hardly better than guessing",
        source="metric `trained`: at least twice chance on validation data",
    ),
    "saturation": Illness(
        "layers",
        "saturated_fraction",
        END,
        "highest_hidden",
        ABOVE,
        0.95,
        CAUSE,
        shown="share of saturated units that are not zero",
        meaning="the activation is flat where the units are, so hardly any gradient passes the layer",
        source="Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, "
        "section 3; Rakitianskaia & Engelbrecht 2015, Measuring saturation in neural networks",
        minus="zero_fraction",
        excused=AROUND,
    ),
    "zeros": Illness(
        "layers",
        "zero_fraction",
        END,
        "highest_hidden",
        ABOVE,
        0.98,
        CAUSE,
        shown="share of activations that are exactly zero",
        meaning="the layer passes on almost nothing of its input",
        source="Glorot, Bordes & Bengio 2011, Deep sparse rectifier networks, section 4.1 and figure 3: networks keep "
        "their accuracy up to about 85 % of zeros",
        excused=AROUND,
    ),
    "dead_units": Illness(
        "layers",
        "dead_fraction",
        END,
        "highest_hidden",
        ABOVE,
        0.85,
        CAUSE,
        shown="share of units without gradient on every training example",
        meaning="these units can never change again",
        source="Lu, Shin, Su & Karniadakis 2020, Dying ReLU and initialization: theory and numerical examples",
        excused=AROUND,
    ),
    "vanishing_gradients": Illness(
        "layers",
        "gradient_norm",
        START,
        "first_over_last_hidden",
        BELOW,
        0.02,
        CAUSE,
        shown="gradient norm of the first over that of the last hidden layer",
        meaning="the first layers hardly learn",
        source="Glorot & Bengio 2010, figure 7; Schoenholz, Gilmer, Ganguli & Sohl-Dickstein 2017, Deep information "
        "propagation, section 4",
    ),
    "exploding_gradients": Illness(
        "layers",
        "gradient_norm",
        START,
        "first_over_last_hidden",
        ABOVE,
        50.0,
        CAUSE,
        shown="gradient norm of the first over that of the last hidden layer",
        meaning="a step that suits the last layers throws the first ones off",
        source="Pascanu, Mikolov & Bengio 2013, section 2; Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz 2019, A "
        "mean field theory of batch normalization",
    ),
    "signal_shrinks": Illness(
        "layers",
        "activation_std",
        START,
        "last_over_first_hidden",
        BELOW,
        0.02,
        CAUSE,
        shown="spread of the last over that of the first hidden layer's activations",
        meaning="init and activation do not match: the signal dies out on its way up",
        source="He, Zhang, Ren & Sun 2015, Delving deep into rectifiers, section 2.2; Mishkin & Matas 2016, All you "
        "need is a good init",
    ),
    "signal_grows": Illness(
        "layers",
        "activation_std",
        START,
        "last_over_first_hidden",
        ABOVE,
        20.0,
        CAUSE,
        shown="spread of the last over that of the first hidden layer's activations",
        meaning="init and activation do not match: the signal grows from layer to layer",
        source="He, Zhang, Ren & Sun 2015, section 2.2; Mishkin & Matas 2016",
        excused=AROUND,
    ),
    "no_norm_no_skips": Illness(
        "layers",
        "gradient_norm",
        START,
        "spread_hidden",
        ABOVE,
        50.0,
        CAUSE,
        shown="largest over smallest gradient norm of the hidden layers",
        meaning="layers learn at very different speeds, and neither a norm nor skips level them",
        source="Ioffe & Szegedy 2015, Batch normalization, section 3.3; He, Zhang, Ren & Sun 2016, Deep residual "
        "learning, section 3.1",
        levels={"norm": ("none",), "residual": ("none",)},
    ),
    "collapse": Illness(
        "layers",
        "effective_rank",
        END,
        "lowest_hidden",
        BELOW,
        1.01,
        CAUSE,
        shown="directions that carry the activations of a layer",
        meaning="the layer answers to every input alike, so what follows cannot tell them apart",
        source="Poole, Lahiri, Raghu, Sohl-Dickstein & Ganguli 2016, Exponential expressivity in deep neural networks "
        "through transient chaos; Daneshmand, Kohler, Bach, Hofmann & Lucchi 2020, Batch normalization provably avoids "
        "rank collapse",
        excused=AROUND,
    ),
    "rate_too_high": Illness(
        "curves",
        "train",
        END,
        "last_over_first",
        ABOVE,
        1.2,
        CAUSE,
        shown="last over first training loss",
        meaning="the steps lead uphill: the learning rate is too high for this network",
        source="LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.7; Bengio 2012, Practical "
        "recommendations for gradient-based training, section 3.1.1",
    ),
    "steps_too_large": Illness(
        "layers",
        "update_ratio",
        END,
        "highest",
        ABOVE,
        0.09,
        CAUSE,
        shown="largest update of a layer over its weights, at the end",
        meaning="a single step still rewrites the weights: the learning rate is too high for the network to settle",
        source="You, Gitman & Ginsburg 2017, Large batch training of convolutional networks, section 4: about 1e-3 is "
        "usual",
    ),
    "rate_too_low": Illness(
        "layers",
        "update_ratio",
        EARLY,
        "highest_moving",
        BELOW,
        1e-4,
        CAUSE,
        shown="largest update of a layer over its weights, early",
        meaning="the steps are too small to get anywhere: the learning rate is too low",
        source="You, Gitman & Ginsburg 2017, Large batch training of convolutional networks, section 4; about 1e-3 is "
        "usual",
    ),
    "always_clipped": Illness(
        "runs",
        "clip_rate",
        END,
        "column",
        ABOVE,
        0.95,
        CAUSE,
        shown="share of updates whose gradient was clipped",
        meaning="every step has the length of the clipping threshold, whatever the gradient says",
        source="Pascanu, Mikolov & Bengio 2013, algorithm 1: the threshold is meant for rare large gradients",
        excused=LEARNED,
    ),
}

assert all(math.isfinite(entry.threshold) for entry in ILLNESSES.values())
