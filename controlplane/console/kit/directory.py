"""Names of people whom rows know only by their ref: the log and many rows keep `user:12` and the
address of that day, so that they outlive the account.

One look for everybody on a page, remembered for the length of one request and no longer: a name
that changes or is erased must not live on in a process.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

from controlplane.access.models import User
from controlplane.lib import context

_USER = re.compile(r"user:([0-9]{1,18})")
_remembered = threading.local()


def name_of(ref: str) -> str:
    """The person's name today; "" for whoever is no person, or is gone."""
    found = _USER.fullmatch(ref)
    if found is None or not context.current().request_id:
        return ""
    names = _names()
    if int(found[1]) not in names:
        look_up([ref])
    return names.get(int(found[1]), "")


def look_up(refs: Iterable[str]) -> None:
    """Ask for all of these at once, before a page asks for one after the other."""
    if not context.current().request_id:
        return
    names = _names()
    keys = {int(found[1]) for ref in refs if (found := _USER.fullmatch(ref))} - names.keys()
    if not keys:
        return
    names.update(dict.fromkeys(keys, ""))
    names.update(User.objects.filter(pk__in=keys).values_list("pk", "name"))


def _names() -> dict[int, str]:
    """Of this request; a thread that begins another one begins anew."""
    request_id = context.current().request_id
    if getattr(_remembered, "request_id", None) != request_id:
        _remembered.request_id = request_id
        _remembered.names = {}
    names: dict[int, str] = _remembered.names
    return names
