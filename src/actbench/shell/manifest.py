"""`actbench manifest CONFIG`: write or check the checksums of every product."""

import argparse
import json

from actbench.plan.config import Config, load_config

EXAMPLE = "actbench manifest config/smoke.yaml --check"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("config", metavar="CONFIG", help="config file; the products are those under its name")
    parser.add_argument("--check", action="store_true", help="compare the products with the manifest; 1: they differ")
    parser.add_argument("--json", action="store_true", help="print the manifest, or what the check found, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write results/<name>/manifest.json, or check the products against it."""
    from actbench.analysis.manifest import write_manifest

    config = load_config(arguments.config)
    if arguments.check:
        return _check(config, arguments.json)
    manifest = write_manifest(config)
    if arguments.json:
        print(json.dumps(manifest, sort_keys=True))
    else:
        print(f"results/{config.name}/manifest.json: {len(manifest['products'])} products")
    return 0


def _check(config: Config, as_json: bool) -> int:
    from actbench.analysis.manifest import check_manifest

    found = check_manifest(config)
    if as_json:
        print(json.dumps({"ok": not found, "mismatches": found}))
    else:
        print("\n".join(found) or f"results/{config.name}/manifest.json: every product is as recorded")
    return 1 if found else 0
