"""Predictions of what the networks do, computed without training."""
