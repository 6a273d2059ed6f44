"""Safe YAML without its traps: no duplicate keys, no aliases, 1e-3 is a number, 010 and 1:30 are none."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from actbench.plan.errors import ConfigError

LARGEST_FILE = 100_000  # bytes; read in a second
DEEPEST = 20  # nested collections
INT = re.compile(r"[-+]?(?:0|[1-9]\d*)", re.ASCII)
FLOAT = re.compile(
    r"[-+]?(?:(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)", re.ASCII
)


class _StrictLoader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.events.AliasEvent):
            raise yaml.YAMLError(f"line {line}: aliases (*name) are not allowed")
        if getattr(event, "tag", None) is not None:
            raise yaml.YAMLError(f"line {line}: tags ({event.tag}) are not allowed")
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"collections nested more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.YAMLError(f"line {key_node.start_mark.line + 1}: key {key!r} is not a word")
            if key in seen:
                raise yaml.YAMLError(f"line {key_node.start_mark.line + 1}: key {key!r} stands here twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


NUMBERS = {"tag:yaml.org,2002:int": INT, "tag:yaml.org,2002:float": FLOAT}
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag not in NUMBERS]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for number, form in NUMBERS.items():
    _StrictLoader.add_implicit_resolver(number, re.compile(rf"^(?:{form.pattern})$", re.ASCII), list("-+.0123456789"))


def read_yaml(path: Path) -> Any:
    """Read one YAML document; raise ConfigError in one line when it cannot be read."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise ConfigError(str(path), f"larger than {LARGEST_FILE:,} bytes; a config is a page of text")
        return yaml.load(data.decode("utf-8"), Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except FileNotFoundError:
        raise ConfigError(str(path), "no such file; the shipped ones are in config/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read: {error}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise error if isinstance(error, ConfigError) else ConfigError(str(path), f"not valid YAML: {error}") from None
