"""What telemetry and the steps say: before a deployment, and after it."""

from __future__ import annotations

from datetime import timedelta

from controlplane.lib.text import short
from controlplane.work.services.github.payloads import DEPLOYMENT_TO
from deployments import links, numbers
from deployments.gates.kinds import Found, ask, failed, not_applicable, passed, waiting
from deployments.gates.looking import DEPLOYED, Look
from telemetry import measures, snapshots
from telemetry.audits.gaps import blocking_gaps
from telemetry.models import AuditRun


def telemetry_audit(look: Look) -> Found:
    run = _newest(look, "check")
    if run is None:
        return failed("It never ran.", ("Telemetry audits", _AUDITS))
    fresh = run.started_at > look.now - timedelta(days=numbers.AUDIT_DAYS.value)
    if not fresh:
        when = f"{run.started_at:%Y-%m-%d}"
        return failed(f"The last one is of {when}; run it again.", (str(run), links.row(run)))
    return _of_run(run)


def spot_audit(look: Look) -> Found:
    since = look.deployment.deployed_at
    if since is None:
        return waiting("It is made after the deployment.")
    run = _newest(look, "spot")
    if run is None or run.started_at < since:
        return waiting("None was made since the deployment.", ("Telemetry audits", _AUDITS))
    return _of_run(run)


_AUDITS = links.listing("telemetry/auditrun")


def _newest(look: Look, mode: str) -> AuditRun | None:
    rows = AuditRun.objects.filter(workspace_id=look.workspace_id, mode=mode)
    found: AuditRun | None = rows.order_by("-started_at", "-pk").first()
    return found


def _of_run(run: AuditRun) -> Found:
    evidence = (str(run), links.row(run))
    if run.result == AuditRun.Result.CLEAN:
        return passed(f"Clean at {run.started_at:%Y-%m-%d %H:%M} UTC.", evidence)
    if run.result == AuditRun.Result.FAILED:
        return failed(f"It could not run: {short(run.error or 'a rule failed', 300)}", evidence)
    return failed(f"It found {run.gaps} gaps.", evidence)


def telemetry_gaps(look: Look) -> Found:
    gaps = list(blocking_gaps(look.workspace_id).order_by("pk")[:11])
    if not gaps:
        return passed("None is open.")
    evidence = [(f"{gap} {gap.item}".strip(), links.row(gap)) for gap in gaps[:10]]
    number = "more than 10" if len(gaps) > 10 else str(len(gaps))
    return failed(f"{number} open: {short(gaps[0].text, 200)}", *evidence)


def discovery_ratio(look: Look) -> Found:
    found = measures.discovery_ratio(look.workspace_id, look.now)
    if found.verdict == "insufficient_baseline":
        return not_applicable(f"There is no baseline yet: {found.usable_days} usable days.")
    if found.verdict == "insufficient_sample":
        return not_applicable(f"Too few tool calls today to judge: {found.calls}.")
    words = f"{found.ratio or 0:.2f} today, usually {found.baseline or 0:.2f}."
    return passed(words) if found.verdict == "ok" else failed(words)


def ingestion(look: Look) -> Found:
    since = look.deployment.deployed_at
    if since is None:
        return waiting("It is measured after the deployment.")
    minutes = (look.now - since).total_seconds() / 60
    least = numbers.LOOK_MINUTES.value
    if minutes < least:
        return waiting(f"It is measured {least} minutes after the deployment.")
    rate = snapshots.ingestion_rate(look.workspace_id, look.now, minutes=min(minutes, 60))
    if rate.verdict == "ok":
        return passed(rate.words)
    if rate.verdict == "deviation":
        return failed(rate.words)
    return not_applicable(rate.words)


def health(look: Look) -> Found:
    checks = [step for step in look.steps if step.kind == "health_check"]
    if not checks:
        return ask("No step checks health. Say that what was deployed answers.")
    bad = [step.title for step in checks if not step.is_over]
    if bad:
        return waiting(f"Not green yet: {short(', '.join(bad), 300)}.", ("Steps", look.url()))
    skipped = [step.title for step in checks if step.state == "skipped"]
    if skipped:  # what nobody looked at is not green
        return ask(f"Skipped: {short(', '.join(skipped), 300)}. Say that it answers.")
    return passed(f"{len(checks)} of {len(checks)} are green.", ("Steps", look.url()))


def pipeline(look: Look) -> Found:
    """What the repository says of its own deployment there, since this one was started."""
    row = look.deployment
    place = row.environment
    names = {f"{DEPLOYMENT_TO}{name}".lower() for name in (place.slug, place.name)}
    found = [
        each
        for each in look.results
        if each.kind == DEPLOYED
        and each.name.lower() in names
        and each.conclusion != "neutral"
        and (row.started_at is None or each.updated_at >= row.started_at)
    ]
    if not found:
        return not_applicable("No pipeline reports a deployment of this commit.")
    evidence = [(f"{each.name}: {each.conclusion or each.status}", each.url) for each in found]
    if any(each.passed is False for each in found):
        return failed("The pipeline's own deployment failed.", *evidence)
    if any(each.passed is None for each in found):
        return waiting("The pipeline is still at it.", *evidence)
    return passed("The pipeline's own deployment succeeded.", *evidence)


def watched(look: Look) -> Found:
    row = look.deployment
    if row.monitor_until is None:
        return waiting("The watch begins when it is verified.")
    until = f"{row.monitor_until:%Y-%m-%d %H:%M} UTC"
    evidence = ("Snapshots", look.url())
    if row.verdict == "degraded":
        return failed(row.verdict_words, evidence)
    if row.verdict == "unknown":
        return not_applicable(row.verdict_words)
    if row.verdict:
        return passed(row.verdict_words, evidence)
    return waiting(f"Watched until {until}.", evidence)


def announced(look: Look) -> Found:
    from deployments.services.telling import announcement_of

    news = announcement_of(look.deployment)
    if news is None:
        return waiting("It is announced when the watch ends.")
    return passed(f"Announced {news.created_at:%Y-%m-%d %H:%M} UTC.")
