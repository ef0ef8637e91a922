"""The document as PDF, in pure Python, set in a font that comes with the portal.

The font has Latin, Greek and Cyrillic letters. What it hasn't got is written by its code point,
`<U+4E2D>`, and a line at the end says so: a letter left out in silence could be the one that
mattered. The HTML holds every character.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Sequence
from importlib.resources import files
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from controlplane.approvals.export.content import Block, Document
from controlplane.lib import defaults

MOST_CODE = defaults.define(
    "approvals.pdf_code_characters",
    10_000,
    unit="characters",
    why="laying out more takes seconds of a request; the HTML export has all of it",
)
MOST_TEXT = defaults.define(
    "approvals.pdf_characters",
    40_000,
    unit="characters",
    why="about fifteen pages, and a second; the HTML export has all of it",
)
FONT = "manrope"
_MARGIN, _LINE = 18, 5.2
_CELL, _CELL_LINES = 900, 30  # characters and lines of a cell, in the narrowest column
_QUIET, _INK, _RULE = (85, 96, 112), (22, 27, 34), (217, 222, 229)


def _font(name: str) -> str:
    return str(files("font_manrope") / "files" / f"Manrope-{name}.ttf")


class _Text:
    """What may be set, and how much of it is left."""

    def __init__(self, known: Container[int], most: int) -> None:
        self.known = known
        self.left = most
        self.unknown = 0
        self.cut = False

    def __call__(self, value: str) -> str:
        text = unicodedata.normalize("NFC", value)
        if len(text) > self.left:
            text, self.cut = text[: max(self.left, 0)] + " [cut]", True
        self.left -= len(text)
        return self.spelled(text)

    def spelled(self, text: str) -> str:
        """However much was written before: who exported it is said at any length."""
        return "".join(self._letter(letter) for letter in text)

    def _letter(self, letter: str) -> str:
        if letter == "\n" or ord(letter) in self.known:
            return letter
        if letter in "\t\u202f\u2009":
            return " "
        if unicodedata.category(letter) in {"Cc", "Cf"} and letter != "\u202e":
            return ""  # draws nothing anywhere; what turns text around is told below
        self.unknown += 1
        return f"<U+{ord(letter):04X}>"


class _Pages(FPDF):
    def __init__(self, made: Document) -> None:
        super().__init__(format="A4")
        self.made = made
        self.set_margins(_MARGIN, _MARGIN)
        self.set_auto_page_break(auto=True, margin=20)
        self.add_font(FONT, "", _font("Regular"))
        self.add_font(FONT, "B", _font("Bold"))
        self.say = _Text(self.fonts[FONT].cmap, MOST_TEXT.value)  # type: ignore[union-attr]

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(FONT, size=8)
        self.set_text_color(*_QUIET)
        told = f"{self.made.ref}  ·  SHA-256 {self.made.sha256[:16]}…  ·  page "
        self.cell(0, 5, f"{told}{self.page_no()} of {{nb}}", align="C")

    def write_text(
        self, text: str, *, size: float = 10, bold: bool = False, quiet: bool = False
    ) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(*(_QUIET if quiet else _INK))
        height = _LINE * size / 10
        self.multi_cell(0, height, text or " ", align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def as_pdf(made: Document) -> bytes:
    pages = _Pages(made)
    pages.set_title(pages.say(f"{made.ref} {made.title}"))
    pages.set_creator("Control plane")
    pages.set_creation_date(made.made_at)
    pages.add_page()
    pages.write_text(pages.say(f"{made.ref} {made.title}"), size=16, bold=True)
    pages.write_text(made.status, quiet=True)
    pages.ln(3)
    for block in made.blocks:
        if pages.say.left <= 0:
            break
        _DRAW[block.kind](pages, block)
    _end(pages)
    return bytes(pages.output())


def _end(pages: _Pages) -> None:
    made = pages.made
    pages.ln(6)
    if pages.say.cut or pages.say.left <= 0:
        told = "This document was cut: it is too long to be laid out. The HTML export has all."
        pages.write_text(told, size=9, bold=True)
    if pages.say.unknown:
        told = (
            f"{pages.say.unknown:,} characters that this document's font has not got are written "
            "by their code points. The HTML export has them as they are."
        )
        pages.write_text(told, size=9, bold=True)
    by = pages.say.spelled(unicodedata.normalize("NFC", made.made_by)[:200])
    pages.write_text(f"Exported {made.made_when} by {by}.", size=9, quiet=True)


def _heading(pages: _Pages, block: Block) -> None:
    if pages.will_page_break(24):
        pages.add_page()
    pages.ln(4)
    pages.write_text(pages.say(block.text), size=12, bold=True)
    pages.ln(1)


def _text(pages: _Pages, block: Block) -> None:
    pages.write_text(pages.say(block.text))


def _lines(pages: _Pages, block: Block) -> None:
    for row in block.rows:
        pages.write_text(f"•  {pages.say(row[0])}")


def _code(pages: _Pages, block: Block) -> None:
    text = block.text[: MOST_CODE.value]
    pages.write_text(pages.say(text), size=8)
    if len(text) < len(block.text):
        more = len(block.text) - len(text)
        pages.write_text(f"[{more:,} more characters: they are in the HTML export]", size=8)


def _facts(pages: _Pages, block: Block) -> None:
    _table(pages, block.rows, columns=(), widths=(32, 100))


def _rows(pages: _Pages, block: Block) -> None:
    if not block.rows:
        pages.write_text("No difference.")
        return
    widths = {3: (34, 33, 33), 4: (24, 22, 26, 28), 5: (18, 24, 16, 22, 30)}
    _table(pages, block.rows, block.columns, widths.get(len(block.columns), ()), block.links)


def _table(
    pages: _Pages,
    rows: Sequence[Sequence[str]],
    columns: Sequence[str],
    widths: Sequence[int],
    links: Sequence[str] = (),
) -> None:
    """A word that is wider than its column breaks, a hash say; others stay whole. A cell taller
    than a page can't be drawn: it goes on in a row below, so that nothing of it is left out."""
    pages.set_font(FONT, size=9)
    pages.set_text_color(*_INK)
    pages.set_draw_color(*_RULE)
    pages.set_line_width(0.2)
    options: dict[str, Any] = {
        "borders_layout": "HORIZONTAL_LINES",
        "line_height": 4.8,
        "text_align": "L",
        "v_align": "TOP",
        "first_row_as_headings": bool(columns),
        "headings_style": FontFace(emphasis="BOLD", color=_INK),
        "padding": 1,
    }
    if widths:
        options["col_widths"] = tuple(widths)
    with pages.table(**options) as table:
        if columns:
            table.row(list(columns))
        for number, row in enumerate(rows):
            if pages.say.left <= 0:
                break
            link = links[number] if number < len(links) else ""
            for part in _parts(row):
                cells = table.row()
                for place, cell in enumerate(part):
                    cells.cell(pages.say(cell) or " ", link=link if link and not place else None)


def _parts(row: Sequence[str]) -> list[list[str]]:
    """The row as rows that a page holds. The first cell is not said again."""
    cells = [_pieces(cell) for cell in row]
    return [
        [pieces[number] if number < len(pieces) else "" for pieces in cells]
        for number in range(max(len(pieces) for pieces in cells))
    ]


def _pieces(cell: str) -> list[str]:
    """At the ends of lines where there are some, then of words, then anywhere."""
    found: list[str] = []
    rest = cell
    while len(rest) > _CELL or rest.count("\n") > _CELL_LINES:
        head = "\n".join(rest[:_CELL].split("\n")[:_CELL_LINES])
        at = head.rfind("\n") if len(head) == _CELL else len(head)
        at = at if at > 0 else head.rfind(" ")
        at = at if at > 0 else len(head)
        found.append(rest[:at])
        rest = rest[at:].removeprefix("\n").removeprefix(" ")
    return [*found, rest]


_DRAW: dict[str, Any] = {
    "heading": _heading,
    "text": _text,
    "facts": _facts,
    "lines": _lines,
    "table": _rows,
    "code": _code,
}
