"""Console pages of this package: what left, what did not, and where news can go."""

from controlplane.notify.admin import channels, contacts, leaving, reaching, wording

__all__ = ["channels", "contacts", "leaving", "reaching", "wording"]
