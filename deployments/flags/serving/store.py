"""The flags a process answers from, and how it keeps them true.

Where a watcher runs (`watching`: web, stream and worker processes) it alone asks the database, on a
connection of its own, and requests cost no query. Elsewhere, in commands and tests, whoever asks
looks first, at most each `flags.look_seconds`.

With the database away the last known flags stay in force, as they do in an SDK whose server is
away; `state()` says since when, and every answer says so too. An environment this process never
saw can't be answered then.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connection, transaction
from psycopg_pool import PoolTimeout

from controlplane.lib.defaults import define
from controlplane.lib.errors import Unavailable
from deployments.flags.models import FlagEnvironment, SdkToken
from deployments.flags.serving import loading
from deployments.flags.serving.snapshots import Snapshot, Token

logger = logging.getLogger(__name__)

LOOK_SECONDS = define(
    "flags.look_seconds",
    0.5,
    unit="seconds",
    why="A change is heard at once; when the news is lost, it is seen within this time.",
)
STALE_SECONDS = define(
    "flags.stale_seconds",
    3.0,
    unit="seconds",
    why="Flags not compared with the database for so long are called stale in every answer.",
)
AWAY = (DatabaseError, InterfaceError, PoolTimeout, OSError)
_UNKNOWN_SECONDS = 5.0  # a wrong token is not looked up again before
_UNKNOWN_KEPT = 5_000
_RETRY_S = 2

Listener = Callable[[], None]


@dataclass(frozen=True, slots=True)
class State:
    """How true the memory of this process is."""

    age: float  # seconds since it was last compared with the database
    stale: bool
    environments: int


class Store:
    """One per process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ears = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self._snapshots: dict[int, Snapshot] = {}
        self._homes: dict[bytes, int] = {}  # token -> environment
        self._names: dict[tuple[int, str], int] = {}
        self._nowhere: dict[tuple[int, str], float] = {}
        self._unknown: OrderedDict[bytes, float] = OrderedDict()
        self._listeners: dict[int, set[Listener]] = {}
        self._failing: set[int] = set()
        self._looked = self._agreed = time.monotonic()
        self.watched_by = 0  # process id, while a watcher keeps this true

    # --- asking -----------------------------------------------------------------------------------

    def token(self, text: str, *, asking: bool = True) -> tuple[Token, Snapshot] | None:
        """Whose token it is and the flags it opens; None for what opens nothing. Without `asking`
        only tokens held in memory are known."""
        if not text or len(text) > 300:
            return None
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        self._keep_true()
        home = self._homes.get(digest)
        if home is None and asking:
            home = self._home_of(digest)
        snapshot = self._snapshots.get(home) if home is not None else None
        token = snapshot.tokens.get(digest) if snapshot is not None else None
        if snapshot is None or token is None or not token.lasts():
            return None
        return token, snapshot

    def current(self, environment_id: int) -> Snapshot | None:
        """An environment's flags; read now when this process never had them."""
        self._keep_true()
        found = self._snapshots.get(environment_id)
        return found if found is not None else self._load(environment_id)

    def named(self, workspace_id: int, environment: str) -> Snapshot | None:
        known = self._names.get((workspace_id, environment))
        if known is None:
            known = self._id_of(workspace_id, environment)
        return None if known is None else self.current(known)

    def peek(self, environment_id: int) -> Snapshot | None:
        """What is held, without asking anybody."""
        return self._snapshots.get(environment_id)

    def state(self) -> State:
        age = time.monotonic() - self._agreed
        return State(age, bool(self._snapshots) and age > STALE_SECONDS.value, len(self._snapshots))

    def held(self) -> list[Snapshot]:
        return [*self._snapshots.values()]

    # --- being told -------------------------------------------------------------------------------

    def subscribe(self, environment_id: int, listener: Listener) -> Callable[[], None]:
        """`listener` is called, in whichever thread, after each change. Returns how to end it."""
        # A lock of its own: whoever reads flags may hold the other one while the database waits.
        with self._ears:
            self._listeners.setdefault(environment_id, set()).add(listener)

        def end() -> None:
            with self._ears:
                self._listeners.get(environment_id, set()).discard(listener)

        return end

    # --- keeping true -----------------------------------------------------------------------------

    def _keep_true(self) -> None:
        if self.watched_by == os.getpid():
            return
        if time.monotonic() - self._looked < LOOK_SECONDS.value:
            return
        if not self._lock.acquire(blocking=False):
            return  # somebody looks; what was true half a second ago will do
        try:
            self.refresh()
        except AWAY as error:
            logger.info("flags were not compared with the database: %s", error)
        finally:
            self._lock.release()

    def refresh(self) -> None:
        """Compare with the database now and read what changed. Raises when it is away. What fails
        in one environment holds up no other: a kill there must be heard."""
        with self._lock:
            self._looked = time.monotonic()
            asked = self._looked
            with _savepoint():
                present = loading.revisions(self._snapshots)
            failures = []
            for environment_id, snapshot in list(self._snapshots.items()):
                revision = present.get(environment_id)
                if revision == snapshot.revision and not snapshot.provisional:
                    continue
                try:
                    self._read_again(environment_id, None if revision is None else snapshot)
                    self._failing.discard(environment_id)
                except Exception as error:
                    failures.append(error)
                    self._failed(environment_id, error)
                    if isinstance(error, AWAY) and not connection.is_usable():
                        raise
            if not failures:
                self._agreed = asked
            for failure in failures:
                if isinstance(failure, AWAY):
                    raise failure

    def _failed(self, environment_id: int, error: Exception) -> None:
        """Said once, though each look tries again."""
        if not isinstance(error, AWAY) and environment_id not in self._failing:
            self._failing.add(environment_id)
            logger.error("flags of environment %s not read", environment_id, exc_info=error)

    def _read_again(self, environment_id: int, before: Snapshot | None) -> None:
        if before is None:
            self._forget(environment_id)
        else:
            self._load(environment_id, before)
        with self._ears:
            listeners = [*self._listeners.get(environment_id, ())]
        for listener in listeners:
            listener()

    def _load(self, environment_id: int, before: Snapshot | None = None) -> Snapshot | None:
        with self._lock:
            known = self._snapshots.get(environment_id)
            if known is not None and known is not before:
                return known  # somebody was faster
            if not self._snapshots:
                self._agreed = time.monotonic()  # nothing was held, so nothing was old
            with _savepoint():
                made = loading.load(environment_id, before)
            if made is None:
                self._forget(environment_id)
                return None
            self._snapshots[environment_id] = made
            self._names[made.workspace.pk, made.environment] = environment_id
            self._homes = {
                digest: home for digest, home in self._homes.items() if home != environment_id
            } | dict.fromkeys(made.tokens, environment_id)
            self._unknown.clear()
            return made

    def _forget(self, environment_id: int) -> None:
        self._snapshots.pop(environment_id, None)
        self._homes = {d: home for d, home in self._homes.items() if home != environment_id}
        self._names = {key: pk for key, pk in self._names.items() if pk != environment_id}

    # --- what this process never saw --------------------------------------------------------------

    def _home_of(self, digest: bytes) -> int | None:
        """Asked of the database once; wrong tokens are remembered, so that guessing is cheap."""
        now = time.monotonic()
        if now - self._unknown.get(digest, -_UNKNOWN_SECONDS) < _UNKNOWN_SECONDS:
            return None
        try:
            with _savepoint():
                rows = SdkToken.objects.in_force().filter(secret_sha256=digest)
                found: int | None = rows.values_list("environment_id", flat=True).first()
            if found is not None:
                self._load(found, self._snapshots.get(found))
                return self._homes.get(digest)
        except AWAY as error:
            raise Unavailable(
                "The database is away, and this token was not seen before.", retry_after=_RETRY_S
            ) from error
        with self._lock:
            self._unknown[digest] = now
            while len(self._unknown) > _UNKNOWN_KEPT:
                self._unknown.popitem(last=False)
        return None

    def _id_of(self, workspace_id: int, environment: str) -> int | None:
        key, now = (workspace_id, environment), time.monotonic()
        if now - self._nowhere.get(key, -_UNKNOWN_SECONDS) < _UNKNOWN_SECONDS:
            return None
        rows = FlagEnvironment.objects.filter(
            workspace_id=workspace_id, environment__slug=environment
        )
        with _savepoint():
            found: int | None = rows.values_list("environment_id", flat=True).first()
        if found is None:
            self._nowhere[key] = now
        return found

    def after_fork(self) -> None:
        """A fork copies the memory and no threads: the lock may be held by one that isn't here."""
        self._lock = threading.RLock()
        self._ears = threading.Lock()
        self._listeners = {}
        self.watched_by = 0


def _savepoint() -> AbstractContextManager[None]:
    """Inside a caller's transaction a failure here must not fail the rest of it."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


store = Store()
os.register_at_fork(after_in_child=store.after_fork)
