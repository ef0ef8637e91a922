"""The database is out: the one alert that can't be a row. Counted in memory, told by mail directly,
to whom the last look at the rotas left in a file.

Each process tries a connection of its own every few seconds. Where more than half of those within
a minute fail, the people on call and the database's lead are told, once for this machine, and once
more when it answers again.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction

from controlplane.access.models import Grant, Workspace
from controlplane.jobs import direct
from controlplane.lib.defaults import define
from controlplane.oncall import duty

logger = logging.getLogger(__name__)
SHARE = define(
    "paging.outage_share", 0.5, unit="share", why="More failed connections are an outage."
)
WINDOW_S = define(
    "paging.outage_window_s", 60.0, unit="seconds", why="A restart of the database is over by then."
)
LEAST = define("paging.outage_least", 4, unit="tries", why="Of fewer tries half says nothing yet.")
ROSTER_S = define(
    "paging.outage_roster_s",
    60.0,
    unit="seconds",
    why="Who is called may have changed so long ago.",
)
ROLES = ("primary_operator", "secondary_operator", "database_lead")
_ELSE = ("workspace_admin",)
_REACH = (
    *("host", "hostaddr", "port", "user", "password", "dbname", "sslmode", "sslrootcert"),
    *("sslcert", "sslkey"),
)
_COMPONENTS = frozenset({"web", "worker"})


def parameters() -> dict[str, Any]:
    """How to reach the database without whatever pools and proxies stand before it in here."""
    known = connection.get_connection_params()
    return {name: known[name] for name in _REACH if known.get(name)}


def answers(given: dict[str, Any]) -> bool:
    """One connection, one question."""
    try:
        with psycopg.connect(**given, connect_timeout=3, autocommit=True) as one:
            one.execute("SELECT 1")
    except psycopg.Error as error:
        logger.warning("the database does not answer: %s", error)
        return False
    return True


class Roster:
    """Addresses of whom to tell, on disk: a process that begins while the database is out knows
    them, too."""

    def __init__(self) -> None:
        self.path = Path(settings.STATE_DIR) / "run" / "outage-roster.json"

    def keep(self) -> list[str]:
        with transaction.atomic():
            found = sorted(_addresses())
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(found))
        fresh.chmod(0o600)
        fresh.replace(self.path)
        return found

    def read(self) -> list[str]:
        try:
            found = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return []
        return [str(each) for each in found] if isinstance(found, list) else []


def _addresses() -> set[str]:
    """Of each workspace whoever is on duty, else whoever holds the role; its admins where there is
    nobody at all."""
    spaces = list(Workspace.objects.filter(archived_at=None).values_list("pk", flat=True))
    asked = {(space, role) for space in spaces for role in ROLES}
    found: dict[int, set[str]] = {space: set() for space in spaces}
    alone = set(asked)
    for pair, duties in duty.on_duty_many(asked).items():
        here = {one.person.email for one in duties if one.person.is_active}
        found[pair[0]] |= here
        if here:
            alone.discard(pair)
    held = Grant.objects.held().of_active_people().filter(role__in=(*ROLES, *_ELSE))
    rows = list(held.values_list("membership__workspace_id", "role", "membership__user__email"))
    for space, role, email in rows:
        if (space, role) in alone:
            found[space].add(email)
    for space, role, email in rows:
        if role in _ELSE and not found.get(space):
            found[space] = {email}
    return {email for people in found.values() for email in people}


class Outage:
    """What this process has seen of the database lately."""

    def __init__(
        self,
        *,
        ask: Callable[[], bool] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ask = ask or (lambda: answers(parameters()))
        self.now = now
        self.tries: deque[tuple[float, bool]] = deque(maxlen=500)
        self.roster = Roster()
        self.mark = direct.OncePerMachine("outage", now=now)
        self._kept_at = float("-inf")
        self._out = False

    def look(self, component: str) -> None:
        if component not in _COMPONENTS:
            return
        well, at = self.ask(), self.now()
        self.tries.append((at, well))
        while self.tries and self.tries[0][0] < at - WINDOW_S.value:
            self.tries.popleft()
        if well and at - self._kept_at >= ROSTER_S.value:
            self._kept_at = at
            self.roster.keep()
        # What failed a while ago still counts, but only a failure of now begins an outage.
        self._out = self.is_out() and (self._out or not well)
        if self._out:
            self.mark.tell(self._tell)
        elif well:
            self.mark.over(self._tell_over)

    def is_out(self) -> bool:
        failed = sum(not well for _, well in self.tries)
        return len(self.tries) >= LEAST.value and failed > SHARE.value * len(self.tries)

    def _tell(self) -> bool:
        failed = sum(not well for _, well in self.tries)
        return self._mail(
            "database: outage",
            f"{failed} of {len(self.tries)} connections to the database failed within"
            f" {WINDOW_S.value:.0f} s. The portal can't call anybody by its policies now: this mail"
            " is the call.",
        )

    def _tell_over(self) -> bool:
        return self._mail(
            "database: it answers again", "Most connections to the database succeed again."
        )

    def _mail(self, subject: str, body: str) -> bool:
        people: Iterable[str] = self.roster.read()
        return direct.mail(subject, body, to=people or None)


_here: dict[int, Outage] = {}


def beside(component: str) -> None:
    """What each process does every few seconds. A fork counts anew."""
    found = _here.get(os.getpid())
    if found is None:
        _here.clear()
        found = _here[os.getpid()] = Outage()
    found.look(component)
