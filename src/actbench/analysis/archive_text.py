"""README.md of an archive: what was packed, what made it, and how to check and redraw it."""

from collections.abc import Collection
from typing import Any

from actbench.plan.config import Config

SHOWN = ("accuracy_by_depth", "critical_difference")  # figures that stand in the text
# What may be packed and what it is, `{name}` the config's; a folder ends with a slash.
PLACES = {
    "results/{name}/report.html": "one page with claims, explorer, figures and tables; opens from disk, no network",
    "results/{name}/tables/": "what was measured: runs, learning curves, layer profiles, studies",
    "results/{name}/stats/": "estimates with intervals and comparisons",
    "results/{name}/claims.csv": "claims with their verdicts",
    "results/{name}/latex/": "tables and quotable numbers for papers",
    "results/{name}/manifest.json": "sha256 of every product, the config, versions",
    "results/README.md": "what every column means",
    "figures/{name}/": "each figure as PDF, SVG and PNG, with its caption and the numbers drawn",
    "config/claims.yaml": "the ledger of claims: how each is tested",
    "config/README.md": "every key and level of a config",
    "requirements.lock": "the Python packages, by version",
    "environment.yml": "the same as an environment of conda",
    "CITATION.cff": "how to cite actbench",
    "LICENSE": "the licence",
}


def archive_text(config: Config, config_file: str, manifest: dict[str, Any], names: Collection[str]) -> str:
    """Return the text; it links to nothing but what is packed.

    Args:
        config_file: name of the config in the archive.
        manifest: of the result.
        names: what is packed, from the root of the archive.
    """
    made, counts = manifest["origin"], manifest["runs"]
    images = [name for figure in SHOWN if (name := f"figures/{config.name}/{figure}.png") in names]
    places = {place.format(name=config.name): text for place, text in PLACES.items()}
    rows = [f"| [`{place}`]({place}) | {text} |" for place, text in places.items() if _packed(place, names)]
    return "\n".join(
        [
            f"# {config.name}: a result of actbench",
            "",
            *([config.description, ""] if config.description else []),
            f"{counts['total']:,} trained networks, {counts['total'] - counts['ok']:,} of which failed; version"
            f" {', '.join(made['version'])} of actbench at commit {', '.join(made['commit'])}, version"
            f" {manifest['numerics']} of the numbers, on {', '.join(made['device'])}.",
            "",
            *(line for image in images for line in (f"![{_title(image)}]({image})", "")),
            "| where | what |",
            "|---|---|",
            f"| [`{config_file}`]({config_file}) | the config: what was trained |",
            *rows,
            "",
            "With that version of actbench installed, from this folder:",
            "",
            "```console",
            f"$ actbench manifest {config_file} --check  # every product is as it was packed",
            f"$ actbench figure {config_file}            # every figure again, from the statistics, without training",
            "```",
            "",
        ]
    )


def _packed(place: str, names: Collection[str]) -> bool:
    return any(name.startswith(place) for name in names) if place.endswith("/") else place in names


def _title(image: str) -> str:
    return image.rpartition("/")[2].removesuffix(".png").replace("_", " ").capitalize()
