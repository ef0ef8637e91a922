"""Every command in one table: its words, what it takes, what it does to the graph.

Flags are written `name,alias,alias/s` and a sign for their kind, where `/s` is the short form:

    name=   text        name#   whole number   name[]   list: repeated, or with commas
    name!   yes or no   name@   a moment       name~    taken with its value, and ignored
                                               name~!   taken alone, and ignored

Positionals: `id` one, `id?` none or one, `id*` any number, `id+` at least one, `text...` all the
rest as one text, `text...?` the same or nothing.
"""

from __future__ import annotations

READ, WRITE, LOCAL = "read", "write", "local"


class Command:
    """One line of the table."""

    __slots__ = ("about", "aliases", "effect", "fixed", "flags", "name", "op", "takes")

    def __init__(
        self,
        name: str,
        takes: str,
        effect: str,
        about: str,
        flags: str = "",
        *,
        op: str = "",
        aliases: str = "",
        fixed: dict[str, object] | None = None,
    ) -> None:
        self.name = name
        self.takes = takes
        self.effect = effect
        self.about = about
        self.flags = flags
        self.op = op or name.replace(" ", "_").replace("-", "_")
        self.aliases = aliases.split()
        # Sent with every use, like the list of a command that is another one's short form.
        self.fixed = fixed or {}


GLOBAL = (
    "json! format= db= directory/C= actor= readonly! sandbox~! quiet/q! verbose/v! global~!"
    " dolt-auto-commit~ profile~! version/V! help/h! no-daemon~! no-auto-flush~! no-auto-import~!"
    " no-db~! lock-timeout~ allow-stale~! no-push~! no-pull~!"
)

_TEXTS = (
    "title= description,body,message/d,m= body-file,description-file= stdin! design= design-file="
    " acceptance,acceptance-criteria= notes= external-ref= spec-id="
    " estimate/e# due@ defer@ metadata= source-system= stage= kpi= readiness-artifact="
    " backlog-category= impact# effort# evidence-url= in-backlog!"
)
_WHOSE = "assignee/a= no-assignee! unassigned/u!"
_TAGS = "label,labels,tag/l[] label-any,labels-any[] exclude-label,exclude-labels[]"
_SPANS = (
    "created-after@ created-before@ updated-after@ updated-before@ closed-after@ closed-before@"
    " started-after@ started-before@ due-after@ due-before@ defer-after@ defer-before@"
    " overdue! deferred!"
)
_META = "metadata-field[] has-metadata-key="
_SHOWN = "long! flat! tree! pretty! plain! watch/w~! no-pager~! wide~! no-color~!"
_FILTERS = (
    f"status,state/s[] priority/p= priority-min= priority-max= type/t[] exclude-type[] {_WHOSE}"
    f" {_TAGS} label-pattern= label-regex= no-labels! title= title-contains= desc-contains="
    " notes-contains= design-contains= acceptance-contains= empty-description!"
    " external-contains= id[] parent= no-parent! ready! all!"
    f" {_SPANS} pinned! no-pinned! {_META} include-gates! include-infra! include-templates!"
    " spec,spec-id="
)

COMMANDS = [
    # --- Working with items -------------------------------------------------------------------
    Command(
        "create",
        "title?",
        WRITE,
        "Open an issue",
        f"{_TEXTS} priority/p= type/t= labels,label,tag/l[] assignee/a= deps[] parent="
        " no-inherit-labels! id= force! waits-for[] waits-for-gate= ephemeral! no-history! silent!"
        " dry-run! validate! file/f= graph= await-type= await-id= repo~ skills~ context~",
        aliases="new",
    ),
    Command(
        "q",
        "title...",
        WRITE,
        "Open an issue and print its id alone",
        "priority/p= type/t= labels,label,tag/l[]",
        op="create",
    ),
    Command(
        "update",
        "ids*",
        WRITE,
        "Change issues",
        f"status/s= priority/p= type/t= assignee/a= {_TEXTS} add-label,tag,label/l[]"
        " append-notes= remove-label[] set-labels[] parent= claim! set-metadata[] unset-metadata[]"
        " ephemeral! await-type= await-id="
        " persistent! no-history! history! session= reason/r= expected-version="
        " allow-empty-description~!",
    ),
    Command(
        "close",
        "ids*",
        WRITE,
        "Close issues, with a reason",
        "reason,message,resolution,comment/r,m= reason-file= force/f! suggest-next! claim-next!"
        " continue~! no-auto~! session= evidence[]",
        aliases="done",
    ),
    Command("reopen", "ids+", WRITE, "Open closed issues again", "reason/r= session="),
    Command(
        "delete",
        "ids*",
        WRITE,
        "Delete issues",
        "force/f! dry-run! cascade! from-file= reason= hard~!",
    ),
    Command("defer", "ids+", WRITE, "Set issues aside until a day", "until,defer@ reason/r="),
    Command("undefer", "ids+", WRITE, "Take up what was set aside"),
    Command(
        "ensure",
        "key",
        WRITE,
        "Find the open issue of this key, or open one",
        f"{_TEXTS} priority/p= type/t= labels,label,tag/l[] assignee/a= parent=",
    ),
    Command("assign", "ids+ assignee", WRITE, "Give issues to somebody", op="update"),
    Command("priority", "ids+ priority", WRITE, "Set the priority of issues", op="update"),
    Command("tag", "ids+ add_label", WRITE, "Put a label on issues", op="update"),
    Command("duplicate", "id", WRITE, "Close an issue as a duplicate", "of="),
    Command("supersede", "id", WRITE, "Close an issue that another replaces", "with,by="),
    # --- Looking ------------------------------------------------------------------------------
    Command(
        "list",
        "",
        READ,
        "List issues",
        f"{_FILTERS} limit/n# sort= reverse/r! format= {_SHOWN}",
        aliases="ls",
    ),
    Command(
        "ready",
        "",
        READ,
        "Show what can be worked on now",
        f"limit/n# priority/p= {_WHOSE} sort/s= {_TAGS} type/t[] exclude-type[] parent= status="
        f" mol= mol-type= include-deferred! include-ephemeral! explain! claim! gated! {_META}"
        f" {_SHOWN}",
    ),
    Command(
        "blocked",
        "",
        READ,
        "Show what waits, and for what",
        f"parent= {_TAGS} priority/p= type/t[] {_WHOSE} limit/n# {_SHOWN}",
    ),
    Command(
        "show",
        "ids*",
        READ,
        "Show issues in full",
        "short! long! refs! children! thread! id[] current! as-of= local-time! watch/w~!"
        " include-dependents! include-comments!",
        aliases="view",
    ),
    Command(
        "search",
        "query...?",
        READ,
        "Search the texts of issues",
        f"query= {_FILTERS} limit/n# sort= reverse/r! {_SHOWN}",
    ),
    Command(
        "count",
        "",
        READ,
        "Count issues",
        f"{_FILTERS} by-status! by-priority! by-type! by-assignee! by-label!",
    ),
    Command(
        "stale",
        "",
        READ,
        "Show what nobody has touched for long",
        f"days/d# status/s= limit/n# {_SHOWN}",
    ),
    Command("children", "id", READ, "List the parts of an issue", f"status/s[] limit/n# {_SHOWN}"),
    Command(
        "stats",
        "",
        READ,
        "Count the issues by state",
        "assigned! no-activity! all~!",
        aliases="status",
    ),
    Command("types", "", READ, "List the types of issues"),
    Command("statuses", "", READ, "List the statuses of issues"),
    # --- Talking ------------------------------------------------------------------------------
    Command("comment", "id text...?", WRITE, "Comment on an issue", "stdin! file/f= author/a="),
    Command("comments", "id", READ, "List the comments of an issue", "local-time! limit/n#"),
    Command(
        "comments add",
        "id text...?",
        WRITE,
        "Comment on an issue",
        "author/a= file/f= stdin!",
        op="comment",
    ),
    Command("note", "id text...?", WRITE, "Add a line to the notes of an issue", "stdin! file="),
    # --- Edges --------------------------------------------------------------------------------
    Command("dep", "id?", WRITE, "Say that one issue blocks another", "blocks/b=", op="dep_add"),
    Command(
        "dep add",
        "issue? depends_on?",
        WRITE,
        "Say that the first depends on the second",
        "type/t= blocked-by= depends-on= gate= file= no-cycle-check~! metadata= thread-id=",
    ),
    Command("dep remove", "issue depends_on", WRITE, "Take an edge away", "type/t=", aliases="rm"),
    Command("dep list", "id", READ, "List the edges of an issue", "direction= type/t="),
    Command(
        "dep tree",
        "id",
        READ,
        "Draw what an issue depends on, and its parts",
        "direction= reverse! max-depth/d# status= show-all-paths! format= type/t=",
    ),
    Command("dep cycles", "", READ, "Look for circles"),
    Command("dep relate", "issue depends_on", WRITE, "Relate two issues"),
    Command("dep unrelate", "issue depends_on", WRITE, "Take the relation of two issues away"),
    Command(
        "link",
        "issue depends_on",
        WRITE,
        "Say that the first depends on the second",
        "type/t=",
        op="dep_add",
    ),
    # --- Labels and epics -----------------------------------------------------------------------
    Command("label add", "ids+ label", WRITE, "Put a label on issues"),
    Command("label remove", "ids+ label", WRITE, "Take a label off issues", aliases="rm"),
    Command("label list", "id", READ, "List the labels of an issue"),
    Command("label list-all", "", READ, "List every label with its number"),
    Command("epic status", "", READ, "Show how far epics are", "eligible-only!"),
    Command("epic close-eligible", "", WRITE, "Close epics whose parts are done", "dry-run!"),
    # --- The project ----------------------------------------------------------------------------
    Command(
        "init",
        "",
        WRITE,
        "Connect this folder with the portal",
        "prefix/p= project= stealth~! skip-agents~! skip-hooks~! skip-merge-driver~! from-jsonl"
        "! non-interactive~! server~! server-host~ server-port~ server-user~ server-socket~"
        " reinit-local~! force~! role~ backend~ database~ contributor~! team~! setup-exclude~!"
        " branch/b~ no-db~! agents-file~ agents-profile~ agents-template~ shared-server~!"
        " external~! destroy-token~ discard-remote~! init-if-missing~! remote~",
    ),
    Command("config set", "key value", WRITE, "Set a setting of the project"),
    Command("config get", "key", READ, "Show a setting"),
    Command("config list", "", READ, "List the settings"),
    Command("config unset", "key", WRITE, "Forget a setting", aliases="delete"),
    Command(
        "export",
        "",
        READ,
        "Write all issues as JSON lines",
        "output/o= all~! include-infra~! include-memories~! no-memories~! scrub~! format=",
    ),
    Command(
        "import",
        "file?",
        WRITE,
        "Read issues from JSON lines",
        "input/i= dry-run! on-newer= skip-existing~! dedup~! rename-on-import~! orphan-handling~",
    ),
    Command(
        "sync",
        "",
        LOCAL,
        "Refresh issues.jsonl where it is kept",
        "status! message/m~ full~! flush-only~! import-only~! no-pull~! no-push~! dry-run!"
        " import~! squash~! force~! rename-on-import~! no-git-history~! set-mode~ check~!",
    ),
    Command(
        "doctor",
        "path?",
        READ,
        "Look for what is wrong here",
        "check= fix! yes/y! clean! deep! quick~! agent~! perf~! output/o~ interactive/i~!"
        " dry-run~! force~! source~ verbose~! server~! migration~ check-health~!",
    ),
    Command("repair-deps", "", WRITE, "Mend edges and readiness", "fix! interactive/i~!"),
    Command(
        "cleanup",
        "",
        LOCAL,
        "Nothing to clean up here",
        "days~ older-than~ force/f~! dry-run~! cascade~! ephemeral~! hard~!",
    ),
    Command(
        "migrate",
        "",
        LOCAL,
        "The portal keeps its own tables up to date",
        "inspect! dry-run~! yes/y~! cleanup~! update-repo-id~! to-separate-branch~",
    ),
    # --- About ----------------------------------------------------------------------------------
    Command(
        "info", "", READ, "Show what this folder is connected with", "schema! whats-new~! thanks~!"
    ),
    Command("context", "", READ, "Show where issues of this folder are kept"),
    Command("where", "", LOCAL, "Show the .beads folder in force"),
    Command("version", "", LOCAL, "Show the version", "daemon~!"),
    Command(
        "prime", "", LOCAL, "Print what an agent should know", "full~! mcp~! stealth~! export~!"
    ),
    Command("schema", "", LOCAL, "Print the shape of what --json and export print"),
    Command("quickstart", "", LOCAL, "Print the first steps"),
    Command("help", "topic...?", LOCAL, "Show the commands, or one of them", "all~! list~! doc~"),
]

GROUPS = {
    "dep": "Manage dependencies",
    "label": "Manage labels",
    "epic": "Manage epics",
    "config": "Manage settings",
    "comments": "List or add comments",
}


def by_words() -> dict[str, Command]:
    """Every spelling, aliases among them."""
    found: dict[str, Command] = {}
    for command in COMMANDS:
        found[command.name] = command
        group = command.name.rpartition(" ")[0]
        for alias in command.aliases:
            found[f"{group} {alias}".strip()] = command
    return found
