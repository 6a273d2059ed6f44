"""One update of every model of a stack, given its gradient: clipping, then the optimiser.

Letters: P models of a stack, N numbers of one model, T slots of the optimiser.
"""

from torch import Tensor

from actbench.levels.clipping import CLIPPING
from actbench.levels.optimizers import OPTIMIZERS
from actbench.plan.design import Run
from actbench.plan.level import parse_level
from actbench.training.stack import Stack


def update(stack: Stack, gradient_PN: Tensor, run: Run, step: int | Tensor) -> Tensor:
    """Clip the gradients in place and update the parameters; return whose gradient was clipped, (P,).

    Args:
        stack: the models.
        gradient_PN: the gradient of each model's own loss.
        run: any run of the stack: they share clipping rule and optimiser.
        step: counted from 1; a tensor where the update is captured.
    """
    clip, optimizer = parse_level("clip", run.clip), parse_level("optimizer", run.optimizer)
    clipped_P = CLIPPING[clip.name].function(gradient_PN, *clip.arguments)
    entry = OPTIMIZERS[optimizer.name]
    slots = {name: stack.slots_PTN[:, index] for index, name in enumerate(entry.slots)}
    entry.update(stack.parameters_PN, gradient_PN, slots, stack.lr_P1, step, *optimizer.arguments)
    return clipped_P
