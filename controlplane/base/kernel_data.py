"""What base and the packages below it hold about people, and how long they keep what.

Those packages stand below the registries and cannot register themselves; everybody above does
so in its own `apps.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db.models import Q, QuerySet

from controlplane.audit.pruning import LEAST
from controlplane.audit.pruning import REFUSALS as PRUNING_REFUSALS
from controlplane.audit.pruning import RETENTION as AUDIT_RETENTION
from controlplane.base import holds as legal
from controlplane.base.data_rules import Reach, RetentionClass, retention
from controlplane.base.models import PARKED, Signal
from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import NOBODYS, keep_always, keep_found, keep_rows

ANONYMISED = "goes or becomes nobody's when the account it hangs on is erased"
SECURITY = "evidence of who had access: kept for the year that audits look back"

holds(
    "access.user",
    "access.user",
    "name, e-mail, time zone",
    rows_of("access.user", "pk", "uid", "email", "name", "time_zone", "created_at"),
    "the account is closed first; privacy's erasure then replaces name and e-mail",
)
holds(
    "access.membership",
    "access.membership",
    "workspaces one is or was a member of",
    rows_of("access.membership", "user", "workspace__slug", "created_at", "left_at"),
    SECURITY,
)
holds(
    "access.grant",
    "access.grant",
    "roles held, by whom granted and why",
    rows_of(
        "access.grant",
        "membership__user",
        "membership__workspace__slug",
        "role",
        "granted_at",
        "expires_at",
        "revoked_at",
        "reason",
    ),
    SECURITY,
)
holds(
    "access.sessions",
    "access.usersession",
    "addresses and browsers signed in from",
    rows_of(
        "access.usersession",
        "user",
        "started_at",
        "last_seen_at",
        "address",
        "browser",
        "ended_at",
    ),
    "ended sessions go after 90 days by the retention class of the same name",
)
holds(
    "access.keys",
    "access.apikey",
    "personal API keys, without their secrets",
    rows_of("access.apikey", "user", "uid", "name", "prefix", "created_at", "last_used_at"),
    SECURITY,
)
holds(
    "access.agents",
    "access.agent",
    "agents one is the owner of",
    rows_of("access.agent", "owner", "uid", "name", "description"),
    ANONYMISED,
)
holds(
    "access.locks",
    "access.accountlock",
    "locks of the account and their reasons",
    rows_of("access.accountlock", "user", "reason", "locked_at", "until", "unlocked_at"),
    SECURITY,
)
holds(
    "access.break_glass",
    "access.breakglass",
    "entries by break-glass",
    rows_of("access.breakglass", "user", "workspace__slug", "reason", "started_at", "ended_at"),
    SECURITY,
)
holds(
    "access.recovery_codes",
    "access.recoverycode",
    "hashes of recovery codes",
    rows_of("access.recoverycode", "user", "created_at", "used_at"),
    ANONYMISED,
)
holds(
    "access.reviews_signed",
    "access.accessreview",
    "access reviews signed",
    rows_of("access.accessreview", "signed_by", "workspace__slug", "period", "signed_at"),
    SECURITY,
)
holds(
    "access.review_lines",
    "access.accessreviewline",
    "decisions made in access reviews",
    rows_of("access.accessreviewline", "decided_by", "holder", "holds", "decision", "decided_at"),
    SECURITY,
)
holds(
    "audit.events",
    "audit.auditevent",
    "what one did in the portal",
    lambda person: list(
        apps.get_model("audit.auditevent")
        ._base_manager.filter(actor_ref=f"user:{person.user_id}")
        .order_by("pk")
        .values("at", "action", "subject_ref", "outcome", "reason", "source", "address")
    ),
    "append-only evidence, kept for its year by policy; labels are covered by the seals",
)
holds(
    "jobs.obligations",
    "jobs.obligationrecord",
    "recurring duties recorded or signed",
    rows_of("jobs.obligationrecord", "recorded_by", "obligation__slug", "period", "recorded_at"),
    SECURITY,
)
holds(
    "access.second_factor",
    "otp_totp.totpdevice",
    "the authenticator app's registration, without its key",
    rows_of("otp_totp.totpdevice", "user", "name", "confirmed"),
    ANONYMISED,
)
holds(
    "access.static_devices",
    "otp_static.staticdevice",
    "nothing: the portal keeps its own recovery codes",
    rows_of("otp_static.staticdevice", "user", "name", "confirmed"),
    ANONYMISED,
)
holds(
    "console.stock_log",
    "admin.logentry",
    "nothing: the stock admin log is not written",
    rows_of("admin.logentry", "user", "action_time"),
    "empty by design; the audit log is the only log",
)
nothing("access.workspace_names", "access.workspace", why="names of workspaces, not of people")
nothing("jobs.job_names", "jobs.jobrun", why="names of jobs, not of people")
nothing("jobs.schedule_names", "jobs.scheduledjob", why="names of jobs, not of people")
nothing("base.throttles", "base.throttlerule", why="addresses and agents that are slowed down")

# --- How long ---------------------------------------------------------------------------------

retention.register(
    RetentionClass(
        slug="audit.events",
        models=("audit.auditevent", "audit.auditpending"),
        keep=timedelta(days=AUDIT_RETENTION.value),
        minimum=LEAST,
        what="the audit log",
        why="one year by policy; removed only through a link of the chain, `prune_audit`",
        reach=Reach(workspace="workspace_id"),
    )
)


def _log_is_held() -> str:
    """The log goes by whole sealed batches, of all workspaces: any hold on it keeps all of it."""
    if legal.condition("audit.events") is None:
        return ""
    return "A legal hold keeps the audit log: nothing of it goes until it is lifted."


PRUNING_REFUSALS.append(_log_is_held)
keep_always(
    "audit.proof",
    "audit.auditseal",
    "audit.auditreview",
    why="hashes and signatures that prove what was logged",
)
keep_always(
    "access.accounts",
    "access.user",
    "access.workspace",
    "access.membership",
    "access.grant",
    "access.agent",
    "access.apikey",
    "access.trustedissuer",
    "access.recoverycode",
    "otp_totp.totpdevice",
    "otp_static.staticdevice",
    why="what exists now, and the history that access reviews read",
)
keep_always(
    "access.reviews",
    "access.accessreview",
    "access.accessreviewline",
    "access.accountlock",
    "access.breakglass",
    why="evidence of governance, few rows",
)
keep_rows(
    "access.sessions",
    "access.usersession",
    "last_seen_at",
    days=90,
    what="sign-ins that are over",
    why="sessions that are over: long enough to look into an intrusion",
    reach=Reach(workspace="user__memberships__workspace_id", person="user_id"),
    ended_at__isnull=False,
)
keep_rows(
    "access.browser_sessions",
    "sessions.session",
    "expire_date",
    days=0,
    what="browser sessions that expired",
    why="an expired session signs nobody in",
    reach=NOBODYS,
)
keep_rows(
    "access.attempts",
    "access.attemptcounter",
    "window_start",
    days=7,
    what="failed attempts to sign in",
    why="failed attempts matter for minutes; a week shows a slow attack",
    reach=NOBODYS,
)
keep_rows(
    "access.revoked_tokens",
    "access.revokedtoken",
    "expires_at",
    days=1,
    what="tokens that were revoked",
    why="a token past its end needs no revocation; a day covers clocks that differ",
)
keep_rows(
    "jobs.runs",
    "jobs.jobrun",
    "finished_at",
    days=90,
    what="runs of background jobs",
    why="a quarter shows whether jobs hold their rhythm",
    reach=NOBODYS,
)
keep_rows(
    "jobs.timers",
    "jobs.timer",
    "finished_at",
    days=90,
    what="timers that went off",
    why="a promise kept is told by the audit log; the row serves questions of the last months",
    state__in=("done", "cancelled"),
)
keep_always(
    "jobs.state",
    "jobs.scheduledjob",
    "jobs.enginecycle",
    "jobs.heartbeat",
    "jobs.watchalarm",
    why="one row per job, module, process or alarm: replaced, not added to",
)
keep_always(
    "jobs.obligations",
    "jobs.obligation",
    "jobs.obligationrecord",
    why="signed evidence that duties were done",
)


def _old_signals(cutoff: datetime) -> QuerySet[Any]:
    """What was consumed, and what no release since then wanted to hear."""
    done = Q(state="done", finished_at__lt=cutoff)
    unheard = Q(state="waiting", ready_at__gte=PARKED, created_at__lt=cutoff)
    return Signal.objects.filter(done | unheard).order_by("pk")


keep_found(
    "base.signals",
    "base.signal",
    _old_signals,
    days=30,
    what="news between parts of the portal",
    why="consumed news, and news that nobody consumes; dead ones stay until somebody looks",
)
keep_rows(
    "base.idempotency",
    "base.idempotencyrecord",
    "created_at",
    days=1,
    what="answers kept for a client's second try",
    why="a client retries within minutes; the contract promises a day",
)
keep_rows(
    "base.retention_runs",
    "base.retentionrun",
    "started_at",
    days=365,
    what="records of the clean-up",
    why="evidence that clean-up runs, for the year auditors look back",
    reach=NOBODYS,
)
keep_rows(
    "base.throttles",
    "base.throttlerule",
    "expires_at",
    days=90,
    what="limits on requests that are over",
    why="ended by themselves; the audit log tells who set them",
)
keep_always("console.stock_log", "admin.logentry", why="not written: the audit log is the only log")
