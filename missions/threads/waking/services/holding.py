"""What is left behind of wakes that a limit holds back, and of those that nobody answered.

A limit that holds a wake back is a guard like the others: it is said in the thread, to whom the
wake is for, it stands in the log and is counted. Looked at again and again it is said once.
"""

from __future__ import annotations

import logging

from django.db import transaction

from controlplane.audit.services import record
from controlplane.lib.errors import ControlPlaneError
from missions.threads import measured
from missions.threads.drafts import Draft
from missions.threads.models import WakeTrigger
from missions.threads.services.common import PORTAL
from missions.threads.services.posting import post_message

logger = logging.getLogger(__name__)
# What holds wakes back by a number of the playbook, in words.
LIMITS = {
    "TRIGGER_RATE_LIMITED": "it was woken as often as it may be within a minute",
    "WAKE_BREAKER": "too many wakes of this workspace are under way",
    "RUNS_FULL": "as many commands run as may run at once",
    "RUNS_OF_AGENT_FULL": "as many of its commands run as may run at once",
}


def tell(row: WakeTrigger, code: str) -> None:
    note_held(row, code)
    text = f"{row.agent.name} is woken later: {LIMITS[code]}."
    # To whom it is for alone: told to everybody it would ask for wakes of its own.
    draft = Draft(
        body=text, kind="system", to="agents", to_agents=(row.agent.uid,),
        metadata={"guard": code.lower(), "wake": str(row.uid)},
    )  # fmt: skip
    try:
        with transaction.atomic():
            post_message(row.thread.uid, draft, actor=PORTAL)
    except ControlPlaneError as error:
        # Closed, or who is to be woken has left, since it was claimed.
        logger.info("the thread is not told of wake %s: %s", row.uid, error.error_code)


def note_held(row: WakeTrigger, code: str) -> None:
    measured.HELD.labels(code.lower()).inc()
    _note(row, "thread.wake:held", code)


def note_end(row: WakeTrigger, status: str, code: str) -> None:
    _note(row, "thread.wake:dead" if status == "dead" else "thread.wake:off", code)


def _note(row: WakeTrigger, action: str, code: str) -> None:
    details = {"agent": str(row.agent), "wake": str(row.uid), "code": code}
    record(PORTAL, action, row.thread, details=details)
