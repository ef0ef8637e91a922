"""What `manage.py bench` measures of incidents."""

from incidents.benches import alerts, killed, paging

__all__ = ["alerts", "killed", "paging"]
