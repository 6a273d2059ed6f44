"""What made the runs of a result set."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from actbench.analysis.fingerprint import DIGEST_KEY, config_digest
from actbench.analysis.tables import RESULTS, table_path
from actbench.plan.checksums import refuse_damaged
from actbench.plan.config import Config
from actbench.plan.errors import ConfigError


def made_by(config: Config, results: Path = RESULTS) -> dict[str, str]:
    """Return numerics, version and commit of the runs of a result set; several are joined by commas.

    Results of another NUMERICS than today's are read too: an old result can still be drawn.

    Raises:
        ConfigError: no readable table of runs, or one that was made from another config.
    """
    path = table_path(config.name, "runs", results)
    refuse_damaged(path)
    try:
        runs = pq.read_table(path, columns=["numerics", "version", "commit"], partitioning=None)
    except (OSError, pa.ArrowException):
        raise ConfigError(str(path), "no such table, or not a readable one; run `actbench tables` first") from None
    if runs.schema.metadata.get(DIGEST_KEY) != config_digest(config).encode():
        raise ConfigError(str(path), "made from another config than the one given; run `actbench tables`")
    return {name: ",".join(sorted(map(str, set(runs[name].to_pylist())))) for name in runs.column_names}
