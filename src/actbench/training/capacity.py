"""How many models train at once: on a CPU core as many as its cache holds, on a GPU as many as its memory holds."""

from functools import cache

import torch

from actbench.levels.dataset import Dataset
from actbench.plan.cost import PROBE
from actbench.plan.design import Run
from actbench.training.stack import LARGEST

MOST_ON_GPU = 8192  # models; thousands fill a GPU, more only lengthen the wait for the first finished run
ABREAST_ON_GPU = 4  # stacks that train at once: while Python measures one, the GPU updates the others
PARAMETER_COPIES = 16  # current, best, before the last updates, slots, gradients, what an update and a cosine make
LAYER_COPIES = 9  # of the widest pass: z, normalised z, activation, slope, gradients and what autograd keeps of them
SHARE = 0.6  # of the free memory; the rest is for the libraries and for what an allocator cannot use


def largest_stack(run: Run, dataset: Dataset, device: str) -> int:
    """Return the most models that a stack like this run's may hold.

    On a GPU: SHARE · free bytes / ABREAST_ON_GPU / bytes of one model, at least 1, at most MOST_ON_GPU.
    """
    if device == "cpu":
        return LARGEST
    return min(MOST_ON_GPU, max(1, int(SHARE * _free_bytes() / ABREAST_ON_GPU) // model_bytes(run, dataset)))


def stacks_abreast(device: str) -> int:
    """Return how many stacks train at once."""
    return 1 if device == "cpu" else ABREAST_ON_GPU


def model_bytes(run: Run, dataset: Dataset) -> int:
    """Return the bytes that one model of a run takes on a GPU while it trains and is measured.

    4 · (PARAMETER_COPIES · parameters + LAYER_COPIES · examples · (inputs + depth · width + classes)), with the larger
    of the batch and the probe as examples.
    """
    inputs, classes = int(dataset.x_train.shape[1]), dataset.classes
    parameters = run.width * (inputs + (run.depth - 1) * run.width + classes + 4 * run.depth) + classes
    units = inputs + run.depth * run.width + classes
    return 4 * (PARAMETER_COPIES * parameters + LAYER_COPIES * max(run.batch_size, PROBE) * units)


@cache
def _free_bytes() -> int:
    free, _ = torch.cuda.mem_get_info()
    return int(free)
