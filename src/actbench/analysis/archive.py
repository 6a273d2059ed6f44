"""One file with everything that a published result consists of, ready for a DOI, and the way back out of it."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from actbench.analysis.archive_text import archive_text
from actbench.analysis.manifest import check_manifest, manifest_path, product_files, read_manifest
from actbench.analysis.tables import RESULTS
from actbench.plan.atomic_file import replacing
from actbench.plan.checksums import checksum_path
from actbench.plan.config import load_config
from actbench.plan.errors import ConfigError

FIGURES = Path("figures")
README = "README.md"
# What the results need beside themselves, from the root of the project; the first is needed, the others are taken
# where they are.
PROJECT = (
    "CITATION.cff", "LICENSE", "requirements.lock", "environment.yml", "pyproject.toml",
    "config/claims.yaml", "config/README.md", "results/README.md",
)  # fmt: skip
MOST_BYTES = 2 << 30  # of an archive that is unpacked


def write_archive(
    config_file: Path, output: Path, results: Path = RESULTS, figures: Path = FIGURES, project: Path = Path()
) -> list[str]:
    """Pack configs, tables, statistics, figures, report, manifest, environment and citation; return the names inside.

    A README.md of the archive's own says what is there; the project's would show files that are not packed.
    The same files give the same bytes: names are sorted, and owners and times are left out.

    Args:
        config_file: the config; it stands in the archive as `config/<file>`.
        output: a name that ends in `.tar.gz`.
        results, figures: folders of all results and figures.
        project: folder with CITATION.cff and the environment.

    Raises:
        ConfigError: a product is missing or is not what the manifest says, or CITATION.cff is not there.
    """
    config = load_config(config_file)
    if not output.name.endswith(".tar.gz"):
        raise ConfigError("--output", f"{output.name!r} does not end in .tar.gz")
    wrong = check_manifest(config, results, figures)
    if wrong:
        raise ConfigError(str(manifest_path(config.name, results)), f"{wrong[0]}; run snakemake again with this config")
    files = product_files(config.name, results, figures)
    files[f"results/{config.name}/manifest.json"] = manifest_path(config.name, results)
    files |= {checksum_path(Path(name)).as_posix(): checksum_path(path) for name, path in files.items()}
    files = {name: path for name, path in files.items() if path.is_file()}
    files[f"config/{config_file.name}"] = config_file
    files |= {name: project / name for name in PROJECT if (project / name).is_file()}
    if PROJECT[0] not in files:
        raise ConfigError(PROJECT[0], "no such file here; start from the root of the project")
    manifest = read_manifest(files[f"results/{config.name}/manifest.json"])
    readme = archive_text(config, f"config/{config_file.name}", manifest, files.keys())
    contents = {name: path.read_bytes() for name, path in files.items()} | {README: readme.encode()}
    with replacing(output) as (partial,):
        partial.write_bytes(_packed(contents))
    return sorted(contents)


def _packed(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, data in sorted(contents.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def unpack_archive(archive: Path, folder: Path) -> list[str]:
    """Unpack an archive into a folder that is empty or absent; return the names inside.

    Raises:
        ConfigError: not such an archive, a name that leads out of the folder, a link, or too many bytes.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(str(folder), "not empty; name a new folder")
    try:
        _check_whole(archive)
        with tarfile.open(archive, mode="r:gz") as tar:
            members = list(_checked(tar, archive))
            tar.extractall(folder, members=members, filter="data")
    except FileNotFoundError:
        raise ConfigError(str(archive), "no such file") from None
    except (tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise ConfigError(str(archive), f"not a readable archive ({type(error).__name__})") from None
    return [member.name for member in members]


def _check_whole(archive: Path) -> None:
    """Read an archive to its end, where gzip compares the checksum of all; unpacking alone would stop before it."""
    left = MOST_BYTES
    with gzip.open(archive) as stream:
        while part := stream.read(1 << 20):
            left -= len(part)
            if left < 0:
                raise ConfigError(str(archive), f"holds more than {MOST_BYTES:,} bytes")


def _checked(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    left = MOST_BYTES
    for member in tar:
        left -= member.size
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or not member.isfile():
            raise ConfigError(str(archive), f"holds {member.name!r}, which is no plain file inside the archive")
        if left < 0:
            raise ConfigError(str(archive), f"holds more than {MOST_BYTES:,} bytes")
        yield member
