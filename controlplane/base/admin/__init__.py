"""What the apps' `admin.py` import: `ModelAdmin`, `button`, `bulk`."""

from controlplane.base.admin.buttons import bulk, button
from controlplane.base.admin.changelist import ScopedRelatedFilter
from controlplane.base.admin.model_admin import ModelAdmin
from controlplane.base.admin.questions import named, question

# Last: it registers base's own tables with the class above.
from controlplane.base.admin import kernel, limits  # isort: skip

__all__ = [
    "ModelAdmin",
    "ScopedRelatedFilter",
    "bulk",
    "button",
    "kernel",
    "limits",
    "named",
    "question",
]
