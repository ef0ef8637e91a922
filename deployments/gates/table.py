"""Every gate there is, in the order of the page. The playbook's four groups stand before the
deployment, its verification after it."""

from __future__ import annotations

from typing import Any

from deployments.gates import computing as c
from deployments.gates import load_tests, reports
from deployments.gates.applying import (
    all_of,
    canary,
    forward,
    guarded,
    hotfix,
    no_hotfix,
    with_parts,
)
from deployments.gates.kinds import Definition

GATES: dict[str, Definition] = {}
BEFORE, AFTER = "before", "after"
# A word about one commit says nothing of the next.
BROUGHT = frozenset({"commit_sha", "image_tag", "image_digest", "artifacts", "components"})


def define(slug: str, title: str, group: str, phase: str = BEFORE, **more: Any) -> Definition:
    """Add a gate. Other parts of the portal add theirs from `apps.py`."""
    gate = Definition(slug, title, phase, group, **more)
    if GATES.setdefault(slug, gate) != gate:
        raise ValueError(f"two gates are called {slug}")
    return gate


def _checked(slug: str, title: str, group: str, names: str, **more: Any) -> None:
    """A check of the tree: CI's word by the name of its job, or a person's with the log."""
    more["compute"] = c.named_check(names.split())
    define(slug, title, group, debt=True, about=BROUGHT, **more)


# --- Release ----------------------------------------------------------------------------------

define(
    "release-facts",
    "CI link, commit, version and hashes are recorded",
    "release",
    applies=forward,
    compute=c.release_facts,
    waivable="",
    mend="Whoever may change the deployment: its form",
)
define(
    "ci",
    "All checks of CI pass on this commit",
    "release",
    applies=forward,
    compute=c.ci,
    about=BROUGHT,
    shown=True,
    mend="The authors, in CI; repositories that report stand under Work",
)
define(
    "release-notes",
    "Release notes and affected components are reviewed",
    "release",
    applies=no_hotfix,
    about=BROUGHT | {"release_notes"},
    mend="Anybody who may tick checks",
)
define(
    "rollback-plan",
    "The rollback plan is ready",
    "release",
    applies=forward,
    compute=c.rollback_plan,
    waivable="",
    mend="Whoever may change the deployment: its form",
)
define(
    "evidence-folder",
    "The evidence folder is named",
    "release",
    applies=no_hotfix,
    compute=c.evidence_folder,
    mend="Whoever may change the deployment: its form",
)
define(
    "staging",
    "The release ran in staging",
    "release",
    applies=all_of(guarded, no_hotfix),
    compute=c.ran_in_staging,
    mend="Deploy it to staging first",
)
define(
    "load-test",
    "The load was tested within a quarter",
    "release",
    applies=load_tests.applies,
    compute=load_tests.load_test,
    shown=True,
    mend="The SRE liaison records it under Obligations, or anybody who may tick links its report",
)
define(
    "preview",
    "The preview deployment passed before the merge",
    "release",
    applies=all_of(no_hotfix, with_parts("frontend")),
    compute=c.named_check(["preview", "vercel"]),
    about=BROUGHT,
    optional=True,
)
define(
    "ci-smoke",
    "Smoke tests ran in CI",
    "release",
    applies=no_hotfix,
    compute=c.named_check(["smoke"]),
    about=BROUGHT,
    optional=True,
)
define(
    "hotfix-scope",
    "Branch, base commit and the reduced scope are written down",
    "release",
    applies=hotfix,
    compute=c.hotfix_scope,
    waivable="",
    mend="Whoever may change the deployment: its form",
)
define(
    "hotfix-minimal",
    "Somebody else confirms that the fix is minimal",
    "release",
    applies=hotfix,
    about=BROUGHT | {"branch", "base_sha", "scope_note"},
    mend="Anybody who may tick checks and did not open it",
)
define(
    "flag-off",
    "Its flag is off",
    "release",
    applies=canary,
    compute=c.flag_off,
    mend="Whoever may change flags",
)
define(
    "rollout-plan",
    "There is a rollout plan for its flag",
    "release",
    applies=canary,
    compute=c.rollout_plan,
    mend="Plan a canary rollout",
)

# --- Dependency health ------------------------------------------------------------------------

define(
    "item-unblocked",
    "The work item is open and nothing blocks it",
    "dependency",
    compute=c.item_unblocked,
    mend="Whoever works on the blockers",
)
define(
    "upstream",
    "Upstream work is linked",
    "dependency",
    applies=no_hotfix,
    compute=c.upstream,
    mend="Anybody who may link work items",
)
define(
    "no-cycles",
    "No cycles among dependencies",
    "dependency",
    applies=no_hotfix,
    compute=c.no_cycles,
    mend="Anybody who may link work items",
)

# --- Environment hygiene ----------------------------------------------------------------------

_checked("tool-doctor", "Tools are sound", "environment", "doctor", applies=no_hotfix,
         command="mise doctor")  # fmt: skip
_checked("installs", "Dependencies install", "environment", "install", applies=no_hotfix,
         command="mise run install && mise run agent-deps")  # fmt: skip
_checked("agent-tests", "Agent tests pass", "environment", "test-agent agent-tests",
         applies=with_parts("agent"), waivable="hotfix", command="mise run test-agent")  # fmt: skip
_checked("ui-tests", "UI tests pass", "environment", "test:ui ui-tests",
         applies=with_parts("frontend"), command="pnpm run test:ui")  # fmt: skip
_checked("types", "The type check passes", "environment", "tsc types typecheck",
         applies=with_parts("frontend"), command="pnpm tsc --noEmit")  # fmt: skip
define(
    "generated-types",
    "Generated types are current",
    "environment",
    applies=all_of(no_hotfix, with_parts("frontend", "database", "schema")),
    compute=c.named_check(["generated-types", "gen-types"]),
    about=BROUGHT,
    command="supabase gen types typescript --linked",
)

# --- Schema and data --------------------------------------------------------------------------

define(
    "schema-diff",
    "The schema diff is empty or known, and the lint is clean",
    "schema",
    applies=with_parts("database", "schema"),
    compute=c.named_check(["db-diff", "db-lint", "schema"]),
    about=BROUGHT,
    command="supabase db diff && supabase db lint",
    debt=True,
)
define(
    "schema-review",
    "Schema changes are reviewed; none is ad hoc",
    "schema",
    applies=with_parts("database", "schema"),
    about=BROUGHT,
    mend="The database lead or the engineering lead",
)
define(
    "portal-migrations",
    "The portal's migrations and API schema agree with its code",
    "schema",
    applies=forward,
    compute=c.no_drift,
    mend="The engineering lead; the runbook is that of the alarm schema",
)
define(
    "backup",
    "The newest backup is fresh",
    "schema",
    applies=guarded,
    compute=c.backup,
    shown=True,
    mend="The database lead, under Backups",
)

# --- Telemetry sanity -------------------------------------------------------------------------

define(
    "telemetry-audit",
    "The telemetry audit is clean",
    "telemetry",
    applies=no_hotfix,
    compute=reports.telemetry_audit,
    mend="The telemetry analyst, under Telemetry",
    command="python3 manage.py audit_telemetry --mode check",
)
define(
    "telemetry-gaps",
    "No telemetry gap is open",
    "telemetry",
    applies=forward,
    compute=reports.telemetry_gaps,
    mend="The telemetry analyst, under Telemetry",
    debt=True,
)
define(
    "discovery-ratio",
    "Discoveries and tool calls relate as usual",
    "telemetry",
    applies=no_hotfix,
    compute=reports.discovery_ratio,
    mend="The telemetry analyst, under Telemetry",
)
define(
    "dashboards",
    "Dashboards are spot-checked: System Health, Mission Lifecycle, Integration Health",
    "telemetry",
    applies=no_hotfix,
    mend="Anybody who may tick checks",
)

# --- People and time --------------------------------------------------------------------------

define(
    "on-call-told",
    "On-call is told of the window",
    "people",
    applies=guarded,
    compute=c.on_call_told,
    mend="It is told when the deployment is prepared; somebody has to be on duty",
)
define(
    "watcher",
    "The on-call engineer watches",
    "people",
    applies=hotfix,
    compute=c.watcher,
    mend="Whoever may change the deployment: its form",
)
define(
    "no-freeze",
    "No freeze is in force",
    "people",
    compute=c.no_freeze,
    mend="Whoever may end the freeze; or wait for its end",
    at_start=True,
)
define(
    "no-other",
    "Nothing else is under way in this environment",
    "people",
    compute=c.no_other,
    mend="Finish what is under way, or wait for it",
    at_start=True,
)
define(
    "approval",
    "Whoever must consent did",
    "people",
    applies=guarded,
    compute=c.approval,
    waivable="",
    mend="Those who are asked, under Approvals",
    at_start=True,
)

# --- After ------------------------------------------------------------------------------------

define(
    "health",
    "Health checks pass",
    "smoke",
    AFTER,
    compute=reports.health,
    mend="Whoever runs the steps",
)
define(
    "pipeline",
    "The pipeline reports success",
    "smoke",
    AFTER,
    applies=forward,
    compute=reports.pipeline,
    mend="Whoever runs the pipeline; a newer report takes its place",
)
for _slug, _title in (
    ("login", "Signing in works"),
    ("create", "A mission can be created"),
    ("plan", "A mission can be planned"),
    ("execute", "A mission executes"),
    ("reflect", "A mission can be closed with a reflection"),
):
    define(f"smoke-{_slug}", _title, "smoke", AFTER, mend="Anybody who may tick checks", debt=True)
define(
    "ingestion",
    "As many events come in as usual",
    "telemetry",
    AFTER,
    compute=reports.ingestion,
    mend="The telemetry analyst, under Telemetry",
)
define(
    "spot-audit",
    "The spot audit after the deployment is clean",
    "telemetry",
    AFTER,
    applies=forward,
    compute=reports.spot_audit,
    mend="The telemetry analyst, under Telemetry",
    command="python3 manage.py audit_telemetry --mode spot",
    debt=True,
)
define(
    "dashboards-after",
    "Dashboards are reviewed for anomalies",
    "telemetry",
    AFTER,
    mend="Anybody who may tick checks",
    debt=True,
)
define(
    "watched",
    "The watch is over and nothing got worse",
    "smoke",
    AFTER,
    compute=reports.watched,
    mend="Wait for its end; or roll back",
)
define(
    "announced",
    "The release is announced with its figures",
    "people",
    AFTER,
    applies=guarded,
    compute=reports.announced,
    mend="It is announced when the watch ends, or by hand",
)
