"""The playbook's steps as data, by the kind of the component. A deployment gets its own copy when
it is prepared; `{release}`, `{image}` and the like are filled in then.

Commands are shown to whoever does the step. What runs by itself is an adapter, and only that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deployments.models import Deployment

MANUAL, HEALTH = "manual", "health_check"


@dataclass(frozen=True, slots=True)
class Template:
    slug: str
    title: str
    command: str = ""
    kind: str = MANUAL
    needs_backup: bool = False
    # An other way to the same end, or of use now and then: skipping it needs a word, no more.
    optional: bool = False
    about_flag: bool = False  # only where the release comes under a flag


MERGE = (
    Template(
        "merge",
        "Merge by CI once the checks pass; record CI link, commit and artifact hashes",
        'bd comment "{item}" "CI {ci_url}, commit {commit}"',
    ),
)
HOTFIX = (
    Template(
        "hotfix-branch",
        "Branch the fix from main and keep it minimal",
        "git switch -c {branch} origin/main",
    ),
)
FLAG_OFF = (Template("flag-off", "See that the flag {flag} is off before the code goes out"),)

BY_KIND: Mapping[str, tuple[Template, ...]] = {
    "database": (
        Template(
            "database-link",
            "Link to the {environment} project",
            "supabase link --project-ref {environment}",
        ),
        Template("database-diff", "Review the pending migrations", "supabase db diff"),
        Template(
            "database-push",
            "Apply the migrations, with a backup",
            "supabase db push",
            needs_backup=True,
        ),
        Template("database-history", "Verify that they were applied", "supabase db history"),
        Template(
            "database-types",
            "Regenerate the types of the front end",
            "supabase gen types typescript --linked --schema public,storage,graphql_public"
            " > supabase/types.ts",
        ),
    ),
    "agent": (
        Template(
            "agent-deploy",
            "Build, tag, push and deploy the agent's image {image}",
            "./scripts/deploy-agent.sh {environment}\n"
            "# or by hand:\n"
            "(cd agent && docker build -t ai-employee-agent:{release} .)\n"
            "docker tag ai-employee-agent:{release} registry/ai-employee-agent:{release}\n"
            "docker push registry/ai-employee-agent:{release}\n"
            "flyctl deploy --image registry/ai-employee-agent:{release}",
        ),
        Template(
            "agent-health",
            "Verify the agent's health",
            "curl https://agent.{environment}.example.com/health",
            kind=HEALTH,
        ),
    ),
    "frontend": (
        Template(
            "frontend-deploy",
            "Deploy the front end",
            "# by itself with a push to main, or:\nvercel deploy --prod --confirm",
        ),
    ),
    "portal": (
        Template(
            "portal-check",
            "Check the portal's settings and pending migrations",
            "python3 manage.py check --deploy && python3 manage.py migrate --check",
        ),
        Template(
            "portal-migrate",
            "Apply the portal's migrations, with a backup",
            "python3 manage.py backup && python3 manage.py migrate",
            needs_backup=True,
        ),
        Template("portal-restart", "Restart web, stream, worker and beat on {release}"),
        Template("portal-health", "Verify the portal's health", "curl /ready", kind=HEALTH),
    ),
    "other": (Template("deploy", "Deploy {component} {release}"),),
}
# The schema is deployed as the database is; what comes first must not need what comes later.
ALIASES = {"schema": "database"}
ORDER = ("database", "agent", "portal", "frontend", "other")
UNDO: Mapping[str, tuple[Template, ...]] = {
    "database": (
        Template(
            "database-back",
            "Bring the schema back, or decide that it stays because the old code bears it",
            needs_backup=True,
        ),
    ),
    "agent": (
        Template(
            "agent-back",
            "Deploy the agent's image {image} again",
            "flyctl deploy --image registry/ai-employee-agent:{release}",
        ),
        BY_KIND["agent"][1],
    ),
    "frontend": (
        Template("frontend-back", "Roll the front end back", "vercel rollback {release}"),
    ),
    "portal": (
        Template("portal-back", "Start the portal's processes on {release} again"),
        BY_KIND["portal"][3],
    ),
    "other": (Template("back", "Bring {component} back to {release}"),),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    template: Template
    component_id: int | None
    component: str = ""


def of(deployment: Deployment, parts: Iterable[tuple[int, str, str]]) -> list[Chosen]:
    """The steps of a deployment. `parts`: id, kind and name of its components, in any order."""
    undo = deployment.kind == Deployment.Kind.ROLLBACK
    chosen = [] if undo else [Chosen(each, None) for each in _before(deployment)]
    table = UNDO if undo else BY_KIND
    ordered = sorted(parts, key=lambda part: ORDER.index(ALIASES.get(part[1], part[1])))
    if undo:
        ordered.reverse()
    for component_id, kind, name in ordered:
        templates = table[ALIASES.get(kind, kind)]
        chosen += [Chosen(each, component_id, name) for each in templates]
    return chosen


def _before(deployment: Deployment) -> tuple[Template, ...]:
    flag = FLAG_OFF if deployment.flag_id is not None else ()
    if deployment.kind == Deployment.Kind.HOTFIX:
        return HOTFIX + flag
    return MERGE + flag


def fill(text: str, values: Mapping[str, str]) -> str:
    """Placeholders and nothing else. What is not known stays readable as what it is."""
    for name, value in values.items():
        text = text.replace("{" + name + "}", value or f"<{name}>")
    return text


def values(deployment: Deployment, component: str) -> dict[str, str]:
    brings = deployment.brings
    release = "" if deployment.brings_back_nothing else brings.release
    return {
        "release": release,
        "image": brings.image_tag or release,
        "environment": deployment.environment.slug,
        "component": component,
        "commit": brings.commit_sha,
        "ci_url": brings.ci_url,
        "branch": deployment.branch,
        "flag": deployment.flag.flag_name if deployment.flag is not None else "",
        "item": deployment.item.key if deployment.item is not None else "",
    }
