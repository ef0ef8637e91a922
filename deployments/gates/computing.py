"""What the portal knows by itself before a deployment goes. Each computation answers in a sentence
and shows where it looked. What nobody reports here is asked of a person, never taken as green."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from controlplane.approvals import links as approval_links
from controlplane.approvals.models import Request
from controlplane.backups.services import FRESH_HOURS, freshness
from controlplane.lib.text import counted, short
from controlplane.notify.models import Notification
from controlplane.oncall import duty
from controlplane.work.models import CheckResult
from controlplane.work.services.cycles import cycles
from deployments import freezing, links, schema
from deployments.canary import links as canary
from deployments.gates.kinds import (
    Compute,
    Found,
    ask,
    failed,
    not_applicable,
    passed,
    waiting,
)
from deployments.gates.looking import DEPLOYED, Look
from deployments.models import Deployment
from deployments.querysets import UNDER_WAY

# --- Release ----------------------------------------------------------------------------------


def release_facts(look: Look) -> Found:
    row = look.deployment
    missing = [
        words
        for words, value in (
            ("the commit", row.commit_sha),
            ("the link to CI", row.ci_url),
        )
        if not value
    ]
    if look.has("agent") and not (row.image_tag and row.image_digest):
        missing.append("the image's version and digest")
    elif not look.has("agent") and not (row.image_digest or row.artifacts):
        missing.append("the hash of what is deployed")
    if missing:
        return failed(f"Missing: {', '.join(missing)}.", ("Deployment", look.url()))
    hashes = row.image_digest or f"{len(row.artifacts)} hashes"
    return passed(f"{row.commit_sha[:12]}, {short(hashes, 40)}.", ("CI", row.ci_url))


def ci(look: Look) -> Found:
    if not look.deployment.commit_sha:
        return failed("Which commit is deployed is not recorded.")
    found = [each for each in look.results if each.kind != DEPLOYED]
    if not found:
        if look.hears_ci:
            return waiting("CI has not said anything about this commit.")
        return ask("No repository reports here. Say that CI is green, with a link.")
    return _of_results(found)


def _of_results(results: Sequence[CheckResult]) -> Found:
    shown = sorted(results, key=lambda each: (each.passed is not False, each.name))[:10]
    evidence = [(f"{each.name}: {each.conclusion or each.status}", each.url) for each in shown]
    bad = [each.name for each in results if each.passed is False]
    running = [each.name for each in results if each.passed is None]
    if bad:
        return failed(
            f"{len(bad)} of {len(results)} failed: {short(', '.join(bad), 200)}.", *evidence
        )
    if running:
        return waiting(f"{len(running)} of {len(results)} are still running.", *evidence)
    return passed(f"All {len(results)} pass.", *evidence)


def named_check(names: Sequence[str]) -> Compute:
    """CI's word on one job, found by its name; without one a person says it."""

    def compute(look: Look) -> Found:
        found = [each for each in look.results if any(name in each.name.lower() for name in names)]
        return _of_results(found) if found else ask("CI reports no such check of this commit.")

    return compute


def rollback_plan(look: Look) -> Found:
    plan = look.deployment.rollback_plan
    if not plan.strip():
        return failed("There is no rollback plan.", ("Deployment", look.url()))
    return passed(short(plan, 200))


def evidence_folder(look: Look) -> Found:
    path = look.deployment.evidence_path
    if not path:
        return failed("No evidence folder is named.", ("Deployment", look.url()))
    return passed(short(path, 200))


def ran_in_staging(look: Look) -> Found:
    row = look.deployment
    rows = Deployment.objects.of(row.workspace).landed()
    rows = rows.filter(environment__data_class="sanitised", release=row.release)
    rows = rows.exclude(status__in=["failed", "rolled_back", "cancelled"])
    newest = rows.order_by("-deployed_at").first()
    if newest is None:
        return failed(f"{row.release} was never deployed to staging.")
    evidence = (newest.ref, links.page_of(newest))
    if not _same_commit(row.commit_sha, newest.commit_sha):
        return failed(f"{newest.ref} brought another commit to staging.", evidence)
    return passed(
        f"{newest.ref} brought it there {newest.deployed_at:%Y-%m-%d %H:%M} UTC.", evidence
    )


def _same_commit(one: str, other: str) -> bool:
    """Either may be abbreviated."""
    return one.startswith(other) or other.startswith(one)


def hotfix_scope(look: Look) -> Found:
    row = look.deployment
    given = {"branch": row.branch, "base commit": row.base_sha, "scope": row.scope_note.strip()}
    missing = [name for name, value in given.items() if not value]
    if missing:
        return failed(f"Missing: {', '.join(missing)}.", ("Deployment", look.url()))
    return passed(f"{row.branch} from {row.base_sha[:12]}: {short(row.scope_note, 200)}")


def flag_off(look: Look) -> Found:
    row = look.deployment
    if row.flag is None:
        return failed("It is a canary and names no flag.", ("Deployment", look.url()))
    state = row.flag.states.filter(environment=row.environment).first()
    on = bool(row.flag.enabled and state is not None and state.settings.get("on"))
    evidence = (row.flag.flag_name, links.row(row.flag))
    if on and row.deployed_at is None:
        return failed(f"{row.flag.flag_name} is on in {row.environment}.", evidence)
    return passed(f"{row.flag.flag_name} is off in {row.environment}.", evidence)


def rollout_plan(look: Look) -> Found:
    """One of its own. What was rolled back is no plan for trying again."""
    row = look.deployment
    rows = row.rollouts.exclude(status="cancelled").order_by("-pk")
    found = (rows.filter(flag=row.flag_id) if row.flag_id else rows).first()
    anew = ("Plan one", canary.planning(flag=row.flag, place=row.environment.slug, deployment=row))
    if found is None:
        return failed("No rollout is planned for its flag.", anew)
    evidence = (found.ref, canary.page_of(found))
    if found.status == "rolled_back":
        return failed(f"{found.ref} was rolled back: plan another one.", evidence, anew)
    return passed(f"{found.ref}: {found.get_status_display().lower()}.", evidence)


# --- Dependency health ------------------------------------------------------------------------


def item_unblocked(look: Look) -> Found:
    item = look.item
    if item is None:
        return failed("It has no work item.", ("Deployment", look.url()))
    evidence = (item.key, links.row(item))
    if item.category == "done":
        return failed(f"{item.key} is closed. Reopen it.", evidence)
    if item.blocked or item.open_blockers:
        number = item.open_blockers or 1
        return failed(f"{item.key} waits for {counted(number, 'open blocker')}.", evidence)
    return passed(f"{item.key} waits for nothing.", evidence)


def upstream(look: Look) -> Found:
    linked = [
        (each.target.key, links.row(each.target)) for each in look.edges if each.target is not None
    ]
    if linked:
        return passed(f"{len(linked)} linked.", *linked[:20])
    return ask("Nothing is linked to its work item. Say that there is no upstream work.")


def no_cycles(look: Look) -> Found:
    loops = cycles(look.deployment.workspace)
    if not loops:
        return passed("There are none.")
    named = [(item.key, links.row(item)) for item in loops[0][:10]]
    return failed(f"{len(loops)} groups of items wait for one another.", *named)


# --- Schema and data --------------------------------------------------------------------------


def no_drift(look: Look) -> Found:
    if not look.has("portal"):
        return not_applicable("The portal is not part of it.")
    seen = schema.last_seen()
    if seen is None:
        return waiting("The schema was not compared yet.")
    if seen.findings:
        return failed(short("; ".join(seen.findings), 400))
    return passed(f"Compared {seen.at:%Y-%m-%d %H:%M} UTC: they agree.")


def backup(look: Look) -> Found:
    fresh = freshness(look.workspace_id)
    if fresh.newest is None:
        return ask("No backup is reported here. Name one, with where it is.")
    evidence = (str(fresh.newest), links.row(fresh.newest))
    hours = (fresh.age_seconds or 0) / 3600
    words = f"The newest good one is {hours:.1f} h old; at most {FRESH_HOURS.value:g} h."
    return passed(words, evidence) if fresh.fresh else failed(words, evidence)


# --- People and time --------------------------------------------------------------------------


def told_key(deployment: Deployment, person: int) -> str:
    """Of the news to one who is on duty: told anew when the time changes, and whoever takes the
    shift over hears of it, too."""
    planned = deployment.planned_at
    when = f"{planned:%Y%m%d%H%M}" if planned is not None else "now"
    return f"deployment:{deployment.uid}:on-call:{when}:{person}"


def on_call_told(look: Look) -> Found:
    """Each of those who are on duty then, as the rota says it now."""
    if not look.on_duty:
        return failed("Nobody is on duty then.", ("On-call", links.listing("oncall")))
    people = {told_key(look.deployment, each.person.pk): each.person for each in look.on_duty}
    rows = Notification.objects.filter(workspace_id=look.workspace_id, key__in=people)
    told = dict(rows.values_list("key", "created_at"))
    missing = [person for key, person in people.items() if key not in told]
    if missing:
        return waiting(f"{_named(missing)} was not told of this time yet.")
    names = _named(people.values())
    return passed(f"{names} was told {max(told.values()):%Y-%m-%d %H:%M} UTC: on duty then.")


def _named(people: Iterable[Any]) -> str:
    return short(", ".join(person.name or str(person) for person in people), 200)


def watcher(look: Look) -> Found:
    person = look.deployment.watcher
    if person is None:
        return failed("Nobody is named to watch.", ("Deployment", look.url()))
    if duty.is_on_duty(person, workspace=look.workspace_id, at=look.planned_at):
        return passed(f"{person} is on duty.")
    return failed(f"{person} is not on duty then.", ("On-call", links.listing("oncall")))


def no_freeze(look: Look) -> Found:
    row = look.deployment
    freeze = freezing.in_the_way(row, at=look.planned_at)
    if freeze is None:
        return passed("None is in force.")
    evidence = (freeze.title, links.row(freeze))
    if look.is_rollback:
        return not_applicable("A freeze does not hold back what undoes.")
    if look.is_hotfix:
        return passed("A hotfix that is consented to may go in a freeze.", evidence)
    return failed(f"{freeze.title} until {freeze.ends_at:%Y-%m-%d %H:%M} UTC.", evidence)


def no_other(look: Look) -> Found:
    row = look.deployment
    # What is only watched is in the way of another, but not of its own undoing or a repair.
    urgent = look.is_hotfix or look.is_rollback
    phases = ("deploying", "verifying") if urgent else UNDER_WAY
    rows = Deployment.objects.of(row.workspace).into(row.environment).in_the_way(*phases)
    rows = rows.exclude(pk__in=[row.pk, row.reverses_id or 0])
    other = rows.order_by("pk").first()
    if other is not None:
        words = f"{other.ref} is {other.get_status_display().lower()} there."
        return failed(words, (other.ref, links.page_of(other)))
    sentence = freezing.other_window(row, at=look.planned_at)
    return failed(sentence) if sentence else passed(f"Nothing is under way in {row.environment}.")


def approval(look: Look) -> Found:
    request = look.deployment.approval
    if request is None:
        return waiting("Consent is asked for when it is ready.")
    evidence = (request.ref, approval_links.page_of(request))
    if request.status in {"approved", "open"} and not _stands(look, request):
        return failed(f"{request.ref} is about something else than what stands now.", evidence)
    if request.status == "approved":
        return passed(f"{request.ref} is approved.", evidence)
    if request.status == "open":
        return waiting(f"{request.ref} is open.", evidence)
    return failed(f"{request.ref} is {request.get_status_display().lower()}.", evidence)


def _stands(look: Look, request: Request) -> bool:
    from deployments.services.consent import stands

    return stands(look.deployment, request)
