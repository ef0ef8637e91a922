"""What `manage.py bench` measures of incidents."""

from incidents.benches import alerts, paging

__all__ = ["alerts", "paging"]
