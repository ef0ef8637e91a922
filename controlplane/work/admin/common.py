"""What the admin pages of the work graph share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from controlplane.base.admin.buttons import Place, ShownButton

if TYPE_CHECKING:
    from controlplane.base.admin.doors import ButtonDoors as _Base
else:
    _Base = object

# What a button's `when` says where it means nothing at all: closing what is closed.
IDLE = "There is nothing to do."


class Steps(_Base):
    """Draws what may be done and what is refused, with the reason; not what means nothing in the
    state the row is in."""

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        return [one for one in super()._shown(request, place, obj) if one.refusal != IDLE]
