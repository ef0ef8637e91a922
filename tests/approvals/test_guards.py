"""History cannot be rewritten and a quorum cannot be talked past, whoever writes: tried with the
rights of the portal's own role, by SQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from controlplane.access.models import Workspace
from controlplane.approvals import services
from controlplane.approvals.models import Decision, Delegation, Request, RequestSlot
from controlplane.lib import clock
from tests import make
from tests.kit import approvals, roles
from tests.kit.approvals import Person, ask, now_of, person, policy, sign, slot

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def here() -> Iterator[Workspace]:
    found = make.workspace()
    with roles.as_the_portal():
        yield found


def refuses(statement: str, *values: Any) -> str:
    with (
        pytest.raises(DatabaseError) as error,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, list(values))
    return str(error.value).splitlines()[0]


def test_portal__does_all_it_does_with_its_own_rights(here: Workspace) -> None:
    manager = person(here, "release_manager")
    asker = person(here, "product_manager")
    request = ask(here, actor=asker.actor)
    services.delegate(request, asker.user, actor=manager.actor, reason="away")
    revised = services.revise(request, {"a": 1}, actor=asker.actor)
    assert sign(revised, manager).status == "approved"
    assert services.void(revised, actor=make.JOB, reason="gone").status == "void"
    for step in (services.withdraw, services.expire):
        step(ask(here, actor=asker.actor), actor=asker.actor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM mission_approvals")
        assert cursor.fetchone()[0] == 4


def test_decision__is_never_changed(here: Workspace) -> None:
    sign(ask(here), person(here, "release_manager"))
    for change in (
        "verdict = 'rejected'", "comment = 'No.'", "person_id = person_id + 1",
        "sha256 = repeat('0', 64)", "decided_at = now()", "instance = 7", "verdict = verdict",
    ):  # fmt: skip
        assert "append-only" in refuses(f"UPDATE approvals_decision SET {change}"), change


def test_rows__are_never_deleted(here: Workspace) -> None:
    manager = person(here, "release_manager")
    request = ask(here)
    services.delegate(request, person(here, "viewer").user, actor=manager.actor, reason="away")
    sign(request, manager)
    for name in ("decision", "request", "requestslot", "delegation"):
        assert "append-only" in refuses(f"DELETE FROM approvals_{name}")
        refuses(f"TRUNCATE approvals_{name} CASCADE")
    assert Decision.objects.count() == 1


def test_request__what_was_asked_stays(here: Workspace) -> None:
    ask(here)
    for change in (
        "packet_text = '{}', sha256 = encode(sha256('{}'), 'hex')", "packet_text = '{}'",
        "title = 'Another'", "policy_snapshot = '{}'", "requested_at = now()", "due_at = now()",
        "expires_at = now() + interval '1 year'", "producers = '{}'", "requested_by_id = NULL",
        "question = gen_random_uuid()", "revision = 9", "number = 77", "supersedes_id = NULL",
        "owner = 'another'", "subject = 'another'", "requested_by_name = 'Somebody'",
    ):  # fmt: skip
        assert "append-only" in refuses(f"UPDATE approvals_request SET {change}"), change


def test_packet__has_its_hash_or_is_not_stored(here: Workspace) -> None:
    request = ask(here)
    request.pk, request.uid, request.number = None, uuid.uuid4(), 99
    request.question, request.packet_text = uuid.uuid4(), '{"another":true}'
    with pytest.raises(DatabaseError, match="approval_packet_hash"), transaction.atomic():
        request.save(force_insert=True)


@pytest.mark.parametrize("change", ["needed = 0", "needed = 9", "roles = '{viewer}'"])
def test_slot__what_is_needed_stays(here: Workspace, change: str) -> None:
    ask(here)
    assert "append-only" in refuses(f"UPDATE approvals_requestslot SET {change}")


def test_slot__holds_no_more_than_it_needs(here: Workspace) -> None:
    ask(here)
    assert "approval_slot_quorum" in refuses(
        "UPDATE approvals_requestslot SET signed = 2, waiting = false"
    )


def signature(request: Request, by: Person, **fields: Any) -> Decision:
    values: dict[str, Any] = {
        "workspace_id": request.workspace_id, "request": request, "slot": request.slots.first(),
        "instance": 1, "person": by.user, "verdict": "approved", "sha256": request.sha256,
        "decided_at": clock.now(), **fields,
    }  # fmt: skip
    with transaction.atomic():
        return Decision.objects.create(**values)


def test_signature__past_the_service__is_held_to_the_rules(here: Workspace) -> None:
    manager, other = person(here, "release_manager"), person(here, "release_manager")
    two = policy(here, slot("a", "release_manager", count=2), slot("b", "release_manager"))
    request = ask(here, policy=two, producers=[other.user])
    foreign = RequestSlot.objects.get(request=ask(here))
    for fields, sentence in (
        ({"sha256": "0" * 64}, "another packet was signed"),
        ({"instance": 3}, "no such place"),
        ({"instance": 0}, "no such place"),
        ({"slot": foreign}, "of another request"),
        ({"workspace_id": make.workspace().pk}, "of another request"),
        ({"person": other.user}, "producer signs nothing"),
        ({"verdict": "rejected"}, "approval_refusal_says_why"),
        ({"delegated_from": other.user}, "approval_delegated_by_row"),
    ):
        with pytest.raises(DatabaseError, match=sentence):
            signature(request, manager, **fields)
    signature(request, manager)
    with pytest.raises(DatabaseError, match="approval_one_per_person"):
        signature(request, manager, instance=2)
    third = person(here, "release_manager")
    with pytest.raises(DatabaseError, match="approval_one_per_place"):
        signature(request, third)
    services.expire(request)
    with pytest.raises(DatabaseError, match="the request is expired"):
        signature(now_of(request), third, instance=2)


def test_approved__only_with_all_signatures(here: Workspace) -> None:
    two = policy(here, slot("a", "release_manager", count=2))
    request = sign(ask(here, policy=two), person(here, "release_manager"))
    now = "status = 'approved', closed_at = now(), decided_at = now()"
    assert "signatures are missing" in refuses(f"UPDATE approvals_request SET {now}")
    # Nor by counting what nobody signed.
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_requestslot SET signed = 2, waiting = false WHERE request_id = %s",
            [request.pk],
        )
    assert "signatures are missing" in refuses(f"UPDATE approvals_request SET {now}")


@pytest.mark.parametrize("ended", ["withdrawn", "expired", "void", "superseded"])
def test_ended__stays_ended(here: Workspace, ended: str) -> None:
    request = ask(here)
    {
        "withdrawn": lambda: services.withdraw(request, actor=make.JOB),
        "expired": lambda: services.expire(request),
        "void": lambda: services.void(request, actor=make.JOB, reason="gone"),
        "superseded": lambda: services.supersede(request, actor=make.JOB, reason="gone"),
    }[ended]()
    again = "status = 'open', closed_at = NULL"
    assert "cannot become open" in refuses(f"UPDATE approvals_request SET {again}")


_COPIED = """
    INSERT INTO approvals_request (uid, question, number, status, decided_at, closed_at, reason,
        version, workspace_id, policy_id, policy_snapshot, owner, subject, title, packet_text,
        sha256, revision, requested_by_ref, requested_by_name, producers, behind, requested_at,
        asked_at, due_at, expires_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 99, {}, 1, workspace_id, policy_id,
        policy_snapshot, owner, subject, title, packet_text, sha256, 1, requested_by_ref,
        requested_by_name, producers, behind, requested_at, asked_at, due_at, expires_at
      FROM approvals_request
"""


@pytest.mark.parametrize(
    "begun",
    [
        "'approved', now(), now(), ''", "'rejected', now(), now(), ''",
        "'void', NULL, now(), 'gone'", "'open', NULL, NULL, 'said before'",
    ],
)  # fmt: skip
def test_request__begins_open_and_no_other_way(here: Workspace, begun: str) -> None:
    ask(here)
    assert "begins open" in refuses(_COPIED.format(begun))
    with connection.cursor() as cursor:
        cursor.execute(_COPIED.format("'open', NULL, NULL, ''"))
    assert Request.objects.count() == 2


def test_slot__begins_empty_and_with_its_request(here: Workspace) -> None:
    copied = """
        INSERT INTO approvals_requestslot (request_id, position, slug, title, roles, needed,
            signed, requester_may, waiting)
        SELECT request_id, 9, 'more', title, roles, 1, {}, false, false FROM approvals_requestslot
    """
    request = ask(here)
    assert "begins empty" in refuses(copied.format(1))
    sign(request, person(here, "release_manager"))
    assert "is not open" in refuses(copied.format(0))


def test_closed__how_it_ended_stays(here: Workspace) -> None:
    manager, asker = person(here, "release_manager"), person(here, "product_manager")
    changes = (
        "decided_at = now() - interval '3 days'", "closed_at = now() - interval '3 days'",
        "reason = 'Rewritten.'",
    )  # fmt: skip
    request = ask(here, actor=asker.actor)
    assert "has no end" in refuses("UPDATE approvals_request SET reason = 'Before its end.'")
    sign(request, manager)
    for change in changes:
        assert "append-only" in refuses(f"UPDATE approvals_request SET {change}")
    rewritten = f"status = 'void', reason = 'gone', {changes[1]}"
    assert "append-only" in refuses(f"UPDATE approvals_request SET {rewritten}")
    before = now_of(request)
    after = services.void(request, actor=make.JOB, reason="gone")
    assert (after.decided_at, after.closed_at) == (before.decided_at, before.closed_at)
    for change in changes:
        assert "append-only" in refuses(f"UPDATE approvals_request SET {change}")
    assert now_of(request).reason == "gone"


def test_delegation__only_ends(here: Workspace) -> None:
    manager = person(here, "release_manager")
    row = services.delegate(ask(here), person(here, "viewer").user, actor=manager.actor, reason="x")
    for change in ("until = now() + interval '1 year'", "to_user_id = from_user_id", "reason = ''"):
        assert "append-only" in refuses(f"UPDATE approvals_delegation SET {change}")
    assert services.end_delegation(row, actor=manager.actor).ended_at is not None
    assert Delegation.objects.count() == 1


def test_audit__tells_each_step_in_order(here: Workspace) -> None:
    from controlplane.audit.models import AuditEvent

    manager, asker = person(here, "release_manager"), person(here, "product_manager")
    request = ask(here, actor=asker.actor)
    services.delegate(request, asker.user, actor=manager.actor, reason="away")
    sign(request, manager, comment="Good.")
    services.void(request, actor=make.JOB, reason="gone")
    rows = AuditEvent.objects.filter(subject_ref=f"approvals.request:{request.pk}").order_by("id")
    assert [(row.action, row.actor_ref) for row in rows] == [
        ("approval.ask", asker.actor.ref),
        ("approval.delegate", manager.actor.ref),
        ("approval.sign", manager.actor.ref),
        ("approval.void", make.JOB.ref),
    ]
    assert approvals.told("approval.decided") == [asker.user.email]


@pytest.mark.parametrize("status", ["rejected", "changes_requested"])
def test_refused__only_with_a_signature_that_says_so(here: Workspace, status: str) -> None:
    request = ask(here)
    ended = (
        f"UPDATE approvals_request SET status = '{status}', decided_at = now(), closed_at = now(),"
        f" version = version + 1 WHERE id = {request.pk}"
    )
    assert f"nobody answered {status}" in refuses(ended)
    two = policy(here, slot("release", "release_manager", count=2))
    half = sign(ask(here, policy=two), person(here, "release_manager"))
    assert "nobody answered" in refuses(ended.replace(f"= {request.pk}", f"= {half.pk}"))
    assert sign(request, person(here, "release_manager"), status).status == status


def test_comment__stays_as_it_was_said(here: Workspace) -> None:
    request, other = ask(here), ask(here)
    services.comment(request, "Why ten?", actor=person(here, "release_manager").actor)
    for statement in (
        "UPDATE approvals_requestcomment SET text = 'Fine.'",
        "DELETE FROM approvals_requestcomment",
    ):
        assert "append-only" in refuses(statement)
    assert "another request" in refuses(
        "INSERT INTO approvals_requestcomment (uid, workspace_id, request_id, question, author_ref,"
        " author_name, text, source, created_at) SELECT gen_random_uuid(), workspace_id, %s,"
        " question, author_ref, author_name, text, source, now() FROM approvals_requestcomment",
        other.pk,
    )


def test_owner_of_the_agent_that_asked__signs_past_no_service(here: Workspace) -> None:
    owner = person(here, "release_manager")
    agent = make.agent(here, role="planner", owner=owner.user)
    request = ask(here, actor=make.actor(agent))
    slot_id = request.slots.get().pk
    assert "whoever asked does not sign" in refuses(
        "INSERT INTO approvals_decision (uid, workspace_id, request_id, slot_id, instance,"
        " person_id, as_role, verdict, comment, sha256, decided_at, break_glass) VALUES"
        " (gen_random_uuid(), %s, %s, %s, 1, %s, 'release_manager', 'approved', '', %s, now(),"
        " false)",
        here.pk, request.pk, slot_id, owner.user.pk, request.sha256,
    )  # fmt: skip
    assert "append-only" in refuses("UPDATE approvals_request SET behind = '{}'")
