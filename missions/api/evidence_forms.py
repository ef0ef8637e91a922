"""What is sent and answered of evidence."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from missions import stages
from missions.api.forms import EvidenceLink, text
from missions.models import Artifact, Bundle

EXAMPLE: dict[str, Any] = {
    "uid": "01995c1e-6a52-7a1c-8c0f-0c9a3d6f7b21",
    "stage": "define",
    "attempt": 1,
    "kind": "file",
    "title": "Intake validation",
    "path": "docs/readiness/define_intake_validation/intake-validation.pdf",
    "status": "verified",
    "size": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "media_type": "application/pdf",
    "failure": "",
    "redaction": "pending",
    "uploaded_by": "agent:7",
    "created_at": "2027-03-01T09:00:00Z",
    "verified_at": "2027-03-01T09:00:01Z",
    "checked_at": "2027-03-08T02:00:00Z",
    "deleted_at": None,
    "version": 3,
    "content": "/api/v1/missions/MSN-7/artifacts/01995c1e-6a52-7a1c-8c0f-0c9a3d6f7b21/content",
}
BUNDLE: dict[str, Any] = {
    "uid": "01995c1f-07d3-7f1e-9a35-3f6d2c1b8e40",
    "number": 3,
    "audience": "internal",
    "status": "building",
    "size": 0,
    "sha256": "",
    "manifest_hash": "",
    "failure": "",
    "attempts": 0,
    "created_at": "2027-03-01T09:05:00Z",
    "stored_at": None,
    "verified_at": None,
    "withheld_at": None,
    "withheld_why": "",
    "packaging_ms": None,
    "hash_ms": None,
    "content": None,
}


class ArtifactRow(StrictSerializer):
    uid = serializers.UUIDField()
    stage = serializers.ChoiceField(choices=stages.CHOICES)
    attempt = serializers.IntegerField(source="visit.attempt")
    kind = serializers.ChoiceField(choices=Artifact.Kind.choices)
    title = serializers.CharField()
    path = serializers.CharField(help_text="in the tree that exports write")
    status = serializers.ChoiceField(choices=Artifact.Status.choices)
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    media_type = serializers.CharField(help_text="by its content")
    failure = serializers.CharField()
    redaction = serializers.ChoiceField(choices=Artifact.Redaction.choices)
    uploaded_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    verified_at = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True, help_text="last read back")
    deleted_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()
    content = serializers.SerializerMethodField(allow_null=True)

    def get_content(self, row: Any) -> str | None:
        return str(row)


class BundleRow(StrictSerializer):
    uid = serializers.UUIDField()
    number = serializers.IntegerField()
    audience = serializers.ChoiceField(choices=Bundle.Audience.choices)
    status = serializers.ChoiceField(choices=Bundle.Status.choices)
    size = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="of the file")
    manifest_hash = serializers.CharField(help_text="of the list of hashes in it, SHA256SUMS")
    failure = serializers.CharField()
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    stored_at = serializers.DateTimeField(allow_null=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    withheld_at = serializers.DateTimeField(
        allow_null=True, help_text="it holds what was taken away since, and is not handed out"
    )
    withheld_why = serializers.CharField()
    packaging_ms = serializers.IntegerField(allow_null=True)
    hash_ms = serializers.IntegerField(allow_null=True)
    content = serializers.SerializerMethodField(allow_null=True)

    def get_content(self, row: Any) -> str | None:
        return str(row)


class BundleWhole(BundleRow):
    manifest = serializers.DictField(help_text="each entry with its path and hash")


class BundleAsk(StrictSerializer):
    audience = serializers.ChoiceField(choices=Bundle.Audience.choices, required=False)
    reason = text(max_length=500)


class Because(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class Clear(Because):
    on = serializers.BooleanField(default=True, help_text="false: it may not go out as it is")


class HoldRow(StrictSerializer):
    uid = serializers.UUIDField()
    reason = serializers.CharField()
    placed_by = serializers.CharField()
    placed_at = serializers.DateTimeField()
    released_at = serializers.DateTimeField(allow_null=True)


class ShareNew(StrictSerializer):
    person = serializers.UUIDField(help_text="somebody of another house who has a role here")
    reason = serializers.CharField(max_length=500)


class ShareRow(StrictSerializer):
    uid = serializers.UUIDField()
    person = serializers.UUIDField(source="person.uid")
    name = serializers.CharField(source="person.name")
    reason = serializers.CharField()
    shared_by = serializers.CharField()
    shared_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class Shares(StrictSerializer):
    shares = ShareRow(many=True)


class Branch(StrictSerializer):
    stage = serializers.CharField()
    attempt = serializers.IntegerField()
    open = serializers.BooleanField()
    folder = serializers.CharField()
    files = ArtifactRow(many=True)
    links = EvidenceLink(many=True)


class Tree(StrictSerializer):
    used = serializers.IntegerField(help_text="bytes of files and bundles")
    most = serializers.IntegerField()
    held = serializers.BooleanField(help_text="a legal hold stands")
    branches = Branch(many=True)


class Usage(StrictSerializer):
    used = serializers.IntegerField(help_text="bytes of files and bundles of the workspace")
    most = serializers.IntegerField()
    percent = serializers.FloatField()
    files = serializers.IntegerField()
    bundles = serializers.IntegerField()
    failed_uploads = serializers.IntegerField()
    building = serializers.IntegerField()
