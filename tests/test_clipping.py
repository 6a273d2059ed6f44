"""Laws of the clipping rules, over the whole registry, and torch.nn.utils as their twin.

Letters: P models, N parameters of one model.
"""

import pytest
import torch
from torch import Tensor, nn

from actbench.levels.clipping import CLIPPING

THRESHOLD = 1.5
TWINS = {
    "none": lambda parameters: None,
    "norm": lambda parameters: nn.utils.clip_grad_norm_(parameters, THRESHOLD),
    "value": lambda parameters: nn.utils.clip_grad_value_(parameters, THRESHOLD),
}

every_clip = pytest.mark.parametrize("name", list(CLIPPING))


def gradients(numbers: int = 321) -> Tensor:
    """Return gradients of seven models, from tiny to huge."""
    noise = torch.randn(7, numbers, generator=torch.Generator().manual_seed(1))
    return noise * torch.logspace(-3, 3, 7)[:, None]


def clip(name: str, gradient_PN: Tensor) -> Tensor:
    """Clip in place and return which models changed."""
    return CLIPPING[name].function(gradient_PN, *[THRESHOLD for _ in CLIPPING[name].arguments])


@pytest.mark.parametrize("name", list(TWINS))
def test_torch_is_equal_to_rounding(name: str) -> None:
    """Each model's gradient becomes what torch makes of it, cut into two parameters."""
    gradient_PN = gradients()
    before = gradient_PN.clone()
    clip(name, gradient_PN)
    for index in range(7):
        parameters = [nn.Parameter(torch.zeros(21)), nn.Parameter(torch.zeros(30, 10))]
        parameters[0].grad, parameters[1].grad = before[index, :21].clone(), before[index, 21:].reshape(30, 10).clone()
        TWINS[name](parameters)
        expected = torch.cat([parameter.grad.flatten() for parameter in parameters])
        torch.testing.assert_close(gradient_PN[index], expected, rtol=1e-6, atol=0)


@every_clip
def test_changed_is_where_the_gradient_changed(name: str) -> None:
    """The answer is true exactly for the models whose gradient differs from before; some are and some are not."""
    gradient_PN = gradients()
    before = gradient_PN.clone()
    changed_P = clip(name, gradient_PN)
    assert (changed_P.dtype, changed_P.shape) == (torch.bool, (7,))
    assert torch.equal(changed_P, (gradient_PN != before).any(1))
    assert changed_P.any() == (name != "none")
    assert not changed_P.all()


def test_changed_is_right_at_the_threshold() -> None:
    """A gradient on the threshold is unchanged, and a single entry below the negative threshold is a change."""
    threshold = (torch.tensor(5.0) + 1e-6).item()
    assert not CLIPPING["norm"].function(torch.tensor([[3.0, 4.0]]), threshold).any()
    assert CLIPPING["norm"].function(torch.tensor([[3.0, 4.0]]), threshold * (1 - 1e-6)).all()
    gradient_PN = torch.tensor([[0.5, -2.0], [1.5, -1.5], [2.0, 0.5]])
    assert CLIPPING["value"].function(gradient_PN, 1.5).tolist() == [True, False, True]


@pytest.mark.parametrize("name", list(TWINS))
def test_a_clipped_gradient_respects_the_threshold(name: str) -> None:
    """No norm, or no entry, is above the threshold afterwards, and a second clip changes nothing."""
    gradient_PN = gradients()
    clip(name, gradient_PN)
    largest = {"none": torch.zeros(7), "norm": gradient_PN.norm(dim=1), "value": gradient_PN.abs().amax(1)}[name]
    assert (largest <= THRESHOLD * (1 + 1e-6)).all()
    once = gradient_PN.clone()
    clip(name, gradient_PN)
    torch.testing.assert_close(gradient_PN, once, rtol=2e-6, atol=0)


@every_clip
@pytest.mark.parametrize("numbers", [321, 4096])
def test_stacked_equals_alone_to_the_last_bit(name: str, numbers: int) -> None:
    """A model's clipped gradient has the same bits alone and among seven."""
    gradient_PN = gradients(numbers)
    alone = [row[None].clone() for row in gradient_PN]
    changed_P = clip(name, gradient_PN)
    for index, row in enumerate(alone):
        assert torch.equal(clip(name, row), changed_P[index : index + 1])
        assert torch.equal(row[0], gradient_PN[index])


@every_clip
@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e30])
def test_a_diverged_model_changes_no_neighbour(name: str, poison: float) -> None:
    """A gradient that is not finite, or whose norm is not, leaves the others as they are."""
    clean, sick = gradients(), gradients()
    sick[3, 5] = poison
    changed_clean, changed_sick = clip(name, clean), clip(name, sick)
    others = [index for index in range(7) if index != 3]
    assert torch.equal(sick[others], clean[others])
    assert torch.equal(changed_sick[others], changed_clean[others])


def test_a_zero_gradient_stays_zero() -> None:
    """A gradient of zeros is not changed by any rule, nor made NaN."""
    for name in CLIPPING:
        gradient_PN = torch.zeros(2, 9)
        assert not clip(name, gradient_PN).any()
        assert not gradient_PN.any()
