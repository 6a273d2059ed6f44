"""Loops that are compiled apart: compiled code calls them by name, where numba would link a copy into every caller.

Each copy is optimised and turned into machine code again at every level of calls, which took most of the time of
compilation. A loop that is compiled apart is compiled once for its types and kept in a file of its own. A caller's
file names what it calls, which is loaded before it.
"""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import llvmlite.binding
from numba.core import base, registry, types

from actbench.levels import machine_code

CPUDispatcher: Any = registry.CPUDispatcher
user_function: Any = base.user_function


@dataclass(frozen=True)
class Callee:
    """A loop for one list of argument types, as its callers know it."""

    module: str
    name: str
    arguments: tuple[Any, ...]

    def __call__(self) -> None:
        """Load or compile the loop, so that a caller's machine code finds it by its symbol."""
        getattr(import_module(self.module), self.name).compile(self.arguments)

    @property
    def symbol(self) -> str:
        """Return the name in machine code."""
        types = hashlib.sha256(repr(self.arguments).encode()).hexdigest()[:16]
        return f"{self.module}.{self.name}.{types}"


class Apart(CPUDispatcher):  # type: ignore[misc]
    """A compiled loop whose callers hold its symbol only."""

    def compile(self, signature: Any) -> Any:
        """Compile or load the loop for types of arguments; a constant has its number's type, not one of its own."""
        arguments, _ = machine_code.normalize_signature(signature)
        return super().compile(tuple(map(types.unliteral, arguments)))

    def add_overload(self, compiled: Any) -> None:
        """Make what has been compiled or loaded known under its symbol."""
        super().add_overload(compiled)
        callee = self._callee(compiled.signature.args)
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        llvmlite.binding.add_symbol(callee.symbol, address)
        named = copy.copy(compiled.fndesc)
        named.mangled_name = callee.symbol
        call = user_function(named, ())

        def call_by_name(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            context.active_code_library._reload_init.add(callee)
            return call(context, builder, signature, arguments)

        self.targetctx.insert_func_defn([(call_by_name, callee, compiled.signature.args)])

    def get_overload(self, signature: Any) -> Any:
        """Return the key under which callers find how to call the loop."""
        super().get_overload(signature)
        return self._callee(signature)

    def _callee(self, arguments: tuple[Any, ...]) -> Callee:
        return Callee(self.py_func.__module__, self.py_func.__name__, tuple(arguments))


def apart(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a loop that is compiled apart; options as of `numba.njit`."""

    def decorate(function: Callable[..., Any]) -> Any:
        compiled = Apart(function, targetoptions={"nopython": True, **options})
        compiled._cache = machine_code.kept(function)
        return compiled

    return decorate
