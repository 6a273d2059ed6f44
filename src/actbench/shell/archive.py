"""`actbench archive CONFIG`: pack a result for a DOI, or unpack one."""

import argparse
import json
from pathlib import Path

from actbench.plan.config import load_config

EXAMPLE = "actbench archive config/smoke.yaml --output smoke.tar.gz"
CONFIG = Path("config/config.yaml")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    what = f"config file (default: {CONFIG}); with --unpack, an archive"
    parser.add_argument("config", type=Path, nargs="?", help=what)
    parser.add_argument("--output", type=Path, help="file to write (default: <name>.tar.gz)")
    parser.add_argument("--unpack", type=Path, metavar="FOLDER", help="unpack the archive into a new folder instead")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="folder of figures (default: figures)")
    parser.add_argument("--json", action="store_true", help="print the names of the packed files as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Pack config, tables, statistics, figures, report, manifest, environment and citation into one file."""
    from actbench.analysis.archive import unpack_archive, write_archive
    from actbench.plan.errors import ConfigError

    config = arguments.config or CONFIG
    if arguments.unpack and not arguments.config:
        raise ConfigError("--unpack", "name the archive too: actbench archive FILE.tar.gz --unpack FOLDER")
    if arguments.unpack:
        names, where = unpack_archive(arguments.config, arguments.unpack), arguments.unpack
    else:
        where = arguments.output or Path(f"{load_config(config).name}.tar.gz")
        names = write_archive(config, where, arguments.results, arguments.figures)
    text = f"{where}: {len(names)} files"
    print(json.dumps({"archive": str(where), "files": names}) if arguments.json else text)
    return 0
