"""Every command, address and question of the shipped runbooks is tried against the product."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.db import connection
from django.urls import Resolver404, resolve

from controlplane.access import policy
from controlplane.access.policy import ROLES
from controlplane.lib.errors import Invalid
from incidents.routing import shipped as routes
from incidents.runbooks import allowed, books, reading, rights
from incidents.runbooks.acting import Call, perform
from telemetry.queries.shipped import SHIPPED as QUESTIONS
from telemetry.rules.shipped import RULES
from tests import make
from tests.kit import roles

pytestmark = pytest.mark.django_db
_CODE = re.compile(r"`([^`]+)`")
_REFS = {"MSN-1": "{ref}", "DEP-1": "{ref}", "CAN-1": "{ref}", "UID": "{uid}"}


def documents() -> Iterator[tuple[str, reading.Document]]:
    for slug, (_, document) in books.shipped().items():
        yield slug, document


def spoken(document: reading.Document) -> Iterator[str]:
    """Everything that stands in backticks, in text and in steps by hand."""
    for part in document.parts:
        said = part.text if part.step is None else part.step.body * (part.step.kind == "hand")
        lines = [said, *(part.step.given.values() if part.step is not None else ())]
        for line in lines:
            yield from (" ".join(code.split()) for code in _CODE.findall(line))
            yield from re.findall(r"(?:GET|POST) (/api/v1/[^\s`)]+)", line)


def test_required__are_all_there_under_the_playbooks_names() -> None:
    known = {name for _, document in documents() for name in (document.slug, *document.aliases)}
    wanted = {
        "frontend_deploy", "agent_health", "supabase_pool", "composio_rate_limit",
        "evidence_upload", "beads_db", "safeguard_violation", "undo_failure", "data_gap",
        "kpi_miss", "oauth_drift", "service_unavailable", "storage_contention",
        "message_delivery_delay", "authorization_misconfiguration", "token_issuer_outage",
        "escalation_flood", "wake_trigger_failure", "unmanaged_runtime", "human_input_collision",
    }  # fmt: skip
    assert wanted <= known
    assert set(books.REQUIRED) <= set(books.shipped())
    assert {document.owner for _, document in documents()} <= ROLES.keys()
    for path in books.FOLDER.glob("*.md"):
        assert path.stem in books.shipped(), "a file is called as its slug is"


def test_names__mean_one_runbook_each() -> None:
    names = [name for _, document in documents() for name in (document.slug, *document.aliases)]
    assert len(names) == len(set(names))


def test_rules__name_runbooks_that_there_are() -> None:
    asked = {rule["runbook"] for rule in routes.SHIPPED if rule.get("runbook")}
    asked |= {rule["runbook"] for rule in RULES.values() if rule.get("runbook")}
    asked |= {query.runbook for query in QUESTIONS.values() if query.runbook}
    for path in (settings.BASE_DIR / "incidents" / "hearing").glob("*.py"):
        asked |= set(re.findall(r'runbook="([a-z_]+)"', path.read_text()))
    workspace = make.workspace()
    unknown = sorted(name for name in asked if not books.is_known(workspace.pk, name))
    assert not unknown


def test_related__lead_to_runbooks_that_there_are() -> None:
    for slug, document in documents():
        named = _CODE.findall(reading.section(document.body, "Related"))
        assert named, slug
        assert set(named) <= set(books.shipped()), slug


def test_steps__are_all_on_the_list() -> None:
    for slug, document in documents():
        assert any(step.acts for step in document.steps) or slug == "", slug
        for step in document.steps:
            assert not allowed.wrong(step, shipped=True), f"{slug}, step {step.number}"
        acts = [step for step in document.steps if step.acts and not step.changes]
        assert acts, f"{slug} looks at nothing by itself"


def test_steps__say_what_is_expected() -> None:
    """What is looked at says what is well, and what to do where it is not."""
    for slug, document in documents():
        for step in document.steps:
            if step.kind in {"query", "command", "look", "measure"}:
                assert step.expect, f"{slug}, step {step.number} expects nothing"


def test_commands__exist_and_take_what_they_are_given() -> None:
    tried = 0
    for slug, document in documents():
        for code in spoken(document):
            if not code.startswith("manage.py "):
                continue
            words = shlex.split(code)[1:]
            assert words[0] in get_commands(), f"{slug}: {code}"
            _parses(words, f"{slug}: {code}")
            tried += 1
    assert tried > 15


@cache
def _parser(name: str) -> Any:
    app = get_commands()[name]
    return load_command_class(app, name).create_parser("manage.py", name)


def _parses(words: list[str], said: str) -> None:
    flags = {flag for action in _parser(words[0])._actions for flag in action.option_strings}
    for word in words[1:]:
        if word.startswith("--"):
            assert word in flags, said


@cache
def _schema() -> set[str]:
    known = json.loads((settings.BASE_DIR / "docs" / "openapi.json").read_text())["paths"]
    return {re.sub(r"\{[^}]+\}", "{}", path) for path in known}


def test_routes__are_in_the_schema() -> None:
    tried = 0
    for slug, document in documents():
        for code in spoken(document):
            found = re.search(r"/api/v1/[^\s\"?]+", code)
            if found is None:
                continue
            path = found[0].rstrip(".,")
            for ref in _REFS:
                path = path.replace(ref, "{}")
            assert (
                path in _schema()
                or path.replace("{}", "{}/{}", 1) in _schema()
                or ("undo-runs" in path)
            ), f"{slug}: {code}"
            tried += 1
    assert tried > 10


def test_pages__are_there() -> None:
    tried = 0
    for slug, document in documents():
        for code in spoken(document):
            if code.startswith("/admin/"):
                try:
                    resolve(code.partition("?")[0])
                except Resolver404:
                    pytest.fail(f"{slug}: {code}")
                tried += 1
    assert tried > 20


def test_queries__run_on_our_schema_as_the_reader(monkeypatch: Any) -> None:
    """The read-only role answers each of them: no table or column that it may not see."""
    roles.lend_reader(monkeypatch)
    workspace = make.workspace()
    actor = make.actor(make.person(workspace, "workspace_admin"))
    tried = 0
    for slug, document in documents():
        for step in document.steps:
            if step.kind == "query":
                said = perform(Call(step, actor, workspace))
                assert said, f"{slug}, step {step.number}"
                tried += 1
    assert tried > 40
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('transaction_read_only')")
        assert cursor.fetchone() == (settings.DATABASES["default"]["USER"], "off")


_WORD = re.compile(r"[a-z_]+")
# What a question about the installation may say besides names of its tables and columns.
_SQL = re.compile(
    r"select|as|from|where|and|or|by|order|group|limit|count|min|max|round|extract|epoch|now|int"
    r"|desc|asc|nulls|first|last|union|all|interval|is|null|not|in|like"
)


def test_queries__show_rows_of_their_own_workspace_and_figures_of_all() -> None:
    for slug, document in documents():
        for step in document.steps:
            if step.kind != "query":
                continue
            where = f"{slug}, step {step.number}"
            found = rights.tables(step.body)
            assert found, where
            assert set(found) <= rights.READ.keys() | rights.FIGURES.keys(), where
            shared = [name for name in found if name in rights.FIGURES]
            if len(shared) < len(found) and not shared:
                assert re.search(r"\bworkspace_id = \{workspace\}", step.body), where
                continue
            # Of the installation: names of its parts, times and counts.
            columns = frozenset().union(*(rights.FIGURES[name] for name in shared))
            bare = re.sub(r"'[^']*'|\bAS [a-z_]+", "", step.body).lower()
            said = {word for word in _WORD.findall(bare) if not _SQL.fullmatch(word)}
            assert said <= {*found, *columns}, (where, said)


def test_queries__over_the_log_and_the_outbox_ask_for_their_rights() -> None:
    asked = {
        name: {action for action, _ in rights.needed(step)}
        for slug, document in documents()
        for step in document.steps
        if step.kind == "query"
        for name in rights.tables(step.body)
    }
    assert "audit.view" in asked["audit_auditevent"]
    assert "notify.view" in asked["notify_outboxmessage"]
    for action in rights.READ.values():
        assert action in policy.ACTIONS, action


def test_beads__secures_the_export_before_anything_is_touched() -> None:
    document = books.shipped()["beads_db"][1]
    body = document.body
    secured = body.index("Secure the export first")
    assert "cp -a .beads" in body
    assert secured < body.index("`bd init`.")
    assert "rm -r" not in body
    assert "Never delete the folder" in body


def test_text__says_which_line_is_wrong() -> None:
    good = books.shipped()["beads_db"][0]
    for wrong, says in (
        (good.replace("---\nslug", "slug", 1), "front matter"),
        (good.replace("owner: engineering_lead", "owner: nobody"), "owner"),
        (good.replace("severity: sev3", "severity: grave"), "severity"),
        (good.replace("## Verification", "## Proof"), "Verification"),
        (good.replace("```step hand: Is", "```step magic: Is"), "Step 1"),
        (good.replace("slug: beads_db", "slug: Beads DB"), "slug"),
        (good + "\n```step hand: open", "no end"),
        ("", "front matter"),
    ):
        with pytest.raises(Invalid) as refused:
            reading.read(wrong)
        assert says in str(refused.value.details), says


def test_folder__is_part_of_what_is_installed() -> None:
    assert Path(books.FOLDER).is_dir()
    assert len(list(books.FOLDER.glob("*.md"))) >= len(books.REQUIRED)
