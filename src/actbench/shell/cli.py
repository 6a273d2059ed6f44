"""`actbench VERB …`: pick the verb's module, run it, turn errors into one line and an exit code."""

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

from actbench import __version__
from actbench.plan.errors import ConfigError, nearest
from actbench.training.stopping import Stopped

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
    "audit": "derive printed numbers once more from raw rows, or check a published summary table",
    "boundaries": "tabulate the decision boundaries of a config's networks in the plane",
    "figure": "draw one figure from the tables",
    "compare": "compare treatments in anybody's table of results",
    "cost": "time every activation on this machine",
    "report": "write the report page",
    "diagnose": "name what went wrong in runs, with the numbers seen and what repaired runs like them",
    "probe": "measure signal and gradient of networks as they are initialised, beside the prediction",
    "validate": "check the product against closed forms and published figures",
    "theory": "predict variances, gradients and depth scales of an activation by mean-field theory",
    "explain": "say all that the tables hold of one run",
    "cache": "verify the run cache, merge another machine's into it, or prune it",
    "reproduce": "train some runs of a result set again and compare every number",
    "diff": "say whether two result sets agree",
    "latex": "write the main table and every quotable number for papers",
    "paper": "compile the example paper with a config's figures, table and numbers",
    "cite": "say where a number came from and how to cite it",
    "archive": "pack a result into one file for a DOI, or unpack one",
    "manifest": "write the checksums of every product",
}
OK, FOUND, BAD_INPUT = 0, 1, 2
TRY_AGAIN = 75  # stopped by a scheduler; EX_TEMPFAIL of sysexits.h
KEPT = "finished work is kept"


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 fine, 1 the check found something, 2 bad input."""
    words = sys.argv[1:] if words is None else list(words)
    _print_anything()
    try:
        code = _answer(words)
        _write(sys.stdout)  # here, not at the end of the process, shows that the disk is full or the reader has left
        return code
    except ConfigError as error:
        return _fail(error, BAD_INPUT)
    except Stopped as reason:
        return _fail(f"stopped {reason}; {KEPT}, and the next attempt goes on", TRY_AGAIN)
    except KeyboardInterrupt:
        return _fail(f"stopped; {KEPT}", 128 + signal.SIGINT)
    except BrokenPipeError:  # the reader, `head` say, has left
        _print_no_more(sys.stdout)
        return OK
    except (OSError, MemoryError, ImportError) as error:  # a full disk, a folder that takes no files, too little memory
        return _fail(_surroundings(error), BAD_INPUT)


def _answer(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return OK
    if words[0] == "--version":
        print(f"actbench {__version__}")
        return OK
    return _run_verb(words[0], words[1:])


def _fail(why: object, code: int) -> int:
    """Say why, in one line; what nobody can be told any more is dropped."""
    for stream, text in ((sys.stderr, f"{why}\n"), (sys.stdout, "")):
        try:
            _write(stream, text)
        except OSError:
            _print_no_more(stream)
    return code


def _write(stream: TextIO | None, text: str = "") -> None:
    if stream:  # None: the process was started with a closed one
        stream.write(text)
        stream.flush()


def _print_no_more(stream: TextIO) -> None:
    """Let Python throw away what it would write at its end, and complain about."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _print_anything() -> None:
    """Spell what the terminal's encoding lacks (· in a C locale, a file name of odd bytes) instead of failing on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _overview() -> str:
    lines = [f"  {verb:<12} {text}" for verb, text in VERBS.items()]
    return "\n".join(
        ["usage: actbench VERB …", "", __doc__.split(":")[0], "", *lines, "", "actbench VERB --help shows an example."]
    )


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, as every other of bad input."""

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError instead of printing the usage and leaving."""
        raise ConfigError(self.prog, f"{message}; see {self.prog} --help")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Leave after --help, which the reader may not have waited for."""
        _write(sys.stdout)
        super().exit(status, message)


def _run_verb(verb: str, words: list[str]) -> int:
    if verb not in VERBS:
        raise ConfigError("actbench", f"unknown verb {verb!r}; {nearest(verb, list(VERBS))}")
    module = importlib.import_module(f"actbench.shell.{verb}")
    parser = _Parser(
        prog=f"actbench {verb}",
        description=VERBS[verb],
        epilog=f"example: {module.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    return int(module.run(parser.parse_args(words)))


def _surroundings(error: OSError | MemoryError | ImportError) -> ConfigError:
    """Say in one line what the machine refused."""
    said = str(error) or type(error).__name__
    if isinstance(error, ImportError):
        remedy = "install the versions of requirements.lock, or give the process more memory"
        return ConfigError("actbench", f"cannot load what it needs ({said}); {remedy}")
    if isinstance(error, MemoryError):
        return ConfigError("actbench", f"not enough memory ({said}); {KEPT}, call again with more")
    return ConfigError(str(error.filename or "actbench"), f"{error.strerror or said}; {KEPT}, mend it and call again")
