"""Whole graphs in and out: Beads' JSON lines, and tasks.json."""

from __future__ import annotations

from controlplane.work.services.transfer.exporting import export_file, export_lines
from controlplane.work.services.transfer.importing import Imported, import_lines
from controlplane.work.services.transfer.tasks_json import export_tasks, import_tasks

__all__ = [
    "Imported",
    "export_file",
    "export_lines",
    "export_tasks",
    "import_lines",
    "import_tasks",
]
