"""What GitHub says: which repositories are believed, and what becomes of their deliveries."""

from __future__ import annotations

from controlplane.work.services.github.receiving import Received, receive
from controlplane.work.services.github.sources import add_source, rotate_secret, switch_source

__all__ = ["Received", "add_source", "receive", "rotate_secret", "switch_source"]
