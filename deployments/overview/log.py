"""The release log: what became live where, newest first, as rows, as Markdown and as Atom."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.catalog.models import Component, Environment
from controlplane.lib.text import in_markdown, short
from deployments import links
from deployments.models import Deployment

PAGE = 30
EXPORTED = 500
FED = 50
_NOTES = 16_000
# What no XML document may hold, however it is written.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Asked:
    workspace: Workspace
    environment: Environment | None = None
    component: Component | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[Deployment]
    older: str  # the ref to begin behind; empty at the end
    known: bool  # whether `before` named a row of this log


def releases(asked: Asked) -> QuerySet[Deployment]:
    rows = Deployment.objects.of(asked.workspace).landed()
    if asked.environment is not None:
        rows = rows.into(asked.environment)
    if asked.component is not None:
        rows = rows.filter(parts__component=asked.component)
    if asked.kind:
        rows = rows.filter(kind=asked.kind)
    rows = rows.select_related("environment", "item", "reverses")
    rows = rows.prefetch_related("parts__component")
    return rows.order_by("-deployed_at", "-pk")


def page(asked: Asked, before: str = "", most: int = PAGE) -> Page:
    """By where the last page ended: what becomes live meanwhile shifts nothing."""
    rows, known = releases(asked), True
    if before:
        last = Deployment.objects.of(asked.workspace).landed().filter(ref=before).first()
        known = last is not None
        if last is not None:
            at = last.deployed_at
            rows = rows.filter(Q(deployed_at__lt=at) | Q(deployed_at=at, pk__lt=last.pk))
    found = list(rows[: most + 1])
    older = found[most - 1].ref if len(found) > most else ""
    return Page(found[:most], older, known)


def said(row: Deployment) -> str:
    """What it did, in a line: "4.2.0 is live in Production"."""
    if row.reverses is not None:
        return f"{row.reverses.release} was rolled back in {row.environment.name}"
    return f"{row.release} in {row.environment.name}"


def outcome(row: Deployment) -> str:
    if row.status == "completed":
        return row.get_verdict_display() if row.verdict else "Completed"
    return str(row.get_status_display())


def changed_at(row: Deployment) -> datetime:
    """When something that the log tells of it last changed."""
    return max(filter(None, (row.changed_at, row.deployed_at, row.closed_at)))


def parts(row: Deployment) -> list[str]:
    return [part.component.name for part in row.parts.all()]


# --- Markdown -----------------------------------------------------------------------------------


def markdown(asked: Asked, rows: Iterable[Deployment], *, cut: bool = False) -> str:
    where = f" to {in_markdown(asked.environment.name)}" if asked.environment is not None else ""
    blocks = [f"# Releases of {in_markdown(asked.workspace.name)}{where}"]
    for row in rows:
        blocks += _block(row)
    if len(blocks) == 1:
        blocks.append("Nothing was released yet.")
    if cut:
        blocks.append(f"The newest {EXPORTED}; there are more.")
    return "\n\n".join(blocks) + "\n"


def _block(row: Deployment) -> list[str]:
    at = f"{row.deployed_at:%Y-%m-%d %H:%M} UTC" if row.deployed_at else ""
    facts = [
        ("Deployment", f"[{row.ref}]({_address(row)}), {_plain(row.get_kind_display())}, "
         f"tier {row.tier}"),
        ("Components", ", ".join(map(in_markdown, parts(row)))),
        ("Commit", f"`{row.commit_sha}`" if row.commit_sha else ""),
        ("Image", in_markdown(" ".join(filter(None, (row.image_tag, row.image_digest))))),
        ("Work item", in_markdown(row.item.key) if row.item is not None else ""),
        ("Outcome", _plain(outcome(row))),
    ]  # fmt: skip
    return [
        f"## {in_markdown(said(row))}, {at}",
        "\n".join(f"- {name}: {value}" for name, value in facts if value),
        *_quoted(row.release_notes),
    ]


def _plain(words: str) -> str:
    return in_markdown(words[:1].lower() + words[1:])


def _quoted(text: str) -> list[str]:
    """People's own Markdown, as a quotation: no heading of theirs becomes one of the log."""
    lines = text.strip()[:_NOTES].splitlines()
    return ["\n".join(f"> {line}".rstrip() for line in lines)] if lines else []


def _address(row: Deployment) -> str:
    return settings.PUBLIC_URL + links.page_of(row)


# --- Atom ---------------------------------------------------------------------------------------


def atom(asked: Asked, rows: Sequence[Deployment], *, name: str, address: str) -> bytes:
    """RFC 4287. Each entry keeps its id for good and is updated when its deployment is."""
    newest = max(map(changed_at, rows), default=asked.workspace.created_at)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<title>{_xml(name)}</title>",
        f"<id>urn:uuid:{_id(asked)}</id>",
        f"<updated>{_stamp(newest)}</updated>",
        _link("self", address, "application/atom+xml"),
        _link("alternate", settings.PUBLIC_URL + reverse("boards:log"), "text/html"),
        f"<author><name>{_xml(asked.workspace.name)}</name></author>",
        "<generator>Control plane</generator>",
    ]
    for row in rows:
        lines += _entry(row)
    lines.append("</feed>\n")
    return "\n".join(lines).encode()


def _id(asked: Asked) -> uuid.UUID:
    """Of the log itself, whoever's link reads it; that of one environment is another feed."""
    whole: uuid.UUID = asked.workspace.uid
    return uuid.uuid5(whole, asked.environment.slug) if asked.environment is not None else whole


def _entry(row: Deployment) -> list[str]:
    notes = row.release_notes.strip()[:_NOTES]
    head = f"{row.ref}: {outcome(row)}."
    text = "\n".join(filter(None, (head, ", ".join(parts(row)), notes)))
    return [
        "<entry>",
        f"<title>{_xml(said(row))}</title>",
        f"<id>urn:uuid:{row.uid}</id>",
        f"<published>{_stamp(row.deployed_at or row.created_at)}</published>",
        f"<updated>{_stamp(changed_at(row))}</updated>",
        _link("alternate", _address(row), "text/html"),
        f"<category term={quoteattr(row.kind)}/>",
        f"<category term={quoteattr(row.environment.slug)}/>",
        f"<summary>{_xml(short(row.title, 200))}</summary>",
        f"<content type={quoteattr('text')}>{_xml(text)}</content>",
        "</entry>",
    ]


def _link(rel: str, address: str, kind: str) -> str:
    """Its whole address: a reader knows no other base. Two links of a kind differ by it."""
    return f"<link rel={quoteattr(rel)} type={quoteattr(kind)} href={quoteattr(address)}/>"


def _xml(text: Any) -> str:
    return escape(_NO_XML.sub("", str(text)))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def tag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'
