"""A client that holds a stream open: the stream takes the try and tells it, once.

The try stands in the row before; this gives the hint. A hint that is lost costs some seconds, and a
stream that dies with the try in hand the time of an answer.
"""

from __future__ import annotations

from missions.threads import fanout
from missions.threads.models import WakeTrigger
from missions.threads.services import presence
from missions.threads.waking.adapters.base import Adapter, Sent


class Push(Adapter):
    def send(self, row: WakeTrigger) -> Sent:
        if not presence.is_there(self.session):
            return Sent(False, presence.NOT_CONNECTED, "Nobody holds its stream open.")
        fanout.push(row.agent_id)
        return Sent(True)
