"""Errors that a user can mend."""

LONGEST = 500  # characters of a message
FEW = 3  # known words that are listed beside the nearest: to `gpu` the nearest is `cpu`


class ConfigError(ValueError):
    """Bad input: where it stands, what was found and what to do, in one printable line."""

    def __init__(self, where: str, problem: str) -> None:
        line = " ".join(f"{where}: {problem}".split())
        if len(line) > LONGEST:  # a huge value; the place and the remedy stand at the two ends
            line = f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"
        super().__init__("".join(character if character.isprintable() else "?" for character in line))


def nearest(word: str, known: list[str]) -> str:
    """Name the known words nearest to `word`, and all of them when none is near or there are few."""
    import difflib

    known = list(dict.fromkeys(known))
    near = difflib.get_close_matches(word.lower(), known, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}?" if near else ""
    every = f"known: {', '.join(sorted(known))}" if not near or len(known) <= FEW else ""
    return " ".join(filter(None, [meant, every]))
