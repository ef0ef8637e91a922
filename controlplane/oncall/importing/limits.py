"""The program that reads a calendar, with the time and the memory it may take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from controlplane.lib.errors import Invalid
from controlplane.oncall import numbers

CHILD = Path(__file__).with_name("child.py")
SPARE_S = 3  # what a process takes to start, on a machine with little time


def read(raw: bytes, since: datetime, until: datetime) -> dict[str, Any]:
    """What stands in it between the two instants, and what can't be read, line by line."""
    if len(raw) > numbers.CALENDAR_BYTES.value:
        most = numbers.CALENDAR_BYTES.value // 1024
        raise Invalid(
            f"The calendar is larger than {most} KiB. Export only the months to come.",
            details={"calendar": f"At most {most} KiB."},
        )
    if not raw.strip():
        raise Invalid("Give a calendar.", details={"calendar": "It is empty."})
    seconds = numbers.CALENDAR_S.value
    asked = {
        # A turn that began before is whole only with its beginning.
        "since": (since - timedelta(days=1)).isoformat(),
        "until": until.isoformat(),
        "most": numbers.CALENDAR_SHIFTS.value,
        "memory": numbers.CALENDAR_MIB.value * 1024 * 1024,
        "seconds": seconds,
    }
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZDIR") if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603  # our own program, which gets the calendar as its input
            [sys.executable, "-I", str(CHILD)],
            input=json.dumps(asked).encode() + b"\n" + raw,
            capture_output=True,
            env=kept,
            timeout=seconds + SPARE_S,
            check=False,
        )
        if done.returncode:
            raise _too_much()
        found: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        raise _too_much() from error
    return found


def _too_much() -> Invalid:
    return Invalid(
        "The calendar takes too long or too much memory to read. Export only the months to come.",
        details={"calendar": "It can't be worked out in time."},
    )
