"""The embedded servers together, for `up` and for `test`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from controlplane.embedded.postgres import Postgres
from controlplane.embedded.state import State
from controlplane.embedded.supervise import Supervisor
from controlplane.embedded.valkey import Valkey


def start_database(
    state: State,
    secrets: Mapping[str, str],
    supervisor: Supervisor,
    say: Callable[[str], None],
    *,
    durable: bool = True,
) -> Postgres:
    postgres = Postgres(state, secrets, durable=durable)
    say("Starting PostgreSQL")
    new = postgres.prepare()
    supervisor.start(postgres.program())
    postgres.wait_ready(lambda: supervisor.require("postgres"))
    postgres.ensure_roles()
    postgres.forget_processes()
    if new:
        say(f"Made a new database in {postgres.home}")
    return postgres


def start_broker(
    state: State, supervisor: Supervisor, say: Callable[[str], None], *, durable: bool = True
) -> Valkey:
    say("Starting Valkey")
    valkey = Valkey(state, durable=durable)
    supervisor.start(valkey.program())
    valkey.wait_ready(lambda: supervisor.require("valkey"))
    return valkey
