"""One table as a Parquet file that grows by parts: rows wait until they fill a row group."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from actbench.analysis.shard_file import CODED, arrow_schema
from actbench.plan.schema import RUN_KEY, Column

# A writer keeps what it knows of every column of every row group until the file ends, so row groups are not small.
GROUP_ROWS = 65_536


@dataclass
class TableFile:
    """An open table: its writer, the parts that wait for a row group, and the rows added so far."""

    writer: pq.ParquetWriter
    waiting: list[pa.Table] = field(default_factory=list)
    rows: int = 0

    def add(self, part: pa.Table) -> None:
        """Add rows with words CODED, which all go into one row group; it is written when it has GROUP_ROWS."""
        self.waiting.append(part)
        self.rows += part.num_rows
        if sum(rows.num_rows for rows in self.waiting) >= GROUP_ROWS:
            self.write_group()

    def write_group(self) -> None:
        """Write the rows that wait as a row group."""
        group = pa.concat_tables(self.waiting).unify_dictionaries() if self.waiting else None
        self.waiting.clear()
        if group is not None and group.num_rows:
            self.writer.write_table(group, row_group_size=group.num_rows)


@contextmanager
def growing_table(path: Path, columns: Sequence[Column], metadata: dict[bytes, bytes]) -> Iterator[TableFile]:
    """Open a new file for a table with these columns and this metadata; it is complete when the block ends well."""
    schema = arrow_schema(columns, CODED)
    words = [column.name for column in columns if column.dtype == "string"]
    # Nobody looks for a range of words or of measured numbers, and to find their least and greatest takes time.
    ranged = [column.name for column in columns if column == RUN_KEY or column.dtype not in ("string", "float32")]
    # Without Arrow's own schema in the file its words are read as strings.
    with pq.ParquetWriter(
        path, schema, compression="zstd", use_dictionary=words, write_statistics=ranged, store_schema=False
    ) as writer:
        table = TableFile(writer)
        yield table
        table.write_group()
        writer.add_key_value_metadata(metadata)
