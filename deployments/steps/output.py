"""What a command says: line by line, redacted before anybody sees it, the end of it kept."""

from __future__ import annotations

from controlplane.lib.redaction.stream import Lines
from deployments import numbers

_LINE = 8_000  # of one line; what a tool prints beyond it on one line is no log


def redacted(text: str) -> str:
    lines = Lines()
    return "\n".join(lines.text(clean(line)[:_LINE]) for line in text.split("\n"))


def clean(line: str) -> str:
    """Printable: no NUL, which PostgreSQL refuses, and no terminal's control characters."""
    line = line.rstrip("\r").rsplit("\r", 1)[-1]  # a progress bar's last state
    return "".join(char for char in line if char == "\t" or char >= " ")


def bounded(text: str) -> str:
    """The last part, and how much is missing before it."""
    most = numbers.OUTPUT_CHARS.value
    if len(text) <= most:
        return text
    return f"… {len(text) - most:,} characters before this are left out …\n{text[-most:]}"


class Log:
    """The growing log of one command."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._rest = ""
        self._said = ""
        self._lost = 0

    def feed(self, data: bytes) -> None:
        """Whole lines only: half a secret is not recognised as one."""
        text = self._rest + data.decode("utf-8", "replace")
        *lines, self._rest = text.split("\n")
        if len(self._rest) > _LINE:
            lines, self._rest = [*lines, self._rest], ""
        for line in lines:
            self._add(line)

    def end(self) -> None:
        if self._rest:
            self._add(self._rest)
            self._rest = ""

    def _add(self, line: str) -> None:
        self._said += self._lines.text(clean(line)[:_LINE]) + "\n"
        most = numbers.OUTPUT_CHARS.value
        if len(self._said) > 2 * most:
            self._lost += len(self._said) - most
            self._said = self._said[-most:]

    @property
    def text(self) -> str:
        most = numbers.OUTPUT_CHARS.value
        lost = self._lost + max(0, len(self._said) - most)
        shown = self._said[-most:]
        if not lost:
            return shown
        return f"… {lost:,} characters before this are left out …\n{shown}"
