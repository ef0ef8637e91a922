"""The second factor: enrolling, codes that are good once, recovery codes, reset by another."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_otp.oath import hotp
from django_otp.plugins.otp_totp.models import TOTPDevice

from controlplane.access import numbers, services
from controlplane.access.models import RecoveryCode, User, UserSession
from controlplane.access.step_up import has_recent_factor, require_recent_factor
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Invalid, NotAllowed, RateLimited
from tests import make
from tests.kit.racing import race

LOGIN = "/access/login/"
CODE = "/access/code/"
ENROL = "/access/enrol/"
START = "2026-10-05T09:00:00Z"


@pytest.fixture
def clock(time_machine: Any) -> Any:
    time_machine.move_to(START, tick=False)
    return time_machine


def after_password(user: User) -> Client:
    browser = Client()
    browser.post(LOGIN, {"email": user.email, "password": make.PASSWORD})
    return browser


def recovery_codes(user: User) -> list[str]:
    return services.make_recovery_codes(user, actor=make.actor(user))


def step_code(device: TOTPDevice, step: int) -> str:
    return f"{hotp(device.bin_key, step):06d}"


# --- Enrolling ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_enrolment__demanded_and_none__is_forced_before_anything_else() -> None:
    user = make.person(make.workspace(), "viewer")
    browser = after_password(user)
    assert browser.get(CODE).status_code == 200
    page = browser.get(ENROL)
    assert page.status_code == 200
    html = page.content.decode()
    assert "<svg" in html
    assert "style=" not in html
    secret = re.search(r"Secret: <code>([A-Z2-7 ]+)</code>", html)
    assert secret
    device = TOTPDevice.objects.get(user=user)
    assert not device.confirmed
    assert browser.get(reverse("access:account")).status_code == 302
    answer = browser.post(ENROL, {"code": make.code_for(device), "next": "/access/roles/"})
    assert answer.status_code == 200
    codes = re.findall(r"<li><code>([a-z0-9-]{19})</code></li>", answer.content.decode())
    assert len(codes) == numbers.RECOVERY_CODES.value
    assert "no-store" in answer["Cache-Control"]
    assert browser.get(reverse("access:account")).status_code == 200
    assert UserSession.objects.get(user=user).second_factor_at is not None


@pytest.mark.django_db
def test_enrolment__wrong_code__keeps_the_secret_that_was_scanned() -> None:
    user = make.person(make.workspace(), "viewer")
    browser = after_password(user)
    browser.get(ENROL)
    key = TOTPDevice.objects.get(user=user).key
    assert browser.post(ENROL, {"code": "000000"}).status_code == 200
    assert TOTPDevice.objects.get(user=user).key == key
    assert not UserSession.objects.filter(user=user).exists()


@pytest.mark.django_db
def test_enrolment__of_somebody_enrolled__wants_the_code_first() -> None:
    """Whoever has only the password must not be able to put his own phone in place."""
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    browser = after_password(user)
    assert browser.get(ENROL)["Location"].startswith(CODE)
    answer = browser.post(ENROL, {"code": "000000"})
    assert answer["Location"].startswith(CODE)
    assert TOTPDevice.objects.filter(user=user).count() == 1


@pytest.mark.django_db
def test_enrolment__by_a_stranger__is_refused() -> None:
    user = make.person(make.workspace(), "viewer")
    other = make.superuser()
    with pytest.raises(NotAllowed):
        services.begin_enrolment(user, actor=make.actor(other))
    with pytest.raises(NotAllowed):
        services.make_recovery_codes(user, actor=make.actor(other))


@pytest.mark.django_db
def test_switch_off__nobody_is_forced_but_the_enrolled_are_still_asked(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = False
    ws = make.workspace()
    plain = make.person(ws, "viewer")
    assert make.sign_in(plain).get(reverse("access:account")).status_code == 200
    enrolled = make.person(ws, "viewer")
    make.enrol(enrolled)
    assert after_password(enrolled).get(reverse("access:account")).status_code == 302


@pytest.mark.django_db
def test_switch_turned_on__sessions_without_a_factor__sign_in_again(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = False
    user = make.person(make.workspace(), "viewer")
    browser = make.sign_in(user)
    settings.REQUIRE_SECOND_FACTOR = True
    assert browser.get(reverse("access:account")).status_code == 302


# --- Codes --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_code__used_once__is_refused_the_second_time() -> None:
    user = make.person(make.workspace(), "viewer")
    device = make.enrol(user)
    code = make.code_for(device)
    assert services.verify_code(user, code) == "code"
    assert services.verify_code(user, code) is None
    denied = AuditEvent.objects.get(rule="second_factor")
    assert denied.outcome == "denied"


@pytest.mark.django_db
def test_code__older_than_one_already_used__is_refused(clock: Any) -> None:
    user = make.person(make.workspace(), "viewer")
    device = make.enrol(user)
    clock.shift(300)
    now = int(datetime.fromisoformat(START).timestamp() + 300) // 30
    device.refresh_from_db()
    device.drift = 0
    device.save()
    assert services.verify_code(user, step_code(device, now)) == "code"
    assert services.verify_code(user, step_code(device, now - 1)) is None


@pytest.mark.django_db(transaction=True)
def test_code__sent_twelve_times_at_once__gets_in_once() -> None:
    user = make.person(make.workspace(), "viewer")
    code = make.code_for(make.enrol(user))

    def use(_: int) -> str | None:
        return services.verify_code(user, code)

    answers = race(4, use)
    assert sorted(map(str, answers)) == ["None", "None", "None", "code"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["", "12345", "1234567", "١٢٣٤٥٦", "+12345", "1_2_3_4", "abcdef", "\x00"]
)
def test_code__of_another_form__is_refused(text: str) -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    assert services.verify_code(user, text) is None


@pytest.mark.django_db
def test_code__of_somebody_else__is_refused() -> None:
    ws = make.workspace()
    user, other = make.person(ws, "viewer"), make.person(ws, "viewer")
    make.enrol(user)
    theirs = make.enrol(other)
    theirs_codes = recovery_codes(other)
    assert services.verify_code(user, make.code_for(theirs)) is None
    assert services.verify_code(user, theirs_codes[0]) is None


@pytest.mark.django_db
def test_code__guessing__pauses_after_five_also_over_several_sign_ins(clock: Any) -> None:
    user = make.person(make.workspace(), "viewer")
    device = make.enrol(user)
    for _ in range(numbers.FAILURES_PER_ACCOUNT.value):
        answer = after_password(user).post(CODE, {"code": "000000"})
        assert answer.status_code == 200
    refused = after_password(user).post(CODE, {"code": make.code_for(device)})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
def test_code__guesses_at_once__no_more_than_the_limit_are_checked() -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    answers = race(12, lambda number: services.verify_code(user, f"{number:06d}"))
    refused = [answer for answer in answers if isinstance(answer, RateLimited)]
    assert len(refused) == 12 - numbers.FAILURES_PER_ACCOUNT.value


# --- Recovery codes -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_recovery_code__signs_in_once_and_is_told() -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    code = recovery_codes(user)[0]
    browser = after_password(user)
    assert browser.post(CODE, {"code": f" {code.upper()} "}).status_code == 302
    html = browser.get(reverse("access:account")).content.decode()
    assert f"{numbers.RECOVERY_CODES.value - 1} are left" in html
    assert after_password(user).post(CODE, {"code": code}).status_code == 200
    assert AuditEvent.objects.filter(action="account.use_recovery_code").count() == 1


@pytest.mark.django_db(transaction=True)
def test_recovery_code__used_at_once_from_two_browsers__works_in_one() -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    code = recovery_codes(user)[0]
    answers = race(4, lambda _: services.verify_code(user, code))
    assert answers.count("recovery code") == 1


@pytest.mark.django_db
def test_recovery_codes__stand_hashed_and_a_new_set_voids_the_old() -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    old = recovery_codes(user)
    for row in RecoveryCode.objects.all():
        stored = bytes(row.code_sha256)
        assert not any(code.replace("-", "").encode() in stored for code in old)
    new = recovery_codes(user)
    assert services.verify_code(user, old[0]) is None
    assert services.verify_code(user, new[0]) == "recovery code"


@pytest.mark.django_db
def test_recovery_codes__are_in_no_audit_row() -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    codes = recovery_codes(user)
    services.verify_code(user, codes[0])
    for event in AuditEvent.objects.all():
        assert codes[0] not in str(vars(event))


@pytest.mark.django_db
def test_recovery_codes__by_the_page__want_a_recent_factor(clock: Any) -> None:
    user = make.person(make.workspace(), "viewer")
    browser = make.sign_in(user)
    assert b"Recovery codes" in browser.post(reverse("access:recovery_codes")).content
    clock.shift(numbers.RECENT_FACTOR_MINUTES.value * 60 + 1)
    answer = browser.post(reverse("access:recovery_codes"))
    assert answer["Location"].startswith("/access/confirm/")


# --- A fresh factor for sensitive actions ---------------------------------------------------------


@pytest.mark.django_db
def test_recent_factor__ages_and_is_renewed_by_the_code(clock: Any) -> None:
    user = make.person(make.workspace(), "viewer")
    browser = make.sign_in(user)
    old_key = browser.session.session_key
    session = UserSession.objects.get(user=user)
    clock.shift(numbers.RECENT_FACTOR_MINUTES.value * 60 + 1)
    device = TOTPDevice.objects.get(user=user)
    answer = browser.post(
        "/access/confirm/", {"code": make.code_for(device), "next": "/access/account/"}
    )
    assert answer["Location"] == "/access/account/"
    assert browser.session.session_key != old_key
    session.refresh_from_db()
    assert session.second_factor_at is not None
    assert session.second_factor_at.isoformat() > START
    assert browser.get("/access/account/").status_code == 200
    assert UserSession.objects.filter(user=user).count() == 1


@pytest.mark.django_db
def test_recent_factor__by_kind_of_actor(clock: Any, settings: Any) -> None:
    ws = make.workspace()
    user = make.person(ws, "viewer")
    assert has_recent_factor(make.JOB)
    assert has_recent_factor(make.actor(make.agent(ws)))
    assert has_recent_factor(make.actor(user))
    stale = make.actor(user)
    clock.shift(numbers.RECENT_FACTOR_MINUTES.value * 60 + 1)
    assert not has_recent_factor(stale)
    with pytest.raises(NotAllowed) as refused:
        require_recent_factor(stale)
    assert refused.value.error_code == "SECOND_FACTOR_REQUIRED"
    none = make.actor(user, recent_factor=False)
    assert not has_recent_factor(none)
    settings.REQUIRE_SECOND_FACTOR = False
    assert has_recent_factor(none)
    make.enrol(user)
    assert not has_recent_factor(none)


@pytest.mark.django_db
def test_confirm__without_a_session__asks_to_sign_in() -> None:
    assert Client().post("/access/confirm/", {"code": "000000"})["Location"].startswith(LOGIN)


# --- Reset by another -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_reset__by_another_admin__takes_everything_off_and_ends_sessions() -> None:
    ws = make.workspace()
    admin, user = make.person(ws, "workspace_admin"), make.person(ws, "viewer")
    browser = make.sign_in(user)
    services.reset_second_factor(user, actor=make.actor(admin), reason="lost the phone")
    assert not TOTPDevice.objects.filter(user=user).exists()
    assert not RecoveryCode.objects.filter(user=user).exists()
    assert browser.get("/access/account/").status_code == 302
    assert after_password(user).get(ENROL).status_code == 200


@pytest.mark.django_db
def test_reset__by_the_wrong_person__is_refused() -> None:
    ws, elsewhere = make.workspace(), make.workspace()
    admin = make.person(ws, "workspace_admin")
    user = make.person(ws, "viewer")
    in_both = make.person(ws, "viewer")
    services.add_member(elsewhere, in_both, actor=make.JOB)
    root = make.superuser()
    services.add_member(ws, root, actor=make.JOB)
    refused = [
        (admin, admin),  # oneself
        (make.person(ws, "viewer"), user),
        (make.person(elsewhere, "workspace_admin"), user),
        (admin, in_both),  # would reach into another workspace
        (admin, root),  # would reach into all
    ]
    for actor, target in refused:
        with pytest.raises(NotAllowed):
            services.reset_second_factor(target, actor=make.actor(actor), reason="please do")
    services.reset_second_factor(in_both, actor=make.actor(root), reason="lost the phone")


@pytest.mark.django_db
def test_reset__without_reason_or_recent_factor__is_refused() -> None:
    ws = make.workspace()
    admin, user = make.person(ws, "workspace_admin"), make.person(ws, "viewer")
    make.enrol(user)
    with pytest.raises(Invalid):
        services.reset_second_factor(user, actor=make.actor(admin), reason=" ")
    with pytest.raises(NotAllowed):
        services.reset_second_factor(
            user, actor=make.actor(admin, recent_factor=False), reason="lost the phone"
        )


@pytest.mark.django_db
def test_enrolment__secret_shown_to_another_browser__is_never_the_one_confirmed() -> None:
    """Somebody with only the password must not read the secret its owner will confirm."""
    user = make.person(make.workspace(), "viewer")
    thief, owner = after_password(user), after_password(user)

    def secret(browser: Client) -> str:
        found = re.search(r"Secret: <code>([A-Z2-7 ]+)</code>", browser.get(ENROL).content.decode())
        assert found
        return found[1]

    stolen, own = secret(thief), secret(owner)
    assert stolen != own
    assert secret(owner) == own
    device = TOTPDevice.objects.get(pk=owner.session["access_enrolling"])
    assert owner.post(ENROL, {"code": make.code_for(device)}).status_code == 200
    assert TOTPDevice.objects.get(user=user) == device
    assert thief.get(ENROL)["Location"].startswith(CODE)
