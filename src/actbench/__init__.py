"""actbench: how activation, depth, initialisation, normalisation, skips and clipping act together on training."""

__version__ = "0.1.0"
