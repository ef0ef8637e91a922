"""Toolkits of one mission: asked for, decided, inspected, connected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpResponse

from controlplane.base.api.answers import created
from controlplane.base.api.views import ListView, PortalRequest
from controlplane.lib import clock
from missions import guarding, services
from missions.api.guarding import examples, shapes, toolkit_forms
from missions.api.guarding.common import TAGS, VIEW, Part, Parts, one
from missions.models import DataInspection, MissionToolkit, ToolkitConnection


def _kit(view: Any, request: Any) -> MissionToolkit:
    rows = view.mission(request).toolkits.select_related("integration", "mission__workspace")
    found: MissionToolkit = one(rows, integration__slug=view.kwargs["slug"])
    return found


class _Kits(Part):
    def kit(self, request: Any) -> MissionToolkit:
        return _kit(self, request)

    def shown(self, row: MissionToolkit) -> HttpResponse:
        rows = MissionToolkit.objects.select_related("integration")
        return self.answer(shapes.toolkit(rows.get(pk=row.pk)))


class ToolkitsView(_Kits):
    """Toolkits of a mission."""

    actions = {"GET": VIEW, "POST": "mission.toolkits"}
    inputs = {"POST": toolkit_forms.ToolkitNew}
    outputs = {"GET": toolkit_forms.Toolkits, "POST": toolkit_forms.ToolkitRow}
    examples = {"POST": examples.TOOLKIT}

    def get(self, request: Any, ref: str) -> HttpResponse:
        """Toolkits of a mission, with their scopes, connection and last inspection"""
        rows = self.mission(request).toolkits.select_related("integration").order_by("pk")
        return self.answer({"items": [shapes.toolkit(row) for row in rows]})

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Ask for a toolkit, or for other scopes of one: then it is decided anew"""
        row = self.mission(request)
        return self.shown(services.ask_toolkit(row, actor=request.actor, **self.read(request)))


class ApproveView(_Kits):
    """Scopes approved."""

    actions = {"POST": "mission.authorize"}
    inputs = {"POST": toolkit_forms.Approve}
    outputs = {"POST": toolkit_forms.ToolkitRow}
    examples = {"POST": {"scopes": ["mail.draft"], "reason": "Reading is not needed."}}

    def post(self, request: Any, ref: str, slug: str) -> HttpResponse:
        """Approve what is asked for, or fewer scopes"""
        kit = self.kit(request)
        return self.shown(services.approve_toolkit(kit, actor=request.actor, **self.read(request)))


class DropView(_Kits):
    """A toolkit the mission does without."""

    actions = {"POST": "mission.authorize"}
    inputs = {"POST": toolkit_forms.Drop}
    outputs = {"POST": toolkit_forms.ToolkitRow}

    def post(self, request: Any, ref: str, slug: str) -> HttpResponse:
        """Drop it"""
        kit = self.kit(request)
        return self.shown(services.drop_toolkit(kit, actor=request.actor, **self.read(request)))


class AttestView(_Kits):
    """A person stands for what was approved."""

    actions = {"POST": "mission.attest"}
    inputs = {"POST": toolkit_forms.Attest}
    outputs = {"POST": toolkit_forms.ToolkitRow}
    examples = {"POST": {"text": "The least that drafts need; the data may be used for this."}}

    def post(self, request: Any, ref: str, slug: str) -> HttpResponse:
        """Attest to what was approved"""
        kit = self.kit(request)
        return self.shown(services.attest_toolkit(kit, actor=request.actor, **self.read(request)))


class InspectionsView(Parts):
    """Looks at the data behind a toolkit, the newest first."""

    actions = {"GET": VIEW, "POST": "mission.connect"}
    model = DataInspection
    output = toolkit_forms.InspectionRow
    inputs = {"POST": toolkit_forms.InspectionNew}
    outputs = {"POST": toolkit_forms.InspectionRow}
    examples = {"POST": examples.INSPECTION}

    def rows(self, request: PortalRequest) -> Any:
        rows = DataInspection.objects.visible_to(request.actor).of(request.workspace)
        return rows.filter(toolkit=_kit(self, request))

    def post(self, request: Any, ref: str, slug: str) -> HttpResponse:
        """Report an inspection; only a read-only one opens the way to a connection"""
        given = self.read(request)
        given["note_"] = given.pop("note", "")
        made = services.record_inspection(_kit(self, request), actor=request.actor, **given)
        return created(self.show(made), request.path)


class ConnectionsView(_Kits):
    """Authorizations of a toolkit."""

    actions = {"POST": "mission.connect"}
    inputs = {"POST": toolkit_forms.ConnectionNew}
    outputs = {"POST": toolkit_forms.ConnectionRow}
    examples = {"POST": examples.CONNECTION}

    def post(self, request: Any, ref: str, slug: str) -> HttpResponse:
        """Begin an authorization, for no more than was approved"""
        kit = self.kit(request)
        made = services.begin_connection(kit, actor=request.actor, **self.read(request))
        return self.answer(shapes.connection(made))


class _OneConnection(_Kits):
    outputs = {"POST": toolkit_forms.ConnectionRow}
    errors = (409, 422)

    def connection(self, request: Any) -> ToolkitConnection:
        kit = self.kit(request)
        rows = kit.connections.select_related("toolkit__mission__workspace")
        found: ToolkitConnection = one(rows, uid=self.kwargs["uid"])
        return found


class CompleteView(_OneConnection):
    """An authorization granted."""

    actions = {"POST": "mission.connect"}
    inputs = {"POST": toolkit_forms.Granted}
    examples = {"POST": examples.GRANTED}

    def post(self, request: Any, ref: str, slug: str, uid: Any) -> HttpResponse:
        """Tell that it was granted, and what; 422 while nobody looked read-only first"""
        row = self.connection(request)
        done = services.complete_connection(row, actor=request.actor, **self.read(request))
        return self.answer(shapes.connection(done))


class VerifyView(_OneConnection):
    """An authorization looked at again."""

    actions = {"POST": "mission.connect"}
    inputs = {"POST": toolkit_forms.Granted}
    examples = {"POST": examples.GRANTED}

    def post(self, request: Any, ref: str, slug: str, uid: Any) -> HttpResponse:
        """Tell what it may do now; more than was approved is drift"""
        row = self.connection(request)
        done = services.verify_connection(row, actor=request.actor, **self.read(request))
        return self.answer(shapes.connection(done))


class EndView(_OneConnection):
    """An authorization at its end."""

    actions = {"POST": "mission.connect"}
    inputs = {"POST": toolkit_forms.Ended}

    def post(self, request: Any, ref: str, slug: str, uid: Any) -> HttpResponse:
        """Tell that it failed, ran out or was revoked"""
        row, given = self.connection(request), self.read(request)
        done = services.end_connection(row, given.pop("to"), actor=request.actor, **given)
        return self.answer(shapes.connection(done))


class DueView(ListView):
    """Connections that somebody should look at again, those of longest ago first."""

    actions = {"GET": VIEW}
    output = toolkit_forms.DueRow
    sorts = {"oldest": ("verified_at", "id")}
    tags = TAGS

    def rows(self, request: PortalRequest) -> Any:
        since = clock.now() - timedelta(hours=guarding.VERIFY_HOURS.value)
        rows = ToolkitConnection.objects.visible_to(request.actor).of(request.workspace)
        late = Q(verified_at__lt=since) | Q(verified_at=None)
        return rows.connected().filter(late, toolkit__mission__status__in=["active", "paused"])
