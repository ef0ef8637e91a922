"""The allow-list: what may be run or called for a deployment."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.catalog.models import Environment
from controlplane.lib import http, sealed
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from controlplane.lib.redaction import redact_text
from deployments.models import Adapter, Deployment
from deployments.services import consent, reading
from deployments.services.holding import hold
from deployments.steps.kinds import SEALED_FOR

_MOST_ARGUMENTS = 100
_LONGEST = 7200
_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ash", "ksh", "mksh", "fish"})
_WITH_VALUE = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})


class WithSecret(NamedTuple):
    """An adapter and its secret: shown now, and never again. Commands have none."""

    adapter: Adapter
    secret: str


@transaction.atomic
def add_adapter(
    workspace: Workspace,
    slug: str,
    *,
    actor: Actor,
    title: str,
    kind: str,
    environments: Iterable[Environment],
    argv: Any = (),
    url: str = "",
    timeout_s: int = 900,
    for_step: str = "",
) -> WithSecret:
    """Add one, switched off. What it is for a second look: switching it on is a step of its own."""
    policy.require(actor, "deployment.adapters", workspace)
    places = list(environments)
    reading.choice("kind", kind, Adapter.Kind.values)
    secret = secrets.token_urlsafe(32) if kind == Adapter.Kind.HOOK else ""
    row = Adapter(
        workspace=workspace,
        slug=reading.line("slug", slug, 50, required=True),
        title=reading.line("title", title, 120, required=True),
        kind=kind,
        secret=sealed.seal(secret, SEALED_FOR) if secret else "",
        for_step=reading.line("for_step", for_step, 50),
        timeout_s=_seconds(timeout_s),
        **_what(kind, argv, url),
    )
    _check(row, places)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict(f"There is an adapter {slug}.", details={"slug": "Taken."}) from None
    row.environments.set(places)
    record(actor, "deployment.adapters", row, after=_shown(row), details={"added": True})
    return WithSecret(row, secret)


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LONGEST:
        raise reading.refuse("timeout_s", f"A whole number from 1 to {_LONGEST:,}.")
    return value


def _what(kind: str, argv: Any, url: str) -> dict[str, Any]:
    if kind == Adapter.Kind.HOOK:
        if argv:
            raise reading.refuse("argv", "A webhook has an address and no command.")
        address = reading.web_address("url", url)
        http.check_url(address)
        return {"argv": [], "url": address}
    if url:
        raise reading.refuse("url", "A command has no address.")
    return {"argv": _argv(argv), "url": ""}


def _argv(value: Any) -> list[str]:
    """Program and arguments, each by itself. A shell with a command line is refused: what a
    release is called would be read by it."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise reading.refuse("argv", "A list: the program and its arguments.")
    parts = [
        reading.text(f"argv[{place}]", each, 1000, required=True)
        for place, each in enumerate(value)
    ]
    if not parts or len(parts) > _MOST_ARGUMENTS:
        raise reading.refuse("argv", f"From 1 to {_MOST_ARGUMENTS} parts.")
    if "{" in parts[0]:
        raise reading.refuse("argv", "The program is named, not filled in.")
    if _reads_a_line(parts):
        raise reading.refuse("argv", "Not a shell's command line: put it into a script.")
    if any(redact_text(part) != part for part in parts):
        raise reading.refuse("argv", "It looks like a secret: keep it where the program runs.")
    return parts


def _reads_a_line(parts: list[str]) -> bool:
    """A shell, by itself or by way of another program, that is told what to do in its options."""
    for place, part in enumerate(parts):
        if part.rsplit("/", 1)[-1] not in _SHELLS:
            continue
        given = iter(parts[place + 1 :])
        for option in given:
            if option in _WITH_VALUE:
                next(given, None)
            elif not option.startswith(("-", "+")):
                break  # its script, and what is given to that
            elif "c" in option if not option.startswith("--") else option.startswith("--command"):
                return True
    return False


def _check(row: Adapter, places: list[Environment]) -> None:
    try:
        row.clean_fields(exclude=["argv", "secret", "url"])
    except Exception as error:
        from controlplane.access.services.saving import as_invalid

        raise as_invalid(error) from error  # type: ignore[arg-type]
    if not places:
        raise reading.refuse("environments", "Name where it may be used.")
    for place in places:
        reading.same_workspace(row.workspace_id, environment=place)


@transaction.atomic
def change_adapter(
    adapter: Adapter,
    *,
    actor: Actor,
    version: int | None = None,
    reason: str = "",
    environments: Iterable[Environment] | None = None,
    **given: Any,
) -> Adapter:
    """Change what it does, which switches it off: whoever switched it on meant something else."""
    policy.require(actor, "deployment.adapters", adapter)
    consented = hold_consented(adapter)
    row = _held(adapter, version)
    before = _shown(row)
    unknown = sorted(set(given) - {"title", "argv", "url", "timeout_s", "for_step"})
    if unknown:
        raise reading.refuse(unknown[0], "It can't be changed.")
    if "title" in given:
        row.title = reading.line("title", given["title"], 120, required=True)
    if "for_step" in given:
        row.for_step = reading.line("for_step", given["for_step"], 50)
    if "timeout_s" in given:
        row.timeout_s = _seconds(given["timeout_s"])
    if {"argv", "url"} & set(given):
        what = _what(row.kind, given.get("argv", row.argv), given.get("url", row.url))
        row.argv, row.url = what["argv"], what["url"]
    if environments is not None:
        places = list(environments)
        _check(row, places)
        row.environments.set(places)
    row.enabled = False
    row.version += 1
    row.save()
    record(actor, "deployment.adapters", row, before=before, after=_shown(row), reason=reason)
    for deployment in consented:
        consent.packet_moved(deployment, actor=actor, why=f"The adapter {row.slug} was changed.")
    return row


def hold_consented(adapter: Adapter) -> list[Deployment]:
    """Those that wait to be started with it, held: what was signed names what it runs. Whoever
    locks an adapter to change it holds them first."""
    rows = Deployment.objects.filter(steps__adapter=adapter).filter(
        Q(status__in=_SIGNED) | Q(status="blocked", blocked_from__in=_SIGNED)
    )
    return [hold(each) for each in rows.distinct().order_by("pk")]


_SIGNED = ("ready", "approved")


@transaction.atomic
def switch_adapter(
    adapter: Adapter, *, actor: Actor, on: bool, reason: str, version: int | None = None
) -> Adapter:
    """Let it be used, or no more. What runs already runs on."""
    policy.require(actor, "deployment.adapters", adapter)
    why = reading.reason(reason)
    row = _held(adapter, version)
    if row.enabled == on:
        return row
    Adapter.objects.filter(pk=row.pk).update(enabled=on, version=F("version") + (0 if on else 1))
    row.refresh_from_db()
    record(
        actor,
        "deployment.adapters",
        row,
        before={"enabled": not on},
        after={"enabled": on},
        reason=why,
    )
    return row


@transaction.atomic
def rotate_secret(adapter: Adapter, *, actor: Actor, reason: str = "") -> WithSecret:
    """A new secret of a webhook. The old one signs nothing from this moment."""
    policy.require(actor, "deployment.adapters", adapter)
    row = _held(adapter, None)
    if row.kind != Adapter.Kind.HOOK:
        raise Invalid("A command has no secret.")
    secret = secrets.token_urlsafe(32)
    row.secret = sealed.seal(secret, SEALED_FOR)
    row.version += 1
    row.save(update_fields=["secret", "version"])
    record(actor, "deployment.adapters", row, after={"secret": "rotated"}, reason=reason)
    return WithSecret(row, secret)


def _held(adapter: Adapter, version: int | None) -> Adapter:
    row: Adapter = Adapter.objects.select_for_update(no_key=True).get(pk=adapter.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    return row


def _shown(row: Adapter) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "kind": row.kind,
        "argv": row.argv,
        "url": row.url,
        "timeout_s": row.timeout_s,
        "for_step": row.for_step,
        "enabled": row.enabled,
        "environments": sorted(row.environments.values_list("slug", flat=True)) if row.pk else [],
    }
