"""What the kernel and the console's pages cost: `manage.py bench kernel|console`."""

from controlplane.console.benches import kernel, pages

__all__ = ["kernel", "pages"]
