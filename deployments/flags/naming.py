"""Names of flags that the playbook gives."""

from __future__ import annotations

import re

from deployments.flags.models.flags import NAME

MISSION_TYPE = "mission_type_"
_OTHER = re.compile(r"[^A-Za-z0-9._~-]+")


def mission_type_flag(mission_type: str) -> str:
    """`mission_type_<type>`: the flag that switches missions of a type off."""
    name = MISSION_TYPE + _OTHER.sub("_", mission_type.strip().lower()).strip("_")
    return name[:200] if re.match(NAME, name[:200]) else MISSION_TYPE + "other"
