"""`python -m actbench VERB`."""

from actbench.shell.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
