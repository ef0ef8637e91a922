"""Who sits at the terminal. Whatever they change stands in the log under their name.

An account of the portal, with its rights; or the user of the operating system, who holds the
installation's secrets already and is known to the log by that name. Nobody in particular changes
nothing.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import replace

from controlplane.access.models import User
from controlplane.access.principals import actor_for_user
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed

_NOBODY = frozenset({"", "anonymous", "nobody", "unknown"})


def operator(given: str = "") -> Actor:
    if given.strip():
        return _account(given.strip())
    name = _os_user()
    if name.lower() in _NOBODY:
        raise NotAllowed("Say who you are: --operator with the address of your account.")
    return Actor(kind="job", ref=f"os:{name[:60]}", label=f"{name[:60]} (terminal)")


def _account(address: str) -> Actor:
    user = User.objects.filter(email__iexact=address, is_active=True).first()
    if user is None:
        raise NotAllowed("--operator: no account of this address, or it was switched off.")
    actor = actor_for_user(user)
    # Whose account it is said nobody but the terminal: the log says who sat there, too.
    return replace(actor, label=f"{actor.label} (terminal of {_os_user() or 'nobody known'})")


def _os_user() -> str:
    """As the system knows them. What the environment says of it, anybody writes there."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
