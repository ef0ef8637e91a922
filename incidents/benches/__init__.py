"""What `manage.py bench` measures of incidents."""

from incidents.benches import paging

__all__ = ["paging"]
