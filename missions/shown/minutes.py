"""A meeting as Markdown: what was on its agenda, what was noted, what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from controlplane.lib import moments
from missions.models import Meeting

_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>#|"})


def written(row: Meeting) -> str:
    return "\n".join(_lines(row)).rstrip() + "\n"


def _lines(row: Meeting) -> Iterator[str]:
    yield f"# {row}"
    yield ""
    yield f"Planned {moments.utc(row.planned_at)}; the agenda as of {moments.utc(row.began_at)}."
    for section in row.agenda:
        yield from ("", f"## {_said(section['title'])}", "")
        if section.get("broken"):
            yield "This could not be asked then."
        for line in section["lines"]:
            yield line_of(line)
        if section.get("more"):
            yield f"- and {section['more']} more"
        if not section["lines"] and not section.get("broken"):
            yield "Nothing."
    for title, text in (("Who was there", row.attendees), ("Notes", row.notes),
                        ("Decisions", row.decisions), ("Afterwards", row.afterwards)):  # fmt: skip
        if text:
            yield from ("", f"## {title}", "", text)
    follows = row.followups.standing().select_related("owner").order_by("due_on", "pk")
    if follows:
        yield from ("", "## What follows", "")
        for each in follows:
            who = each.owner.name or each.owner.email
            yield f"- {_said(each.title)}: {_said(who)}, until {each.due_on}"


def line_of(line: Mapping[str, Any]) -> str:
    title, url = _said(line["title"]), str(line.get("url") or "")
    if url:
        title = f"[{title}](<{settings.PUBLIC_URL if url.startswith('/') else ''}{url}>)"
    more = [_said(line.get(name) or "") for name in ("text", "note", "who")]
    more.append(str(line.get("due") or "")[:10])
    state = _said(line.get("state") or "")
    # A sentence's own full stop does not stand before a comma.
    parts = [part for part in more if part]
    told = ", ".join([*(part.removesuffix(".") for part in parts[:-1]), *parts[-1:]])
    return f"- {title}{f': {told}' if told else ''}{f' ({state})' if state else ''}"


def _said(text: Any) -> str:
    """One line, and no mark of Markdown: titles are others' words."""
    return " ".join(str(text).split()).translate(_MARKS)
