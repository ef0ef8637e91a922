"""`/mcp`, and where RFC 9728 looks for what it says of itself."""

from __future__ import annotations

from django.urls import path

from controlplane.base.mcp import parts
from controlplane.base.mcp.view import METADATA, mcp, protected_resource

urlpatterns = [
    path("mcp", mcp, name="mcp"),
    path(METADATA[1:], protected_resource),
    path(f"{METADATA[1:]}/mcp", protected_resource),
]
parts.load()
