"""Privacy and compliance in the console."""

from controlplane.privacy.admin import compliance, people

__all__ = ["compliance", "people"]
