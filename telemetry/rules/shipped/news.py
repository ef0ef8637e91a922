"""What needs nobody at once, but belongs beside everything else on a time line."""

from __future__ import annotations

from telemetry.rules.shipped.form import MINUTE, rule

_COMMENT = {"comment_on_release": True}

rule(
    "traffic-spike",
    "Traffic spike",
    "info",
    "requests.per_second",
    "gt",
    against="weekday_hour",
    multiple=2.0,
    floor=1.0,
    window_s=10 * MINUTE,
    for_s=5 * MINUTE,
    resolve_for_s=5 * MINUTE,
    min_sample=100,
    hooks=_COMMENT,
    about="Over twice as many requests as in the same hour of the four weeks before.",
)
for _slug, _title, _measure, _about in (
    ("flag-change", "Feature flag changed", "flags.changes", "A flag was changed."),
    ("deployment", "Deployment begun", "deployments.started", "Something is being deployed."),
    ("maintenance", "Scheduled maintenance", "maintenance.started", "A planned window began."),
):
    rule(
        _slug,
        _title,
        "info",
        _measure,
        "gt",
        0.0,
        window_s=2 * MINUTE,
        resolve_for_s=5 * MINUTE,
        hooks=_COMMENT if _slug != "maintenance" else {},
        about=f"{_about} It stands here for some minutes.",
    )
rule(
    "telemetry-silent",
    "Telemetry has gone silent",
    "warning",
    "events.per_minute",
    "lt",
    against="weekday_hour",
    multiple=0.1,
    window_s=15 * MINUTE,
    for_s=15 * MINUTE,
    resolve_for_s=5 * MINUTE,
    no_data="fire",
    notify_roles=["telemetry_analyst"],
    runbook="data_gap",
    about="Less than a tenth of what is usual at this hour arrives, or nothing at all.",
)
