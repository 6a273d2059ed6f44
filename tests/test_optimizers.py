"""Laws of the optimisers, over the whole registry, and torch.optim as their twin.

Letters: P models, N parameters of one model.
"""

import pytest
import torch
from torch import Tensor, nn

from actbench.levels.optimizers import OPTIMIZERS

TWINS = {
    "sgd": lambda p, lr, momentum: torch.optim.SGD(p, lr=lr, momentum=momentum),
    "adam": lambda p, lr, beta1, beta2, epsilon: torch.optim.Adam(p, lr=lr, betas=(beta1, beta2), eps=epsilon),
}
OTHERS = {"sgd": (0.0,), "adam": (0.5, 0.9, 1e-3)}
STEPS = 12

every_optimizer = pytest.mark.parametrize("name", list(OPTIMIZERS))


def gradients(models: int, numbers: int) -> Tensor:
    """Return the gradients of all steps, some tiny and some exactly zero."""
    noise = torch.randn(STEPS, models, numbers, generator=torch.Generator().manual_seed(1))
    noise[:, :, ::7] *= 1e-6
    noise[:, :, ::11] = 0
    return noise


def start(models: int, numbers: int) -> tuple[Tensor, Tensor]:
    """Return initial parameters, and learning rates that differ between the models."""
    parameters_PN = torch.randn(models, numbers, generator=torch.Generator().manual_seed(2))
    return parameters_PN, torch.logspace(-3, -1, models)[:, None]


def train(
    name: str, arguments: tuple[float, ...], gradient_SPN: Tensor, parameters_PN: Tensor, lr_P1: Tensor
) -> Tensor:
    """Take one step for each gradient and return the parameters."""
    parameters_PN = parameters_PN.clone()
    slots = {slot: torch.zeros_like(parameters_PN) for slot in OPTIMIZERS[name].slots}
    for step, gradient_PN in enumerate(gradient_SPN, 1):
        OPTIMIZERS[name].update(parameters_PN, gradient_PN, slots, lr_P1, step, *arguments)
    return parameters_PN


@pytest.mark.parametrize("name", list(TWINS))
@pytest.mark.parametrize("default", [True, False])
def test_torch_is_equal_to_rounding(name: str, default: bool) -> None:
    """After twelve steps every model has the parameters that torch.optim gives it with its own learning rate."""
    arguments = tuple(OPTIMIZERS[name].arguments.values()) if default else OTHERS[name]
    gradient_SPN = gradients(5, 99)
    parameters_PN, lr_P1 = start(5, 99)
    actual = train(name, arguments, gradient_SPN, parameters_PN, lr_P1)
    for index in range(5):
        parameter = nn.Parameter(parameters_PN[index].clone())
        twin = TWINS[name]([parameter], lr_P1[index].item(), *arguments)
        for step in range(STEPS):
            parameter.grad = gradient_SPN[step, index].clone()
            twin.step()
        torch.testing.assert_close(actual[index], parameter.detach(), rtol=2e-6, atol=2e-7)


@every_optimizer
@pytest.mark.parametrize("numbers", [99, 20_001])
def test_stacked_equals_alone_to_the_last_bit(name: str, numbers: int) -> None:
    """A model's parameters have the same bits alone and among nine, whatever blocks the stack is cut into."""
    gradient_SPN = gradients(9, numbers)[:3]
    parameters_PN, lr_P1 = start(9, numbers)
    arguments = tuple(OPTIMIZERS[name].arguments.values())
    together = train(name, arguments, gradient_SPN, parameters_PN, lr_P1)
    for index in range(9):
        one = slice(index, index + 1)
        alone = train(name, arguments, gradient_SPN[:, one].clone(), parameters_PN[one], lr_P1[one].clone())
        assert torch.equal(alone, together[one])


@every_optimizer
def test_a_diverged_model_changes_no_neighbour(name: str) -> None:
    """Gradients of NaN spoil their own model's parameters only."""
    gradient_SPN = gradients(3, 50)
    parameters_PN, lr_P1 = start(3, 50)
    arguments = tuple(OPTIMIZERS[name].arguments.values())
    clean = train(name, arguments, gradient_SPN, parameters_PN, lr_P1)
    gradient_SPN[4, 1] = float("nan")
    sick = train(name, arguments, gradient_SPN, parameters_PN, lr_P1)
    assert torch.equal(sick[[0, 2]], clean[[0, 2]])
    assert sick[1].isnan().all()


@every_optimizer
def test_the_gradient_is_left_alone(name: str) -> None:
    """An update changes parameters and slots in place and nothing else, without a graph."""
    gradient_PN = gradients(3, 50)[0]
    kept = gradient_PN.clone()
    parameters_PN, lr_P1 = start(3, 50)
    parameters_PN.requires_grad_()
    slots = {slot: torch.zeros(3, 50) for slot in OPTIMIZERS[name].slots}
    OPTIMIZERS[name].update(parameters_PN, gradient_PN, slots, lr_P1, 1, *OPTIMIZERS[name].arguments.values())
    assert torch.equal(gradient_PN, kept)
    assert parameters_PN.is_leaf
    assert all(slot.any() for slot in slots.values())


@every_optimizer
def test_a_zero_gradient_moves_nothing(name: str) -> None:
    """At rest, a gradient of zeros leaves the parameters as they are: padding stays zero."""
    parameters_PN, lr_P1 = start(3, 50)
    arguments = tuple(OPTIMIZERS[name].arguments.values())
    assert torch.equal(train(name, arguments, torch.zeros(3, 3, 50), parameters_PN, lr_P1), parameters_PN)


@every_optimizer
def test_a_quadratic_is_minimised(name: str) -> None:
    """Each model walks to the minimum of its own quadratic."""
    goal_PN, _ = start(3, 20)
    parameters_PN, slots = torch.zeros(3, 20), {slot: torch.zeros(3, 20) for slot in OPTIMIZERS[name].slots}
    lr_P1 = torch.full((3, 1), 0.02)
    for step in range(1, 601):
        gradient_PN = parameters_PN - goal_PN
        OPTIMIZERS[name].update(parameters_PN, gradient_PN, slots, lr_P1, step, *OPTIMIZERS[name].arguments.values())
    torch.testing.assert_close(parameters_PN, goal_PN, rtol=0, atol=1e-2)
