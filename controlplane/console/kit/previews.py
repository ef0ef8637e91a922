"""Files as far as they can be shown safely: by their declared type, never by sniffing.

Nothing here turns content into HTML of its own making: text is escaped, Markdown sanitised, and
whatever we do not know is a link that downloads.
"""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from controlplane.console.kit.figures import as_number
from controlplane.console.kit.links import is_own, safe_url
from controlplane.console.kit.values import encodable

MOST_CHARACTERS = 256 * 1024
MOST_CSV_ROWS, MOST_CSV_COLUMNS, LONGEST_CSV_CELL = 100, 30, 500

# No SVG: it is a document that may hold script, and some viewer opens it as one.
_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_BY_TYPE = {
    "application/json": "json",
    "text/markdown": "markdown",
    "text/csv": "csv",
    "text/plain": "text",
    "text/x-log": "text",
    "application/x-yaml": "text",
    "application/yaml": "text",
    "application/toml": "text",
    "text/x-python": "text",
    "application/sql": "text",
    "text/html": "text",  # its source
}
_BY_ENDING = {
    "json": "json", "md": "markdown", "markdown": "markdown", "csv": "csv", "txt": "text",
    "log": "text", "yaml": "text", "yml": "text", "toml": "text", "ini": "text", "cfg": "text",
    "py": "text", "sh": "text", "sql": "text", "diff": "text", "patch": "text", "html": "text",
    "xml": "text", "js": "text", "css": "text",
}  # fmt: skip
_VAGUE = {"", "application/octet-stream", "binary/octet-stream"}


@dataclass(frozen=True, slots=True)
class File:
    """A file to preview. Dicts with these keys do as well."""

    name: str
    type: str = ""  # as declared when it was stored
    size: int | None = None
    content: str | bytes | None = None  # None: only name, size and link are shown
    url: str = ""  # where it is downloaded, and for images, seen


@dataclass(frozen=True, slots=True)
class Preview:
    file: File
    kind: str  # image | text | json | markdown | csv | none
    url: str = ""
    text: str = ""
    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    notice: str = ""

    @property
    def anchor(self) -> str:
        """Lines of two files on one page must not share their anchors."""
        mark = zlib.crc32(f"{self.file.name}\n{self.file.url}".encode("utf-8", "replace"))
        return f"file-{mark:x}"

    @property
    def size(self) -> int | None:
        if self.file.size is not None:
            return int(as_number(self.file.size) or 0)
        return None if self.file.content is None else len(self.file.content)


_NAMES = set(File.__dataclass_fields__)


def preview(value: Any) -> Preview:
    file = _read(value)
    url = safe_url(file.url)
    kind = kind_of(file)
    if kind == "image":
        if is_own(url):
            return Preview(file, "image", url)
        return Preview(file, "none", url, notice="Pictures from elsewhere are not shown.")
    if kind == "none" or file.content is None:
        return Preview(file, "none", url, notice="No preview for this kind of file.")
    text = _text(file.content)
    if text is None:
        return Preview(file, "none", url, notice="No preview: this is not text.")
    cut = len(text) > MOST_CHARACTERS
    notice = "Only the beginning is shown." if cut else ""
    text = text[:MOST_CHARACTERS]
    if kind == "csv":
        return _table(file, url, text, notice)
    if kind == "json":
        return Preview(file, "json", url, _pretty(text), notice=notice)
    return Preview(file, "text" if cut else kind, url, text, notice=notice)


def _read(value: Any) -> File:
    if isinstance(value, File):
        return value
    if isinstance(value, Mapping):
        return File(**{"name": "", **{name: value[name] for name in _NAMES if name in value}})
    return File(**{name: getattr(value, name) for name in _NAMES if hasattr(value, name)})


def kind_of(file: File) -> str:
    """What the type says; the ending only where no type was declared."""
    declared = str(file.type or "").split(";")[0].strip().lower()
    if declared in _IMAGES:
        return "image"
    if declared in _BY_TYPE:
        ending = _BY_ENDING.get(_ending(file.name), "")
        plain = _BY_TYPE[declared] == "text"
        return ending if plain and ending in {"json", "markdown", "csv"} else _BY_TYPE[declared]
    return _BY_ENDING.get(_ending(file.name), "none") if declared in _VAGUE else "none"


def _ending(name: str) -> str:
    return str(name).rpartition(".")[2].lower()


def _text(content: str | bytes) -> str | None:
    if isinstance(content, bytes):
        try:
            # A character that the cut goes through belongs to what is not shown.
            cut = len(content) > MOST_CHARACTERS * 4
            content = content[: MOST_CHARACTERS * 4].decode("utf-8", "ignore" if cut else "strict")
        except UnicodeDecodeError:
            return None
    return None if "\0" in content else content


def _pretty(text: str) -> str:
    try:
        return encodable(json.dumps(json.loads(text), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return text


def _table(file: File, url: str, text: str, notice: str) -> Preview:
    try:
        lines = list(islice(csv.reader(io.StringIO(text, newline="")), MOST_CSV_ROWS + 2))
    except csv.Error:
        return Preview(file, "text", url, text, notice="Not readable as a table.")
    if not lines:
        return Preview(file, "text", url, text)
    width = min(max(len(line) for line in lines), MOST_CSV_COLUMNS)
    head = [*lines[0][:width], *[""] * (width - len(lines[0]))]
    columns = [(str(i), name[:100] or f"column {i + 1}") for i, name in enumerate(head)]
    rows = [
        {str(i): cell[:LONGEST_CSV_CELL] for i, cell in enumerate(line[:width])}
        for line in lines[1 : MOST_CSV_ROWS + 1]
    ]
    if len(lines) > MOST_CSV_ROWS + 1:
        notice = f"Only the first {MOST_CSV_ROWS} rows are shown."
    return Preview(file, "csv", url, text, columns, rows, notice)
