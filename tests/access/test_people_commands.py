"""`create_user` and `create_workspace` as scripts use them."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from controlplane.access.models import Grant, User, Workspace
from controlplane.console.management.commands import up
from tests import make

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_create_user__generated_password__is_printed_once_and_signs_in() -> None:
    ws = make.workspace()
    words = ["create_user", "--email", "ada@example.org", "--name", "Ada", "--json"]
    answer = json.loads(run(*words, "--workspace", ws.slug, "--role", "viewer"))
    user = User.objects.get(email="ada@example.org")
    assert answer["created"] is True
    assert answer["id"] == str(user.uid)
    assert user.check_password(answer["password"])
    assert not user.is_superuser
    assert Grant.objects.get(membership__user=user).role == "viewer"


@pytest.mark.parametrize("way", ["stdin", "env"])
def test_create_user__given_password__is_never_printed(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["create_user", "--email", "ada@example.org", "--name", "Ada"]
    if way == "stdin":
        monkeypatch.setattr("sys.stdin", io.StringIO(make.PASSWORD + "\n"))
        words.append("--password-stdin")
    else:
        monkeypatch.setenv("ADA", make.PASSWORD)
        words += ["--password-env", "ADA"]
    assert make.PASSWORD not in run(*words, "--json")
    assert User.objects.get().check_password(make.PASSWORD)


def test_create_user__without_password__can_not_sign_in_by_one() -> None:
    run("create_user", "--email", "ada@example.org", "--name", "Ada", "--no-password")
    assert not User.objects.get().has_usable_password()


def test_create_user__twice__adds_roles_and_nothing_else() -> None:
    ws = make.workspace()
    words = ["create_user", "--email", "ada@example.org", "--name", "Ada", "--workspace", ws.slug]
    run(*words, "--role", "viewer")
    before = User.objects.get().password
    answer = json.loads(run(*words, "--role", "viewer", "--role", "legal", "--json"))
    assert answer["created"] is False
    assert "password" not in answer
    assert User.objects.get().password == before
    assert set(Grant.objects.values_list("role", flat=True)) == {"viewer", "legal"}
    with pytest.raises(CommandError):
        run(*words, "--superuser")


@pytest.mark.parametrize(
    "words",
    [
        ["--email", "ada@example.org"],
        ["--email", "not an address", "--name", "Ada"],
        ["--email", "ada@example.org", "--name", "Ada", "--role", "viewer"],
        ["--email", "ada@example.org", "--name", "Ada", "--workspace", "nowhere"],
        ["--email", "ada@example.org", "--name", "Ada", "--role", "executor"],
        ["--email", "ada@example.org", "--name", "Ada", "--password-env", "NOT_SET_ANYWHERE"],
    ],
)
def test_create_user__wrong_words__fail_and_leave_nothing(words: list[str]) -> None:
    with pytest.raises(CommandError):
        run("create_user", *words)
    assert not User.objects.exists()


def test_create_user__weak_password__says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA", "short")
    words = ["--email", "ada@example.org", "--name", "Ada", "--password-env", "ADA"]
    with pytest.raises(CommandError, match="12 characters"):
        run("create_user", *words)


def test_create_workspace__makes_one_and_not_two() -> None:
    answer: Any = json.loads(run("create_workspace", "harbour", "--name", "Harbour", "--json"))
    assert Workspace.objects.get().slug == answer["slug"] == "harbour"
    for slug in ("harbour", "Not A Slug"):
        with pytest.raises(CommandError):
            run("create_workspace", slug)


def test_create_user__workspace_that_is_not_there__says_how_it_is_made() -> None:
    words = ["create_user", "--email", "ada@example.org", "--name", "Ada", "--workspace", "nowhere"]
    with pytest.raises(CommandError, match="create_workspace nowhere"):
        run(*words, "--role", "viewer")
    assert not User.objects.filter(email="ada@example.org").exists()


@pytest.mark.parametrize("state", [None, "/srv/one state"])
def test_first_account__is_made_by_the_commands_that_up_prints(state: str | None) -> None:
    lines = up.first_account(Path(state) if state else settings.BASE_DIR / ".state")
    assert len(lines) == 2
    for line in lines:
        words = shlex.split(line)
        if state:
            assert words.pop(0) == f"CONTROLPLANE_STATE_DIR={state}"
        assert words[:2] == ["python3", "manage.py"]
        run(*words[2:])
    person = User.objects.get(email="you@example.org")
    assert Grant.objects.get(membership__user=person).role == "workspace_admin"
