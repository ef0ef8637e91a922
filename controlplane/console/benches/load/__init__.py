"""Simulated users on the machine of the portal itself: people at the console, scripts and agents,
an act a second each, through the proxy, at a portal of its own as `manage.py up` starts it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.console.benches.load import place
from controlplane.console.benches.load.crowd import Crowd, Heard, share
from controlplane.console.benches.load.measured import Measured, Side
from controlplane.console.benches.load.mix import PEOPLE
from controlplane.console.benches.load.place import FREE, LoadedPortal
from controlplane.console.benches.load.profiles import PROFILES, Profile
from controlplane.lib.ending import asked_to_end
from controlplane.lib.errors import Invalid

LEAST_S = 5.0
TOLD_S = 20.0  # what was shorter is no figure for a page of docs/
WARM_S = 15.0  # each process writes what it asks once, and keeps the text
PLAIN_S = 3.0
RAW, ROWS = "/raw", "/rows"


@bench.register(
    "load",
    doc="users at a portal of its own, an act a second each: --profile",
    seconds=60,
    own=True,
)
def load(run: Run) -> Iterator[Row]:
    name = run.profile or "baseline"
    if name not in PROFILES:
        raise Invalid(f"No profile {name}. There are: {', '.join(PROFILES)}.")
    profile = PROFILES[name]
    with asked_to_end(), tempfile.TemporaryDirectory(prefix="load-") as folder:
        Path(folder).chmod(0o711)  # the database may run as another user
        portal = LoadedPortal(Path(folder), FREE)
        try:
            portal.start()
            found = hold(portal, profile, max(run.seconds, LEAST_S), run.rows, run.say)
        finally:
            portal.stop()
    run.report["load"] = found.as_document()
    run.missed += found.missed()
    if run.seconds >= TOLD_S:
        run.blocks[f"load-{name}"] = found.sentence()
    yield from found.rows()


def hold(
    portal: LoadedPortal,
    profile: Profile,
    seconds: float,
    missions: int = 0,
    say: Callable[[str], object] = lambda line: None,
) -> Measured:
    """The users come, act, and go; what that was like."""
    say("making people, agents and what they look at …")
    people = max(1, round(profile.users * PEOPLE))
    filled = portal.fill(people, profile.users - people, missions or profile.missions)
    say("warming up …")
    _warm(portal, filled)
    say(f"{profile.users} users act for {seconds:.0f} s …")
    found = Measured(profile)
    found.before, processes = portal.used(), portal.processes()
    found.sessions_before = portal.sessions_of_database()
    begun = max(profile.begun_per_s, 2 / seconds)
    crowd = Crowd(portal.port, profile.users, seconds, filled, begun_per_s=begun)
    found.heard = crowd.act()
    found.after = portal.used()
    say("until all is well again …")
    found.recovered_s = place.recovered(portal.port, filled)
    found.sessions_after = portal.sessions_of_database()
    found.fell = place.fell(processes, portal.processes())
    say("the same users at something plain …")
    found.plain = dict(_plain(portal, profile.users, max(PLAIN_S, seconds / 6), filled))
    return found


def _warm(portal: LoadedPortal, filled: dict[str, Any]) -> None:
    """What each process keeps is there, and what the filling left to do is done."""
    place.recovered(portal.port, filled)
    users = len(filled["sessions"]) + len(filled["agents"])
    Crowd(portal.port, users, WARM_S, filled, seed=2).act()


def _plain(
    portal: LoadedPortal, users: int, seconds: float, filled: dict[str, Any]
) -> Iterator[tuple[str, Side]]:
    with place.plain(portal.of_portal()) as server:
        for name, path in (("raw WSGI", RAW), ("a bare Django view", ROWS)):
            Crowd(server.port, users, 1.0, filled, plain=path).act()
            before = server.used()
            heard: Heard = Crowd(server.port, users, seconds, filled, plain=path).act()
            cpu = server.used().cpu - before.cpu
            waits = heard.all_waits()
            yield name, Side(cpu / max(1, heard.asked), share(waits, 0.5), share(waits, 0.95))
