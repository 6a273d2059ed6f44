"""From the record of a stack to rows of a shard file: one row a run, its curves and layer profiles nested in it."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pyarrow as pa

from actbench.plan import schema
from actbench.plan.design import Run
from actbench.plan.numerics import NUMERICS
from actbench.training.provenance import provenance
from actbench.training.record import CURVE_SPLITS, Record


def _struct(columns: Sequence[schema.Column]) -> pa.DataType:
    inner = [column for column in columns if column != schema.RUN_KEY]
    return pa.list_(pa.struct([(column.name, pa.type_for_alias(column.dtype)) for column in inner]))


ROWS = pa.schema(
    [pa.field(c.name, pa.type_for_alias(c.dtype), nullable=c.nullable) for c in schema.RUNS]
    + [pa.field("curves", _struct(schema.CURVES)), pa.field("layers", _struct(schema.LAYERS))]
)

BLANK = {column.name: None for column in schema.RUNS if column.nullable}


def to_rows(record: Record, seconds: float) -> pa.Table:
    """Return one row for each run of a trained stack; `seconds` is the process time of the whole stack."""
    rows = [_row(record, index, seconds / len(record.runs)) for index in range(len(record.runs))]
    table = pa.Table.from_pylist(rows, schema=pa.schema([field for field in ROWS if field.name in rows[0]]))
    counts = [record.evaluations(index) for index in range(len(record.runs))]
    table = table.append_column(ROWS.field("curves"), _curves(record, counts))
    return table.append_column(ROWS.field("layers"), _layers(record, counts)).cast(ROWS)


def error_row(run: Run) -> pa.Table:
    """Return the row of a run that could not be trained."""
    counted = {"clip_rate": 0.0, "classes": 0, "parameters": 0, "seconds": 0.0}
    row = {"run_key": run.key, **asdict(run), "status": "error", **BLANK, **counted, **_origin()}
    return pa.Table.from_pylist([{**row, "curves": [], "layers": []}], schema=ROWS)


def _origin() -> dict[str, str | int]:
    return {"numerics": NUMERICS, **asdict(provenance())}


def _row(record: Record, index: int, seconds: float) -> dict[str, object]:
    run, step = record.runs[index], int(record.diverged_step_P[index])
    ok = step < 0
    scores = {name: float(column[index]) if ok else None for name, column in record.scores.items()}
    return {
        "run_key": run.key,
        **asdict(run),
        "status": "ok" if ok else "diverged",
        **BLANK,
        **scores,
        "diverged_step": None if ok else step,
        "best_step": int(record.best_step_P[index]) if ok else None,
        "clip_rate": record.clip_rate(index),
        "classes": record.classes,
        "parameters": record.parameters,
        "seconds": seconds,
        **_origin(),
    }


def _offsets(lengths: list[int]) -> pa.Array:
    return pa.array([0, *itertools.accumulate(lengths)], pa.int32())


def _curves(record: Record, counts: list[int]) -> pa.Array:
    splits = len(CURVE_SPLITS)
    values = np.concatenate([record.curves_PES2[i, :n].reshape(-1, 2) for i, n in enumerate(counts)])
    columns = {
        "step": np.concatenate([np.repeat(record.steps[:n], splits) for n in counts]).astype(np.int32),
        "split": np.tile(np.array(CURVE_SPLITS, dtype=object), sum(counts)),
        "loss": values[:, 0],
        "accuracy": values[:, 1],
    }
    return _nested(columns, ROWS.field("curves").type, [n * splits for n in counts])


def _layers(record: Record, counts: list[int]) -> pa.Array:
    kept = [~np.isnan(record.layers_PEK[i, :n]) for i, n in enumerate(counts)]  # NaN: not recorded, or no such number
    layer_K = np.array([layer for layer, _ in record.keys], dtype=np.int32)
    name_K = np.array([name for _, name in record.keys], dtype=object)
    places = [np.nonzero(kept_EK) for kept_EK in kept]
    columns = {
        "step": np.concatenate([np.array(record.steps, dtype=np.int32)[e] for e, _ in places]),
        "layer": np.concatenate([layer_K[k] for _, k in places]),
        "diagnostic": np.concatenate([name_K[k] for _, k in places]),
        "value": np.concatenate([record.layers_PEK[i, : counts[i]][kept[i]] for i in range(len(counts))]),
    }
    return _nested(columns, ROWS.field("layers").type, [len(e) for e, _ in places])


def _nested(columns: dict[str, np.ndarray], kind: pa.DataType, lengths: list[int]) -> pa.Array:
    fields = list(kind.value_type)
    arrays = [pa.array(columns[field.name], type=field.type) for field in fields]
    return pa.ListArray.from_arrays(_offsets(lengths), pa.StructArray.from_arrays(arrays, fields=fields), type=kind)
