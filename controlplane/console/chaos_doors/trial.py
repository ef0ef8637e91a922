"""One trial: traffic on all doors, kills, calm, and the audit."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from redis import RedisError

from controlplane.console.chaos_doors import auditing, world
from controlplane.console.chaos_doors.auditing import Audit
from controlplane.console.chaos_doors.doors import DOORS, Client, Writers
from controlplane.lib.ending import asked_to_end
from incidents.benches.killed.portal import Portal
from incidents.benches.killed.traffic import Mails
from incidents.benches.killed.trial import BATCH, CALM_S
from incidents.benches.killed.world import SHORTEST

logger = logging.getLogger(__name__)
PATIENCE_S = 10.0  # for a door to take something between two kills
LAST_S = 2 * CALM_S  # what comes to its end, but slowly, is given this long
# Of thirty, how many of each kind. A child is killed under its parent, who has to notice.
SHARES = {
    "worker": 4, "worker child": 3, "web": 3, "web child": 4, "beat": 3, "engine": 3,
    "valkey": 3, "postgres": 3, "stream": 1, "waker": 1, "proxy": 1, "broker emptied": 1,
}  # fmt: skip
EMPTIED = "broker emptied"
ENVIRONMENT = {
    **SHORTEST,
    "CONTROLPLANE_REQUIRE_MFA": "0",
    # One agent says the same kind of thing for minutes: paced and guarded it would be told to stop.
    "CONTROLPLANE_THREADS_IDLE_TURNS": "1000000000",
}


@dataclass(frozen=True, slots=True)
class Plan:
    seconds: float = 60.0
    kills: int = 30
    seed: int = 7

    def victims(self, random: Random) -> list[str]:
        """Every kind at least once where there are as many, then by their shares."""
        first: list[str] = list(SHARES)
        rest: list[str] = []
        while len(first) + len(rest) < max(self.kills, 1):
            rest += [name for name, share in SHARES.items() for _ in range(share)]
        random.shuffle(first)
        random.shuffle(rest)
        found = (first + rest)[: self.kills]
        random.shuffle(found)
        return found


@dataclass(slots=True)
class Told:
    plan: Plan
    accepted: dict[str, int] = field(default_factory=dict)
    audit: Audit = field(default_factory=Audit)
    kills: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    given_up: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)  # not done when it was long calm
    why: list[str] = field(default_factory=list)  # what is known of them
    moving: bool = False  # they became fewer to the end: late, and not stuck
    log: str = ""  # what the proof of the audit log said, if it was not content
    calm_s: float = 0.0
    stopped_well: bool = True

    def missed(self) -> list[str]:
        found, seen = [], self.audit
        for what, names in (
            ("lost", seen.lost), ("stored twice", seen.doubled), ("threads with gaps", seen.gaps),
            ("mails lost", seen.mails_lost), ("given up", self.given_up),
            ("dead", seen.dead),
        ):  # fmt: skip
            if names:
                some = ", ".join(names[:5])
                found.append(f"{len(names)} {what}: {some} (seed {self.plan.seed})")
        found += [f"refused for good: {what} × {many}" for what, many in self.wrong.items()]
        if seen.mails_again > BATCH * sum(self.kills.values()):
            found.append(f"{seen.mails_again} mails sent again: more than a batch for each kill")
        silent = [door.name for door in DOORS if not self.accepted.get(door.name)]
        if silent:
            found.append(f"doors that took nothing: {', '.join(silent)}")
        if self.left:
            left = ", ".join(f"{name} {count}" for name, count in self.left.items())
            how = "late, still becoming fewer" if self.moving else "stuck"
            found.append(f"not done {self.calm_s:.0f} s after the last kill, {how}: {left}")
        if self.log:
            found.append(f"the audit log is not whole: {self.log}")
        if not self.stopped_well:
            found.append("it did not end when it was asked to")
        return found

    def lines(self) -> list[str]:
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        doors = ", ".join(f"{name} {count}" for name, count in self.accepted.items())
        seen = self.audit
        return [
            f"killed       {killed}",
            f"acknowledged {sum(self.accepted.values())} ({doors})",
            f"lost         {len(seen.lost)}",
            f"doubled      {len(seen.doubled)}",
            f"sent again   {sum(self.refused.values())} by their senders",
            f"mails        {seen.mails}, lost {len(seen.mails_lost)}, again {seen.mails_again}",
            f"calm after   {self.calm_s:.1f} s",
            *(f"left         {each}" for each in self.why),
        ]

    def as_document(self) -> dict[str, Any]:
        return {**asdict(self), "missed": self.missed()}


def hold(plan: Plan) -> Told:
    with asked_to_end(), _folder() as folder, mails() as to:
        portal = Portal(folder, {**ENVIRONMENT, "EMAIL_URL": f"smtp://127.0.0.1:{to.port}"})
        stopped = False
        try:
            portal.start()
            told = carry_out(plan, portal, to)
            stopped = portal.stop()
        finally:
            if not stopped:
                portal.stop()
    told.stopped_well = stopped
    return told


def carry_out(plan: Plan, portal: Portal, to: Mails) -> Told:
    """At a portal that runs, whatever it consists of."""
    told, random = Told(plan), Random(plan.seed)  # noqa: S311  (reproducible, not secret)
    filled: Mapping[str, Any] = json.loads(portal.inside(world.PROGRAM))
    writers = Writers(Client(portal.port, filled))
    writers.start()
    try:
        _kill(plan, told, portal, writers, random)
    finally:
        writers.stop()
    began = time.monotonic()
    _calm(portal, told)
    told.calm_s = time.monotonic() - began
    told.accepted = {name: len(keys) for name, keys in writers.accepted.items()}
    told.refused, told.wrong = writers.refused, writers.wrong
    told.given_up = writers.given_up
    with portal.database() as database:
        told.audit = auditing.audit(database, writers.accepted, to.taken)
    told.log = _proved(portal)
    return told


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        Path(folder).chmod(0o711)  # the database may run as another user
        yield Path(folder)


@contextmanager
def mails() -> Iterator[Mails]:
    found = Mails(answer_s=0.05)
    try:
        yield found
    finally:
        found.shutdown()
        found.server_close()


def _kill(plan: Plan, told: Told, portal: Portal, writers: Writers, random: Random) -> None:
    """Until the time is over and everybody had their turn; who is just being started comes later,
    and so does everybody while no door takes anything: killing the dead proves nothing."""
    victims = plan.victims(random)
    every = plan.seconds / max(1, len(victims))
    end = time.monotonic() + plan.seconds
    last = end + max(plan.seconds, 60.0)
    next_kill, taken = time.monotonic() + every, 0
    while time.monotonic() < end or (victims and time.monotonic() < last):
        portal.keep_engine()
        now = time.monotonic()
        if victims and now >= next_kill and (writers.taken > taken or now > next_kill + PATIENCE_S):
            next_kill, taken = now + every * random.uniform(0.5, 1.5), writers.taken
            _kill_one(told, portal, victims, random)
        time.sleep(0.05)


def _kill_one(told: Told, portal: Portal, victims: list[str], random: Random) -> None:
    for place, victim in enumerate(victims):
        if _struck(portal, victim, random):
            told.kills[victim] += 1
            victims.pop(place)
            return


def _struck(portal: Portal, victim: str, random: Random) -> bool:
    if victim != EMPTIED:
        return portal.kill(victim, random)
    try:
        portal.empty_broker()
    except (OSError, RedisError):
        return False  # it was killed just now
    return True


def _calm(portal: Portal, told: Told) -> None:
    """Until nothing is left to do. What is late on a busy machine becomes fewer and is waited for;
    what stays as it is for as long as it may take is stuck."""
    began = moved = time.monotonic()
    left, fewest = {"everything": 1}, sys.maxsize
    while time.monotonic() < min(moved + CALM_S, began + LAST_S):
        portal.keep_engine()
        try:
            with portal.database() as database:
                left = auditing.unfinished(database)
                told.why = auditing.why(database) if left else []
        except psycopg.Error:
            logger.info("the database is being started again")
        else:
            if not left:
                return
            if sum(left.values()) < fewest:
                moved, fewest = time.monotonic(), sum(left.values())
        time.sleep(0.5)
    told.left, told.moving = left, time.monotonic() < moved + CALM_S


_PROOF = (
    "import django; django.setup(); from django.core.management import call_command;"
    " call_command('verify_audit')"
)


def _proved(portal: Portal) -> str:
    try:
        portal.inside(_PROOF)
    except RuntimeError as error:
        return str(error).strip().rpartition("\n")[2][:300]
    return ""
