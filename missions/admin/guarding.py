"""What guards missions, across all of them: lists to find it in. It is decided on each mission's
own pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.questions import question
from missions import guard_figures as figures
from missions import links
from missions.models import (
    AgentSession,
    DataInspection,
    Finding,
    Mission,
    MissionToolkit,
    Override,
    Safeguard,
    ToolkitConnection,
    Violation,
)
from missions.services.overrides import label_of


def _at(mission: Mission, url: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, mission)


class _Part(ModelAdmin[Any]):
    view_action = "mission.view"
    head_state = "status"
    related: ClassVar[tuple[str, ...]] = ("mission__workspace",)
    labels: ClassVar[Mapping[str, str]] = {
        "found_at": "Found", "reported_by": "Reported by", "decided_by": "Decided by",
        "decided_at": "Decided", "requested_by": "Asked by", "requested_at": "Asked",
        "expires_at": "Ends", "auto_fix": "Agents may mend", "opened_at": "Opened",
        "settled_at": "Settled", "settled_by": "Settled by",
        "unhandled": "Stopped the mission", "external_id": "Outside name", "beat_at": "Last beat",
        "size_bytes": "Size", "lag_ms": "Lag",
        "creation_ms": "Created in", "initiated_by": "Begun by",
        "initiated_at": "Begun", "connected_at": "Connected", "verified_at": "Verified",
        "coverage_percent": "Coverage", "sample_count": "Sample", "pii_flags": "Personal data",
        "freshness_at": "Newest", "inspected_at": "Inspected", "proof": "What shows it",
        "mutating": "Changes something", "decision": "What was said", "link_id": "Link",
        "attested_at": "Attested", "drift": "Held beyond what was approved",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related(*self.related)

    def mission(self, obj: Any) -> Mission:
        found: Mission = obj.mission
        return found

    def page(self, mission: Mission) -> str:
        return links.page_of(mission)

    @admin.display(description="Mission")
    def of_mission(self, obj: Any) -> SafeString:
        return _at(self.mission(obj), self.page(self.mission(obj)))


@admin.register(Safeguard)
class SafeguardAdmin(_Part):
    about = "Rules of missions: what was suggested, and what somebody decided."
    tabs = (("To decide", "status__exact=suggested"), ("All", "view=all"))
    empty = "No safeguard waits for a decision."
    empty_hint = "They are suggested when a mission is started."
    list_display = ["title", "status", "of_mission", "severity", "mode", "decided_at"]
    phone_columns = ("status", "severity")
    list_filter = ("status", "severity", "mode")
    list_select_related = ["mission"]
    search_fields = ["title", "mission__ref", "mission__title"]
    related = ("mission__workspace", "template")
    head_severity = "severity"
    facts = ("status", "of_mission", "category", "mode", "auto_fix", "figures", "description",
             "justification", "reason", "suggested_by", "decided_by", "decided_at",
             "uid")  # fmt: skip

    @admin.display(description="Figures")
    def figures(self, obj: Safeguard) -> str:
        return figures.said(obj.params)

    def page(self, mission: Mission) -> str:
        return links.safeguards_of(mission)


@admin.register(Finding)
class FindingAdmin(_Part):
    about = "What safeguards found, in all missions. Decided on each mission's page."
    tabs = (
        ("Open", "status__exact=open"),
        ("Let pass", "status__exact=excepted"),
        ("All", "view=all"),
    )
    empty = "No finding is open."
    empty_hint = "Validators report them: POST /api/v1/missions/<ref>/findings."
    list_display = ["what", "status", "of_mission", "severity", "result", "found_at"]
    phone_columns = ("status", "severity", "found_at")
    list_filter = (
        "status",
        "severity",
        "result",
        question("Stopping", "stopping", {"yes": ("Stops a mission", lambda rows: rows.grave())}),
    )
    list_select_related = ["mission", "safeguard"]
    search_fields = ["external_id", "mission__ref", "mission__title"]
    related = ("mission__workspace", "safeguard")
    head_severity = "severity"
    head_clocks = ("found_at",)
    facts = ("status", "of_mission", "result", "phase", "message", "step", "toolkit",
             "auto_fix_attempted", "auto_fix_success", "unhandled", "resolution", "decided_by",
             "decided_at", "reported_by", "found_at", "external_id", "episode",
             "uid")  # fmt: skip

    def page(self, mission: Mission) -> str:
        return links.findings_of(mission)

    def heading(self, obj: Finding) -> str:
        return self.what(obj)

    @admin.display(description="Finding", ordering="external_id")
    def what(self, obj: Finding) -> str:
        return obj.called


@admin.register(Violation)
class ViolationAdmin(_Part):
    about = "Times in which safeguards held a mission."
    tabs = (("Open", "status__exact=open"), ("All", "view=all"))
    empty = "No safeguard holds a mission."
    empty_hint = "What failed, was not mended and is grave or enforced stops a mission."
    list_display = ["what", "status", "severity", "paused", "opened_at", "settled_at"]
    phone_columns = ("status", "opened_at")
    list_filter = ("status", "severity")
    list_select_related = ["mission"]
    search_fields = ["mission__ref", "mission__title"]
    related = ("mission__workspace", "item")
    head_severity = "severity"
    head_clocks = ("opened_at",)
    facts = ("status", "of_mission", "paused", "item", "opened_at", "settled_at", "settled_by",
             "uid")  # fmt: skip

    def page(self, mission: Mission) -> str:
        return links.findings_of(mission)

    def heading(self, obj: Violation) -> str:
        return f"{obj.mission.ref} held by a safeguard"

    @admin.display(description="Mission", ordering="mission__title")
    def what(self, obj: Violation) -> str:
        return str(obj.mission)


@admin.register(Override)
class OverrideAdmin(_Part):
    list_name = "Exceptions"
    about = "What somebody asked to let pass, and what became of it."
    tabs = (
        ("To decide", "status__exact=requested"),
        ("Let pass", "status__exact=granted"),
        ("All", "view=all"),
    )
    empty = "Nobody asks to let anything pass."
    empty_hint = "Agents and people ask; the role it is of decides, for a time."
    list_display = ["what", "status", "of_mission", "kind", "requested_at", "expires_at"]
    phone_columns = ("status", "expires_at")
    list_filter = ("status", "kind")
    list_select_related = ["mission", "finding__safeguard"]
    search_fields = ["mission__ref", "mission__title", "subject"]
    related = ("mission__workspace", "finding__safeguard")
    head_clocks = ("requested_at",)
    facts = ("status", "of_mission", "kind", "reason", "requested_by", "requested_at", "role",
             "decided_by", "decided_at", "decision", "expires_at", "ended_by", "ended_at",
             "end_reason", "uid")  # fmt: skip

    def page(self, mission: Mission) -> str:
        return links.findings_of(mission)

    def heading(self, obj: Override) -> str:
        return self.what(obj)

    @admin.display(description="What is let pass")
    def what(self, obj: Override) -> str:
        return label_of(obj)


@admin.register(MissionToolkit)
class MissionToolkitAdmin(_Part):
    list_name = "Mission toolkits"
    about = "What missions work with. Decided on each mission's page."
    tabs = (
        ("To decide", "status__exact=undecided"),
        ("Approved", "status__exact=approved"),
        ("All", "view=all"),
    )
    empty = "No toolkit waits for a decision."
    empty_hint = "Agents ask for what they need: POST /api/v1/missions/<ref>/toolkits."
    list_display = ["what", "status", "of_mission", "mutating", "scopes", "decided_at"]
    phone_columns = ("status", "scopes")
    list_filter = ("status", "mutating")
    list_select_related = ["mission", "integration"]
    search_fields = ["integration__name", "mission__ref", "mission__title"]
    related = ("mission__workspace", "integration", "attested_by")
    facts = ("status", "of_mission", "integration", "purpose", "mutating", "scopes",
             "minimum_scopes", "requested_scopes", "decision", "decided_by", "decided_at",
             "attested_by", "attested_at", "attestation", "uid")  # fmt: skip

    def page(self, mission: Mission) -> str:
        return links.toolkits_of(mission)

    def heading(self, obj: MissionToolkit) -> str:
        return f"{obj.integration.name} of {obj.mission.title}"

    @admin.display(description="Toolkit", ordering="integration__name")
    def what(self, obj: MissionToolkit) -> str:
        return obj.integration.name

    @admin.display(description="Approved scopes")
    def scopes(self, obj: MissionToolkit) -> str:
        return ", ".join(obj.approved_scopes)


class _OfToolkit(_Part):
    audited = False
    related = ("toolkit__mission__workspace", "toolkit__integration")
    list_select_related = ["toolkit__mission", "toolkit__integration"]

    def mission(self, obj: Any) -> Mission:
        found: Mission = obj.toolkit.mission
        return found

    def page(self, mission: Mission) -> str:
        return links.toolkits_of(mission)

    @admin.display(description="Toolkit")
    def what(self, obj: Any) -> str:
        return str(obj.toolkit.integration.name)

    def heading(self, obj: Any) -> str:
        return f"{obj.toolkit.integration.name} of {obj.toolkit.mission.title}"


@admin.register(ToolkitConnection)
class ToolkitConnectionAdmin(_OfToolkit):
    list_name = "Toolkit connections"
    about = "Authorizations of missions, from their beginning to their end. No token is here."
    tabs = (("Connected", "status__exact=approved"), ("All", "view=all"))
    empty = "Nothing is connected."
    empty_hint = "The inspector connects what was inspected, approved and attested to."
    list_display = ["what", "status", "of_mission", "held", "verified_at", "expires_at"]
    phone_columns = ("status", "expires_at")
    list_filter = (
        "status",
        question("Drift", "drift", {"yes": ("Holds too much", lambda rows: rows.drifting())}),
    )
    search_fields = ["link_id", "toolkit__mission__ref"]
    head_clocks = ("initiated_at",)
    facts = ("status", "of_mission", "held", "too_much", "link_id", "initiated_by", "initiated_at",
             "connected_at", "verified_at", "expires_at", "ended_at", "ended_by", "end_reason",
             "uid")  # fmt: skip

    @admin.display(description="Scopes held")
    def held(self, obj: ToolkitConnection) -> str:
        return ", ".join(obj.granted_scopes)

    @admin.display(description="Beyond what was approved")
    def too_much(self, obj: ToolkitConnection) -> str:
        return ", ".join(obj.drift)


@admin.register(DataInspection)
class DataInspectionAdmin(_OfToolkit):
    list_name = "Data inspections"
    about = "Looks at the data behind toolkits, before anything is connected."
    tabs = (("All", "view=all"),)
    empty = "Nobody looked at data yet."
    empty_hint = "The inspector does: POST /api/v1/missions/<ref>/toolkits/<slug>/inspections."
    list_display = ["what", "result", "of_mission", "covered", "sample_count",
                    "inspected_at"]  # fmt: skip
    phone_columns = ("result", "covered")
    list_filter = ("result", "read_only")
    search_fields = ["external_id", "toolkit__mission__ref"]
    head_state = "result"
    head_clocks = ("inspected_at",)
    facts = ("result", "of_mission", "source", "read_only", "proof", "covered",
             "sample_count", "freshness_at", "flags", "duplicates", "duration_ms", "note", "by",
             "inspected_at", "external_id", "uid")  # fmt: skip

    @admin.display(description="Coverage", ordering="coverage_percent")
    def covered(self, obj: DataInspection) -> str:
        return f"{obj.coverage_percent.normalize():f} %"

    @admin.display(description="Personal data")
    def flags(self, obj: DataInspection) -> str:
        return ", ".join(obj.pii_flags)


@admin.register(AgentSession)
class AgentSessionAdmin(_Part):
    list_name = "Agent sessions"
    about = "What agents remember of missions, one for each. Refused writes are counted."
    tabs = (("Active", "status__exact=active"), ("All", "view=all"))
    empty = "No agent is in a session."
    empty_hint = "Agents keep them: PUT /api/v1/missions/<ref>/sessions/<agent>."
    list_display = ["agent", "status", "of_mission", "conflicts", "tokens", "beat_at"]
    phone_columns = ("status", "beat_at")
    list_filter = (
        "status",
        question("Conflicts", "refused", {"yes": ("Had some", lambda rows: rows.refused())}),
    )
    list_select_related = ["mission"]
    search_fields = ["agent", "key", "mission__ref"]
    audited = False
    head_clocks = ("beat_at",)
    facts = ("status", "of_mission", "agent", "key", "creation_ms", "tokens", "lag_ms",
             "size_bytes", "conflicts", "conflict_at", "beat_at", "opened_by", "opened_at",
             "ended_at", "version")  # fmt: skip

    def heading(self, obj: AgentSession) -> str:
        return f"{obj.agent} in {obj.mission.title}"
