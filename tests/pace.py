"""How fast this machine is just now, so that limits of processor time fail on slow code and not on a slow machine."""

import subprocess
import sys

USUAL = 0.4  # seconds of YARDSTICK beside which the limits are stated
YARDSTICK = "import time, pandas; print(time.process_time())"  # much memory and little arithmetic, as what is limited


def slowness() -> float:
    """Return how many times slower than usual the yardstick is here now, 1 where it is not slower."""
    return max(1.0, *(_seconds() / USUAL for _ in range(3)))


def _seconds() -> float:
    """Return the processor time of a process of its own."""
    done = subprocess.run([sys.executable, "-c", YARDSTICK], capture_output=True, text=True, check=True)
    return float(done.stdout)
