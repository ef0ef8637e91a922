"""The approvals API: what waits, what was signed, and signing."""
