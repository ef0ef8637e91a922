"""Missions' pages on the desk."""

from __future__ import annotations

from django.urls import path

from missions.desk import asking, figures, files, following, learning, safeguards

app_name = "mission_desk"
_ONE = "desk/missions/<uuid:uid>"
urlpatterns = [
    path("desk/missions/", following.missions, name="missions"),
    path("desk/missions/new/", asking.ask, name="ask"),
    path(f"{_ONE}/", following.mission, name="mission"),
    path(f"{_ONE}/say/", asking.say, name="say"),
    path(f"{_ONE}/step/<slug:verb>/", following.step, name="step"),
    path(f"{_ONE}/files/<uuid:file>/", files.file, name="file"),
    path(f"{_ONE}/files/<uuid:file>/picture/", files.picture, name="picture"),
    path(f"{_ONE}/safeguards/", safeguards.safeguards, name="safeguards"),
    path(f"{_ONE}/feedback/", learning.feedback, name="feedback"),
    path(f"{_ONE}/retrospective/", learning.retrospective, name="retrospective"),
    path("desk/figures/", figures.figures, name="figures"),
    path("desk/figures.csv", figures.figures_file, name="figures_file"),
]
