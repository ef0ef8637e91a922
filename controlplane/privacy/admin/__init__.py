"""Privacy and compliance in the console."""

from controlplane.privacy.admin import compliance, holds, people

__all__ = ["compliance", "holds", "people"]
