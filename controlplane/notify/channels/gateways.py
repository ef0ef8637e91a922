"""Gateways to telephones: how they are asked, in the two forms that most of them speak.

`twilio`: the REST form of Twilio (`/Accounts/{account}/Messages.json` and `Calls.json`, a form
with basic authentication, status callbacks), which other providers and self-hosted switches
speak too. `json`: one signed JSON call to an address of one's own.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from controlplane.lib import defaults, strictjson
from controlplane.lib.errors import Invalid
from controlplane.notify.channels.base import Gateway, Outcome, check_https, post

TWILIO, JSON = "twilio", "json"
FORMS = {TWILIO: "Twilio's REST form", JSON: "Signed JSON"}
TWILIO_URL = "https://api.twilio.com/2010-04-01"
TIMEOUT = defaults.define(
    "notify.gateway_timeout_s",
    10.0,
    unit="seconds",
    why="Two gateways can be asked within one lease, the second when the first is silent.",
)
OPTIONS = ("form", "account", "sender")
# Twilio's reasons that lie with the number: unreachable, invalid, not a mobile, opted out.
_NUMBER = frozenset({13223, 13224, 21211, 21214, 21217, 21401, 21610, 21612, 21614, 21635})


def check(target: str, secret: str) -> None:
    if target:
        check_https("target", target)
    if len(secret) < 16:
        raise Invalid(
            "The secret is too short.",
            details={"secret": "The gateway's token, or a signing secret: 16 characters or more."},
        )


def check_options(target: str, options: Mapping[str, Any]) -> None:
    problems = {name: "Unknown." for name in options if name not in OPTIONS}
    if any(not isinstance(value, str) or len(value) > 80 for value in options.values()):
        problems["options"] = "Words of at most 80 characters."
    elif options.get("form", JSON) not in FORMS:
        problems["form"] = f"One of {', '.join(FORMS)}."
    elif options.get("form") == TWILIO:
        problems |= {name: "Required." for name in ("account", "sender") if not options.get(name)}
        account = str(options.get("account", ""))
        if account and not (account.isascii() and account.isalnum()):
            problems["account"] = "Letters and digits."
    elif not target:
        problems["target"] = "Required."
    if problems:
        raise Invalid("The gateway is not right yet.", details=problems)


def ask(gateway: Gateway, path: str, form: dict[str, str], body: dict[str, Any]) -> Outcome:
    """One call, in whichever form the gateway speaks."""
    if gateway.options.get("form") == TWILIO:
        return _twilio(gateway, path, form)
    key = str(body["id"])
    outcome, answer = post(
        gateway.target,
        body,
        headers={"Idempotency-Key": key},
        sign_with=gateway.secret.encode(),
        timeout=TIMEOUT.value,
    )
    return _read(outcome, answer, "id")


def _twilio(gateway: Gateway, path: str, form: dict[str, str]) -> Outcome:
    account = str(gateway.options.get("account", ""))
    token = base64.b64encode(f"{account}:{gateway.secret}".encode()).decode()
    outcome, answer = post(
        f"{(gateway.target or TWILIO_URL).rstrip('/')}/Accounts/{account}/{path}",
        None,
        form=form,
        headers={"Authorization": f"Basic {token}", "Accept": "application/json"},
        timeout=TIMEOUT.value,
    )
    return _read(outcome, answer, "sid")


def _read(outcome: Outcome, answer: bytes, name: str) -> Outcome:
    """The gateway's own id of the message; or its reason, when that is the number's fault."""
    said = _object(answer)
    if outcome.kind == "accepted":
        return replace(outcome, provider_id=str(said.get(name, ""))[:200])
    fault = said.get("recipient") is True or said.get("code") in _NUMBER
    if outcome.kind == "rejected" and fault:
        return replace(outcome, recipient=True)
    return outcome


def _object(answer: bytes) -> dict[str, Any]:
    """What can't be read says nothing: the status has decided already."""
    try:
        said = strictjson.loads(answer, max_bytes=64_000)
    except Invalid:
        return {}
    return said if isinstance(said, dict) else {}
