"""The library: versions that stay, one who publishes, uses by other missions, look-ups."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from missions.learning import lookups
from missions.models import Asset, AssetUse, AssetVersion
from missions.services import asset_use, feedback, library
from tests import make
from tests.kit import settled
from tests.kit.missions import World

pytestmark = pytest.mark.django_db


@settled.once
def scene() -> Any:
    world = World()
    source = world.imported(stage="feedback")
    row = library.create_asset(
        world.workspace, actor=world.actor, title="Win-back mails", source=source,
        body="Ask first what they miss. Offer nothing.", tags=["crm"], summary="Three mails.",
    )  # fmt: skip
    return SimpleNamespace(world=world, source=source, row=row, kc=world.kc)


def published(scene: Any) -> Asset:
    library.publish_asset(scene.row, actor=scene.kc)
    row: Asset = Asset.objects.get(pk=scene.row.pk)
    return row


def test_publishing__makes_a_version_that_stays(scene: Any) -> None:
    row = published(scene)
    assert (row.status, row.number) == ("published", 1)
    first = library.published_of(row)
    assert first is not None
    assert len(first.sha256) == 64
    draft = library.write_draft(row, actor=scene.world.actor, body="Ask twice.", note="Shorter.")
    assert draft.number == 2
    assert library.publish_asset(row, actor=scene.kc).number == 2
    first.refresh_from_db()
    assert first.body.startswith("Ask first")
    versions = AssetVersion.objects.filter(pk=first.pk)
    for broken in (lambda: versions.update(body="Other."), lambda: versions.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            broken()


def test_two_publish_at_once__one_wins_and_the_other_hears_why(scene: Any) -> None:
    seen = scene.row.version
    other = scene.world.someone("knowledge_curator")
    library.publish_asset(scene.row, actor=scene.kc, version=seen)
    with pytest.raises(Conflict, match="published version 1"):
        library.publish_asset(scene.row, actor=other, version=seen)
    with pytest.raises(InvalidTransition, match="nothing is newer"):
        library.publish_asset(scene.row, actor=other)


def test_drafts__are_discarded_and_empty_ones_not_published(scene: Any) -> None:
    row = published(scene)
    library.write_draft(row, actor=scene.kc, body=" ")
    with pytest.raises(GateNotMet):
        library.publish_asset(row, actor=scene.kc)
    library.discard_draft(row, actor=scene.kc, reason="Not now.")
    assert library.draft_of(row) is None
    fresh = library.create_asset(scene.world.workspace, actor=scene.kc, title="Nothing yet")
    with pytest.raises(InvalidTransition):
        library.discard_draft(fresh, actor=scene.kc, reason="Not now.")


def test_retiring__hides_it_and_keeps_what_used_it(
    scene: Any, django_capture_on_commit_callbacks: Any
) -> None:
    row, mission = published(scene), scene.world.started()
    asset_use.use_asset(mission, row, actor=scene.world.actor)
    library.retire_asset(row, actor=scene.kc, reason="Outdated.")
    assert lookups.find(row.workspace_id, "mails") == []
    assert AssetUse.objects.filter(mission=mission).exists()
    with pytest.raises(InvalidTransition):
        library.write_draft(row, actor=scene.kc, body="More.")
    with pytest.raises(Invalid, match="retired"):
        asset_use.use_asset(scene.world.started(), row, actor=scene.world.actor)
    with django_capture_on_commit_callbacks(execute=True):
        library.restore_asset(row, actor=scene.kc, reason="Asked for.")
    assert [each["title"] for each in lookups.find(row.workspace_id, "mails")] == [row.title]


def test_use__once_a_mission_of_a_version_made_by_others(scene: Any) -> None:
    row, mission = published(scene), scene.world.started()
    use = asset_use.use_asset(mission, row, actor=scene.world.actor)
    library.write_draft(row, actor=scene.kc, body="Ask twice.")
    library.publish_asset(row, actor=scene.kc)
    same = asset_use.use_asset(mission, row, actor=scene.world.actor)
    assert (same.pk, same.used.number) == (use.pk, 1)
    with pytest.raises(Invalid, match="very mission"):
        asset_use.use_asset(scene.source, row, actor=scene.world.actor)
    with pytest.raises(Invalid, match="No such version"):
        asset_use.use_asset(scene.world.started(), row, actor=scene.world.actor, number=9)
    with pytest.raises(InvalidTransition, match="history"):
        asset_use.use_asset(scene.world.imported(status="archived"), row, actor=scene.world.actor)
    with pytest.raises(DatabaseError), transaction.atomic():
        AssetUse.objects.create(asset=row, used=use.used, mission=scene.source, by="user:1")
    with pytest.raises(DatabaseError), transaction.atomic():
        AssetUse.objects.filter(pk=use.pk).delete()


def test_search__finds_words_of_title_tags_and_text_and_counts_uses(scene: Any) -> None:
    row, mission = published(scene), scene.world.imported(stage="feedback")
    asset_use.use_asset(mission, row, actor=scene.world.actor)
    feedback.give_feedback(mission, actor=scene.world.actor, rating=4)
    for words in ("mail", "crm", "offering nothing", '"what they miss"', ""):
        [found] = lookups.find(row.workspace_id, words)
        assert (found["title"], found["uses"], found["rating"]) == ("Win-back mails", 1, 4.0)
    assert lookups.find(row.workspace_id, "-mail") == []
    assert lookups.find(row.workspace_id, "mail", tags=["other"]) == []
    assert lookups.find(make.workspace().pk, "mail") == []


def test_search__is_remembered_until_the_library_changes(
    scene: Any, django_capture_on_commit_callbacks: Any
) -> None:
    row = published(scene)
    lookups.find(row.workspace_id, "mails", most=7)
    with CaptureQueriesContext(connection) as asked:
        lookups.find(row.workspace_id, "mails", most=7)
    assert len(asked) == 0
    with django_capture_on_commit_callbacks(execute=True):
        library.describe_asset(row, actor=scene.kc, title="Win-back letters")
    assert lookups.find(row.workspace_id, "mails", most=7)[0]["title"] == "Win-back letters"


def test_titles__are_there_once(scene: Any) -> None:
    with pytest.raises(Conflict, match="already"):
        library.create_asset(scene.world.workspace, actor=scene.kc, title="win-back MAILS")
    other = library.create_asset(scene.world.workspace, actor=scene.kc, title="Another")
    with pytest.raises(Conflict):
        library.describe_asset(other, actor=scene.kc, title="Win-back mails")


@pytest.mark.parametrize(
    "given",
    [{"title": " "}, {"category": "song"}, {"tags": "crm"}, {"playbook": [1]},
     {"playbook": {"a": "b" * 70_000}}, {"playbook": {"a": "\0"}}, {"playbook": {"a": "\ud800"}},
     {"body": "x" * 17_000}, {"number": 3}],
)  # fmt: skip
def test_bad_input__is_refused(scene: Any, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        library.create_asset(
            scene.world.workspace, actor=scene.kc, **{"title": "Whatever", **given}
        )


def test_secrets__are_not_kept(scene: Any) -> None:
    row = library.create_asset(
        scene.world.workspace, actor=scene.kc, title="With a key",
        body="Use api_key=ABCDEF1234567890", playbook={"password": "hunter22"},
    )  # fmt: skip
    draft = library.draft_of(row)
    assert draft is not None
    assert "ABCDEF" not in draft.body
    assert "hunter22" not in str(draft.playbook)


def test_strangers__are_refused(scene: Any) -> None:
    elsewhere = make.actor(make.person(make.workspace(), "knowledge_curator"))
    agent = make.actor(make.agent(scene.world.workspace, role="planner"))
    for call in (
        lambda: library.publish_asset(scene.row, actor=scene.world.actor),
        lambda: library.publish_asset(scene.row, actor=elsewhere),
        lambda: library.publish_asset(scene.row, actor=agent),
        lambda: library.write_draft(scene.row, actor=elsewhere, body="Mine."),
        lambda: library.retire_asset(scene.row, actor=scene.world.actor, reason="No."),
        lambda: asset_use.use_asset(scene.source, scene.row, actor=elsewhere),
    ):
        with pytest.raises(NotAllowed):
            call()
    row = published(scene)
    foreign = World()
    with pytest.raises(Invalid):
        asset_use.use_asset(foreign.started(), row, actor=foreign.actor)
    with pytest.raises(NotAllowed):  # what is published others read already
        library.describe_asset(row, actor=scene.world.actor, title="Mine")
