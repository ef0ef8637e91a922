"""Where the pages of this package's rows are. `page_of` is what everybody links to."""

from __future__ import annotations

from missions.models import Artifact, Bundle, Mission


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
