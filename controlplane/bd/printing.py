"""What goes to the terminal and to other programs: always UTF-8, never a control character that
somebody wrote into a title."""

from __future__ import annotations

import os
import sys

from controlplane.bd import SCHEMA_VERSION

_MARK = "\N{REPLACEMENT CHARACTER}"
# Beside the control characters: what turns the reading direction and so can fake a line.
_TURNING = (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LINES = (0x2028, 0x2029)
_CONTROL = (*range(0x20), *range(0x7F, 0xA0))
_ON_SCREEN = dict.fromkeys((*_CONTROL, *_TURNING, *_LINES, *range(0xD800, 0xE000)), _MARK)
_ON_SCREEN |= {0x0A: "\n", 0x09: "\t", 0x0D: ""}
_IN_LINE = {**_ON_SCREEN, 0x0A: " ", 0x09: " ", 0x0D: ""}
# `json` escapes what lies below 0x20.
_IN_JSON = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), *_TURNING, *_LINES)}


def clean(text: str) -> str:
    return text.translate(_ON_SCREEN)


def one_line(value: object) -> str:
    """Somebody's text inside a line of ours."""
    return "" if value is None else str(value).translate(_IN_LINE)


def out(text: str) -> None:
    _write(sys.stdout, text)


def err(text: str) -> None:
    _write(sys.stderr, text)


def watched() -> bool:
    """Whether a person reads standard error as it comes."""
    return sys.stderr is not None and sys.stderr.isatty()


def put(data: bytes) -> None:
    """Bytes as they are, for standard output."""
    _write(sys.stdout, data)


def _write(stream: object, said: str | bytes) -> None:
    if stream is None:  # closed by the shell, as by `>&-`: nobody listens
        return
    data = said if isinstance(said, bytes) else _encoded(said)
    flush = getattr(stream, "flush", None)
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(data.decode())  # type: ignore[attr-defined]
        return
    if flush:
        flush()
    buffer.write(data)
    buffer.flush()


def _encoded(text: str) -> bytes:
    return (text if text.endswith("\n") or not text else text + "\n").encode("utf-8", "replace")


def leave() -> None:
    """What could not be written is lost, and said: the interpreter must not try again at its
    end, for then it would end with a code of its own."""
    if sys.stdout is None:
        return
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


def one_json(value: object, *, envelope: bool = False) -> str:
    """One line. An object says its schema's version; an array is bare, but in the envelope."""
    import json

    if envelope:
        value = {"data": value, "schema_version": SCHEMA_VERSION}
    elif isinstance(value, dict):
        value = {**value, "schema_version": SCHEMA_VERSION}
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.translate(_IN_JSON)
