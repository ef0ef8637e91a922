"""The launch's checklist as a document: what holds, what shows it, who signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from django.conf import settings

from controlplane.access.naming import names_of
from controlplane.access.policy import role_label
from controlplane.approvals import links as approvals
from controlplane.approvals.models import Decision, Request
from controlplane.lib.text import in_markdown
from deployments.models import Launch, LaunchLine
from deployments.overview import links

_BOX = {"done": "x", "open": " ", "not_applicable": "-"}


def markdown(launch: Launch) -> str:
    lines = list(launch.lines.order_by("position"))
    names = names_of([launch.created_by, *(line.by for line in lines)])
    blocks = [
        f"# Launch sign-off: {in_markdown(launch.title)}",
        "\n".join(f"- {name}: {value}" for name, value in _facts(launch, names) if value),
    ]
    if launch.about.strip():
        blocks.append("\n".join(f"> {line}".rstrip() for line in launch.about.splitlines()))
    blocks.append("## Checklist")
    blocks.append("\n".join(text for line in lines for text in _line(line, names)))
    blocks.append("## Signatures")
    blocks += _signatures(launch.approval)
    return "\n\n".join(blocks) + "\n"


def _facts(launch: Launch, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "Launch", f"[{launch.ref}]({settings.PUBLIC_URL}{links.launch(launch)})"
    yield "Workspace", in_markdown(launch.workspace.name)
    yield "State", launch.get_status_display()
    yield "Goes live", at(launch.launch_at)
    yield "Planned by", in_markdown(names.get(launch.created_by, launch.created_by))
    yield "Signed off", at(launch.signed_at)


def _line(line: LaunchLine, names: dict[str, str]) -> Iterator[str]:
    who = in_markdown(names.get(line.by, line.by))
    said = f", {who}, {at(line.at)}" if line.by else ""
    state = line.get_state_display().lower()
    yield f"- [{_BOX[line.state]}] {in_markdown(line.title)}: {state}{said}"
    if line.note:
        yield f"  - {in_markdown(line.note)}"
    for each in line.evidence:
        link = f" <{_address(each['link'])}>" if each["link"] not in {"", each["label"]} else ""
        yield f"  - {in_markdown(each['label'])}{link}"


def _address(link: str) -> str:
    """What somebody gave as a link, with nothing that would end it there."""
    return quote(link, safe=":/?#[]@!$&'()*+,;=%-._~")


def _signatures(request: Request | None) -> list[str]:
    if request is None:
        return ["Nobody was asked yet."]
    slots = list(request.slots.order_by("position"))
    decisions = decisions_of(request)
    rows = ["| For | State | Who | As | When |", "|---|---|---|---|---|"]
    for slot in slots:
        title = in_markdown(slot.title)
        found = decisions.get(slot.pk, [])
        if not found:
            rows.append(f"| {title} | waiting | | | |")
        for one in found:
            who = in_markdown(one.person.name or one.person.email)
            role = in_markdown(role_label(one.as_role)) if one.as_role else "break-glass"
            verdict = one.verdict.replace("_", " ")
            rows.append(f"| {title} | {verdict} | {who} | {role} | {at(one.decided_at)} |")
    page = f"{settings.PUBLIC_URL}{approvals.page_of(request)}"
    return [
        f"[{request.ref}]({page}), {request.get_status_display().lower()}. "
        f"SHA-256 of what was signed: `{request.sha256}`.",
        "\n".join(rows),
    ]


def decisions_of(request: Request) -> dict[int, list[Decision]]:
    """By the slot they were given for, in the order they came."""
    found: dict[int, list[Decision]] = {}
    for one in request.decisions.select_related("person", "slot").order_by("pk"):
        found.setdefault(one.slot_id, []).append(one)
    return found


def at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment is not None else ""
