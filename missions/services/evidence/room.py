"""How much room is left, for a mission and for its workspace. Asked before a file is read, and
decided again under a lock, where two uploads can't both take the last of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db import connection
from django.db.models import Sum

from controlplane.lib import clock
from controlplane.lib.error_help import Help
from controlplane.lib.errors import ControlPlaneError, register_code
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from missions import links, stages
from missions.evidence.limits import ALERT_PERCENT, MISSION_BYTES, WORKSPACE_BYTES
from missions.models import Artifact, Bundle, Mission

register_code(
    "QUOTA_EXCEEDED",
    409,
    Help(
        "The evidence of this mission, or of its workspace, takes all the room it may take.",
        "Take away what is not needed, or link the file with its hash instead. Files of missions "
        "that ended go by themselves after their time.",
        "An operator, who may allow more: the number stands in the settings page by its name.",
    ),
)
wording.register(
    "mission.evidence_room",
    "Evidence takes most of its room",
    subject="Evidence of {whose} takes {percent} % of its room",
    body="{used} of {most} bytes. From 100 % on, uploads are refused. Take away what is not "
    "needed, or have more allowed.",
)
_LOCK = 4_270_823  # of this package, with the workspace's number


class QuotaExceeded(ControlPlaneError):
    code = "QUOTA_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Room:
    used: int
    most: int

    @property
    def left(self) -> int:
        return max(self.most - self.used, 0)

    @property
    def percent(self) -> float:
        return 100.0 * self.used / self.most if self.most > 0 else 100.0


def _bytes(**of: int) -> int:
    files = Artifact.objects.with_file().filter(**of).aggregate(sum=Sum("size"))["sum"]
    bundles = Bundle.objects.with_file().filter(**of).aggregate(sum=Sum("size"))["sum"]
    return int(files or 0) + int(bundles or 0)


def of_mission(mission: Mission) -> Room:
    return Room(_bytes(mission_id=mission.pk), MISSION_BYTES.value)


def of_workspace(workspace_id: int) -> Room:
    return Room(_bytes(workspace_id=workspace_id), WORKSPACE_BYTES.value)


def require(mission: Mission, size: int) -> None:
    """Refuse what does not fit, with both numbers."""
    for whose, room in (
        (mission.ref, of_mission(mission)),
        ("the workspace", of_workspace(mission.workspace_id)),
    ):
        if size > room.left:
            raise QuotaExceeded(
                f"Evidence of {whose} may take {room.most:,} bytes; {room.left:,} are left.",
                details={"used": room.used, "most": room.most, "left": room.left, "size": size},
            )


def lock(workspace_id: int) -> None:
    """Until the transaction ends nobody else decides on room of this workspace. Taken after the
    mission; nothing is waited for while it is held."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, workspace_id % 2**31])


def alert(mission: Mission) -> int:
    """Tell, once a day, whoever can make room. How many were told of."""
    told = _alert(
        mission.workspace_id, mission.ref, f"mission:{mission.uid}", of_mission(mission),
        [mission.owner_id], links.evidence_of(mission),
    )  # fmt: skip
    return told + alert_of_all(mission.workspace_id, links.evidence_of(mission))


def alert_of_all(workspace_id: int, link: str = "/admin/missions/artifact/") -> int:
    """Of the workspace as a whole, whether or not a mission of it is under way."""
    key = f"workspace:{workspace_id}"
    return _alert(workspace_id, "the workspace", key, of_workspace(workspace_id), [], link)


def _alert(workspace_id: int, whose: str, key: str, room: Room, users: list[int], link: str) -> int:
    if room.percent < ALERT_PERCENT.value:
        return 0
    notify(
        workspace_id=workspace_id,
        kind="mission.evidence_room",
        to=To(users=users, roles=[stages.kinds.OPERATIONS], channels=()),
        key=f"evidence-room:{key}:{clock.now().date().isoformat()}",
        values={"whose": whose, "percent": int(room.percent), "used": f"{room.used:,}",
                "most": f"{room.most:,}"},
        link=link,
    )  # fmt: skip
    return 1


def nearly_full() -> list[Mission]:
    """Missions under way whose files and bundles take most of their room."""
    most = MISSION_BYTES.value * ALERT_PERCENT.value / 100
    sums: Counter[int] = Counter()
    for rows in (Artifact.objects.with_file(), Bundle.objects.with_file()):
        for mission_id, size in rows.order_by().values_list("mission_id").annotate(Sum("size")):
            sums[mission_id] += int(size or 0)
    full = [mission_id for mission_id, size in sums.items() if size >= most]
    return list(Mission.objects.under_way().filter(pk__in=full).order_by("pk"))
