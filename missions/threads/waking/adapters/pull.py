"""A runtime that listens by itself: the hint is given once more, and its answer waited for."""

from __future__ import annotations

from missions.threads import fanout
from missions.threads.models import WakeTrigger
from missions.threads.waking.adapters.base import Adapter, Sent


class Pull(Adapter):
    def send(self, row: WakeTrigger) -> Sent:
        fanout.after_commit(row.thread.uid, row.thread.last_seq, "wake")
        return Sent(True)
