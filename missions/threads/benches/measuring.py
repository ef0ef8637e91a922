"""The whole run, and its report of service levels."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.base.bench import Row, Run
from missions.threads.benches import original, report
from missions.threads.benches.crowd import Crowd
from missions.threads.benches.listening import Listening
from missions.threads.benches.serving import serving
from missions.threads.benches.talking import Talking
from missions.threads.benches.waking import Waking

CLIENTS = 32
SLEEPERS = 40  # woken once each, and as many again while everybody writes
MOST = 40  # clients: as many take part in one thread, with room


def measure(run: Run) -> Iterator[Row]:
    clients = min(run.rows, MOST) or CLIENTS
    crowd = Crowd(clients)
    with serving() as server:
        talking = Talking(server, crowd, max(run.seconds, 0.3))
        yield from talking.measure()
        listening = Listening(server, crowd, talking.seconds)
        yield from listening.measure()
        yield from original.beside(run.original, server, crowd, talking.seconds)
        waking = Waking(server, crowd, min(run.rows, SLEEPERS) or SLEEPERS)
        yield from waking.measure()
    run.report = report.made(talking.heard, waking.took, waking.lost)
    run.report["postToStreamP95Ms"] = round(listening.slowest, 3)
    run.report["notStreamed"] = listening.lost
    run.missed = run.report["missed"]
