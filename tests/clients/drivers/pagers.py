# mypy: ignore-errors
"""What PyPI's senders of alerts do, one call a run: `pagers.py WHAT URL KEY`; answers one line of
JSON. Runs in the clients' own environment."""

import json
import sys
from datetime import UTC, datetime


def pagerduty(url: str, key: str) -> object:
    from pagerduty import EventsApiV2Client

    client = EventsApiV2Client(key, base_url=url)
    named = client.trigger(
        "Missions fail", "agent-7", dedup_key="storm-1", severity="critical",
        custom_details={"rate": 0.06}, links=[{"href": "https://wiki.example/run", "text": "Run"}],
    )  # fmt: skip
    unnamed = client.trigger("Another", "agent-8", severity="warning")
    client.acknowledge(named)
    client.resolve(named)
    client.send_change_event(payload={"summary": "4.2 is out", "source": "ci"})
    return [named, unnamed]


def refused(url: str, key: str) -> object:
    from pagerduty import Error, EventsApiV2Client

    try:
        EventsApiV2Client(key, base_url=url).trigger("Missions fail", "agent-7")
    except Error as error:
        return str(error)
    return ""


def cloudevents(url: str, key: str) -> object:
    import httpx2
    from cloudevents.core.bindings.http import to_binary_event, to_structured_event
    from cloudevents.core.v1.event import CloudEvent

    answers = []
    for kind, to in (("binary", to_binary_event), ("structured", to_structured_event)):
        for phase in ("firing", "resolved"):
            event = CloudEvent(
                attributes={
                    "id": f"{kind}-{phase}", "source": "/agents/7", "specversion": "1.0",
                    "type": f"agent.missions.{phase}", "subject": f"{kind} ü",
                    "time": datetime.now(UTC), "datacontenttype": "application/json",
                },
                data={"summary": f"Missions fail, {kind}", "severity": "critical"},
            )  # fmt: skip
            message = to(event)
            answer = httpx2.post(f"{url}/api/v1/alerts/cloudevents/{key}", content=message.body,
                                 headers=dict(message.headers))  # fmt: skip
            answers.append(answer.status_code)
    return answers


def apprise(url: str, key: str) -> object:
    from apprise import Apprise, NotifyType

    sender = Apprise()
    sender.add(f"{url.replace('http', 'json', 1)}/api/v1/alerts/generic/{key}")
    told = sender.notify(
        title="Disk is full", body="/var has 1 % left", notify_type=NotifyType.FAILURE
    )
    return bool(told)


def chunked(url: str, key: str) -> object:
    """A body whose length nobody says before it is sent, in pieces."""
    import httpx2

    alert = {"status": "firing", "labels": {"alertname": "Chunked", "severity": "critical"},
             "annotations": {"summary": "ü" * 20_000},
             "startsAt": "2026-11-01T00:00:00Z"}  # fmt: skip
    body = json.dumps({"version": "4", "status": "firing", "alerts": [alert]}).encode()
    pieces = (body[at : at + 4_096] for at in range(0, len(body), 4_096))
    answer = httpx2.post(f"{url}/api/v1/alerts/alertmanager/{key}", content=pieces,
                         headers={"Content-Type": "application/json"})  # fmt: skip
    assert answer.request.headers["transfer-encoding"] == "chunked"
    return [answer.status_code, answer.json()]


if __name__ == "__main__":
    what = {one.__name__: one for one in (pagerduty, refused, cloudevents, apprise, chunked)}
    print(json.dumps(what[sys.argv[1]](*sys.argv[2:4])))  # noqa: T201
