"""Where the pages of this package's rows are. `page_of` is what everybody links to."""

from __future__ import annotations

from missions.models import Mission


def page_of(mission: Mission) -> str:
    return f"/admin/missions/mission/{mission.pk}/change/"
