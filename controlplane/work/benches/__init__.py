"""`manage.py bench work`."""

from controlplane.work.benches import graph

__all__ = ["graph"]
