"""What `manage.py bench` measures of incidents."""

from incidents.benches import alerts, killed, paging, status

__all__ = ["alerts", "killed", "paging", "status"]
