"""Outside token issuers: trusted, changed, distrusted, and their keys fetched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from controlplane.access import credential_cache, issuer_keys, policy, scopes, tokens
from controlplane.access.models import Agent, TrustedIssuer, Workspace
from controlplane.access.step_up import require_recent_factor
from controlplane.audit.services import record
from controlplane.lib import clock, http, strictjson
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Conflict, ControlPlaneError, Invalid, Unavailable

RETRY_SECONDS = define(
    "access.issuer_retry_seconds",
    60,
    unit="seconds",
    why="Tokens with made-up key ids must not make us call the issuer at their pace.",
)
TIMEOUT_SECONDS = define(
    "access.issuer_timeout_seconds", 3, unit="seconds", why="A caller waits for this call."
)
CHANGEABLE = ("jwks_url", "role")


@transaction.atomic
def trust_issuer(
    workspace: Workspace, *, actor: Actor, issuer: str, jwks_url: str, audience: str, role: str
) -> TrustedIssuer:
    """Its tokens get in as agents of this workspace, with at most `role`. The keys are fetched
    by the next token or the next tick of the job, not while this transaction is open."""
    row = TrustedIssuer(
        workspace=workspace, issuer=issuer.strip(), jwks_url=jwks_url.strip(),
        audience=audience.strip(), role=role,
    )  # fmt: skip
    policy.require(actor, "key.trust_issuer", row)
    _check(row)
    _require_giving(actor, row)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict("This issuer is trusted for this audience already.") from None
    record(actor, "key.trust_issuer", row, after=_picture(row))
    return row


@transaction.atomic
def change_issuer(issuer: TrustedIssuer, *, actor: Actor, **changes: Any) -> TrustedIssuer:
    """Another address or role. Keys from another address are not the old ones: they go."""
    row = _locked(issuer)
    policy.require(actor, "key.trust_issuer", row)
    unknown = changes.keys() - set(CHANGEABLE)
    if unknown:
        raise Invalid("Cannot be changed.", details=dict.fromkeys(unknown, "Cannot be changed."))
    before = _picture(row)
    for field, value in changes.items():
        setattr(row, field, str(value).strip())
    _check(row)
    _require_giving(actor, row)
    if row.jwks_url != before["jwks_url"]:
        row.jwks, row.fetched_at, row.tried_at = {}, None, None
    row.save()
    record(actor, "key.change_issuer", row, before=before, after=_picture(row))
    credential_cache.forget()
    return row


@transaction.atomic
def distrust_issuer(issuer: TrustedIssuer, *, actor: Actor, reason: str = "") -> TrustedIssuer:
    """Its tokens stop working; the row stays as the history of who was trusted."""
    return _set_active(issuer, False, actor, "key.distrust_issuer", reason)


@transaction.atomic
def trust_issuer_again(issuer: TrustedIssuer, *, actor: Actor, reason: str = "") -> TrustedIssuer:
    return _set_active(issuer, True, actor, "key.trust_issuer", reason)


def fetch_keys_now(issuer: TrustedIssuer, *, actor: Actor) -> TrustedIssuer:
    """Fetch its keys on somebody's word: it has changed them and tokens are refused until the
    next tick. Recorded either way, in a transaction after the call."""
    policy.require(actor, "key.trust_issuer", issuer)
    if not issuer.is_active:
        raise Conflict("This issuer is not trusted any more.")
    failure: ControlPlaneError | None = None
    try:
        issuer = refresh_keys(issuer, force=True)
    except ControlPlaneError as error:
        failure = error
    record(
        actor,
        "key.fetch_issuer_keys",
        issuer,
        outcome="failed" if failure else "done",
        details={
            "keys": [key["kid"] for key in issuer.jwks.get("keys", [])],
            "error": failure.message if failure else "",
        },
    )
    if failure:
        raise failure
    return issuer


def refresh_keys(issuer: TrustedIssuer, *, force: bool = False) -> TrustedIssuer:
    """Fetch the issuer's keys, unless that was tried a moment ago by anybody.

    The compare-and-set on `tried_at` picks one caller among all processes. A failed fetch keeps
    the old keys and is noted on the row; the caller decides what too old keys mean. Not in a
    transaction: an outside call must not hold one open.
    """
    now = clock.now()
    due = Q(tried_at=None) | Q(tried_at__lte=now - timedelta(seconds=RETRY_SECONDS.value))
    mine = TrustedIssuer.objects.filter(pk=issuer.pk, jwks_url=issuer.jwks_url)
    if not (mine if force else mine.filter(due)).update(tried_at=now):
        issuer.refresh_from_db(fields=["jwks", "fetched_at", "tried_at", "last_error"])
        return issuer
    try:
        jwks = _fetch(issuer.jwks_url)
    except ControlPlaneError as error:
        mine.update(last_error=error.message[:300])
        raise
    # Filtered by the address it came from: a change meanwhile makes these another's keys.
    mine.update(jwks=jwks, fetched_at=now, last_error="")
    issuer.refresh_from_db(fields=["jwks", "fetched_at", "tried_at", "last_error"])
    return issuer


def _fetch(url: str) -> dict[str, Any]:
    answer = http.request("GET", url, timeout=TIMEOUT_SECONDS.value, allow=settings.OUTGOING_ALLOW)
    if answer.status != 200:
        raise Unavailable(f"The issuer answered {answer.status}.")
    return issuer_keys.kept(strictjson.loads(answer.body, max_bytes=issuer_keys.BYTES_LIMIT))


def _set_active(
    issuer: TrustedIssuer, active: bool, actor: Actor, action: str, reason: str
) -> TrustedIssuer:
    row = _locked(issuer)
    policy.require(actor, "key.trust_issuer", row)
    if row.is_active != active:
        if active:
            _require_giving(actor, row)
        row.is_active = active
        row.save(update_fields=["is_active"])
        record(actor, action, row, after=_picture(row), reason=reason)
    credential_cache.forget()
    return row


def _check(row: TrustedIssuer) -> None:
    if row.role not in policy.AGENTS:
        message = f"The most its tokens may claim: {', '.join(sorted(policy.AGENTS))}."
        raise Invalid(message, details={"role": message})
    for field, limit in (("issuer", 300), ("jwks_url", 300), ("audience", 200)):
        value = getattr(row, field)
        if not value or len(value) > limit or not value.isprintable():
            raise Invalid(f"{field}: wrong length.", details={field: f"1 to {limit} characters."})
    for field in ("issuer", "jwks_url"):
        _check_url(field, getattr(row, field))
    if row.issuer == tokens.issuer():
        # Tokens in our own name are verified with our own keys only.
        raise Invalid("This portal is no outside issuer.", details={"issuer": "This portal."})


def _check_url(field: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        host = None
    plain_allowed = host is not None and host in settings.OUTGOING_ALLOW
    schemes = {"https", "http"} if plain_allowed else {"https"}
    if not host or parts.scheme not in schemes or parts.username or parts.fragment:
        # Keys fetched in clear could be anybody's.
        raise Invalid("An https address.", details={field: "An https address."})


def _require_giving(actor: Actor, row: TrustedIssuer) -> None:
    """Trusting an issuer hands out its role, like a key would."""
    agent = Agent(workspace=row.workspace, name=row.issuer[:80], role=row.role)
    scopes.require_handing_out(actor, "key.trust_issuer", agent, scopes.rights_of(agent, ()))
    require_recent_factor(actor)


def _locked(issuer: TrustedIssuer) -> TrustedIssuer:
    rows = TrustedIssuer.objects.select_for_update(of=("self",)).select_related("workspace")
    return rows.get(pk=issuer.pk)


def _picture(row: TrustedIssuer) -> dict[str, Any]:
    return {
        "issuer": row.issuer,
        "jwks_url": row.jwks_url,
        "audience": row.audience,
        "role": row.role,
        "is_active": row.is_active,
    }
