"""What the kernel, the console's pages and the whole portal cost: `manage.py bench
kernel|console|load`."""

from controlplane.console.benches import kernel, load, pages

__all__ = ["kernel", "load", "pages"]
