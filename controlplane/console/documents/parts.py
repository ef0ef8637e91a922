"""The parts that are made: one small function each, over a table the code already has."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core.management import get_commands, load_command_class

from controlplane.access import policy
from controlplane.base import signals
from controlplane.base.data_rules import personal_data, retention
from controlplane.base.registries import audit_rules, kpis
from controlplane.base.states import TABLES
from controlplane.console.documents import block, source, table
from controlplane.jobs import engine, obligations, timers, watch
from controlplane.jobs.registry import JOBS
from controlplane.lib.defaults import REGISTERED
from controlplane.lib.error_help import HELP, plain
from controlplane.lib.errors import CODES
from controlplane.notify import outbox, wording
from controlplane.notify.channels import KINDS
from incidents.runbooks.books import shipped as shipped_runbooks


def code(text: object) -> str:
    return f"`{text}`" if text else ""


def listed(names: Any) -> str:
    return ", ".join(code(name) for name in names)


def first_line(thing: object) -> str:
    text = (getattr(thing, "__doc__", "") or "").strip()
    # Django writes a signature where a model says nothing of itself.
    return "" if text.startswith(f"{getattr(thing, '__name__', '')}(") else text.split("\n\n")[0]


# --- architecture -------------------------------------------------------------------------------


@block("layers")
def layers() -> str:
    """From the import contract. A package that is allowed for but not there yet is left out."""
    project = tomllib.loads((source.root() / "pyproject.toml").read_text(encoding="utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    rows = []
    for entry in contract["layers"]:
        names = [name.strip() for name in entry.split("|")]
        there = [name for name in names if not name.startswith("(")]
        if there:
            rows.append((listed(there), ", ".join(filter(None, map(_holding, there)))))
    return table(("packages, from the top", "holds"), rows)


def _holding(package: str) -> str:
    config = next((each for each in apps.get_app_configs() if each.name == package), None)
    if config is None:
        return ""
    count = len(list(config.get_models()))
    return f"{count} tables" if count else "no tables"


@block("runbooks")
def runbooks() -> str:
    """From the texts that ship with the release."""
    rows = [
        (
            f"[{code(slug)}](../incidents/runbooks/shipped/{slug}.md)",
            document.title,
            document.severity,
            code(document.owner),
            ", ".join(code(alias) for alias in document.aliases),
        )
        for slug, (_, document) in shipped_runbooks().items()
    ]
    return table(("runbook", "when", "severity", "looked after by", "also called"), rows)


@block("tables")
def tables() -> str:
    parts = []
    for config in apps.get_app_configs():
        if config.name.split(".")[0] not in source.PACKAGES:
            continue
        rows = [
            (code(model._meta.db_table), first_line(model) or model._meta.verbose_name)
            for model in config.get_models()
        ]
        if rows:
            parts.append(f"### {config.label}\n\n" + table(("table", "what a row is"), rows))
    return "\n\n".join(parts)


@block("jobs")
def jobs() -> str:
    rows = [
        (code(j.name), j.schedule, f"{j.time_limit} s", _span(j.silence_after), j.doc)
        for _, j in sorted(JOBS.items())
    ]
    return table(("job", "when (UTC)", "time limit", "alarm after silence of", "what"), rows)


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


@block("engine")
def engine_modules() -> str:
    ordered = sorted(engine.MODULES.values(), key=lambda m: (m.order, m.name))
    rows = [
        (code(m.name), code(m.rows._meta.db_table) if m.rows else "", _rhythm(m.every))
        for m in ordered
    ]
    return table(("module, in order", "works off", "turns"), rows)


def _rhythm(every: timedelta) -> str:
    return f"every {every.total_seconds():g} s" if every else "at each tick"


@block("vocabulary")
def vocabulary() -> str:
    """Names that travel in rows: what may be sent, promised, told."""
    rows = [
        ("outbox topics", listed(_own(outbox.TOPICS))),
        ("kinds of timers", listed(_own(timers.HANDLERS))),
        ("kinds of news", listed(sorted(wording.CATALOGUE))),
        ("kinds of channels", listed(sorted(KINDS))),
        ("signals consumed", listed(_own(signals.CONSUMERS))),
        ("probes of the watch", listed(sorted(watch.PROBES))),
        ("key figures", listed(entry.slug for entry in kpis)),
        ("governance rules", listed(entry.slug for entry in audit_rules)),
    ]
    return table(("what", "names"), rows)


def _own(names: Iterable[str]) -> list[str]:
    """Without those of the commands that break the portal or measure it: whether these are loaded
    depends on what was asked before."""
    return sorted(name for name in names if not name.startswith(("chaos", "bench")))


@block("states")
def states() -> str:
    parts = []
    for label, entry in sorted(TABLES.items()):
        name = str(apps.get_model(label)._meta.verbose_name)
        parts.append(f"## {label.split('.')[0]}: {name}\n\n```mermaid\n{entry.mermaid()}```\n")
    return "\n".join(parts)


@block("defaults")
def defaults() -> str:
    places = source.places_of_defaults()
    rows = [
        (code(name), each.shipped, each.unit, each.why, code(places.get(name, "")))
        for name, each in sorted(REGISTERED.items())
    ]
    return table(("name", "value", "unit", "why", "defined in"), rows)


@block("settings")
def settings() -> str:
    rows = [(code(v.name), code(v.default), v.part) for v in source.variables()]
    return table(("variable", "default", "part of settings.py"), rows)


@block("commands")
def commands() -> str:
    rows = []
    for name, app in sorted(get_commands().items()):
        if str(app).split(".")[0] in source.PACKAGES:
            help_text = load_command_class(str(app), name).help
            rows.append((code(name), help_text))
    return table(("`manage.py …`", "what it does"), rows)


# --- access -------------------------------------------------------------------------------------


@block("roles")
def roles() -> str:
    rows = [(code(slug), label, family) for slug, (label, family) in policy.ROLES.items()]
    return table(("role", "name", "family"), rows)


@block("actions")
def actions() -> str:
    rows = [
        (code(name), entry.label, "yes" if entry.by_key else "no", _who(entry.roles))
        for name, entry in sorted(policy.ACTIONS.items())
    ]
    return table(("action", "what", "by key", "roles"), rows)


def _who(held: frozenset[str]) -> str:
    if not held:
        return "no role: superusers"
    if held == policy.EVERYBODY:
        return "everybody"
    words = []
    for name, group in (("all people", policy.PEOPLE), ("all agents", policy.AGENTS)):
        if group <= held:
            words.append(name)
            held -= group
    return ", ".join([*words, *(code(role) for role in policy.ROLES if role in held)])


@block("rules")
def rules() -> str:
    rows = [
        (code(action), rule.__name__.replace("_", " "))
        for action, entries in sorted(policy.RULES.items())
        for rule in entries
        if rule.__module__.split(".")[0] in source.PACKAGES
    ]
    return table(("action", "rule"), rows)


@block("agent-actions")
def agent_actions() -> str:
    rows = [
        (code(name), entry.label, _who(entry.roles & policy.AGENTS))
        for name, entry in sorted(policy.ACTIONS.items())
        if entry.roles & policy.AGENTS and entry.by_key
    ]
    return table(("action", "what", "agent roles"), rows)


@block("scopes")
def scopes() -> str:
    return listed(name for name, entry in sorted(policy.ACTIONS.items()) if entry.by_key)


# --- API ----------------------------------------------------------------------------------------


@block("codes")
def codes() -> str:
    rows = [
        (code(name), status)
        for name, status in sorted(CODES.items(), key=lambda each: (each[1], each[0]))
    ]
    return table(("code", "status"), rows)


@block("errors")
def errors() -> str:
    rows = [
        (code(name), status, HELP[name].means, plain(HELP[name].do), HELP[name].ask)
        for name, status in sorted(CODES.items(), key=lambda each: (each[1], each[0]))
    ]
    return table(("code", "status", "what it means", "what to do", "who can help"), rows)


@block("limits")
def limits() -> str:
    wanted = ("api.limit_", "api.max_body", "api.page_size", "api.max_page")
    of_keys = ("access.token_m", "access.key_d", "access.key_m", "access.key_o", "access.credent")
    rows = [
        (code(name), f"{each.shipped:,}", each.unit)
        for name, each in sorted(REGISTERED.items())
        if name.startswith((*wanted, *of_keys))
    ]
    return table(("name", "value", "unit"), rows)


# --- data ---------------------------------------------------------------------------------------


@block("retention")
def kept() -> str:
    rows = [
        (
            code(entry.slug),
            entry.what,
            listed(entry.models),
            "without end" if entry.keep is None else f"{entry.keep.days} days",
            f"{entry.minimum.days} days" if entry.minimum else "",
            entry.why,
        )
        for entry in sorted(retention, key=lambda each: each.slug)
    ]
    return table(("class", "in words", "tables", "kept", "never less than", "why"), rows)


@block("personal")
def personal() -> str:
    rows = [
        (
            code(entry.slug),
            listed(entry.models),
            entry.what,
            "yes" if entry.export else "no",
            "deleted" if entry.erase else entry.keeps,
        )
        for entry in sorted(personal_data, key=lambda each: each.slug)
    ]
    return table(("entry", "tables", "what", "handed out", "on erasure, or why kept"), rows)


@block("obligations")
def duties() -> str:
    rows = [
        (
            code(duty.slug),
            duty.title,
            code(duty.owner_role),
            duty.cadence,
            duty.evidence,
            code(duty.sign_role) or "nobody",
        )
        for _, duty in sorted(obligations.DUTIES.items())
    ]
    return table(("duty", "title", "owed by", "how often", "evidence", "signed by"), rows)


# --- what can be wrong --------------------------------------------------------------------------

DOCTOR = ("controlplane/console/management/commands/doctor.py", "controlplane/embedded/findings.py")


@block("alarms")
def alarms() -> str:
    rows = [
        (f"[`{kind}`](#alarm-{kind})", code(place))
        for kind, place in source.finding_words()
        if place not in DOCTOR and not place.startswith("controlplane/audit/proof")
    ]
    return table(("kind of alarm", "raised in"), rows)


@block("doctor")
def doctor() -> str:
    rows = [
        (f"[`{word}`](#doctor-{word})", code(place))
        for word, place in source.finding_words(*DOCTOR)
    ]
    return table(("what doctor looks at", "in"), rows)
