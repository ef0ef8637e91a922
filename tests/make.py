"""Builders shared by all tests. Everything is made by the services that users reach, so that a
fixture can't be in a state the product would refuse.

    ws = make.workspace()
    admin = make.person(ws, "workspace_admin")
    browser = make.client(admin)          # signed in, second factor included
    actor = make.actor(admin)             # for calling services
    key, secret = make.key(make.agent(ws, role="executor"))
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import F
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django_otp.oath import hotp
from django_otp.plugins.otp_totp.models import TOTPDevice

from controlplane.access import services
from controlplane.access.models import Agent, ApiKey, Membership, User, Workspace
from controlplane.access.principals import actor_for_agent, actor_for_user
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import issue_key
from controlplane.access.services.second_factor import DEVICE_NAME
from controlplane.access.web.sign_in import complete
from controlplane.lib import actors, clock, context
from controlplane.lib.actors import Actor

PASSWORD = "violet harbour lantern 42"
JOB = actors.job("tests")

_numbers = itertools.count(1)


def workspace(slug: str | None = None, **fields: Any) -> Workspace:
    slug = slug or f"space-{next(_numbers)}"
    return services.create_workspace(slug, actor=JOB, **fields)


def person(
    workspace: Workspace | None = None,
    *roles: str,
    email: str | None = None,
    name: str = "Robin Example",
    password: str | None = PASSWORD,
) -> User:
    """Somebody with these roles there. Without a workspace: an account that holds nothing."""
    return services.create_user(
        email or f"person-{next(_numbers)}@example.org",
        actor=JOB,
        name=name,
        workspace=workspace,
        roles=roles,
        password=password,
    )


def superuser(email: str | None = None) -> User:
    return services.create_user(
        email or f"root-{next(_numbers)}@example.org",
        actor=JOB,
        name="Sam Super",
        password=PASSWORD,
        superuser=True,
    )


def root_of(workspace: Workspace, *roles: str) -> User:
    """A superuser who also works somewhere: the right to see comes with roles, the right to
    change what all workspaces share with being one."""
    return services.create_user(
        f"root-{next(_numbers)}@example.org",
        actor=JOB,
        name="Sam Super",
        workspace=workspace,
        roles=roles or ("workspace_admin", "primary_operator"),
        password=PASSWORD,
        superuser=True,
    )


def membership(user: User, workspace: Workspace) -> Membership:
    return services.member_of(workspace, user)


def agent(workspace: Workspace, role: str = "executor", **fields: Any) -> Agent:
    """An agent with a role; `role=""` makes a service account, which lives by its keys' scopes."""
    fields.setdefault("name", f"agent-{next(_numbers)}")
    fields.setdefault("kind", Agent.Kind.AGENT if role else Agent.Kind.SERVICE)
    return create_agent(workspace, actor=JOB, role=role, **fields)


def key(owner: Agent, *, scopes: Iterable[str] = (), **fields: Any) -> tuple[ApiKey, str]:
    """A key of this agent and its secret. A service account without scopes named gets all."""
    if not scopes and not owner.role:
        scopes = ["*"]
    issued = issue_key(owner, actor=JOB, name=f"key-{next(_numbers)}", scopes=scopes, **fields)
    return issued.key, str(issued.secret)


def actor(subject: User | Agent, *, recent_factor: bool = True) -> Actor:
    """Who services see: a person signed in with a fresh second factor, or an agent by a key."""
    if isinstance(subject, Agent):
        return actor_for_agent(subject)
    fresh = clock.now().timestamp() if recent_factor else None
    return actor_for_user(subject, second_factor_at=fresh)


def enrol(user: User) -> TOTPDevice:
    """Give somebody an authenticator app, a minute ago: its first code is not the last one seen."""
    found = services.enrolled_device(user)
    if found is not None:
        return found
    device = services.begin_enrolment(user, actor=JOB)
    services.finish_enrolment(user, code_for(device), actor=JOB, device_id=device.pk)
    TOTPDevice.objects.filter(pk=device.pk).update(last_t=F("last_t") - 2)
    device.refresh_from_db()
    return device


def code_for(device: TOTPDevice) -> str:
    """A code of the app that was not used yet. No step is accepted twice, but the one before and
    the one after the current are, for phones whose clocks are wrong: so a test can show several
    without waiting half a minute. The one before only while this step lasts for long enough to
    show it."""
    device.refresh_from_db()
    earliest = int(time.time() + 5) // device.step + device.drift - 1
    code = hotp(device.bin_key, max(earliest, device.last_t + 1), device.digits)
    return f"{code:0{device.digits}d}"


def client(user: User) -> Client:
    """A browser signed in. The session is made by the function that ends the real forms, which
    are themselves tested in `tests/access`; `sign_in` goes through them. Whoever needs a phone
    has one, as enrolment leaves it but for the recovery codes."""
    device = services.enrolled_device(user)
    if device is None and settings.REQUIRE_SECOND_FACTOR:
        device = TOTPDevice.objects.create(user=user, name=DEVICE_NAME, confirmed=True)
    browser = Client()
    request = HttpRequest()
    request.session = SessionStore()
    with context.bind(source="console", address="127.0.0.1"):
        answer = complete(
            request,
            user,
            how="password, code" if device else "password",
            second_factor=device is not None,
            target="/",
        )
    assert answer["Location"] == "/", "sign-in refused"
    browser.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    browser.cookies[settings.CSRF_COOKIE_NAME] = request.META["CSRF_COOKIE"]
    return browser


def sign_in(user: User, *, next: str = "") -> Client:
    """A browser signed in by the forms: password, then the code."""
    device = enrol(user) if settings.REQUIRE_SECOND_FACTOR else services.enrolled_device(user)
    browser = Client()
    answer = browser.post(
        reverse("access:login"), {"email": user.email, "password": PASSWORD, "next": next}
    )
    assert answer.status_code == 302, f"sign-in refused: {answer.status_code}"
    if device is not None:
        answer = browser.post(reverse("access:second_factor"), {"code": code_for(device)})
        assert answer.status_code == 302, f"code refused: {answer.status_code}"
    return browser
