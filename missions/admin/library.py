"""The library: what can be used again, its versions, and which missions used it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import seen_in
from controlplane.base.posting import workspace_for
from controlplane.base.web import actor_of, workspace_of
from missions import links
from missions.learning import lookups
from missions.models import Asset, AssetUse, AssetVersion, Mission
from missions.services import library

if TYPE_CHECKING:
    _Form = forms.ModelForm[Asset]
else:
    _Form = forms.ModelForm

FIELDS = ("title", "summary", "category", "tags", "body", "note")
MOST = 12


class AssetForm(_Form):
    """What it is called, and what its next version says."""

    tags = SimpleArrayField(
        forms.CharField(max_length=40), required=False, help_text="Separated by commas."
    )
    body = forms.CharField(
        label="What it says", required=False, max_length=16_000,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text="Nobody finds it until a curator publishes it; published, it stays.",
    )  # fmt: skip
    note = forms.CharField(
        label="What is new", required=False, max_length=500,
        help_text="In a line, for whoever used the version before.",
    )  # fmt: skip

    class Meta:
        model = Asset
        fields = ("title", "summary", "category", "tags", "source_mission")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            newest = library.draft_of(self.instance) or library.published_of(self.instance)
            if newest is not None:
                self.initial["body"] = newest.body
                self.initial["note"] = "" if newest.published_at else newest.note

    def _post_clean(self) -> None:
        """What the model would refuse the service refuses, beside the field."""


def _draft_written(row: Asset) -> str:
    if row.status == Asset.Status.RETIRED:
        return "It is retired: bring it back first."
    draft = library.draft_of(row)
    if draft is None:
        return f"Version {row.number} is published; nothing is newer."
    return "" if draft.body.strip() else "It says nothing yet."


def _discardable(row: Asset) -> str:
    if row.number == 0:
        return "Nothing of it is published: retire it instead."
    return "" if library.draft_of(row) is not None else "Nothing is newer than what is published."


@admin.register(Asset)
class AssetAdmin(ModelAdmin[Asset]):
    list_name = "Library"
    view_action = "library.view"
    add_action = "library.write"
    change_action = "library.write"
    in_palette = True
    about = "What was made in one mission and helps others. Published versions stay as they are."
    tabs = (
        ("Published", "status__exact=published"),
        ("Drafts", "status__exact=draft"),
        ("Retired", "status__exact=retired"),
        ("All", "view=all"),
    )
    empty = "Nothing is in the library yet."
    empty_hint = "Make an asset of a mission that went well; a curator publishes it."
    list_display = ["title", "status", "category", "number", "reused", "rated", "changed_at"]
    phone_columns = ("status", "reused")
    list_filter = ("status", "category")
    search_fields = ["title", "summary", "tag_text", "text"]
    form = AssetForm
    add_fields = (*FIELDS[:4], "source_mission", *FIELDS[4:])
    edit_fields = FIELDS
    head_state = "status"
    change_form_template = "missions/learning/row.html"
    panel_template = "missions/learning/asset.html"
    labels: ClassVar[Mapping[str, str]] = {
        "source_mission": "Made in the mission", "number": "Version",
        "published_at": "First published", "reason": "Retired because",
    }  # fmt: skip
    facts = (
        *("status", "reason", "category", "tags_shown", "number", "source_mission", "reused"),
        *("rated", "created_by", "created_at", "published_at", "changed_at", "uid"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("workspace", "source_mission")
        return lookups.with_counts(rows).defer("text", "search")

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """By words as in the API: stems, quotes, `-`; not by parts of words."""
        words = search_term.replace("\x00", "").strip()[: lookups.MOST_WORDS]
        return (queryset.found(words) if words else queryset), False

    @admin.display(description="Used by")
    def reused(self, obj: Any) -> str:
        number = getattr(obj, "used", 0)
        return f"{number} mission{'' if number == 1 else 's'}"

    @admin.display(description="Rated")
    def rated(self, obj: Any) -> str:
        mean = getattr(obj, "rating", None)
        return f"{float(mean):.1f} of 5" if mean is not None else ""

    @admin.display(description="Tags")
    def tags_shown(self, obj: Asset) -> str:
        return ", ".join(obj.tags)

    def panel_context(self, request: HttpRequest, obj: Asset) -> Mapping[str, Any]:
        versions = list(obj.versions.order_by("-number")[:MOST])
        draft = next((each for each in versions if each.published_at is None), None)
        published = next((each for each in versions if each.published_at is not None), None)
        uses = obj.uses.select_related("mission", "used").order_by("-pk")
        return {
            "asset": obj,
            "draft": draft,
            "current": published,
            "before": [each for each in versions if each not in (draft, published)],
            "uses": [(each, links.page_of(each.mission)) for each in uses[:MOST]],
            "edit_url": "?edit=1",
        }

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        # `body` and `note` are the form's own; the factory knows fields of the model only.
        form: Any = super().get_form(request, obj, change, **kw)
        field = form.base_fields.get("source_mission")
        if field is not None:
            where = workspace_of(request) or workspace_for(request, "library.write")
            rows = Mission.objects.visible_to(actor_of(request)).of(where)
            newest = rows.exclude(status="draft").order_by("-pk").values("pk")[:200]
            field.queryset, field.required = rows.filter(pk__in=newest), False
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """From a mission's page, with that mission."""
        asked = request.GET.get("mission", "")
        rows = Mission.objects.visible_to(actor_of(request)).filter(ref=asked[:16])
        where = workspace_of(request)
        mission = (rows.of(where) if where is not None else rows).first() if asked else None
        return {"source_mission": mission.pk} if mission is not None else {}

    def service_save(
        self, request: HttpRequest, obj: Asset, form: forms.ModelForm[Asset], change: bool
    ) -> Asset:
        given, actor = dict(form.cleaned_data), actor_of(request)
        body, note = given.pop("body", ""), given.pop("note", "")
        source = given.pop("source_mission", None)
        if not change:
            where = workspace_for(request, "library.write")
            return library.create_asset(
                where, actor=actor, body=body, note_=note, source=source, **given
            )
        library.describe_asset(obj, actor=actor, **given)
        newest = library.draft_of(obj) or library.published_of(obj)
        if newest is None or body != newest.body or (note and note != newest.note):
            library.write_draft(obj, actor=actor, body=body, note=note)
        done: Asset = Asset.objects.get(pk=obj.pk)
        return done

    @button(
        label="Publish",
        action="library.publish",
        confirm="From then on everybody finds this version, and it stays as it is.",
        when=_draft_written,
        seen=lambda row: str(row.version),
    )
    def publish(self, request: HttpRequest, obj: Asset, reason: str) -> str:
        seen = seen_in(request)
        version = int(seen) if seen.isascii() and seen.isdigit() else None
        done = library.publish_asset(obj, actor=actor_of(request), version=version)
        return f"Version {done.number} is published."

    @button(label="Discard the draft", action="library.write", reason=True, quiet=True,
            when=_discardable)  # fmt: skip
    def discard(self, request: HttpRequest, obj: Asset, reason: str) -> str:
        library.discard_draft(obj, actor=actor_of(request), reason=reason)
        return "The draft is gone."

    @button(
        label="Retire", action="library.retire", reason=True, quiet=True,
        when=lambda row: "It is retired." if row.status == "retired" else "",
    )  # fmt: skip
    def retire(self, request: HttpRequest, obj: Asset, reason: str) -> str:
        library.retire_asset(obj, actor=actor_of(request), reason=reason)
        return "Retired."

    @button(
        label="Bring back", action="library.retire", reason=True, quiet=True,
        when=lambda row: "" if row.status == "retired" else "It is not retired.",
    )  # fmt: skip
    def restore(self, request: HttpRequest, obj: Asset, reason: str) -> str:
        library.restore_asset(obj, actor=actor_of(request), reason=reason)
        return "It is back."


def _asset(asset: Asset) -> SafeString:
    return format_html('<a href="{}">{}</a>', links.asset_page(asset), asset.title)


@admin.register(AssetVersion)
class AssetVersionAdmin(ModelAdmin[AssetVersion]):
    list_name = "Versions of assets"
    view_action = "library.view"
    about = "What each asset said, and who published it."
    tabs = (("All", "view=all"),)
    empty = "No version yet."
    empty_hint = "Each asset has one from its beginning."
    list_display = ["what", "state", "published_by", "published_at", "note"]
    phone_columns = ("state", "published_at")
    list_select_related = ["asset"]
    search_fields = ["asset__title", "sha256"]
    head_state = "state"
    audited = False  # what is done to it is told of its asset
    labels: ClassVar[Mapping[str, str]] = {"note": "What is new", "sha256": "SHA-256",
                                           "body": "What it says"}  # fmt: skip
    facts = ("state", "of_asset", "number", "body", "note", "published_by", "published_at",
             "sha256", "uid")  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("asset__workspace")

    @admin.display(description="Version")
    def what(self, obj: AssetVersion) -> str:
        return str(obj)

    @admin.display(description="Asset")
    def of_asset(self, obj: AssetVersion) -> SafeString:
        return _asset(obj.asset)

    @admin.display(description="State")
    def state(self, obj: AssetVersion) -> str:
        return "Published" if obj.published_at is not None else "Draft"


@admin.register(AssetUse)
class AssetUseAdmin(ModelAdmin[AssetUse]):
    list_name = "Uses of assets"
    view_action = "library.view"
    about = "Which mission was planned from which version."
    tabs = (("All", "view=all"),)
    empty = "No mission used the library yet."
    empty_hint = "It is noted on a mission's library page, and with the choice of a play."
    list_display = ["what", "of_mission", "by", "at"]
    phone_columns = ("at",)
    list_select_related = ["asset", "used", "mission"]
    search_fields = ["asset__title", "mission__ref", "mission__title"]
    head_clocks = ("at",)
    audited = False  # it is told of its asset
    facts = ("of_asset", "of_mission", "note", "by", "at", "uid")

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ("asset__workspace", "used__asset", "mission")
        return super().get_queryset(request).select_related(*related)

    def heading(self, obj: AssetUse) -> str:
        return f"{obj.used} in {obj.mission.ref}"

    @admin.display(description="Version")
    def what(self, obj: AssetUse) -> str:
        return str(obj.used)

    @admin.display(description="Asset")
    def of_asset(self, obj: AssetUse) -> SafeString:
        return _asset(obj.asset)

    @admin.display(description="Mission")
    def of_mission(self, obj: AssetUse) -> SafeString:
        return format_html('<a href="{}">{}</a>', links.page_of(obj.mission), obj.mission)
