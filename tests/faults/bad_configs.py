"""Configs that nobody should write: made by hand, and fuzzed from the shipped ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
HEAD = "name: x\nstudies:\n  main: "
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def _numbers(count: int) -> bytes:
    return str(list(range(1, count + 1))).encode()


# What it is -> its bytes. Each must be refused in one line.
REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "a comment": b"# nothing\n",
    "a list": b"- name: x\n",
    "a word": b"name",
    "zero bytes": bytes(1000),
    "not UTF-8": b"name: \xff\xfe\nstudies: {a: {}}\n",
    "UTF-16": "name: x\nstudies: {a: {}}\n".encode("utf-16"),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "a control character": b"name: x\x00\nstudies: {a: {}}\n",
    "a YAML bomb": (BOMB + "name: x\nstudies: {a: {}}\n").encode(),
    "an anchor that holds itself": b"name: x\nstudies: &a {main: *a}\n",
    "an alias": b"name: x\ndefaults: &d {width: 32}\nstudies: {a: *d}\n",
    "a merge key": b"name: x\nd: &d {width: 32}\nstudies: {a: {<<: *d}}\n",
    "code": b"name: !!python/object/apply:os.system ['touch executed']\nstudies: {a: {}}\n",
    "a new object": b"name: !!python/object/new:os.system [touch executed]\nstudies: {a: {}}\n",
    "a tag": b"name: !x y\nstudies: {a: {}}\n",
    "tabs": b"name: x\nstudies:\n\tmain:\n\t\tdepth: 2\n",
    "two documents": b"name: x\nstudies: {a: {}}\n---\nname: y\nstudies: {a: {}}\n",
    "ten thousand brackets": b"name: x\nstudies: " + b"[" * 10_000,
    "thirty maps in one another": b"name: x\nstudies: " + b"{a: " * 30 + b"{}" + b"}" * 30,
    "a megabyte": b"name: x\nstudies: {a: {}}\n" + b"# filler\n" * 120_000,
    "one long word": b"name: " + b"x" * 90_000 + b"\nstudies: {a: {}}\n",
    "a key twice": b"name: x\nname: y\nstudies: {a: {}}\n",
    "a study twice": b"name: x\nstudies: {a: {}, a: {depth: 2}}\n",
    "a number as key": b"name: x\n1: 2\nstudies: {a: {}}\n",
    "no name": b"studies: {a: {}}\n",
    "no studies": b"name: x\n",
    "empty studies": b"name: x\nstudies: {}\n",
    "a list of studies": b"name: x\nstudies: [a, b]\n",
    "an unknown key": b"name: x\nstudy: {}\nstudies: {a: {}}\n",
    "no shard time": b"name: x\nshard_minutes: 0\nstudies: {a: {}}\n",
    "a negative shard time": b"name: x\nshard_minutes: -1\nstudies: {a: {}}\n",
    "an endless shard": b"name: x\nshard_minutes: .inf\nstudies: {a: {}}\n",
    "a shard time that is none": b"name: x\nshard_minutes: .nan\nstudies: {a: {}}\n",
    "true as a number": b"name: x\nshard_minutes: true\nstudies: {a: {}}\n",
    **{
        f"name {name!r}": f"name: {name!r}\nstudies: {{a: {{}}}}\n".encode()
        for name in ("../x", "/etc/x", "x/y", "..", ".", "x\\y", "~", "a b", "x;rm -rf ~", "$(id)", "{x}", "-rf", "é",
                     "x" * 41, "X", "", "a\nb", "con:", "x%2e")
    },
    **{
        f"study {name!r}": f"name: x\nstudies: {{{name!r}: {{}}}}\n".encode()
        for name in ("../x", "a b", "A", "<script>", "{shard}", "")
    },
    **{
        f"{words}": (HEAD + "{" + words + "}\n").encode()
        for words in (
            "depth: -1", "depth: 0", "depth: 1.5", "depth: 1e999", "depth: .nan", "depth: 1001", "depth: two",
            "depth: true", "depth: null", "depth: []", "depth: {}", "depth: [[2]]", "depth: [2, 2]", "depth: 0x10",
            "depth: 010", "depth: 1_0", "depth: 1:30", "depth: '2'", f"depth: {10**400}",
            "width: 0", "width: -64", "width: 65537", "width: 1e3",
            "lr: .nan", "lr: .inf", "lr: -.inf", "lr: 1e999", "lr: 0", "lr: -0.1", "lr: 1e-300", "lr: '0.1'",
            "batch_size: 33", "batch_size: 0", "steps: 0", "steps: 10000001", "seed: -1", "seed: 2147483648",
            "seed: 1e9", "input_scale: 0", "input_scale: .nan", "bias_offset: .inf",
            "activation: reluu", "activation: ReLU", "activation: 1", "activation: relu()x", "activation: __import__",
            "activation: relu(1)", "activation: leaky_relu(nan)", "activation: leaky_relu(1e999)",
            "activation: leaky_relu(0.1", "activation: 'leaky_relu(0.1)(0.1)'", "activation: 'leaky_relu(__import__)'",
            "activation: [relu, 'relu ']", "activation: os.system", "activation: ../relu", "norm: [none, None]",
            "clip: norm", "clip: norm(-1)", "clip: norm(0)", "clip: 'norm(1,2)'", "clip: norm(1e999)",
            "optimizer: sgd(1)", "optimizer: sgd(-1)", "dataset: ../mnist1d", "dataset: __init__", "model: mlp.py",
            "exclude: {}", "exclude: [{}]", "exclude: [{depth: 3}]", "exclude: [depth]", "exclude: [[]]",
            "exclude: [{depth: 4}]", "question: 7", "question: [a]", "dpeth: 2",
        )
    },
    "a billion runs": b"name: x\nstudies: {a: {depth: %b, seed: %b, width: %b}}\n" % ((_numbers(1000),) * 3),
}  # fmt: skip

NASTY: list[Any] = [
    None, True, False, 0, -1, 1, 2, 3, 32, 10**9, 10**30, -(10**30), 0.0, -0.0, 1e-320, 1e308, float("nan"),
    float("inf"),
    "", " ", "none", "None", "null", "~", "relu", "norm(1.0)", "norm(1e999)", "../x", "/", "\x00", "\u202e", "𝟜",
    "<script>alert(1)</script>", "{{ 7*7 }}", "{shard}", "%s%n", "$(touch executed)", "!!python/name:os.system",
    [], {}, [[]], [None], [1, 1], {"a": {}}, {"": ""}, ["relu", "relu"], ["relu", "gelu"], list(range(40)), "x" * 5000,
]  # fmt: skip
TOKENS = [
    "\t", "&a ", "*a", "!!int ", "? ", ": ", "- ", "{", "}", "[", "]", "\x07", "\ufeff", "#", "|", ">", "'", '"', "\r",
    "%YAML 9.9\n",
]  # fmt: skip

SMALL = """
name: small
description: d
shard_minutes: 2
defaults: {width: 32, steps: 4}
studies:
  one:
    question: q
    activation: [relu, leaky_relu(0.2)]
    depth: [1, 2]
    clip: [none, norm(1)]
    exclude:
      - {activation: relu, depth: 2}
  two: {optimizer: adam, lr: [1e-3, 0.01], seed: [0, 1]}
"""


def valid() -> list[str]:
    """Return the texts of two configs that are valid: the smoke grid, and a small one that uses every key."""
    return [(ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8"), SMALL]


def paths(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of every value in nested maps and lists."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [at] * bool(at) + [path for key, value in items for path in paths(value, (*at, key))]


@st.composite
def fuzzed(draw: st.DrawFn, texts: Sequence[str] = ()) -> bytes:
    """Change one to three things of a valid config, or of another text, in its values, its keys or its text."""
    text = draw(st.sampled_from(texts or valid()))
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from([_other_value, _other_key, _other_text]))(draw, text)
    return text.encode("utf-8", errors="surrogatepass")


def _other_value(draw: st.DrawFn, text: str) -> str:
    tree, place = _somewhere(draw, text)
    if place:
        _parent(tree, place)[place[-1]] = draw(st.sampled_from(NASTY))
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True) if place else text


def _other_key(draw: st.DrawFn, text: str) -> str:
    tree, place = _somewhere(draw, text)
    parent = _parent(tree, place) if place else None
    if isinstance(parent, dict):
        word = draw(st.sampled_from(["seed", "exclude", "name", "../x", "", "é", "depth", "question", "x" * 300]))
        parent[word] = parent.pop(place[-1]) if draw(st.booleans()) else parent[place[-1]]
        return yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True)
    return text


def _other_text(draw: st.DrawFn, text: str) -> str:
    at = draw(st.integers(0, len(text)))
    cut = draw(st.sampled_from([0, 0, 1, 5, 40]))
    return text[:at] + draw(st.sampled_from([*TOKENS, ""])) + text[at + cut :]


def _somewhere(draw: st.DrawFn, text: str) -> tuple[Any, tuple[Any, ...]]:
    try:
        tree = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return None, ()
    found = paths(tree)
    return tree, draw(st.sampled_from(found)) if found else ()


def _parent(tree: Any, place: tuple[Any, ...]) -> Any:
    for key in place[:-1]:
        tree = tree[key]
    return tree
