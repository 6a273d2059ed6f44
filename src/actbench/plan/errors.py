"""Errors that a user can mend."""

LONGEST = 500  # characters of a message


class ConfigError(ValueError):
    """Bad input: where it stands, what was found and what to do, in one printable line."""

    def __init__(self, where: str, problem: str) -> None:
        line = " ".join(f"{where}: {problem}".split())
        if len(line) > LONGEST:  # a huge value; the place and the remedy stand at the two ends
            line = f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"
        super().__init__("".join(character if character.isprintable() else "?" for character in line))


def nearest(word: str, known: list[str]) -> str:
    """Name the known words nearest to `word`, or all of them when none is near."""
    import difflib

    near = difflib.get_close_matches(word.lower(), known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(sorted(known))}"
