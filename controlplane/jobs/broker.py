"""A short look at the broker. Its queues hold only hints, so they may be measured and emptied."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from django.conf import settings

from controlplane.jobs.celery_app import TICKS, WORK
from controlplane.lib import defaults

logger = logging.getLogger(__name__)

QUEUE_CAP = defaults.define(
    "jobs.queue_cap",
    1_000,
    unit="messages",
    why="With no worker to take them, hints pile up in the broker's memory; older ones are void.",
)


def client(timeout: float = 1.0) -> redis.Redis:
    """A connection of its own with short time-outs, from Celery's spelling of the URL."""
    parts = urlsplit(settings.REDIS_URL)
    options: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    if parts.scheme in {"redis+socket", "unix"}:
        query = parse_qs(parts.query)
        database = (query.get("virtual_host") or query.get("db") or ["0"])[0]
        return redis.Redis(
            # Escaped in the URL: a folder may have a space in its name, a password anything.
            unix_socket_path=unquote(parts.path),
            db=int(database.strip("/") or 0),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            **options,
        )
    return redis.Redis.from_url(settings.REDIS_URL, **options)


def ping() -> None:
    """Raises when the broker does not answer within a second."""
    connection = client()
    try:
        connection.ping()
    finally:
        connection.close()


def queue_depths() -> dict[str, int]:
    connection = client()
    try:
        return {name: int(str(connection.llen(name))) for name in (TICKS, WORK)}
    finally:
        connection.close()


def drop_void_hints() -> int:
    """Empty a queue nobody has taken from for long. Rows are the truth: nothing is lost."""
    connection = client()
    dropped = 0
    try:
        for name in (TICKS, WORK):
            waiting = int(str(connection.llen(name)))
            if waiting > QUEUE_CAP.value:
                connection.delete(name)
                dropped += waiting
    finally:
        connection.close()
    return dropped
