"""What embeadings makes of the list, and of the export that lies beside it."""

import json

from embead.beads import BeadsAdapter  # type: ignore[import-not-found]

snapshot, _ = BeadsAdapter().load()
found = {
    "path": snapshot.workspace_path,
    "count": snapshot.live_issue_count,
    "edges": dict(snapshot.dependency_type_counts),
    "live": snapshot.live_source_digest,
    "export": snapshot.export_source_digest,
    "reasons": list(snapshot.source_divergence_reasons),
    "warnings": list(snapshot.source_warnings),
}
print(json.dumps(found))  # noqa: T201
