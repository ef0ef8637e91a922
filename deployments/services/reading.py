"""What people and programs give, brought into one form or refused with the field named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from controlplane.access.models import User
from controlplane.catalog.models import Component, Environment
from controlplane.lib import given as plain
from controlplane.lib.errors import NotAllowed
from deployments.models import Deployment

refuse, text, line = plain.refuse, plain.text, plain.line
LONG = plain.LONG
REASON = 500
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]{0,99}")
_SHA = re.compile(r"[0-9a-f]{7,64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,199}")
_MOST_ARTIFACTS = 50


def reason(value: Any) -> str:
    return line("reason", value, REASON, required=True)


def _shaped(field: str, form: re.Pattern[str], sentence: str, value: Any) -> str:
    given = line(field, value, 200)
    if given and not form.fullmatch(given):
        raise refuse(field, sentence)
    return given


def release(value: Any) -> str:
    given = _shaped("release", _RELEASE, "Letters, digits and . _ + / -, at most 100.", value)
    if not given or given.lower() == "latest":
        raise refuse("release", "Name the version. “latest” is none.")
    return given


def sha(field: str, value: Any) -> str:
    return _shaped(field, _SHA, "A commit: 7 to 64 of 0-9 and a-f.", str(value).lower())


def image_tag(value: Any) -> str:
    given = _shaped("image_tag", _TAG, "A tag of an image.", value)
    if given == "latest" or given.endswith(":latest"):
        raise refuse("image_tag", "A version, not “latest”: nobody could say later what ran.")
    return given


def digest(value: Any) -> str:
    return _shaped("image_digest", _DIGEST, "sha256: and 64 of 0-9 and a-f.", value)


def web_address(field: str, value: Any) -> str:
    given = line(field, value, 500)
    if given and not re.match(r"(?i)https?://[^\s/]", given):
        raise refuse(field, "A web address: http:// or https://.")
    return given


def artifacts(value: Any) -> list[dict[str, str]]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise refuse("artifacts", "A list.")
    found = []
    for place, each in enumerate(value):
        if place >= _MOST_ARTIFACTS:
            raise refuse("artifacts", f"At most {_MOST_ARTIFACTS}.")
        if not isinstance(each, Mapping) or set(each) != {"name", "sha256"}:
            raise refuse(f"artifacts[{place}]", "An object of name and sha256.")
        name = line(f"artifacts[{place}].name", each["name"], 200, required=True)
        hashed = line(f"artifacts[{place}].sha256", each["sha256"], 71).lower()
        hashed = hashed.removeprefix("sha256:")
        if not _SHA256.fullmatch(hashed):
            raise refuse(f"artifacts[{place}].sha256", "64 of 0-9 and a-f.")
        found.append({"name": name, "sha256": hashed})
    return found


def evidence(value: Any) -> list[dict[str, str]]:
    """What shows that a check holds: labels, each with a link or without."""
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise refuse("evidence", "A list.")
    found = []
    for place, each in enumerate(value):
        if place >= _MOST_ARTIFACTS:
            raise refuse("evidence", f"At most {_MOST_ARTIFACTS}.")
        if not isinstance(each, Mapping) or not {"label"} <= set(each) <= {"label", "link"}:
            raise refuse(f"evidence[{place}]", "An object of label and link.")
        label = line(f"evidence[{place}].label", each["label"], 300, required=True)
        link = line(f"evidence[{place}].link", each.get("link", ""), 500)
        if link and not (link.startswith("/") and not link.startswith("//")):
            link = web_address(f"evidence[{place}].link", link)
        found.append({"label": label, "link": link})
    return found


def choice(field: str, value: Any, choices: Iterable[Any]) -> Any:
    known = list(choices)
    if value not in known or isinstance(value, bool):
        raise refuse(field, f"One of {', '.join(str(each) for each in known if each != '')}.")
    return value


def tier(value: Any) -> int:
    return int(choice("tier", value, Deployment.Tier.values))


def moment(field: str, value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise refuse(field, "A time.")
    return timezone.make_aware(value) if timezone.is_naive(value) else value


def same_workspace(workspace_id: int, **rows: Any) -> None:
    for name, row in rows.items():
        if row is not None and row.workspace_id != workspace_id:
            raise NotAllowed(f"The {name} belongs to another workspace.", code="WORKSPACE_MISMATCH")


def components(workspace_id: int, given: Iterable[Component]) -> list[Component]:
    found = list({each.pk: each for each in given}.values())
    for each in found:
        same_workspace(workspace_id, component=each)
        if not each.is_active:
            raise refuse("components", f"{each.name} is out of use.")
    return found


def environment(workspace_id: int, given: Environment) -> Environment:
    same_workspace(workspace_id, environment=given)
    return given


def watcher(workspace_id: int, given: Any) -> None:
    if given is None:
        return
    if (
        not isinstance(given, User)
        or not given.memberships.filter(workspace_id=workspace_id, left_at=None).exists()
    ):
        raise refuse("watcher", "Somebody of this workspace.")
