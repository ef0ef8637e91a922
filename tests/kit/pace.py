"""Work on twice as much takes about twice as long."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    """Processor time, so that a busy machine does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def assert_no_slower(*works: Callable[[], object]) -> None:
    """The second does eight times as much as the first: within three times eight times its cost,
    which what is quadratic exceeds. Below some milliseconds the cost is noise."""
    little, much = (min(seconds(work) for _ in range(2)) for work in works)
    assert much < 24 * max(little, 0.003), (little, much)
