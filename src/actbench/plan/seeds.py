"""Common random numbers: every stream is a hash of a seed and a purpose, never of the condition."""

import hashlib


def stream(seed: int, purpose: str) -> int:
    """Return a 63-bit generator seed for one purpose, e.g. `stream(7, "weight/3")`.

    Seed 7 so has the same data order and the same weight noise under every condition, and comparisons between
    conditions are paired by seed (common random numbers: Glasserman & Yao 1992).
    """
    digest = hashlib.sha256(f"actbench/{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
