"""actbench.plan.strict_yaml: what is read, and what is refused in one line."""

import os
import threading
import time
from pathlib import Path

import pytest

from actbench.plan.errors import ConfigError
from actbench.plan.strict_yaml import LARGEST_FILE, read_yaml


def read(folder: Path, text: str | bytes) -> object:
    """Read a YAML file with the given content."""
    path = folder / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5), ("-5", -5), ("0", 0), ("1e-3", 0.001), ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-0.5", -0.5),
        ("1e999", float("inf")), ("-.inf", float("-inf")), ("010", "010"), ("1:30", "1:30"), ("1_000", "1_000"),
        ("0x10", "0x10"), ("1e", "1e"), ("٣", "٣"), ("norm(1.0)", "norm(1.0)"), ("none", "none"), ("~", None),
    ],
)  # fmt: skip
def test_plain_words_and_numbers(tmp_path: Path, text: str, value: object) -> None:
    """1e-3 is a number; what only YAML 1.1 takes for one (octal, base 60, underscores) stays a word."""
    found = read(tmp_path, f"key: {text}")
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "line 2: key 'a' stands here twice"),
        ("x:\n  a: 1\n  b: 2\n  a: 3", "line 4: key 'a' stands here twice"),
        ("a: &x 1\nb: *x", "line 2: aliases"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "line 3: aliases"),
        ("<<: {a: 1}", "merge"),
        ("a:\t1", "cannot start any token"),
        ("\ta: 1", "cannot start any token"),
        ("1: 2", "key 1 is not a word"),
        ("true: 2", "key True is not a word"),
        ("? [a]\n: 1", "key ['a'] is not a word"),
        ("!!python/object/apply:os.getcwd []", "tags"),
        ("a: !!bool maybe", "tags"),
        ("a: !!timestamp never", "tags"),
        ("a: !own 1", "tags"),
        ("a: [1, 2", "expected ',' or ']'"),
        ("a: 1\n--- \nb: 2", "single document"),
        ("a: 2020-99-99", "month must be in 1..12"),
        ("a: " + "9" * 5000, "digits"),
        ("[" * 50_000, "nested more than 20 deep"),
        ("a: " * 30_000, "not valid YAML"),
        ("x" * (LARGEST_FILE + 1), "larger than 100,000 bytes"),
        (b"a: \x00", "special characters"),
        (b"a: \xff", "cannot be read"),
    ],
)
def test_traps_are_one_line(tmp_path: Path, text: str | bytes, problem: str) -> None:
    """Every trap is a ConfigError of one short line that names the file, in well under two seconds."""
    start = time.process_time()
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert problem in message
    assert message.startswith(str(tmp_path / "file.yaml"))
    assert len(message.splitlines()) == 1
    assert len(message) < 600
    assert time.process_time() - start < 2


def test_bomb_of_aliases_is_refused_at_once(tmp_path: Path) -> None:
    """Nine levels of nine aliases each would be a billion items."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(ConfigError, match="line 2: aliases"):
        read(tmp_path, "\n".join(lines))


def test_absent_file_and_folder(tmp_path: Path) -> None:
    """A path that is no readable file is named, with what to do."""
    with pytest.raises(ConfigError, match=r"no such file; the shipped ones are in config/"):
        read_yaml(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path)


def test_endless_file_is_refused() -> None:
    """A device that never ends is read up to the limit and no further."""
    with pytest.raises(ConfigError, match="larger than"):
        read_yaml(Path("/dev/zero"))


def test_pipe_can_be_read(tmp_path: Path) -> None:
    """A config may come from a pipe, as in `actbench check <(generate)`."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("a: 1",))
    writer.start()
    assert read_yaml(path) == {"a": 1}
    writer.join()
