"""One trial: traffic, kills, a standstill, calm, and the audit."""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from controlplane.lib.ending import asked_to_end
from incidents.benches.killed import audit as auditing
from incidents.benches.killed import world
from incidents.benches.killed.audit import Audit
from incidents.benches.killed.portal import Portal
from incidents.benches.killed.traffic import Looking, Mails, Senders, alert

logger = logging.getLogger(__name__)
BATCH = 20  # messages in one hand: what a killed sender may send again
STORM = 300
STORM_GROUPS = 50
STORM_S = 1.0
CALM_S = 240.0
OUTAGE = ("[portal] database: outage", "[portal] database: it answers again")
# Of thirty, how many of each kind. A child is killed under its parent, who has to notice.
SHARES = {
    "worker": 5, "worker child": 5, "web": 3, "web child": 3, "beat": 4, "engine": 4,
    "valkey": 3, "postgres": 3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    incidents: int = 600
    kills: int = 30
    over_s: float = 60.0
    standstill_s: float = 25.0
    outage_s: float = 60.0
    stop_in_storm: bool = True
    seed: int = 7
    folder: Path | None = None

    def victims(self, random: Random) -> list[str]:
        """Every kind at least once, then by their shares."""
        first = list(SHARES)
        rest = [name for name, share in SHARES.items() for _ in range(share - 1)]
        while len(first) + len(rest) < self.kills:
            rest += [name for name, share in SHARES.items() for _ in range(share)]
        random.shuffle(rest)
        found = (first + rest)[: self.kills]
        random.shuffle(found)
        return found


@dataclass(slots=True)
class Told:
    plan: Plan
    audit: Audit = field(default_factory=Audit)
    kills: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    given_up: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    not_ready: dict[str, int] = field(default_factory=dict)
    other_mails: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    drained_s: float = 0.0
    drained: bool = False
    stopped_well: bool = True

    @property
    def most_repeats(self) -> int:
        return BATCH * sum(count for name, count in self.kills.items() if name != "FLUSHALL")

    def missed(self) -> list[str]:
        found, seen = [], self.audit
        if seen.lost:
            some = [*seen.lost_alerts, *seen.uncalled, *seen.lost_pages][:5]
            found.append(f"{seen.lost} lost: {'; '.join(some)} (seed {self.plan.seed})")
        if seen.split or seen.doubled:
            found.append(f"{len(seen.split)} groups split, {seen.doubled} steps called twice")
        if seen.repeats > self.most_repeats:
            found.append(f"{seen.repeats} pages sent again, at most {self.most_repeats}")
        if not self.drained:
            found.append(f"not everything was sent {CALM_S:.0f} s after the last kill")
        if not self.stopped_well:
            found.append("it did not end when it was asked to")
        told = [self.other_mails[subject] for subject in OUTAGE]
        if self.plan.outage_s and told != [1, 1]:
            found.append(f"the outage was told {told[0]} times, its end {told[1]} times")
        if self.plan.standstill_s and not any(_of_engine(each) for each in self.findings):
            found.append("the watch did not say that the engine stood still")
        return found

    def as_document(self) -> dict[str, Any]:
        return {
            "seed": self.plan.seed,
            "seconds": round(self.seconds, 1),
            "accepted": self.accepted,
            "given_up_by_senders": self.given_up,
            "sent_again": sum(self.refused.values()),
            "refused": dict(self.refused),
            "killed": dict(sorted(self.kills.items())),
            "lost": self.audit.lost,
            "audit": asdict(self.audit),
            "most_repeats": self.most_repeats,
            "drained_s": round(self.drained_s, 1),
            "watch": self.findings,
            "not_ready": self.not_ready,
            "other_mails": dict(self.other_mails),
            "stopped_well": self.stopped_well,
        }


def _of_engine(finding: str) -> bool:
    return finding.startswith(("engine ", "component ", "lag "))


def hold(plan: Plan) -> Told:
    told, random = Told(plan), Random(plan.seed)  # noqa: S311  (reproducible, not secret)
    with asked_to_end(), _folder(plan) as folder:
        mails = Mails()
        portal = Portal(folder, {**world.SHORTEST, "EMAIL_URL": f"smtp://127.0.0.1:{mails.port}"})
        try:
            portal.start()
            key = json.loads(portal.inside(world.PROGRAM))["key"]
            _carry_out(plan, told, portal, key, mails, random)
        finally:
            told.stopped_well &= portal.stop()
            mails.shutdown()
            mails.server_close()
    return told


@contextmanager
def _folder(plan: Plan) -> Iterator[Path]:
    if plan.folder is not None:
        yield plan.folder
        return
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        Path(folder).chmod(0o711)  # the database may run as another user
        yield Path(folder)


def _carry_out(
    plan: Plan, told: Told, portal: Portal, key: str, mails: Mails, random: Random
) -> None:
    senders = Senders(portal.port, key)
    looking = Looking(portal.failing)
    began = time.monotonic()
    try:
        _traffic_and_kills(plan, told, portal, senders, random)
        if plan.standstill_s:
            _stand_still(plan, portal)
        if plan.outage_s:
            _database_out(plan, portal, senders)
        if plan.stop_in_storm:
            _stop_in_storm(told, portal, senders)
        last = time.monotonic()
        told.drained = _calm(portal, senders)
        told.drained_s = time.monotonic() - last
    finally:
        looking.stop()
        senders.stop()
    told.seconds = time.monotonic() - began
    told.accepted = sum(senders.accepted.values())
    told.given_up, told.refused = senders.given_up, senders.refused
    told.not_ready, told.other_mails = dict(looking.said), mails.other
    with portal.database() as database:
        told.audit = auditing.audit(database, senders.accepted, mails.taken, len(world.ROLES))
        told.findings = auditing.alarms(database)


def _traffic_and_kills(
    plan: Plan, told: Told, portal: Portal, senders: Senders, random: Random
) -> None:
    victims = plan.victims(random)
    began, sent, flushed = time.monotonic(), 0, False
    every = plan.over_s / max(1, len(victims))
    next_kill = began + every
    while sent < plan.incidents or victims:
        now = time.monotonic() - began
        wanted = min(plan.incidents, int(plan.incidents * now / plan.over_s) + 1)
        for number in range(sent, wanted):
            senders.send(f"Fails{number}", [alert(f"Fails{number}")])
            if number == plan.incidents // 2:
                for _ in range(2):  # the same storm twice is one incident
                    senders.send("Storm", [alert("Storm", n) for n in range(STORM)])
        sent = wanted
        portal.keep_engine()
        if victims and time.monotonic() >= next_kill:
            next_kill = time.monotonic() + every * random.uniform(0.4, 1.4)
            _kill_one(told, portal, victims, random)
            if not flushed and now > plan.over_s / 2:
                flushed = _flush(told, portal)
        time.sleep(0.05)


def _kill_one(told: Told, portal: Portal, victims: list[str], random: Random) -> None:
    """Whoever is just being started again comes later: killing the dead proves nothing."""
    for place, victim in enumerate(victims):
        if portal.kill(victim, random):
            told.kills[victim] += 1
            victims.pop(place)
            return


def _flush(told: Told, portal: Portal) -> bool:
    try:
        portal.empty_broker()
    except OSError:
        return False  # it was killed just now
    told.kills["FLUSHALL"] += 1
    return True


def _stand_still(plan: Plan, portal: Portal) -> None:
    """Everybody who could turn the engine stands still, and only the watch can say so."""
    held = portal.hold("worker", "beat", "engine")
    time.sleep(plan.standstill_s)
    portal.let_go(held)


def _database_out(plan: Plan, portal: Portal, senders: Senders) -> None:
    """Away for longer than a restart takes, with an alert coming in. Whoever is on call is told
    by mail alone, once, and once more when it is over."""
    portal.take_database_away()
    try:
        senders.send("Out", [alert("Out")])
        time.sleep(plan.outage_s)
    finally:
        portal.bring_database_back()
    time.sleep(plan.outage_s)  # until what failed is no longer most of what is looked at


def _stop_in_storm(told: Told, portal: Portal, senders: Senders) -> None:
    """Stopped as an operator does, while a storm comes in and pages go out, and started again."""
    for number in range(STORM_GROUPS):
        name = f"Stopped{number}"
        senders.send(name, [alert(name, one) for one in range(STORM // STORM_GROUPS)])
    time.sleep(STORM_S)
    told.stopped_well &= portal.stop()
    portal.start()


def _calm(portal: Portal, senders: Senders) -> bool:
    """Until nothing is left to do."""
    end = time.monotonic() + CALM_S
    while time.monotonic() < end:
        portal.keep_engine()
        try:
            with portal.database() as database:
                if not senders.waiting and not auditing.unfinished(database, len(world.ROLES)):
                    return True
        except psycopg.Error:
            logger.info("the database is being started again")
        time.sleep(1)
    return False
