"""Whom a step names: a person, a role, a schedule, a contact, a channel or a webhook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.lib.given import refuse
from controlplane.notify.models import Channel
from controlplane.oncall.models import Schedule

KINDS = {
    "role": "Role", "schedule": "Schedule", "person": "Person", "contact": "Contact",
    "channel": "Channel", "webhook": "Webhook",
}  # fmt: skip
# One of the contact book by name: no policy names them, somebody calls them by hand.
BOOK = "book"
# A shipped policy knows no workspace's people.
SHARED = frozenset({"role", "contact"})


@dataclass(frozen=True, slots=True)
class Target:
    kind: str
    ref: str

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Target:
        return cls(str(given["kind"]), str(given["ref"]))

    @classmethod
    def also(cls, entry: str) -> Target:
        """Of what a run calls beside its policy: a role, or one of the contact book."""
        kind, _, ref = entry.rpartition(":")
        return cls(BOOK, ref) if kind == BOOK else cls("role", entry)

    @staticmethod
    def entry(uid: UUID) -> str:
        """How a run notes one of the contact book."""
        return f"{BOOK}:{uid.hex}"

    @classmethod
    def is_entry(cls, noted: str) -> bool:
        return cls.also(noted).kind == BOOK

    @property
    def words(self) -> str:
        if self.kind == BOOK:
            return "one of the contact book"
        if self.kind == "role":
            return policy.role_label(self.ref)
        return f"{KINDS.get(self.kind, self.kind).lower()} {self.ref}"


def read(field: str, given: Any, workspace_id: int | None) -> dict[str, str]:
    """A target as it is kept, or a refusal that names what is wrong with it."""
    if not isinstance(given, Mapping) or not {"kind", "ref"} <= set(given):
        raise refuse(field, "A target is a kind and a ref.")
    kind, ref = given["kind"], given["ref"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise refuse(field, f"The kind of a target is one of {', '.join(KINDS)}.")
    if not isinstance(ref, str) or not ref.strip() or len(ref) > 120:
        raise refuse(field, f"Say which {KINDS[kind].lower()}.")
    if workspace_id is None and kind not in SHARED:
        raise refuse(field, "What all workspaces share names roles and contacts only.")
    return {"kind": kind, "ref": _known(field, kind, ref.strip(), workspace_id)}


def _known(field: str, kind: str, ref: str, workspace_id: int | None) -> str:
    if kind == "role":
        if ref not in policy.PEOPLE:
            raise refuse(field, f"There is no role {ref}.")
        return ref
    if kind == "contact":
        # One that nobody stands for yet is said on the page, and when it is called.
        return ref[:60]
    if kind == "schedule":
        if not Schedule.objects.filter(workspace=workspace_id, slug=ref, retired_at=None).exists():
            raise refuse(field, f"There is no schedule {ref} in this workspace.")
        return ref
    if kind == "person":
        return _person(field, ref, workspace_id)
    return _channel(field, kind, ref, workspace_id)


def _person(field: str, ref: str, workspace_id: int | None) -> str:
    here = Grant.objects.held().filter(membership__workspace=workspace_id)
    people = User.objects.filter(pk__in=here.values("membership__user"), is_active=True)
    if "@" in ref:
        found = people.filter(email__iexact=ref).first()
    else:
        uid = _uid(ref)
        found = people.filter(uid=uid).first() if uid is not None else None
    if found is None:
        raise refuse(field, f"Nobody of this workspace is {ref}.")
    return str(found.uid)


def _uid(ref: str) -> UUID | None:
    try:
        return UUID(ref)
    except ValueError:
        return None


def _channel(field: str, kind: str, ref: str, workspace_id: int | None) -> str:
    rows = Channel.objects.filter(workspace=workspace_id, is_active=True)
    if kind == "webhook":
        rows = rows.filter(kind=Channel.Kind.WEBHOOK)
    for row in rows:
        if ref in (str(row.uid), row.name):
            return str(row.uid)
    raise refuse(field, f"There is no {KINDS[kind].lower()} {ref} in this workspace.")
