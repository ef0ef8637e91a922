"""Names of people and agents whom rows know only by their ref: the log and many rows keep `user:12`
and the address of that day, so that they outlive the account.

One look for everybody on a page, remembered for the length of one request and no longer: a name
that changes or is erased must not live on in a process.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from controlplane.access.models import Agent, User
from controlplane.lib import context, kept

_KNOWN = re.compile(r"(user|agent):([0-9]{1,18})")
_remembered = threading.local()


def name_of(ref: str) -> str:
    """The name of today; "" for whoever is neither, or is gone."""
    if not _KNOWN.fullmatch(ref) or not context.current().request_id:
        return ""
    names = _names()
    if ref not in names:
        look_up([ref])
    return names.get(ref, "")


def look_up(refs: Iterable[str]) -> None:
    """Ask for all of these at once, before a page asks for one after the other."""
    if not context.current().request_id:
        return
    names = _names()
    found = [known for ref in set(refs) - names.keys() if (known := _KNOWN.fullmatch(ref))]
    for kind in ("user", "agent"):
        keys = {int(each[2]) for each in found if each[1] == kind}
        if keys:
            names.update(dict.fromkeys((f"{kind}:{key}" for key in keys), ""))
            asked = _users if kind == "user" else _agents
            named = kept.ask(asked, kept.padded(keys))
            names.update({f"{kind}:{key}": name for key, name in named})


def _users(keys: Sequence[int]) -> QuerySet[User, tuple[int, str]]:
    return User.objects.filter(pk__in=keys).values_list("pk", "name")


def _agents(keys: Sequence[int]) -> QuerySet[Agent, tuple[int, str]]:
    return Agent.objects.filter(pk__in=keys).values_list("pk", "name")


def _names() -> dict[str, str]:
    """Of this request; a thread that begins another one begins anew."""
    request_id = context.current().request_id
    if getattr(_remembered, "request_id", None) != request_id:
        _remembered.request_id = request_id
        _remembered.names = {}
    names: dict[str, str] = _remembered.names
    return names
