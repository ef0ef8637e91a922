"""System Health: what a workspace's services answer, and whether they are there."""

from __future__ import annotations

from telemetry.measures.elsewhere import growth, uptime
from telemetry.measures.table.words import area, everything, gauge, these

_add = area("system")
_REQUESTS = these("request_completed")
_BY_SERVICE = "By service and route, as they report `request_completed`."

_add(
    "service.uptime",
    "Uptime",
    "%",
    "computed",
    compute=uptime.compute,
    better="higher",
    target=99.9,
    groups=("service",),
    about="1 − time down / time watched, from the catalogue's probes; overlapping outages count"
    " once. Over all services it is the worst one's.",
)
_add(
    "service.uptime_unplanned",
    "Uptime without maintenance",
    "%",
    "computed",
    compute=uptime.compute_unplanned,
    better="higher",
    target=99.9,
    groups=("service",),
    about="The same with planned windows taken out of both sides.",
)
_add(
    "service.up",
    "Services up",
    "",
    "min",
    gauge("service_up"),
    better="higher",
    target=1.0,
    about="1: all answered when last looked at; 0: at least one did not. By code: the service.",
)
_add(
    "service.memory",
    "Memory of services",
    "MiB",
    "max",
    gauge("process_rss_bytes"),
    scale=1 / 2**20,
    about="The largest process. By service, as their runtimes report `gauge_reported` named"
    " `process_rss_bytes`.",
)
_add(
    "service.memory_growth",
    "Memory growth of services per hour",
    "%",
    "computed",
    compute=growth.over("service.memory", "service"),
    better="lower",
    warn=30.0,
    groups=("service",),
    about="How much more memory a service holds than an hour before; the worst of them.",
)
_add(
    "requests.error_rate",
    "Failed requests",
    "%",
    "error_rate",
    _REQUESTS,
    better="lower",
    target=1.0,
    warn=5.0,
    min_sample=20,
    about=f"Failed of all requests. {_BY_SERVICE}",
)
_add(
    "requests.p50",
    "Latency, median",
    "ms",
    "p50",
    _REQUESTS,
    better="lower",
    about=f"Half of the requests were faster. {_BY_SERVICE}",
)
_add(
    "requests.p95",
    "Latency, p95",
    "ms",
    "p95",
    _REQUESTS,
    better="lower",
    target=200.0,
    warn=500.0,
    min_sample=20,
    about=f"One in twenty took longer. {_BY_SERVICE}",
)
_add(
    "requests.p99",
    "Latency, p99",
    "ms",
    "p99",
    _REQUESTS,
    better="lower",
    about=f"One in a hundred took longer. {_BY_SERVICE}",
)
_add(
    "requests.per_second",
    "Requests per second",
    "/s",
    "per_minute",
    _REQUESTS,
    scale=1 / 60,
    about=_BY_SERVICE,
)
_add("requests.count", "Requests", "requests", "count", _REQUESTS, about=_BY_SERVICE)
_add(
    "events.per_minute",
    "Events per minute",
    "/min",
    "per_minute",
    everything(),
    about="Everything that was reported: the rate to look at after a deployment.",
)
_add("events.count", "Events", "events", "count", everything(), about="Everything reported.")
_add(
    "events.errors",
    "Events of failures",
    "%",
    "error_rate",
    everything(),
    better="lower",
    about="Events with status error of all events.",
)
_add(
    "people.active",
    "Active people",
    "people",
    "active",
    everything(),
    distinct="user_ref",
    about="Different people named in the events of the last 15 minutes, by pseudonym.",
)
_add(
    "agents.active",
    "Active agents",
    "agents",
    "active",
    everything(),
    distinct="agent",
    about="Roles of agents that reported in the last 15 minutes.",
)
_add(
    "missions.concurrent",
    "Missions under way",
    "missions",
    "active",
    these(
        "execution_started",
        "execution_step_completed",
        "session_heartbeat",
        "composio_tool_call",
        stage="execute_observe",
    ),
    distinct="mission",
    about="Missions whose execution reported in the last 15 minutes.",
)
_add(
    "security.refusals",
    "Refused for security",
    "refusals",
    "count",
    these("security_refusal"),
    over=everything(),
    better="lower",
    about="Refusals by reason (code): wrong keys, other workspaces, missing rights.",
)
for _slug, _title, _event in (
    ("flags.changes", "Feature flags changed", "feature_flag_changed"),
    ("deployments.started", "Deployments started", "deployment_started"),
    ("deployments.completed", "Deployments completed", "deployment_completed"),
    ("maintenance.started", "Maintenance windows begun", "maintenance_started"),
    ("rollouts.rolled_back", "Rollouts rolled back", "rollout_rolled_back"),
    ("incidents.opened", "Incidents opened", "incident_opened"),
    ("alerts.fired", "Alerts fired", "alert_fired"),
    ("kpis.missed", "Key figures missed", "kpi_missed"),
):
    _add(
        _slug,
        _title,
        "",
        "count",
        these(_event),
        over=everything(),
        about=f"Events `{_event}`.",
    )
_add(
    "deployments.failure_rate",
    "Failed deployments",
    "%",
    "error_rate",
    these("deployment_completed"),
    better="lower",
    target=5.0,
    about="Deployments that ended in failure, of those completed.",
)
_add(
    "incidents.resolution_p50",
    "Time to resolve, median",
    "min",
    "p50",
    these("incident_resolved"),
    scale=1 / 60_000,
    better="lower",
    target=30.0,
    about="From opened to resolved.",
)
