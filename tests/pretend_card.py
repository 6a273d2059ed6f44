"""A GPU that is none: tensors that say they lie on `cuda` while their numbers lie on the CPU.

What runs on it takes every turn of the code for a GPU, and has the numbers of a CPU. It refuses what a GPU would: an
operation on tensors of both sides, an operation in a captured step whose result Python or the CPU must wait for, two
graphs that are captured on one stream. It notes where Python would wait.
"""

import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.utils._pytree as pytree
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

CUDA = torch.device("cuda", 0)
ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero")  # Python waits for their results
Operation = tuple[Any, Any, Any, Any]


class OnCard(Tensor):
    """A tensor of the card; to torch's own code it lies on `meta`, where there are no numbers."""

    numbers: Tensor
    device = CUDA  # type: ignore[assignment]
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, numbers: Tensor) -> "OnCard":
        """Wrap numbers that lie on the CPU."""
        made = Tensor._make_wrapper_subclass(
            cls, numbers.shape, strides=numbers.stride(), storage_offset=numbers.storage_offset(), dtype=numbers.dtype,
            device="meta",
        )  # fmt: skip
        made.numbers = numbers
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Refuse what happens outside of the card's reach."""
        raise AssertionError(f"{func} outside of the card")


class Card(TorchDispatchMode):
    """The card: does every operation, on the CPU.

    operations: names of all that were done on it. waits: those of them for which Python would have waited. held, most:
    bytes of its tensors now, and at most so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.graph: Graph | None = None  # being captured
        self.graphs: weakref.WeakSet[Graph] = weakref.WeakSet()
        self.stream = Stream()
        self.operations: set[str] = set()
        self.waits: list[str] = []
        self.pinned: weakref.WeakSet[Tensor] = weakref.WeakSet()
        self.held = self.most = 0
        self._sharing: Counter[int] = Counter()  # tensors of each piece of memory

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do one operation."""
        kwargs = kwargs or {}
        given = [item for item in pytree.tree_leaves((args, kwargs)) if isinstance(item, Tensor)]
        asked = kwargs.get("device")
        if not any(isinstance(item, OnCard) for item in given) and (asked is None or asked.type == "cpu"):
            return func(*args, **kwargs)
        self._look(func, args, given, asked)
        plain_args, plain_kwargs = pytree.tree_map_only(OnCard, lambda item: item.numbers, (args, kwargs))
        if asked is not None:
            plain_kwargs["device"] = torch.device("cpu")
        result = func(*plain_args, **plain_kwargs)
        if self.graph is not None:
            self.graph.operations.append((func, plain_args, plain_kwargs, result))
        if asked is not None and asked.type == "cpu":
            return result.clone()
        return return_and_correct_aliasing(func, args, kwargs, pytree.tree_map_only(Tensor, self._hold, result))

    def _hold(self, numbers: Tensor) -> OnCard:
        """Put a tensor on the card until Python and autograd have forgotten it."""
        made, memory = OnCard(numbers), numbers.untyped_storage()
        place, size = memory.data_ptr(), memory.nbytes()
        self._count(place, size, 1)
        weakref.finalize(made, self._count, place, size, -1)
        return made

    def _count(self, place: int, size: int, more: int) -> None:
        before, self._sharing[place] = self._sharing[place], self._sharing[place] + more
        self.held += size * (bool(self._sharing[place]) - bool(before))
        self.most = max(self.most, self.held)

    def _look(self, func: Any, args: Any, given: list[Tensor], asked: torch.device | None) -> None:
        name = func._schema.name.removeprefix("aten::")
        self.operations.add(func.name().removeprefix("aten::"))
        sides = {isinstance(item, OnCard) for item in given if item.dim() or name == "copy_"}
        moves = name == "copy_" or (name == "_to_copy" and asked is not None)
        if len(sides) > 1 and not moves:
            raise RuntimeError(f"{name}: expected all tensors to be on the same device")
        waits = _waits(name, args) or (moves and len(sides | _side(name, asked)) > 1 and not self._flies(args))
        if waits and self.graph is not None:
            raise RuntimeError(f"{name}: operation not permitted when stream is capturing")
        self.waits += [name] * waits

    def _flies(self, args: Any) -> bool:
        """Tell whether a copy from pinned memory leaves Python free."""
        return len(args) > 2 and bool(args[2]) and any(args[1] is item for item in self.pinned)

    def pin(self, tensor: Tensor) -> Tensor:
        """Stand for `Tensor.pin_memory`."""
        assert not isinstance(tensor, OnCard), "only memory of the CPU can be pinned"
        copied = tensor.clone()
        self.pinned.add(copied)
        return copied


class FirstCard(TorchFunctionMode):
    """Takes `cuda` for the first card: a torch built for CPUs cannot ask which is the current one."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch."""
        return func(*map(_first, args), **{name: _first(value) for name, value in (kwargs or {}).items()})


def _first(value: Any) -> Any:
    is_card = isinstance(value, str | torch.device) and str(value) == "cuda"
    return CUDA if is_card else value


def _side(name: str, asked: torch.device | None) -> set[bool]:
    return {asked.type != "cpu"} if name == "_to_copy" and asked is not None else set()


def _waits(name: str, args: Any) -> bool:
    masks = name in ("index", "index_put", "index_put_") and any(
        place is not None and place.dtype == torch.bool for place in args[1]
    )
    return masks or name in ASKING


class Stream:
    """A stream, in which everything is done when it is asked for."""

    def wait_stream(self, other: "Stream") -> None:
        """Nothing to wait for."""


class Graph:
    """What a CUDA graph is: the operations of one step, done again on the same memory, without Python's part of it."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.stream: Stream | None = None

    def replay(self) -> None:
        """Do every operation again and put what it returns where its first result lies."""
        with torch._C._DisableTorchDispatch(), torch.no_grad():
            for func, args, kwargs, result in self.operations:
                for place, fresh in zip(_tensors(result), _tensors(func(*args, **kwargs)), strict=True):
                    if place.data_ptr() != fresh.data_ptr():
                        place.copy_(fresh)


def _tensors(result: Any) -> list[Tensor]:
    return [item for item in pytree.tree_leaves(result) if isinstance(item, Tensor)]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    """A machine with the card: what torch does with `cuda` happens on it."""
    if torch.cuda.is_available():
        pytest.skip("there is a card; the tests that need one run on it")
    card = Card()

    @contextmanager
    def use(stream: Stream) -> Iterator[None]:
        before, card.stream = card.stream, stream
        try:
            yield
        finally:
            card.stream = before

    @contextmanager
    def capture(graph: Graph, stream: Stream) -> Iterator[None]:
        assert all(other.stream is not stream for other in card.graphs), "graphs must not share a stream's workspace"
        graph.stream, card.graph = stream, graph
        card.graphs.add(graph)
        try:
            with use(stream):
                yield
        finally:
            card.graph = None

    stand_ins: dict[str, Callable[..., Any]] = {
        "Stream": Stream, "stream": use, "current_stream": lambda: card.stream, "CUDAGraph": Graph, "graph": capture,
        "_lazy_init": lambda: None, "mem_get_info": lambda: (1 << 30, 1 << 30),
        "synchronize": lambda: None, "get_device_name": lambda: "no card",
    }  # fmt: skip
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: card.pin(tensor))
    with FirstCard(), card:
        yield card
