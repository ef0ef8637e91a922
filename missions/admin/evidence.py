"""Files of missions, their bundles, and what is held by law."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import Place, ShownButton, buttons_of
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from missions import links
from missions.models import Artifact, Bundle, EvidenceHold
from missions.services import evidence
from missions.services.evidence.holding import standing
from missions.shown import evidence as shown


def _mission(obj: Any) -> SafeString:
    return format_html('<a href="{}">{}</a>', links.page_of(obj.mission), obj.mission)


HELD = "A legal hold"


def _of_use(asked: Any, obj: Artifact) -> bool:
    """Drawn where it can be done, or where somebody can do something about it."""
    refusal = str(asked(obj)) if asked is not None else ""
    return not refusal or refusal.startswith(HELD)


def _in(*statuses: str) -> Any:
    def when(obj: Artifact) -> str:
        return "" if obj.status in statuses else f"It is {obj.get_status_display().lower()}."

    return when


def _removable(obj: Artifact) -> str:
    elsewhere = str(_in("stored", "verified", "failed")(obj))
    if elsewhere or obj.stored_at is None:
        return elsewhere
    if standing(obj.mission) is not None:
        return f"{HELD} stands on {obj.mission.ref}: compliance or legal lets it go."
    return "" if obj.visit.is_open else f"{obj.visit} was left: it is what was signed."


def _restorable(obj: Artifact) -> str:
    elsewhere = str(_in("deleted")(obj))
    if elsewhere:
        return elsewhere
    if not obj.storage_key:
        return "Its bytes are gone."
    return "" if obj.visit.is_open else f"{obj.visit} was left."


def _clearable(obj: Artifact) -> str:
    elsewhere = str(_in("stored", "verified", "archived")(obj))
    return elsewhere or ("It is cleared." if obj.redaction == "not_required" else "")


def _cleared(obj: Artifact) -> str:
    return "" if obj.redaction == "not_required" else "It is not cleared."


@admin.register(Artifact)
class ArtifactAdmin(ModelAdmin[Artifact]):
    list_name = "Evidence"
    view_action = "mission.view"
    about = (
        "Files that missions keep as evidence, each with its hash. They are read back each week."
    )
    tabs = (
        ("Kept", "standing=kept"),
        ("Broken", "standing=broken"),
        ("Taken away", "standing=gone"),
        ("All", "view=all"),
    )
    empty = "No file is kept."
    empty_hint = (
        "Add one on a mission's evidence page, or POST /api/v1/missions/{ref}/artifacts/upload."
    )
    list_display = [
        *("what", "status", "of_mission", "stage", "in_bytes", "uploaded_by", "created_at")
    ]
    phone_columns = ("status", "stage")
    list_filter = (
        question(
            "Standing",
            "standing",
            {
                "kept": ("Kept", lambda rows: rows.filter(status__in=["stored", "verified"])),
                "broken": ("Broken", lambda rows: rows.filter(status="failed")),
                "gone": ("Taken away", lambda rows: rows.filter(status="deleted")),
            },
        ),
        *("stage", "status", "redaction", "kind"),
    )
    list_select_related = ["mission"]
    search_fields = ["title", "path", "mission__ref", "sha256"]
    head_state = "status"
    panel_template = "missions/evidence/panel.html"
    audited = False  # what is done to it is told of its mission
    labels: ClassVar[Mapping[str, str]] = {
        "sha256": "SHA-256", "media_type": "Is, by its content", "path": "In the tree",
        "stored_at": "Stored", "verified_at": "Verified", "checked_at": "Last read back",
        "archived_at": "Archived", "deleted_at": "Taken away", "deleted_by": "Taken away by",
        "delete_reason": "Because", "failure": "What is wrong", "redaction": "For outside readers",
        "redaction_by": "Cleared by", "redaction_reason": "Cleared because",
    }  # fmt: skip
    facts = (
        *("status", "failure", "of_mission", "of_stage", "path", "in_bytes", "media_type"),
        *("sha256",),
        *("redaction", "redaction_by", "redaction_reason", "kind", "uploaded_by", "created_at"),
        *("verified_at", "checked_at", "archived_at", "deleted_at", "deleted_by", "delete_reason"),
        "uid",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ("mission__workspace", "mission__owner", "visit")
        return super().get_queryset(request).select_related(*related)

    def heading(self, obj: Artifact) -> str:
        return obj.title

    def panel_context(self, request: HttpRequest, obj: Artifact) -> Mapping[str, Any]:
        return {
            "file": shown.preview(obj),
            "all_url": links.evidence_of(obj.mission),
            "save_url": links.artifact_file(obj) if obj.is_there else "",
        }

    @admin.display(description="File", ordering="title")
    def what(self, obj: Artifact) -> SafeString:
        return format_html('{} <span class="quiet">{}</span>', obj.title, obj.name)

    @admin.display(description="Mission")
    def of_mission(self, obj: Artifact) -> SafeString:
        return _mission(obj)

    @admin.display(description="Stage visit")
    def of_stage(self, obj: Artifact) -> str:
        return str(obj.visit)

    @admin.display(description="Bytes", ordering="size")
    def in_bytes(self, obj: Artifact) -> str:
        return f"{obj.size:,}"

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """Of these, what can be done with it as it is; who may not sees why."""
        found = super()._shown(request, place, obj)
        if obj is None:
            return found
        when = {entry.name: entry.when for entry in buttons_of(type(self), place)}
        return [one for one in found if _of_use(when.get(one.name), obj)]

    @button(
        quiet=True,
        label="Read it back",
        action="mission.evidence",
        when=_in("stored", "verified", "failed"),
    )
    def read_back(self, request: HttpRequest, obj: Artifact, reason: str) -> str:
        found = evidence.check_artifact(obj, actor=actor_of(request))
        return "It is what was received." if found.status == "verified" else found.failure

    @button(label="Bring it back", action="mission.remove_evidence", when=_restorable)
    def restore(self, request: HttpRequest, obj: Artifact, reason: str) -> str:
        evidence.restore_artifact(obj, actor=actor_of(request))
        return f"{obj.name} is evidence again."

    @button(
        quiet=True,
        label="Take it away",
        action="mission.remove_evidence",
        confirm="For 30 days it can be brought back. Signatures that were given with it fall.",
        reason=True,
        when=_removable,
    )
    def remove(self, request: HttpRequest, obj: Artifact, reason: str) -> str:
        evidence.remove_artifact(obj, actor=actor_of(request), reason=reason)
        return f"{obj.name} is taken away."

    @button(
        quiet=True,
        label="Clear for outside readers",
        action="mission.clear_evidence",
        confirm="It goes out as it is, with every redacted export from now on.",
        reason=True,
        when=_clearable,
    )
    def clear(self, request: HttpRequest, obj: Artifact, reason: str) -> str:
        evidence.clear_artifact(obj, actor=actor_of(request), reason=reason)
        return f"{obj.name} may go out as it is."

    @button(
        quiet=True,
        label="Clear no more",
        action="mission.clear_evidence",
        reason=True,
        when=_cleared,
    )
    def unclear(self, request: HttpRequest, obj: Artifact, reason: str) -> str:
        evidence.clear_artifact(obj, actor=actor_of(request), on=False, reason=reason)
        return f"{obj.name} does not go out as it is."


@admin.register(Bundle)
class BundleAdmin(ModelAdmin[Bundle]):
    list_name = "Evidence bundles"
    view_action = "mission.view"
    about = "All evidence of a mission as one file, with a list of hashes that anybody can check."
    tabs = (
        ("Standing", "standing=current"),
        ("Being made", "status__exact=building"),
        ("Failed", "status__exact=failed"),
        ("All", "view=all"),
    )
    empty = "No bundle."
    empty_hint = (
        "Made on a mission's evidence page, or POST /api/v1/missions/{ref}/regenerate-evidence."
    )
    list_display = ["what", "status", "audience", "in_bytes", "created_at", "verified_at"]
    phone_columns = ("status", "audience")
    list_filter = (
        question(
            "Standing",
            "standing",
            {"current": ("Standing", lambda rows: rows.filter(status="stored"))},
        ),
        *("status", "audience"),
    )
    list_select_related = ["mission"]
    search_fields = ["mission__ref", "mission__title", "manifest_hash", "sha256"]
    head_state = "status"
    panel_template = "missions/evidence/bundle.html"
    audited = False
    labels: ClassVar[Mapping[str, str]] = {
        "sha256": "SHA-256 of the file", "manifest_hash": "Hash of the manifest",
        "audience": "For", "asked_by": "Asked by", "failure": "What went wrong",
        "packaging_ms": "Made in (ms)", "hash_ms": "Of that hashing (ms)", "attempts": "Tries",
        "verified_at": "Last read back", "created_at": "Asked", "stored_at": "Stored",
        "superseded_at": "Superseded", "archived_at": "Archived",
        "withheld_at": "Handed out no more since", "withheld_why": "Because",
    }  # fmt: skip
    facts = (
        *("status", "failure", "of_mission", "number", "audience", "in_bytes", "sha256"),
        *("manifest_hash", "asked_by", "reason", "created_at", "stored_at", "verified_at"),
        *("superseded_at", "archived_at", "withheld_at", "withheld_why", "attempts"),
        *("packaging_ms", "hash_ms", "uid"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("mission__workspace")

    def heading(self, obj: Bundle) -> str:
        return str(obj)

    def panel_context(self, request: HttpRequest, obj: Bundle) -> Mapping[str, Any]:
        return {
            "listed": shown.listed(obj),
            "columns": shown.LISTED,
            "all_url": links.evidence_of(obj.mission),
            "save_url": links.bundle_file(obj) if obj.is_there else "",
        }

    @admin.display(description="Bundle", ordering="mission")
    def what(self, obj: Bundle) -> str:
        return str(obj)

    @admin.display(description="Mission")
    def of_mission(self, obj: Bundle) -> SafeString:
        return _mission(obj)

    @admin.display(description="Bytes", ordering="size")
    def in_bytes(self, obj: Bundle) -> str:
        return f"{obj.size:,}"


@admin.register(EvidenceHold)
class EvidenceHoldAdmin(ModelAdmin[EvidenceHold]):
    list_name = "Holds on missions"
    view_action = "mission.view"
    about = "While one stands, nothing of the mission's evidence is archived, deleted or forgotten."
    tabs = (("Standing", "standing=yes"), ("All", "view=all"))
    empty = "No legal hold."
    empty_hint = "Legal and compliance place one on a mission's evidence page."
    list_display = ["of", "state", "reason", "placed_by", "placed_at"]
    phone_columns = ("state", "placed_at")
    list_filter = (
        question("Standing", "standing", {"yes": ("Standing", lambda rows: rows.standing())}),
    )
    list_select_related = ["mission"]
    search_fields = ["mission__ref", "mission__title"]
    head_state = "state"
    head_clocks = ("placed_at",)
    audited = False
    facts = (
        *("state", "of_mission", "reason", "placed_by", "placed_at", "released_at", "released_by"),
        *("release_reason", "uid"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("mission__workspace")

    def heading(self, obj: EvidenceHold) -> str:
        return str(obj)

    @admin.display(description="Mission", ordering="mission")
    def of(self, obj: EvidenceHold) -> str:
        return str(obj.mission)

    @admin.display(description="Mission")
    def of_mission(self, obj: EvidenceHold) -> SafeString:
        return _mission(obj)

    @admin.display(description="State")
    def state(self, obj: EvidenceHold) -> str:
        return "In force" if obj.stands else "Released"
