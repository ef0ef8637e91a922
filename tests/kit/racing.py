"""Real threads with real connections, let go at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def race(runners: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(n)` in `runners` threads at once; results, or the exceptions raised, by n.

    The caller's own connection is given back first: the pool of the tests is as small as that
    of a web process.
    """
    connection.close()
    results: list[Any] = [None] * runners
    ready = threading.Barrier(runners)

    def run(number: int) -> None:
        try:
            ready.wait(timeout=10)
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results
