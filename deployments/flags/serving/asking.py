"""Asking a flag from inside the portal: no query, no network."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from controlplane.access.models import Workspace
from deployments.flags.engine import UNKNOWN, Decision
from deployments.flags.services.apps import App
from deployments.flags.serving import counting
from deployments.flags.serving.counting import Answer
from deployments.flags.serving.snapshots import Snapshot
from deployments.flags.serving.store import AWAY, store

logger = logging.getLogger(__name__)
APP = App("portal")
_NOBODY: Mapping[str, Any] = {}


def is_enabled(
    name: str,
    context: Mapping[str, Any] | None = None,
    *,
    workspace: Workspace | int,
    environment: str | None = None,
    default: bool = False,
) -> bool:
    """Whether the flag is on for this context. `environment` is the slug, else the portal's own.
    An unknown flag is `default`, and so is any while no flags could ever be read."""
    found = decide(name, context, workspace=workspace, environment=environment)
    return found.enabled if found.known else default


def decide(
    name: str,
    context: Mapping[str, Any] | None = None,
    *,
    workspace: Workspace | int,
    environment: str | None = None,
) -> Decision:
    """The whole answer: variant, payload, reason."""
    snapshot = _flags(workspace, environment or settings.ENVIRONMENT)
    if snapshot is None:
        return UNKNOWN
    said = snapshot.ruleset.decide(name, _NOBODY if context is None else context)
    if said.known:
        answer = Answer(name, said.enabled, said.variant)
        counting.answered(snapshot.environment_id, APP, (answer,))
    else:
        counting.unknown(snapshot.environment_id, APP, name)
    return said


def _flags(workspace: Workspace | int, environment: str) -> Snapshot | None:
    try:
        return store.named(workspace if isinstance(workspace, int) else workspace.pk, environment)
    except AWAY as error:
        logger.warning("flags could not be read: %s", error)
        return None
    except Exception:
        # Whoever asks has work to do: what the rows hold is no failure of theirs.
        logger.exception("flags of %s could not be made of their rows", environment)
        return None
