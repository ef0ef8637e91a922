"""What the kernel, the console's pages and the whole portal cost: `manage.py bench
kernel|console|load|growth`."""

from controlplane.console.benches import growth, kernel, load, pages

__all__ = ["growth", "kernel", "load", "pages"]
