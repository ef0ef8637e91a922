"""Who stands behind targets at an instant: for any number of incidents in a few questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.lib import clock
from controlplane.notify import availability
from controlplane.notify.models import Channel, Contact
from controlplane.notify.services.contacts import purposes_of
from controlplane.oncall import duty
from controlplane.oncall.models import Schedule
from incidents.paging.targets import BOOK, Target
from incidents.paging.ways import gateways_of

Pair = tuple[int, str]
BY_NAME = "chosen from the contact book"


@dataclass(frozen=True, slots=True)
class Called:
    """One who is called, and why."""

    key: str  # user:5, channel:3, contact:9
    name: str
    why: str
    user_id: int | None = None
    channel_id: int | None = None
    contact_id: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A target behind which nobody stands."""

    target: Target
    why: str


@dataclass(slots=True)
class Finder:
    """What was asked for once, answered as often as needed."""

    duties: dict[Pair, list[Called]] = field(default_factory=dict)
    holders: dict[Pair, list[Called]] = field(default_factory=dict)
    others: dict[tuple[int, Target], list[Called]] = field(default_factory=dict)
    reasons: dict[tuple[int, Target], str] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Iterable[tuple[int, Target]], at: datetime | None = None) -> Finder:
        at = at or clock.now()
        by_kind: dict[str, set[Pair]] = defaultdict(set)
        for workspace_id, target in asked:
            by_kind[target.kind].add((workspace_id, target.ref))
        found = cls()
        empty = found._roles(by_kind["role"], at)
        found._schedules(by_kind["schedule"], at)
        found._people(by_kind["person"])
        stand_in = {(space, each) for space, role in empty for each in purposes_of(role)}
        found._contacts(by_kind["contact"] | stand_in, at)
        found._entries(by_kind[BOOK], at)
        found._channels(by_kind["channel"] | by_kind["webhook"])
        return found

    def find(self, workspace_id: int, target: Target) -> list[Called]:
        """Nobody is an empty list; `missing` says why."""
        if target.kind == "role":
            pair = (workspace_id, target.ref)
            there = self.duties.get(pair) or self.holders.get(pair)
            return there or self._in_book(workspace_id, target.ref)
        if target.kind == "webhook":
            target = Target("channel", target.ref)
        return self.others.get((workspace_id, target), [])

    def _in_book(self, workspace_id: int, role: str) -> list[Called]:
        keys = ((workspace_id, Target("contact", each)) for each in purposes_of(role))
        return next((self.others[key] for key in keys if key in self.others), [])

    def missing(self, workspace_id: int, target: Target) -> Missing:
        said = self.reasons.get((workspace_id, target))
        if said is None:
            said = {
                "role": self._nobody(workspace_id, target),
                "schedule": f"Nobody is on duty by the {target.words}.",
                "person": "Whom the policy names is no longer here.",
                "contact": f"No contact {target.ref} is known.",
                BOOK: "They were taken out of the contact book.",
            }.get(target.kind, "The channel is switched off or gone.")
        return Missing(target, said)

    def _nobody(self, workspace_id: int, role: Target) -> str:
        said = f"Nobody is on duty as {role.words}, and nobody holds the role."
        keys = ((workspace_id, Target("contact", each)) for each in purposes_of(role.ref))
        book = " ".join(self.reasons[key] for key in keys if key in self.reasons)
        return f"{said} In the book: {book}" if book else said

    def _roles(self, asked: set[Pair], at: datetime) -> set[Pair]:
        """Those behind which nobody stands: the book of contacts may know somebody."""
        if not asked:
            return set()
        for pair, duties in duty.on_duty_many(asked, at).items():
            label = policy.role_label(pair[1])
            self.duties[pair] = [
                _person(one.person, f"on duty as {label}") for one in duties if one.person.is_active
            ]
        alone = {pair for pair in asked if not self.duties.get(pair)}
        for space, role, person in _held(alone, at):
            why = f"holds the role {policy.role_label(role)}"
            self.holders.setdefault((space, role), []).append(_person(person, why))
        return alone - set(self.holders)

    def _schedules(self, asked: set[Pair], at: datetime) -> None:
        if not asked:
            return
        rows = Schedule.objects.counting(at).filter(
            workspace__in={space for space, _ in asked}, slug__in={slug for _, slug in asked}
        )
        for one in duty.standings(list(rows), at):
            pair = (one.schedule.workspace_id, one.schedule.slug)
            if pair in asked and one.duty is not None and one.duty.person.is_active:
                called = _person(one.duty.person, f"on duty: {one.schedule.title}")
                self.others[pair[0], Target("schedule", pair[1])] = [called]

    def _people(self, asked: set[Pair]) -> None:
        if not asked:
            return
        here = Grant.objects.held().of_active_people().filter(
            membership__workspace__in={space for space, _ in asked},
            membership__user__uid__in={uid for _, uid in asked},
        )  # fmt: skip
        for grant in here.select_related("membership__user"):
            person = grant.membership.user
            key = (grant.membership.workspace_id, Target("person", str(person.uid)))
            self.others[key] = [_person(person, "named by the policy")]

    def _contacts(self, asked: set[Pair], at: datetime) -> None:
        """Of each purpose the first that can be called: by their account, or as the book says."""
        if not asked:
            return
        spaces = {space for space, _ in asked}
        rows = Contact.objects.filter(
            workspace__in=spaces, purpose__in={purpose for _, purpose in asked}, is_active=True
        )
        found = list(rows.select_related("user").order_by("order", "id"))
        lines = gateways_of(spaces) if any(row.phone for row in found) else {}
        for row in found:
            key = (row.workspace_id, Target("contact", row.purpose))
            if key in self.others:
                continue
            if row.user is not None and row.user.is_active:
                self.others[key] = [_person(row.user, f"contact: {row.purpose}")]
                continue
            lack = lack_of(row, lines.get(row.workspace_id, set()), at)
            if not lack:
                why = f"in the contact book for {row.purpose.replace('_', ' ')}"
                called = Called(f"contact:{row.pk}", row.name, why, contact_id=row.pk)
                self.others[key] = [called]
                self.reasons.pop(key, None)
            else:
                self.reasons[key] = " ".join([*filter(None, [self.reasons.get(key)]), lack])

    def _entries(self, asked: set[Pair], at: datetime) -> None:
        """Those of the book that somebody chose by name."""
        if not asked:
            return
        spaces = {space for space, _ in asked}
        rows = Contact.objects.filter(
            workspace__in=spaces, uid__in={uid for _, uid in asked}, is_active=True
        )
        lines = gateways_of(spaces)
        for row in rows.select_related("user"):
            key = (row.workspace_id, Target(BOOK, row.uid.hex))
            if row.user is not None and row.user.is_active:
                self.others[key] = [_person(row.user, BY_NAME)]
            elif lack := lack_of(row, lines.get(row.workspace_id, set()), at):
                self.reasons[key] = lack
            else:
                found = Called(f"contact:{row.pk}", row.name, BY_NAME, contact_id=row.pk)
                self.others[key] = [found]

    def _channels(self, asked: set[Pair]) -> None:
        if not asked:
            return
        rows = Channel.objects.filter(
            workspace__in={space for space, _ in asked},
            uid__in={uid for _, uid in asked},
            is_active=True,
        )
        for row in rows:
            key = (row.workspace_id, Target("channel", str(row.uid)))
            self.others[key] = [
                Called(f"channel:{row.pk}", row.name, "a channel of the policy", channel_id=row.pk)
            ]


def _person(person: User, why: str) -> Called:
    return Called(f"user:{person.pk}", person.name, why, user_id=person.pk)


def lack_of(row: Contact, lines: set[str], at: datetime) -> str:
    """Why somebody of the book can't be called at this moment, or ""."""
    if not row.email and not row.number:
        ways = ", ".join(way for way in (row.phone, row.handle) if way)
        return f"{row.name} has no account here, only what can't be called from here: {ways}."
    if not row.email and not lines:
        return f"{row.name} has a telephone only, and no gateway of this workspace calls any."
    return availability.why_not(row, at)


def _held(pairs: set[Pair], at: datetime) -> list[tuple[int, str, User]]:
    if not pairs:
        return []
    rows = Grant.objects.held(at).of_active_people().filter(
        membership__workspace__in={space for space, _ in pairs},
        role__in={role for _, role in pairs},
    )  # fmt: skip
    found = [
        (grant.membership.workspace_id, grant.role, grant.membership.user)
        for grant in rows.select_related("membership__user").order_by("membership__user_id")
    ]
    return [each for each in found if (each[0], each[1]) in pairs]
