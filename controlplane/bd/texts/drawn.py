"""A list as a graph, for the programs that draw and ask graphs. An edge leads from an issue to
what it depends on; edges to what is not in the list are left out."""

from __future__ import annotations

from controlplane.bd.texts.rows import Row, number, rows, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_DASHED = frozenset({"related", "relates-to", "discovered-from", "duplicates", "supersedes"})


def digraph(found: list[Row]) -> str:
    """As Go's `digraph` reads it: each line a node and its successors."""
    after: dict[str, list[str]] = {text(one, "id"): [] for one in found}
    for source, target, _ in _edges(found):
        after[source].append(target)
    return "\n".join(" ".join([node, *targets]) for node, targets in after.items())


def dot(found: list[Row]) -> str:
    """As Graphviz reads it."""
    lines = ["digraph issues {", "  rankdir=LR;", "  node [shape=box];"]
    for one in found:
        label = f"{_quoted(text(one, 'id'))}\\n{_quoted(text(one, 'title')[:80])}"
        mark = ", style=dashed" if text(one, "status") == "closed" else ""
        lines.append(
            f'  "{_quoted(text(one, "id"))}" [label="{label}\\nP{number(one, "priority")}"{mark}];'
        )
    for source, target, kind in _edges(found):
        drawn = f'label="{_quoted(kind)}"' + (", style=dashed" if kind in _DASHED else "")
        lines.append(f'  "{_quoted(source)}" -> "{_quoted(target)}" [{drawn}];')
    return "\n".join([*lines, "}"])


def _edges(found: list[Row]) -> Iterator[tuple[str, str, str]]:
    here = {text(one, "id") for one in found}
    for one in found:
        for edge in rows(one.get("dependencies")):
            target = text(edge, "depends_on_id")
            if target in here:
                yield text(one, "id"), target, text(edge, "type")


def _quoted(said: str) -> str:
    return said.replace("\\", "\\\\").replace('"', '\\"')
