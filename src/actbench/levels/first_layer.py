"""What theory expects of a run's layers at initialisation, given the variance that was measured in the first."""

from dataclasses import replace

from actbench.levels.initial_pass import chain_of
from actbench.levels.nonlinearity import nonlinearity
from actbench.plan.design import Run
from actbench.theory.profile import LayerForecast, applies, forecast


def predict_from_first(run: Run, variance: float) -> tuple[list[LayerForecast] | None, str]:
    """Return the forecast of every hidden layer and a note: why there is none, or why it is rough.

    Examples of unlike size count as if they were alike, which costs accuracy where the variance has not settled. With a
    norm the first layer's variance is what the norm makes it, and `variance` does not matter.

    run: the levels. variance: mean square of the first layer's pre-activations, measured at initialisation.
    """
    chain = chain_of(run, run.width)
    if chain is None:
        lacking = f"a bias offset of {run.bias_offset:g}" if run.bias_offset else f"residual {run.residual}"
        return None, f"there is no theory of {lacking}"
    given = max(variance - chain.first_bias_var, 0.0) if chain.norm == "none" else 1.0
    try:
        layers = forecast(nonlinearity(run.activation), replace(chain, first_var=1.0), given, float(run.width))
    except ValueError as error:
        return None, str(error)
    rough = f"of infinite width: at width {run.width} single networks differ much from it"
    return layers, "" if applies(layers) else rough
