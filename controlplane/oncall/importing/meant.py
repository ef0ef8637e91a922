"""Who is meant by an entry: the one it invites, or the one its title names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.access.models import Grant, User
from controlplane.oncall.services import reading

LEAST_NAME = 3  # a shorter name stands in too many words


def label_of(event: Mapping[str, Any]) -> str:
    """What an entry is called where nobody is found: one choice answers all of the same label."""
    for one in event["people"]:
        if one["mail"] or one["name"]:
            return str(one["mail"] or one["name"]).strip().lower()[:254]
    return str(event["summary"]).strip()[:254] or "(no title)"


class Meant:
    """People of one workspace, and what somebody said about labels that name nobody."""

    def __init__(self, workspace_id: int, said: Mapping[str, Any]) -> None:
        held = Grant.objects.held().filter(membership__workspace_id=workspace_id)
        rows = User.objects.filter(is_active=True, pk__in=held.values("membership__user_id"))
        self.people: dict[int, User] = {row.pk: row for row in rows}
        self.by_mail = {row.email.lower(): row for row in rows}
        self.named: dict[str, list[User]] = {}
        for row in rows:
            if len(row.name.strip()) >= LEAST_NAME:
                self.named.setdefault(row.name.strip().lower(), []).append(row)
        self.chosen = {
            label: reading.person("people", value, workspace_id)
            for label, value in said.items()
            if value
        }
        self._known: dict[tuple[str, ...], User | None] = {}

    def by(self, event: Mapping[str, Any]) -> User | None:
        chosen = self.chosen.get(label_of(event))
        if chosen is not None:
            return chosen
        mails = tuple(str(one["mail"]).lower() for one in event["people"])
        names = tuple(str(one["name"]) for one in event["people"])
        key = (*mails, *names, str(event["summary"]))
        if key not in self._known:
            self._known[key] = self._look(mails, [*names, str(event["summary"])])
        return self._known[key]

    def _look(self, mails: Sequence[str], texts: Sequence[str]) -> User | None:
        for mail in mails:
            if mail in self.by_mail:
                return self.by_mail[mail]
        for text in texts:
            found = self._named(text)
            if found is not None:
                return found
        return None

    def _named(self, text: str) -> User | None:
        """Exactly one of them: of two who are named nobody knows which is meant."""
        low = text.lower()
        mails = [row for mail, row in self.by_mail.items() if mail in low]
        if mails:
            return mails[0] if len(mails) == 1 else None
        found: list[User] = []
        for name in sorted(self.named, key=len, reverse=True):
            word = rf"(?<!\w){re.escape(name)}(?!\w)"
            if re.search(word, low):
                found += self.named[name]
                low = re.sub(word, " ", low)  # Ann is not named by Ann Lee's name
        return found[0] if len(found) == 1 else None
