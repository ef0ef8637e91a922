"""Pages of incidents. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from incidents.response import web as response
from incidents.web import moves, opening, reviews

app_name = "burning"
_ONE = "admin/incidents/incident/<uuid:uid>"
_REVIEW = "admin/incidents/incidentreview/<uuid:uid>"
urlpatterns = [
    path("admin/incidents/incident/new/", opening.new, name="new"),
    path("admin/incidents/levels/", opening.ladder, name="levels"),
    path("admin/incidents/levels/<slug:ladder>/<slug:code>/", opening.level, name="level"),
    path(f"{_ONE}/move/<slug:slug>/", moves.move, name="move"),
    path(f"{_ONE}/alerts/", moves.alerts, name="alerts"),
    path(f"{_ONE}/do/", response.do, name="do"),
    path(f"{_ONE}/act/<slug:kind>/", response.act, name="act"),
    path(f"{_ONE}/undo/<uuid:action>/", response.undo, name="undo"),
    path(f"{_ONE}/role/", response.role, name="role"),
    path(f"{_ONE}/decide/", response.decision, name="decide"),
    path(f"{_ONE}/check/", response.check, name="check"),
    path(f"{_ONE}/timeline/", response.timeline, name="timeline"),
    path(f"{_ONE}/timeline/<int:comment>/", response.better, name="better"),
    path(f"{_ONE}/timeline.<slug:form>", response.export, name="export"),
    path(f"{_ONE}/tree/", response.tree, name="tree"),
    path(f"{_ONE}/split/", response.split, name="split"),
    path(f"{_ONE}/update/", response.post, name="update"),
    path(f"{_ONE}/update/<uuid:update>/<slug:verb>/", response.draft, name="draft"),
    path(f"{_ONE}/review/", reviews.begin, name="review_begin"),
    path(f"{_REVIEW}/write/", reviews.write, name="review_write"),
    path(f"{_REVIEW}/documents/", reviews.documents, name="review_documents"),
    path(f"{_REVIEW}/actions/new/", reviews.new_action, name="review_action_new"),
    path(f"{_REVIEW}/actions/<uuid:action_uid>/", reviews.action, name="review_action"),
    path(f"{_REVIEW}/actions/<uuid:action_uid>/drop/", reviews.drop, name="review_drop"),
    path(f"{_REVIEW}/report/<slug:edition>.<slug:form>", reviews.report_file, name="review_report"),
]
