"""What the OpenAPI document shows: the playbook's own work."""

from __future__ import annotations

from typing import Any

ITEM: dict[str, Any] = {
    "uid": "0199f3c2-6f4e-7d2a-9f4e-2b8f6c1d0a55",
    "key": "bd-a1f",
    "project": "0199f3c2-6f4e-7d2a-9f4e-2b8f6c1d0a01",
    "title": "Deploy 2025.10.16 to production",
    "status": "in_progress",
    "category": "wip",
    "priority": 1,
    "issue_type": "deployment",
    "assignee": "kim@example.org",
    "owner": "",
    "created_by": "release-bot",
    "labels": ["deployment", "ops"],
    "external_ref": "v2025.10.16",
    "subject": "",
    "parent": None,
    "blocked": False,
    "open_blockers": 0,
    "estimated_minutes": 60,
    "due_at": None,
    "defer_until": None,
    "created_at": "2025-10-16T08:00:00Z",
    "updated_at": "2025-10-16T09:30:00Z",
    "started_at": "2025-10-16T09:30:00Z",
    "closed_at": None,
    "in_backlog": False,
    "stage": "",
    "kpi": "",
    "backlog_category": "",
    "impact": None,
    "effort": None,
    "score": None,
    "revision": "7",
}
DETAIL: dict[str, Any] = {
    **ITEM,
    "description": "Canary first, then all regions.",
    "design": "",
    "acceptance_criteria": "Error rate below 1 % for 60 minutes.",
    "notes": "",
    "spec_id": "",
    "source_system": "",
    "metadata": {},
    "ephemeral": False,
    "close_reason": "",
    "close_forced": False,
    "closed_by_session": "",
    "ensure_key": "deploy:2025.10.16",
    "readiness_artifact": "",
    "evidence_url": "",
    "await_type": "",
    "await_id": "",
}
NEW = {
    "title": "Rotate the mail integration's keys",
    "issue_type": "maintenance",
    "priority": 2,
    "labels": ["ops", "maintenance"],
    "due_at": "2025-10-20T12:00:00Z",
}
CHANGE = {"status": "in_progress", "assignee": "kim@example.org", "add_labels": ["warning"]}
ENSURE = {
    "key": "deploy:2025.10.16",
    "title": "Deploy 2025.10.16 to production",
    "issue_type": "deployment",
    "labels": ["ops", "deployment"],
}
COMMENT = {
    "id": "41",
    "author": "kim",
    "text": "Build 311 green",
    "created_at": "2025-10-16T09:31:00Z",
}
EVENT = {
    "id": "977",
    "event_type": "closed",
    "actor": "kim",
    "old_value": "status: in_progress",
    "new_value": "status: closed",
    "comment": "Deployed and watched.",
    "forced": False,
    "source": "api",
    "at": "2025-10-16T11:02:00Z",
}
EDGE = {
    "id": "12",
    "issue": "bd-a1f",
    "issue_title": "Deploy 2025.10.16 to production",
    "issue_status": "open",
    "depends_on": "bd-9c2",
    "depends_on_title": "Rotate keys",
    "depends_on_status": "closed",
    "outside": "",
    "type": "blocks",
    "metadata": "{}",
    "created_at": "2025-10-16T08:05:00Z",
    "created_by": "kim",
}
LINK = {
    "uid": "0199f3c2-6f4e-7d2a-9f4e-2b8f6c1d0b77",
    "kind": "evidence",
    "title": "Error rate during the canary",
    "url": "https://grafana.example.org/d/canary",
    "download": None,
    "size": None,
    "sha256": "",
    "media_type": "",
    "added_by": "kim",
    "created_at": "2025-10-16T10:40:00Z",
}
CHECK = {
    "uid": "0199f3c2-6f4e-7d2a-9f4e-2b8f6c1d0c12",
    "repository": "example/portal",
    "kind": "check_run",
    "name": "tests",
    "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    "branch": "bd-a1f-release",
    "status": "completed",
    "conclusion": "success",
    "passed": True,
    "url": "https://github.com/example/portal/runs/128620228",
    "started_at": "2025-10-16T08:20:00Z",
    "completed_at": "2025-10-16T08:31:00Z",
    "updated_at": "2025-10-16T08:31:00Z",
    "items": ["bd-a1f"],
}
PROJECT = {
    "uid": "0199f3c2-6f4e-7d2a-9f4e-2b8f6c1d0a01",
    "name": "Operations",
    "prefix": "bd",
    "description": "",
    "ids": "hash",
    "is_operations": True,
    "is_sandbox": False,
    "custom_types": [],
    "custom_statuses": {},
    "epics_block_epics_only": True,
    "update_may_close": True,
    "created_at": "2025-10-01T08:00:00Z",
    "archived_at": None,
    "version": 1,
}
SOURCE = {
    "uid": "0199f3c2-6f4e-7d2a-9f4e-2b8f6c1d0d01",
    "repository": "example/portal",
    "project": "0199f3c2-6f4e-7d2a-9f4e-2b8f6c1d0a01",
    "is_active": True,
    "last_at": None,
    "last_refused_at": None,
    "refused": 0,
    "created_at": "2025-10-01T08:00:00Z",
    "version": 1,
}


def page(*rows: Any) -> dict[str, Any]:
    return {"items": list(rows), "next": None, "next_cursor": None}
