"""The supervisor: claims due wakes and sees each one step further, several at a time.

It is told of new ones by a NOTIFY and looks by itself every few seconds anyway. Any number of them
may run, on any machine: claims are leases. One that is killed loses nothing but time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections, connection, connections
from django.db.models import F, Min
from django.db.models.functions import Now

from controlplane.jobs import heartbeats, leases
from controlplane.lib import context
from missions.threads import numbers
from missions.threads.models import WakeTrigger
from missions.threads.waking import hosts, runbooks, runs
from missions.threads.waking.delivering import Place, deliver
from missions.threads.waking.due import takeable
from missions.threads.waking.listening import Listener
from missions.threads.waking.runs import Keeper
from missions.threads.waking.services import settling

logger = logging.getLogger(__name__)
COMPONENT = "waker"
_SOON = 0.02  # seconds: what comes due within it is waited for, not asked for again and again


class Supervisor:
    def __init__(self, name: str = "") -> None:
        self.name = name or hosts.name_of()
        self._nudge = threading.Event()
        self._stop = threading.Event()
        self.keeper = Keeper(ended=self._nudge.set)
        self._place = Place(hosts.name_of(), self.keeper)
        self._hands = ThreadPoolExecutor(numbers.PARALLEL.value, thread_name_prefix="wake")
        self._lock = threading.Lock()
        self._busy = 0
        self._done: Counter[str] = Counter()
        self._looked = float("-inf")

    # --- Its life -------------------------------------------------------------------------------

    def run(self) -> None:
        """Until it is stopped."""
        listener = Listener(self._nudge)
        listener.start()
        try:
            while not self._stop.is_set():
                pause = self.tick()
                self._nudge.wait(pause)
                self._nudge.clear()
        finally:
            listener.stop()
            self.close()

    def once(self) -> Counter[str]:
        """All that is due now, and the commands begun for it, to their end."""
        while self.claim():
            self.settle()
        self.settle()
        self.keeper.join()
        self.close()
        return Counter(self._done)

    def stop(self) -> None:
        """From a signal's handler, too: it only says so."""
        self._stop.set()
        self._nudge.set()

    def close(self) -> None:
        """What is in hand is brought to an end; what was claimed goes back by itself."""
        self._hands.shutdown(wait=True)
        self.keeper.end_all()
        try:
            heartbeats.stop(COMPONENT, self.name[:120])
        except (DatabaseError, InterfaceError):
            logger.warning("the sign of life could not be taken back")
        finally:
            connection.close()

    def settle(self) -> None:
        """Wait for what is in hand, and hold no connection that its hands need."""
        connection.close()
        while self._busy:
            self._nudge.wait(0.2)
            self._nudge.clear()

    # --- A turn ---------------------------------------------------------------------------------

    def tick(self) -> float:
        """One turn. How long to wait for the next, unless somebody nudges."""
        try:
            return self._turn()
        except Exception:
            told = {"runbook": [runbooks.FAILED]}
            logger.exception("tick failed", extra={"event": "tick.failed", "context": told})
            connections.close_all()
            return 1.0

    def _turn(self) -> float:
        close_old_connections()
        heartbeats.beat(COMPONENT, self.name[:120])
        rhythm = time.monotonic() - self._looked >= numbers.TICK_SECONDS.value
        ended = runs.look_after(self.keeper) if rhythm or len(self.keeper) else 0
        claimed = self.claim()
        if rhythm:
            self._looked = time.monotonic()
        self._tell(claimed, ended, rhythm)
        pause = self._pause()
        connection.close()
        return pause

    def _tell(self, claimed: int, ended: int, rhythm: bool) -> None:
        with self._lock:
            done, self._done = dict(self._done), Counter()
        if claimed or done or ended:
            told: dict[str, Any] = {
                "claimed": claimed,
                "done": done,
                "orphans": ended,
                "busy": self._busy,
            }
            if helpful := runbooks.of(done):
                told["runbook"] = helpful
            logger.info("tick completed", extra={"event": "tick.completed", "context": told})
        elif rhythm:
            logger.info("tick idle", extra={"event": "tick.idle"})

    def claim(self) -> int:
        """Take what is due, as much as there are hands free."""
        free = numbers.PARALLEL.value - self._busy
        if free <= 0 or self._stop.is_set():
            return 0
        taken = leases.claim(
            takeable(),
            limit=free,
            lease_seconds=numbers.WAKE_LEASE_SECONDS.value,
            on_bury=settling.bury,
        )
        for row in taken:
            with self._lock:
                self._busy += 1
            self._hands.submit(self._handle, row)
        return len(taken)

    def _handle(self, row: WakeTrigger) -> None:
        what = "failed"
        try:
            # It goes on with what began in the request that somebody was to be woken for.
            with context.bind(source="job", **context.resumed(row.correlation_id)):
                what = deliver(row, self._place)
        except Exception as error:
            logger.exception("wake %s failed", row.uid)
            self._give_back(row, error)
        finally:
            connection.close()
            with self._lock:
                self._busy -= 1
                self._done[what] += 1
            self._nudge.set()

    def _give_back(self, row: WakeTrigger, error: Exception) -> None:
        """With the back-off of all work. Where not even that works, the lease ends by itself."""
        try:
            if leases.fail(row, error):
                settling.bury([row])
        except (DatabaseError, InterfaceError):
            logger.warning("wake %s comes back when its lease ends", row.uid)

    def _pause(self) -> float:
        """Until the next is due, and no longer than the rhythm."""
        most: float = numbers.TICK_SECONDS.value
        if self._busy >= numbers.PARALLEL.value:
            return most  # a hand that becomes free says so
        left = takeable().aggregate(left=Min(F("ready_at") - Now()))["left"]
        if left is None:
            return most
        due = float(left.total_seconds())
        return min(most, max(_SOON, due + _SOON))
