"""What the kernel, the console's pages and the whole portal cost: `manage.py bench
kernel|console|load|acts|growth`."""

from controlplane.console.benches import growth, kernel, load, pages
from controlplane.console.benches.load import acts

__all__ = ["acts", "growth", "kernel", "load", "pages"]
