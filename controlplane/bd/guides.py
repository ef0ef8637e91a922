"""Texts for those who begin."""

QUICKSTART = """bd - the work graph from a terminal

GETTING STARTED
  bd init                     Connect this folder with the portal (again: changes nothing)
  bd init -p api              Begin a project of its own; bd init --project NAME joins one

OPENING ISSUES
  bd create "Fix login"                              An issue, a task of priority 2
  bd create "SEV1: API outage" -p 0 -t incident -l "incident,sev1"
  bd create "Ship 4.2" --deps bd-a1f --parent bd-9c2

LOOKING
  bd list --status open       The backlog
  bd ready --limit 10         What nobody and nothing holds up
  bd blocked                  What waits, and for what
  bd show bd-a1f              One issue in full

WORKING
  bd update bd-a1f --claim                     Take it: one caller only gets it
  bd update bd-a1f --status in_progress
  bd comment bd-a1f "CI build: https://ci.example.com/runs/123"
  bd close bd-a1f --reason "Mitigated"

EDGES: THE FIRST DEPENDS ON THE SECOND, OR IS ITS CHILD
  bd dep add bd-a1f bd-9c2                         bd-9c2 blocks bd-a1f
  bd dep add bd-a1f bd-9c2 --type parent-child     bd-a1f becomes a child of bd-9c2
  bd dep add bd-77x bd-a1f --type discovered-from  Found while working on bd-a1f
  bd dep tree bd-a1f          Both ways: what it waits for, and its parts
  bd dep cycles               Circles; they are refused when they are made

FOR PROGRAMS
  --json prints one line; exit codes are 0 and 1; errors stand on stderr.
  bd export -o issues.jsonl and bd import issues.jsonl move whole projects.
  --db PATH is a private sandbox, apart from everybody's work.

`bd help COMMAND` shows everything a command takes."""

PRIME = """# Work is tracked with bd

Issues live in the portal's work graph, shared by people and agents. Use `bd`, not lists in files.

## Each session
1. `bd ready --json` shows unblocked work. Take one: `bd update ID --claim` (only one caller
   gets it; exit code 1 says somebody else has it).
2. Read it: `bd show ID --json`. Say what you do: `bd comment ID "text"`.
3. What you find on the way: `bd create "Title" -t bug -p 1 --deps discovered-from:ID --json`.
4. Finish: `bd close ID --reason "what was done, with evidence"`.

## Rules
- `bd dep add X Y` means: X depends on Y. With `--type parent-child`: X is a child of Y.
- Types: task, bug, feature, epic, chore, decision, incident, deployment, maintenance.
- Priorities: 0 critical, 1 high, 2 normal, 3 low, 4 someday.
- Incidents, deployments and maintenance close with a reason.
- `--json` prints one line. Exit codes are 0 and 1; stderr says what is wrong.
- Nothing has to be synchronised or committed: what is written is there for everybody."""
