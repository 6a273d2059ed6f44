"""`actbench VERB …`: pick the verb's module, run it, turn errors into one line and an exit code."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from actbench import __version__
from actbench.plan.errors import ConfigError, nearest

# Each verb is a module of this package; only the chosen one is imported, so `plan` does not pay for torch.
VERBS = {
    "check": "check a config and print what it would train",
    "plan": "print runs, cached runs, shards and the expected time, disk and memory of a config",
    "data": "generate or download a data set and verify its checksum",
    "train": "train the runs of one shard",
    "tables": "gather the shards into tidy tables",
    "stats": "compute statistics from the tables",
    "activations": "tabulate every activation function and its derivative",
    "exact": "check the claims that calculus settles",
    "claims": "judge the ledger of claims from the tables, or tell the story of one claim",
    "boundaries": "tabulate the decision boundaries of a config's networks in the plane",
    "figure": "draw one figure from the tables",
    "compare": "compare treatments in anybody's table of results",
    "report": "write the report page",
    "theory": "predict variances, gradients and depth scales of an activation by mean-field theory",
    "explain": "say all that the tables hold of one run",
    "cache": "verify the run cache, merge another machine's into it, or prune it",
    "reproduce": "train some runs of a result set again and compare every number",
    "diff": "say whether two result sets agree",
    "latex": "write the main table and every quotable number for papers",
    "cite": "say where a number came from and how to cite it",
    "archive": "pack a result into one file for a DOI, or unpack one",
    "manifest": "write the checksums of every product",
}
OK, FOUND, BAD_INPUT = 0, 1, 2


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 fine, 1 the check found something, 2 bad input."""
    words = sys.argv[1:] if words is None else list(words)
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return OK
    if words[0] == "--version":
        print(f"actbench {__version__}")
        return OK
    return _run_verb(words[0], list(words[1:]))


def _overview() -> str:
    lines = [f"  {verb:<12} {text}" for verb, text in VERBS.items()]
    return "\n".join(
        ["usage: actbench VERB …", "", __doc__.split(":")[0], "", *lines, "", "actbench VERB --help shows an example."]
    )


def _run_verb(verb: str, words: list[str]) -> int:
    try:
        if verb not in VERBS:
            raise ConfigError("actbench", f"unknown verb {verb!r}; {nearest(verb, list(VERBS))}")
        module = importlib.import_module(f"actbench.shell.{verb}")
        parser = argparse.ArgumentParser(
            prog=f"actbench {verb}",
            description=VERBS[verb],
            epilog=f"example: {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.configure(parser)
        return int(module.run(parser.parse_args(words)))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("stopped; finished work is kept", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader, `head` say, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
