"""A signed POST to the runtime: references only, what was said is read from the thread.

Its key stays the same with each try, so that a receiver that got it twice wakes once.
"""

from __future__ import annotations

import json

from controlplane.lib import http, sealed
from controlplane.lib.errors import Invalid, Unavailable
from controlplane.lib.text import short
from missions.threads import numbers
from missions.threads.models import WakeTrigger
from missions.threads.services.sessions import SEALED_FOR
from missions.threads.waking import references
from missions.threads.waking.adapters.base import Adapter, Sent

ID_HEADER = "Idempotency-Key"
_MOST = 16_384  # of the answer


class Webhook(Adapter):
    def send(self, row: WakeTrigger) -> Sent:
        body = json.dumps(references.payload(row, row.session), sort_keys=True).encode()
        headers = {"Content-Type": "application/json", ID_HEADER: references.key(row)}
        try:
            answer = http.request(
                "POST",
                self.session.target,
                data=body,
                headers=headers,
                sign_with=sealed.unseal(self.session.secret, SEALED_FOR).encode(),
                timeout=numbers.WEBHOOK_SECONDS.value,
                max_bytes=_MOST,
            )
        except (Invalid, Unavailable) as error:
            return Sent(False, "WEBHOOK_UNREACHABLE", short(error.message, 400))
        if not answer.ok:
            return Sent(False, "WEBHOOK_REFUSED", f"It answered {answer.status}.")
        return Sent(True, detail=f"It answered {answer.status}.", acknowledged=_says_so(answer))


def _says_so(answer: http.Response) -> bool:
    try:
        said = answer.json() if answer.body else None
    except Invalid:
        return False
    return isinstance(said, dict) and said.get("acknowledged") is True
