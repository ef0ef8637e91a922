"""Every number of threads and of the wake supervisor, with its reason."""

from __future__ import annotations

from controlplane.lib.defaults import define

# --- Messages ------------------------------------------------------------------------------------

BODY_MAX = define(
    "threads.body_max_bytes",
    65_536,
    unit="bytes",
    why="A finding with its diff fits; a log belongs to evidence and is linked.",
)
METADATA_MAX = define(
    "threads.metadata_max_bytes", 16_384, unit="bytes", why="Fields of an event, not its content."
)
PARTICIPANTS_MAX = define(
    "threads.participants_max",
    50,
    unit="participants",
    why="The playbook expects 20; each message asks for each of them whether it sleeps.",
)
READ_DEFAULT = define("threads.read_default", 50, unit="messages", why="A page of a read.")
READ_MAX = define("threads.read_max", 200, unit="messages", why="Largest page of a read.")
SUMMARY_MESSAGES = define(
    "threads.summary_messages", 200, unit="messages", why="What a summary looks back at."
)
SUMMARY_MAX = define("threads.summary_max", 1_000, unit="messages", why="Largest look back.")
IDEMPOTENCY_HOURS = define(
    "threads.idempotency_hours",
    24,
    unit="hours",
    why="A sender that repeats itself later than a day starts anew.",
)
REASON_MAX = 500
PROMPT_MAX = define(
    "threads.prompt_max_bytes",
    8_192,
    unit="bytes",
    why="What is typed to a runtime: longer goes into a message that it reads.",
)

# --- Pace, in messages a second and how many at once ---------------------------------------------

AGENT_RATE = define(
    "threads.agent_rate",
    50.0,
    unit="messages/s",
    why="Ten times what an agent that thinks can write; a loop is stopped within seconds.",
)
AGENT_BURST = define(
    "threads.agent_burst", 200, unit="messages", why="An agent that reports a review at once."
)
THREAD_RATE = define(
    "threads.thread_rate",
    1_000.0,
    unit="messages/s",
    why="What one row takes with 32 writers; beyond it they would only wait for each other.",
)
THREAD_BURST = define(
    "threads.thread_burst", 5_000, unit="messages", why="32 agents that begin together."
)

# --- Guards over what is said --------------------------------------------------------------------

IDLE_TURNS = define(
    "threads.idle_turns",
    20,
    unit="turns",
    why="Playbook: so many turns without progress block the thread; people and fixes start anew.",
)
FINDING_CYCLES = define(
    "threads.finding_cycles",
    3,
    unit="cycles",
    why="Playbook: the same finding so often, never settled, blocks the thread.",
)
FINDINGS_OPEN = define(
    "threads.findings_open",
    200,
    unit="findings",
    why="Open findings that a thread counts; beyond it they are counted together.",
)

# --- Awake or asleep -----------------------------------------------------------------------------

FRESH_SECONDS = define(
    "threads.fresh_seconds",
    15.0,
    unit="seconds",
    why="Whoever read or beat within it is awake, and reads by itself.",
)
STALE_HOURS = define(
    "threads.stale_hours",
    12,
    unit="hours",
    why="Playbook: a session silent for longer is not resumed; a new one is spawned.",
)
TICK_SECONDS = define(
    "threads.tick_seconds", 5.0, unit="seconds", why="Playbook: what was missed is found by then."
)

# --- Waking --------------------------------------------------------------------------------------

ACK_SECONDS = define(
    "threads.ack_seconds", 8.0, unit="seconds", why="Playbook: awake by then, or tried again."
)
RETRIES = define("threads.retries", 2, unit="tries", why="Playbook: before the way back is taken.")
BACKOFF_SECONDS = define(
    "threads.backoff_seconds", 2.0, unit="seconds", why="Doubles with each retry: 2 s, 4 s."
)
QUIET_SECONDS = define(
    "threads.quiet_seconds", 20.0, unit="seconds", why="Playbook: nobody types into a pane so long."
)
RECHECK_SECONDS = define(
    "threads.recheck_seconds", 5.0, unit="seconds", why="Playbook: then what waits is looked at."
)
DEFER_SECONDS = define(
    "threads.defer_seconds", 60.0, unit="seconds", why="Playbook: longest that typing holds a wake."
)
RESUMES = define(
    "threads.resumes", 2, unit="tries", why="Playbook: before a session is spawned anew."
)
SPAWNS = define("threads.spawns", 1, unit="tries", why="One anew; whoever looks then is a person.")
WEBHOOK_SECONDS = define(
    "threads.webhook_seconds", 5.0, unit="seconds", why="A receiver takes a reference, no work."
)
WEBHOOK_FAILURES = define(
    "threads.webhook_failures",
    10,
    unit="failures",
    why="In a row; then the address is switched off until it is registered again.",
)
RUN_OUTPUT = define(
    "threads.run_output", 8_000, unit="characters", why="The end of what a command said."
)
CRASHES = define(
    "threads.crashes", 3, unit="failures", why="Playbook: so many within the window, and no resume."
)
CRASH_MINUTES = define(
    "threads.crash_minutes", 15, unit="minutes", why="Playbook: window of the crash loop."
)
TRIGGERS_PER_MINUTE = define(
    "threads.triggers_per_minute", 10, unit="wakes/min", why="Playbook: of one agent; more wait."
)
AUTO_GAP_SECONDS = define(
    "threads.auto_gap_seconds",
    30.0,
    unit="seconds",
    why="Between wakes of somebody who read nothing since the last.",
)
AUTO_MOST = define(
    "threads.auto_most",
    3,
    unit="wakes",
    why="Of somebody who reads nothing, within the window below: more would be a storm.",
)
AUTO_WINDOW_SECONDS = define(
    "threads.auto_window_seconds", 300.0, unit="seconds", why="Window of the limit above."
)
PENDING_MOST = define(
    "threads.pending_most",
    50,
    unit="wakes",
    why="Pending in a workspace: beyond it new ones wait for the pause below.",
)
PENDING_PAUSE_SECONDS = define(
    "threads.pending_pause_seconds", 60.0, unit="seconds", why="Pause of the breaker above."
)
WAKE_LEASE_SECONDS = define(
    "threads.wake_lease_seconds",
    45.0,
    unit="seconds",
    why="Then a wake whose supervisor was killed is another's; longer than any delivery.",
)
PARALLEL = define("threads.parallel", 10, unit="wakes", why="Delivered at once by one supervisor.")
RUN_MINUTES = define(
    "threads.run_minutes", 15, unit="minutes", why="Longest that a command that was woken may run."
)
KILL_GRACE_SECONDS = define(
    "threads.kill_grace_seconds", 5.0, unit="seconds", why="Between asking and making it end."
)
RUNS_MOST = define(
    "threads.runs_most", 8, unit="commands", why="Running at once, of all supervisors."
)
RUNS_PER_AGENT = define("threads.runs_per_agent", 2, unit="commands", why="Of one agent.")

# --- Waiting for messages ------------------------------------------------------------------------

WAIT_MAX = define(
    "threads.wait_max_seconds", 30.0, unit="seconds", why="Below what proxies and clients allow."
)
LOOK_AGAIN_SECONDS = define(
    "threads.look_again_seconds",
    5.0,
    unit="seconds",
    why="Whoever waits looks so often, in case the hint of a message was lost.",
)
MAX_WAITING = define(
    "threads.max_waiting",
    2_000,
    unit="connections",
    why="Of one stream process; who is refused reads again later.",
)

PRESENCE_SECONDS = define(
    "threads.presence_seconds",
    20.0,
    unit="seconds",
    why="Whose stream was open so long ago is not taken for there: its process may be killed.",
)
PRESENCE_BEAT_SECONDS = define(
    "threads.presence_beat_seconds",
    5.0,
    unit="seconds",
    why="How often a stream process says whose streams are open, all of them at once.",
)

# --- What the console shows ----------------------------------------------------------------------

PAGE_MESSAGES = define(
    "threads.page_messages",
    50,
    unit="messages",
    why="On a thread's page at once; older ones are a link away, and the page stays light.",
)
PAGE_TEXT = define(
    "threads.page_text",
    24_000,
    unit="characters",
    why="Of bodies on one page: what goes beyond it stands there shortened, with a link.",
)
ARCHIVE_DAYS = define(
    "threads.archive_days",
    0,
    unit="days",
    why="Playbook: kept without end. Above 0, closed threads of that age are put away.",
)
MESSAGES_DAYS = define(
    "retention.threads.messages_days",
    0,
    unit="days",
    why="Playbook: kept without end. Above 0, messages go so long after their thread was put away.",
)
FILTER_CONTENT = define(
    "threads.filter_content",
    False,
    why="Playbook: messages are stored as they were sent. Switched on, secrets and personal data in"
    " them are blanked out before they are stored.",
)
