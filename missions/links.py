"""Where the pages of this package's rows are. `page_of` is what everybody links to."""

from __future__ import annotations

from controlplane.work.models import Item
from missions.models import Artifact, Asset, Bundle, Meeting, Mission, Run, UndoRun


def page_of(mission: Mission) -> str:
    return f"/admin/missions/mission/{mission.pk}/change/"


def evidence_of(mission: Mission) -> str:
    """Its files, links and bundles."""
    return f"/admin/missions/mission/{mission.uid}/files/"


def artifact_page(artifact: Artifact) -> str:
    return f"/admin/missions/artifact/{artifact.pk}/change/"


def artifact_file(artifact: Artifact) -> str:
    """Where it is saved from."""
    return f"{evidence_of(artifact.mission)}{artifact.uid}/"


def bundle_file(bundle: Bundle) -> str:
    return f"{evidence_of(bundle.mission)}bundles/{bundle.number}/"


def toolkits_of(mission: Mission) -> str:
    return f"/admin/missions/mission/{mission.uid}/toolkits/"


def safeguards_of(mission: Mission) -> str:
    return f"/admin/missions/mission/{mission.uid}/safeguards/"


def findings_of(mission: Mission) -> str:
    return f"/admin/missions/mission/{mission.uid}/findings/"


def feedback_of(mission: Mission) -> str:
    """Where people say how it went."""
    return f"/admin/missions/mission/{mission.uid}/feedback/"


def retrospective_of(mission: Mission) -> str:
    return f"/admin/missions/mission/{mission.uid}/retrospective/"


def library_of(mission: Mission) -> str:
    """What it was planned from, and what was made of it."""
    return f"/admin/missions/mission/{mission.uid}/library/"


def plan_page(mission: Mission) -> str:
    """Plays, risks, the way back, who watches."""
    return f"/admin/missions/mission/{mission.uid}/plan/"


def runs_page(mission: Mission) -> str:
    return f"/admin/missions/mission/{mission.uid}/runs/"


def run_page(run: Run) -> str:
    return f"/admin/missions/mission/{run.mission.uid}/runs/{run.uid}/"


def undo_run_page(run: UndoRun) -> str:
    return f"/admin/missions/mission/{run.plan.mission.uid}/undo/{run.uid}/"


def asset_page(asset: Asset) -> str:
    return f"/admin/missions/asset/{asset.pk}/change/"


def meeting_page(meeting: Meeting) -> str:
    return f"/admin/missions/meetings/{meeting.uid}/"


def meetings() -> str:
    return "/admin/missions/meetings/"


def item_page(item: Item) -> str:
    return f"/admin/work/item/{item.uid}/change/"
