"""Tickets with hostile words in every place where somebody's words stand."""

from __future__ import annotations

from controlplane.access.models import User, Workspace
from incidents.support import answering, escalating, moving, opening, receiving, said
from tests import make


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    actor = make.actor(root)
    row = opening.open_ticket(
        workspace, actor=actor, subject=hostile[:200], body=long[:20_000],
        requester_name=hostile[:120], requester_email="ann@example.com", category="database",
        blocking=True, files=[said.Sent("no.png", b"no picture", 10)],
    )  # fmt: skip
    moving.triage(row, actor=actor, priority="p1", category="deployment")
    made = answering.answer(row, actor=actor, text=long[:20_000])
    said.correct(made, hostile, actor=actor)
    answering.add_note(row, actor=actor, text=hostile)
    other = opening.open_ticket(workspace, actor=actor, subject=long[:200], body=hostile)
    escalating.escalate(other, actor=actor, reason=hostile[:500], severity="sev4")
    third = opening.open_ticket(workspace, actor=actor, subject="The same", body="The same.")
    moving.merge(third, row, actor=actor, reason=hostile[:500])
    fourth = opening.open_ticket(workspace, actor=actor, subject="Another", body="Another.")
    moving.triage(fourth, actor=actor, priority="p2", category="question")
    moving.resolve(fourth, actor=actor, resolution=hostile)
    mail = f"From: b@example.com\r\nSubject: A mail\r\nMessage-ID: <1@x>\r\n\r\n{hostile}\r\n"
    receiving.receive(workspace, mail.encode())
