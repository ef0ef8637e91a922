"""The launch's checklist on paper: the same content as its Markdown, laid out as PDF."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from controlplane.access.naming import name_of, names_of
from controlplane.access.policy import role_label
from controlplane.approvals.export import Document, as_pdf
from controlplane.approvals.export.content import Block, clocked
from controlplane.approvals.models import Decision, Request
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments.models import Launch
from deployments.overview import checklist


def pdf(launch: Launch, actor: Actor) -> bytes:
    zone = launch.workspace.time_zone
    blocks = clocked(_blocks(launch), zone)
    return as_pdf(
        Document(
            ref=launch.ref,
            title=f"Launch sign-off: {launch.title}",
            status=launch.get_status_display(),
            sha256=hashlib.sha256(repr(blocks).encode()).hexdigest(),
            made_at=clock.now(),
            made_by=name_of(actor),
            blocks=blocks,
            zone=zone,
        )
    )


def _blocks(launch: Launch) -> Iterator[Block]:
    lines = list(launch.lines.order_by("position"))
    names = names_of([launch.created_by, *(line.by for line in lines)])
    facts = [
        ("Workspace", launch.workspace.name),
        ("Goes live", checklist.at(launch.launch_at)),
        ("Planned by", names.get(launch.created_by, launch.created_by)),
        ("Signed off", checklist.at(launch.signed_at)),
    ]
    yield Block("facts", rows=[fact for fact in facts if fact[1]])
    if launch.about.strip():
        yield Block("text", launch.about)
    yield Block("heading", "Checklist")
    yield Block(
        "table",
        rows=[
            (line.title, line.get_state_display(),
             "\n".join(filter(None, [line.note, *(_shown(each) for each in line.evidence)])),
             f"{names.get(line.by, line.by)} {checklist.at(line.at)}".strip())
            for line in lines
        ],
        columns=("Line", "State", "What shows it", "Who and when"),
    )  # fmt: skip
    yield Block("heading", "Signatures")
    yield from _signatures(launch.approval)


def _shown(each: dict[str, str]) -> str:
    link = each["link"]
    return each["label"] if link in {"", each["label"]} else f"{each['label']} ({link})"


def _signatures(request: Request | None) -> Iterator[Block]:
    if request is None:
        yield Block("text", "Nobody was asked yet.")
        return
    found = checklist.decisions_of(request)
    rows: list[tuple[str, ...]] = []
    for slot in request.slots.order_by("position"):
        given = found.get(slot.pk, [])
        rows += [_decided(slot.title, one) for one in given]
        if not given:
            rows.append((slot.title, "waiting", "", "", ""))
    yield Block("text", f"{request.ref}, {request.get_status_display().lower()}.")
    yield Block("table", rows=rows, columns=("For", "State", "Who", "As", "When"))
    yield Block("text", f"SHA-256 of what was signed: {request.sha256}")


def _decided(title: str, one: Decision) -> tuple[str, ...]:
    who = one.person.name or one.person.email
    role = role_label(one.as_role) if one.as_role else "break-glass"
    return title, one.verdict.replace("_", " "), who, role, checklist.at(one.decided_at)
