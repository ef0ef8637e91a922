"""Tables of plain data: columns that know their kind, rows that are dicts.

On a phone a row becomes a card: each cell shows its column's label, and columns marked
`narrow=False` are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

from controlplane.console.kit.links import safe_url
from controlplane.console.kit.tones import tone

_TEXTS = {"text", "link", "code", "ref", "chip", "state", "severity", "person", "yes"}
_TIMES = {"when", "countdown"}
_NAMES_A_ROW = {"text", "link", "ref", "code", "person"}
_RIGHT = {"number", "bytes", "percent", "duration"}
KINDS = frozenset(_TEXTS | _TIMES | _RIGHT | {"meter"})
# More than anybody reads. Lists have pages; this is the guard behind them.
MOST_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    label: str
    kind: str = "text"
    unit: str = ""
    narrow: bool = True  # False: left out on a phone
    hint: str = ""  # a sentence for the header's title
    sort_url: str = ""
    sorted: str = ""  # "ascending" | "descending"

    @property
    def right(self) -> bool:
        return self.kind in _RIGHT

    @property
    def card_label(self) -> str:
        """The label beside a value on a phone, where no header stands above it."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def classes(self) -> str:
        marks = ("kit-right" if self.right else "", "" if self.narrow else "kit-wide")
        return " ".join(["kit-cell", f"kit-cell-{self.kind}", *filter(None, marks)])


@dataclass(frozen=True, slots=True)
class Cell:
    column: Column
    value: Any
    text: str = ""
    url: str = ""
    tone: str = ""
    leads: bool = False  # names its row

    @property
    def title(self) -> str:
        """The whole text, for cells that show two lines of it."""
        return self.text if len(self.text) > 60 else ""

    @property
    def missing(self) -> bool:
        return self.value is None or self.value == ""


@dataclass(frozen=True, slots=True)
class Row:
    cells: list[Cell]
    tone: str = ""
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    columns: list[Column]
    rows: list[Row]
    cut: bool


_NAMES = {field.name for field in fields(Column)}


def column(entry: Any) -> Column:
    """A column from a `Column`, a dict of its fields, or (key, label[, kind[, unit]])."""
    if isinstance(entry, Column):
        read = entry
    elif isinstance(entry, Mapping):
        read = Column(**{name: entry[name] for name in _NAMES if name in entry})
    elif isinstance(entry, str):
        read = Column(entry, entry.replace("_", " ").capitalize())
    else:
        read = Column(*entry)
    if read.kind not in KINDS:
        raise ValueError(f"a column can't be of kind {read.kind!r}")
    return read


def build(columns: Iterable[Any], rows: Iterable[Mapping[str, Any]]) -> Table:
    heads = [column(entry) for entry in columns]
    kept = list(islice(rows, MOST_ROWS + 1))
    lead = next((i for i, head in enumerate(heads) if head.kind in _NAMES_A_ROW), 0)
    shown = [_row(heads, row, lead) for row in kept[:MOST_ROWS]]
    return Table(heads, shown, len(kept) > MOST_ROWS)


def _row(columns: list[Column], row: Mapping[str, Any], lead: int) -> Row:
    """`_url` leads from the cell that names the row, `_tone` marks its edge, `_muted` quiets it."""
    address = safe_url(row.get("_url"))
    cells = [
        _cell(head, row.get(head.key), address if index == lead else "", leads=index == lead)
        for index, head in enumerate(columns)
    ]
    mark = row.get("_tone")
    return Row(cells, tone(mark) if mark else "", bool(row.get("_muted")))


def _cell(column: Column, value: Any, url: str, *, leads: bool) -> Cell:
    """A value may be a dict: {"text" or "value", "url", "tone"}."""
    if isinstance(value, Mapping) and column.kind != "person":
        shown = value.get("text", value.get("value"))
        url = safe_url(value.get("url")) or url
        mark = str(value.get("tone") or "")
    else:
        shown, mark = value, ""
    return Cell(column, shown, _text(shown), url, mark, leads)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(item) for item in islice(value, 50))
    return str(value)
