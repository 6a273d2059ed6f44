"""Measure how far networks at initialisation are from theory, over all activations, matching and other initialisations.

    python benchmarks/probe.py [SEEDS] [DEPTH …]

Width 512, 64 standard normal examples, float64; prints one line a condition and the largest deviation of the backward
factor where theory applies at this width. Where it is said to hold for greater width only, networks four times as wide
are probed too, with a third of the seeds. 24 seeds take about half an hour on one core.
"""

import sys

from actbench.levels.probe_table import probe, probed_run
from actbench.plan.registry import known_levels
from actbench.training.process import one_core

INITS = ("xavier_normal", "he_normal", "lecun_normal", "variance_preserving")
WIDTH, EXAMPLES = 512, 64
GREATER = 4 * WIDTH


def deviation_of(activation: str, init: str, depth: int, width: int, seeds: int) -> tuple[float, str, bool]:
    """Return by how many % the backward factor deviates from theory, with its interval, and if theory applies."""
    found = probe(probed_run(activation=activation, init=init, depth=depth, width=width), None, EXAMPLES, seeds)
    factor = found["backward_factor"]
    deviation = 100 * (factor["value"] / factor["predicted"] - 1)
    reach = 100 * (factor["high"] / factor["value"] - 1)
    return deviation, f"{deviation:+7.2f} % ± {reach:.2f}", bool(found["theory_applies"])


def main(words: list[str]) -> None:
    """Probe every condition and print the deviations."""
    one_core()
    seeds = int(words[0]) if words else 24
    largest = 0.0
    for depth in map(int, words[1:] or ["10", "50"]):
        for activation in known_levels("activation"):
            for init in INITS:
                deviation, said, applies = deviation_of(activation, init, depth, WIDTH, seeds)
                if applies:
                    largest = max(largest, abs(deviation))
                else:
                    said += f"; width {GREATER}: {deviation_of(activation, init, depth, GREATER, -(-seeds // 3))[1]}"
                print(f"{activation:12}{init:20}{depth:4}  {said}", flush=True)
    print(f"largest deviation where theory applies: {largest:.2f} %")


if __name__ == "__main__":
    main(sys.argv[1:])
