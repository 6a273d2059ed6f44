"""Pieces of a matrix product as machine code: tiles of the result kept in vector registers, and transposed squares.

A tile is some rows by some vectors. Each of its numbers is one chain of fused multiply-adds in the order of the inner
index, so neither the height nor the length of a vector changes a bit of it.

Here a step is the distance, in numbers, from one row (or column) of a matrix to the next.
"""

from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils as codegen

cgutils: Any = codegen
intrinsic: Any = numba.extending.intrinsic
types: Any = numba.types
FLOAT, INT, INT32 = ir.FloatType(), ir.IntType(64), ir.IntType(32)
FLOATS, STEP = types.CPointer(types.float32), types.int64


@intrinsic
def address(context: Any, array: Any, offset: Any) -> Any:
    """Return a pointer to the number at `offset` of an array's memory."""

    def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.gep(data, [arguments[1]])

    return FLOATS(array, STEP), write


@intrinsic
def factor(context: Any, matrix: Any) -> Any:
    """Return a pointer to a float32 matrix and its steps from row to row and from column to column."""

    def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        steps = [builder.sdiv(bytes_, INT(4)) for bytes_ in cgutils.unpack_tuple(builder, array.strides)]
        return context.make_tuple(builder, signature.return_type, [array.data, *steps])

    return types.Tuple((FLOATS, STEP, STEP))(matrix), write


@intrinsic
def stay_apart(context: Any) -> Any:
    """Keep the function that says this out of its callers: inlined everywhere, it takes long to compile."""

    def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), write


@intrinsic
def after(context: Any, pointer: Any, offset: Any) -> Any:
    """Return a pointer moved by `offset` numbers."""
    return FLOATS(FLOATS, STEP), lambda _, builder, __, arguments: builder.gep(arguments[0], [arguments[1]])


def copy(lanes: int) -> Any:
    """Return the code that copies `lanes` numbers from one pointer to another."""

    @intrinsic
    def copy_vector(context: Any, source: Any, target: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _store(builder, _load(builder, arguments[0], INT(0), lanes), arguments[1], INT(0))
            return context.get_dummy_value()

        return types.void(FLOATS, FLOATS), write

    return copy_vector


def transpose(lanes: int) -> Any:
    """Return the code that transposes a square of lanes x lanes numbers: from a pointer and step to another."""

    @intrinsic
    def transpose_square(context: Any, source: Any, step: Any, target: Any, width: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            source, step, target, width = arguments
            rows = [_load(builder, source, builder.mul(step, INT(i)), lanes) for i in range(lanes)]
            for i, row in enumerate(_transposed(builder, rows)):
                _store(builder, row, target, builder.mul(width, INT(i)))
            return context.get_dummy_value()

        return types.void(FLOATS, STEP, FLOATS, STEP), write

    return transpose_square


def tile(rows: int, vectors: int, lanes: int) -> Any:
    """Return the code of one tile: out ← start + Σₖ a[i, k]·b[k, j].

    It is called with a, the steps from row to row and from column to column of a, b (rows of vectors·lanes numbers,
    one after another), out, the step from row to row of out, the number of terms, start, its step from row to row (0
    when one row serves all), and whether there is a start other than 0.
    """

    @intrinsic
    def multiply_tile(
        context: Any, a: Any, down: Any, along: Any, b: Any, out: Any, step: Any, terms: Any,
        start: Any, start_step: Any, started: Any,
    ) -> Any:  # fmt: skip
        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _write_tile(builder, rows, vectors, lanes, *arguments)
            return context.get_dummy_value()

        arguments = (FLOATS, STEP, STEP, FLOATS, FLOATS, STEP, STEP, FLOATS, STEP, types.boolean)
        return types.void(*arguments), write

    return multiply_tile


def _write_tile(
    builder: Any, rows: int, vectors: int, lanes: int, a: Any, down: Any, along: Any, b: Any, out: Any, step: Any,
    terms: Any, start: Any, start_step: Any, started: Any,
) -> None:  # fmt: skip
    places = [(i, j) for i in range(rows) for j in range(vectors)]
    zero, before = ir.Constant(ir.VectorType(FLOAT, lanes), None), builder.block
    given, loop, done = (builder.append_basic_block(name) for name in ("given", "terms", "done"))
    builder.cbranch(started, given, loop)
    builder.position_at_end(given)
    first = [_load(builder, start, _offset(builder, start_step, i, j * lanes), lanes) for i, j in places]
    builder.branch(loop)
    builder.position_at_end(loop)
    k, sums = builder.phi(INT), [builder.phi(zero.type) for _ in places]
    totals = _one_term(builder, a, down, along, b, k, places, sums, lanes)
    following = builder.add(k, INT(1))
    _join(k, (before, INT(0)), (given, INT(0)), (loop, following))
    for sum_, begun, total in zip(sums, first, totals, strict=True):
        _join(sum_, (before, zero), (given, begun), (loop, total))
    builder.cbranch(builder.icmp_signed("<", following, terms), loop, done)
    builder.position_at_end(done)
    for total, (i, j) in zip(totals, places, strict=True):
        _store(builder, total, out, _offset(builder, step, i, j * lanes))


def _offset(builder: Any, step: Any, row: int, column: int) -> Any:
    return builder.add(builder.mul(step, INT(row)), INT(column))


def _one_term(
    builder: Any, a: Any, down: Any, along: Any, b: Any, k: Any, places: list[tuple[int, int]], sums: list[Any],
    lanes: int,
) -> list[Any]:  # fmt: skip
    """Add a[i, k]·b[k, j] to the sum of each place (i, j)."""
    heights, vectors = range(places[-1][0] + 1), places[-1][1] + 1
    row = builder.mul(k, INT(vectors * lanes))
    parts = [_load(builder, b, builder.add(row, INT(j * lanes)), lanes) for j in range(vectors)]
    column = builder.gep(a, [builder.mul(k, along)])
    numbers = [builder.load(builder.gep(column, [builder.mul(down, INT(i))])) for i in heights]
    factors = [_spread(builder, number, lanes) for number in numbers]
    return [_multiply_add(builder, factors[i], parts[j], sum_) for (i, j), sum_ in zip(places, sums, strict=True)]


def _multiply_add(builder: Any, x: Any, y: Any, sum_: Any) -> Any:
    kind = ir.FunctionType(x.type, [x.type] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{x.type.count}f32")
    return builder.call(function, [x, y, sum_])


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Interleave row i with row i + n/2, log2 n times."""
    lanes = len(rows)
    low = [lane // 2 + lanes * (lane % 2) for lane in range(lanes)]
    halves = [low, [place + lanes // 2 for place in low]]
    for _ in range(lanes.bit_length() - 1):
        pairs = zip(rows[: lanes // 2], rows[lanes // 2 :], strict=True)
        rows = [_shuffle(builder, x, y, places) for x, y in pairs for places in halves]
    return rows


def _spread(builder: Any, number: Any, lanes: int) -> Any:
    """Copy one number to every lane."""
    any_ = ir.Constant(ir.VectorType(FLOAT, lanes), ir.Undefined)
    return _shuffle(builder, builder.insert_element(any_, number, INT32(0)), any_, [0] * lanes)


def _shuffle(builder: Any, x: Any, y: Any, places: list[int]) -> Any:
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(INT32, len(places)), places))


def _load(builder: Any, start: Any, offset: Any, lanes: int) -> Any:
    pointer = builder.bitcast(builder.gep(start, [offset]), ir.VectorType(FLOAT, lanes).as_pointer())
    return builder.load(pointer, align=4)


def _store(builder: Any, vector: Any, start: Any, offset: Any) -> None:
    builder.store(vector, builder.bitcast(builder.gep(start, [offset]), vector.type.as_pointer()), align=4)


def _join(phi: Any, *sources: tuple[Any, Any]) -> None:
    for block, value in sources:
        phi.add_incoming(value, block)
