"""What can be wrong with a network before its first update: activation, init, norm, skips and depth do not match.

At most 2 % of the healthy runs that a rule speaks of lie beyond its threshold; `benchmarks/diagnosis.md` says how many
do, in seeds and a grid on which no threshold was chosen.
"""

from actbench.analysis.illness import ABOVE, BELOW, CAUSE, END, START, Illness

INITIAL_CAUSES: dict[str, Illness] = {
    "linear_network": Illness(
        "curves",
        "train",
        END,
        "over_guessing",
        ABOVE,
        0.95,
        CAUSE,
        shown="last training loss over that of guessing",
        meaning="without a nonlinearity all layers together are one linear map, and none tells these classes apart",
        source="Minsky & Papert 1969, Perceptrons; Goodfellow, Bengio & Courville 2016, section 6.1",
        levels={"activation": ("identity",), "norm": ("none", "batchnorm")},
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
    "no_norm_no_skips": Illness(
        "layers",
        "gradient_norm",
        START,
        "spread_hidden",
        ABOVE,
        100.0,
        CAUSE,
        shown="largest over smallest gradient norm of the hidden layers",
        meaning="layers learn at very different speeds, and neither a norm nor skips level them",
        source="Ioffe & Szegedy 2015, Batch normalization, section 3.3; He, Zhang, Ren & Sun 2016, Deep residual "
        "learning, section 3.1",
        levels={"norm": ("none",), "residual": ("none",)},
    ),
    "signal_shrinks": Illness(
        "layers",
        "activation_std",
        START,
        "last_over_first_hidden",
        BELOW,
        0.01,
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
    ),
    "input_forgotten": Illness(
        "layers",
        "input_correlation",
        START,
        "last_hidden",
        ABOVE,
        0.999,
        CAUSE,
        shown="correlation of two inputs in the last hidden layer",
        meaning="the layers make all inputs alike: the network is deeper than its input reaches",
        source="Schoenholz, Gilmer, Ganguli & Sohl-Dickstein 2017, Deep information propagation, section 3 and figure "
        "5: correlations near 1 as exp(-depth/ξ_c), and networks deeper than about 6 ξ_c, at 1 - exp(-6) = 0.9975, "
        "hardly train; stricter here, at 6.9 ξ_c, since shallow networks of sigmoids learn before",
    ),
}
