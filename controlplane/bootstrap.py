"""Makes `.venv` with the standard library alone, then continues inside it."""


def ensure(argv: list[str]) -> None:
    raise SystemExit("bootstrap: to be written")
