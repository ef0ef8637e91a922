"""What the table of stages is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition at a stage's door. `mend` says who can bring it about, and where."""

    slug: str
    title: str
    mend: str
    roles: tuple[str, ...] = ()  # who can mend it


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a stage's checklist: ticked by a person, or answered by a gate."""

    slug: str
    title: str
    roles: tuple[str, ...]  # who may tick it
    gate: str = ""  # answered by this gate; then nobody ticks it


@dataclass(frozen=True, slots=True)
class Slot:
    """A signature of a checkpoint. `owner_may`: whoever owns or made the mission may give it."""

    slug: str
    title: str
    roles: tuple[str, ...]
    says: str  # what the signature says
    owner_may: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    policy: str  # of the approvals kernel
    label: str
    about: str
    slots: tuple[Slot, ...]
    escalate_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class Stage:
    slug: str
    label: str
    short: str
    position: int  # 1 … 5
    legacy: tuple[str, ...]  # of the eight stages
    seven: tuple[str, ...]  # of the seven
    checklist: tuple[Line, ...]
    evidence: Evidence
    checkpoint: Checkpoint
    entry: tuple[Gate, ...]
    exit: tuple[Gate, ...]

    @property
    def exit_gates(self) -> tuple[Gate, ...]:
        """Its own, then what every stage ends with."""
        return (*self.exit, *AT_THE_END)

    def line(self, slug: str) -> Line | None:
        return next((line for line in self.checklist if line.slug == slug), None)

    def __str__(self) -> str:
        return self.label


# Who they are, and what every stage ends with.
OWNER, VALIDATOR, OPERATIONS = "mission_owner", "governance_validator", "operations_command"
ANALYST, CURATOR = "telemetry_analyst", "knowledge_curator"


CHECKLIST, EVIDENCE, SIGNED = "checklist", "evidence", "signed"
AT_THE_END = (
    Gate(
        CHECKLIST,
        "The checklist is ticked",
        "Whoever a line is for, on the mission's page",
        (OWNER, VALIDATOR, OPERATIONS, ANALYST, CURATOR),
    ),
    Gate(
        EVIDENCE,
        "The evidence is linked",
        "Whoever works on the mission: link or upload it",
        (OWNER, VALIDATOR, OPERATIONS, ANALYST, CURATOR, "evidence", "coordinator"),
    ),
    Gate(
        SIGNED,
        "The checkpoint is signed",
        "Ask for it; the people of its roles sign what they were shown",
        (OWNER, OPERATIONS, "coordinator"),
    ),
)
