"""The kit's own page: every partial with live examples, hostile ones and very long ones among them.

Each sample is a template that runs as it stands, so what is shown as its usage is true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.template import Context, Engine
from django.utils.safestring import SafeString

from controlplane.console.kit import sample_data as data
from controlplane.console.kit.icons import ICONS
from controlplane.lib import clock


@dataclass(frozen=True, slots=True)
class Sample:
    title: str
    usage: str  # the line to copy
    about: str
    template: str  # what is shown
    context: Callable[[], dict[str, Any]] = dict

    def render(self, extra: dict[str, Any] | None = None) -> SafeString:
        """`extra`: the page's own context, such as `request` for the reader's time zone."""
        source = "{% load kit %}" + self.template
        return (
            Engine.get_default()
            .from_string(source)
            .render(Context({**(extra or {}), **self.context()}))
        )


def _clocks() -> dict[str, Any]:
    now = clock.now()
    minute = timedelta(minutes=1)
    return {
        "past": now - 4 * minute,
        "long_ago": now - timedelta(days=90),
        "soon": now + 12 * minute,
        "later": now + timedelta(hours=5),
        "over": now - 3 * minute,
        "start": now - timedelta(hours=3),
        "before": now - 30 * minute,
    }


SAMPLES: list[Sample] = [
    Sample(
        "Icons",
        '{% icon "bell" %}',
        "16 by 16, in the colour of the text. Hidden from screen readers: words say the same.",
        '<ul class="kit-sample-icons">{% for name in names %}'
        "<li>{% icon name %} <code>{{ name }}</code></li>{% endfor %}</ul>",
        lambda: {"names": sorted(ICONS)},
    ),
    Sample(
        "Chips",
        '{% chip text tone="warn" icon="flag" url="/…" remove_url="?…" %}',
        "A word in a box. With remove_url it is an active filter that one click removes.",
        '{% chip "neutral" %} {% chip "info" "info" %} {% chip "good" "good" %}'
        ' {% chip "warn" "warn" %} {% chip "bad" "bad" %} {% chip "flag" icon="flag" %}'
        ' {% chip "owner: Ana Ruiz" "info" remove_url="?" %} {% chip hostile %} {% chip long %}',
        data.rough,
    ),
    Sample(
        "States",
        "{% state incident %} or {% state text tone %}",
        "A dot and the word, by outline. Hollow: over or not begun. Square: act now.",
        '{% state "draft" %} {% state "in_progress" %} {% state "approved" %}'
        ' {% state "review_pending" %} {% state "failed" %} {% state hostile %} {% state long %}',
        data.rough,
    ),
    Sample(
        "Severities",
        '{% severity "SEV-1" %}',
        "By fill, louder the higher.",
        '{% severity "SEV-1" %} {% severity "SEV-2" %} {% severity "SEV-3" %}'
        ' {% severity "SEV-4" %} {% severity "critical" %} {% severity hostile %}',
        data.rough,
    ),
    Sample(
        "People and agents",
        '{% person user_or_agent_or_actor url="/…" empty="claim" %}',
        "People are round, agents square with their badge; the portal's own jobs are quiet.",
        '<p>{% person "Ana Ruiz" %}</p><p>{% person agent url="/admin/" %}</p>'
        "<p>{% person service %}</p><p>{% person job %}</p>"
        '<p>{% person none empty="unclaimed" %}</p><p>{% person hostile %}</p>'
        "<p>{% person long %}</p>",
        data.people,
    ),
    Sample(
        "Refs, environment, keys",
        '{% ref "INC-12" %} {{ text|refs }} {% env_tag %} {% kbd "Ctrl K" %}',
        "Every ref anywhere is a link.",
        '<p>{% ref "INC-12" %} · {{ text|refs }}</p>'
        '<p>{% env_tag "production" %} {% env_tag "staging" %} {% env_tag "local" %}</p>'
        '<p>{% kbd "Ctrl K" %} {% kbd "g i" %} {% kbd "?" %}</p>',
        lambda: {"text": "Follows INC-7, blocks MSN-12 <b>"},
    ),
    Sample(
        "Times",
        '{% when dt "relative|exact|both" %}',
        "Relative, with UTC and the reader's own time in the title.",
        "<p>{% when past %} · {% when later %} · {% when long_ago %} · {% when none %}</p>"
        '<p>{% when past "exact" %}</p><p>{% when past "both" %}</p>',
        _clocks,
    ),
    Sample(
        "Countdowns",
        '{% countdown due warn=15 start=opened share=0.25 done=met_at verb="due" %}',
        "Amber warn minutes before, or in the last share of the time; red when due.",
        "<p>{% countdown later %}</p><p>{% countdown soon %}</p><p>{% countdown over %}</p>"
        "<p>{% countdown later start=start share=0.9 %} (in the last 90 % of its time)</p>"
        "<p>{% countdown soon done=before %}</p><p>{% countdown before done=over %}</p>",
        _clocks,
    ),
    Sample(
        "What lasts",
        "{% lasting since %}",
        "How long it lasts already; the page counts on by itself.",
        "<p>Down for {% lasting before %}</p>",
        _clocks,
    ),
    Sample(
        "Numbers",
        '{% number value "ms" digits=1 %} {% duration seconds %} {% size bytes %}',
        "Digits of one width, units always, a dash for no value.",
        '<p>{% number 1234567 %} · {% number 3.14159 "%" %} · {% number 0.0042 "s" %} ·'
        ' {% number none "ms" %} · {% duration 7800 %} · {% duration 0.25 %} ·'
        " {% size 1480000 %}</p>",
    ),
    Sample(
        "Meters",
        '{% meter value maximum label="Error budget" unit="min" target=40 %}',
        "How full something is. The upright mark is the target.",
        '<p>{% meter 34 50 label="Budget" unit="min" %}</p>'
        '<p>{% meter 48 50 label="Budget" target=40 tone="warn" %}</p>'
        '<p>{% meter 61 50 label="Budget" %}</p>',
    ),
    Sample(
        "Figures with a target",
        '{% kpi "Approval latency" 4.7 "h" target=4 direction="at_most" url="/…" %}',
        "The target stands beside the value, in words and with a mark.",
        '<div class="kit-sample-grid">'
        '{% kpi "Missions a week" 34 "/ wk" target=30 %}'
        '{% kpi "Approval latency p95" 4.7 "h" target=4 direction="at_most" note="up 0.5 h" %}'
        '{% kpi "Undo success" none "%" target=98 %}{% kpi long 3.1 "%" %}</div>',
        data.rough,
    ),
    Sample(
        "Tables",
        '{% table columns rows "Caption" empty="No keys." hint="…" %}',
        "Columns: (key, label, kind, unit) or a Column; rows: dicts. Cards on a phone. "
        "Kinds: text number bytes percent when countdown duration chip state severity person ref "
        "link code meter yes.",
        '{% table columns rows "Open incidents" %}',
        data.incidents,
    ),
    Sample(
        "A table with nothing in it",
        '{% table columns rows "Caption" empty="…" hint="…" %}',
        "Says what would stand here.",
        '{% table columns none_rows "Keys" empty="No keys." hint="A key lets an agent call." %}',
        lambda: {"columns": ["name"], "none_rows": []},
    ),
    Sample(
        "Timeline",
        "{% timeline entries %}",
        "Entries: kit.timelines.Entry, dicts with its fields, or audit rows. Neighbours of one "
        "request stand together; what jobs did is quieter.",
        "{% timeline entries %}",
        data.timeline,
    ),
    Sample(
        "Text diff",
        '{% diff before after "runbook.md" %}',
        "By lines, with the changed words marked; signs, not colour alone; far lines folded.",
        '{% diff before after "restart.sh" %}',
        data.texts,
    ),
    Sample(
        "Text diff, side by side",
        "{% diff before after label side_by_side=True %}",
        "One under the other on a phone.",
        '{% diff before after "restart.sh" side_by_side=True %}',
        data.texts,
    ),
    Sample(
        "Changed fields",
        "{% changes event.before event.after %}",
        "Before and after of an audit row, by path. What was redacted stays so.",
        '{% changes before after "What changed" %}',
        data.values,
    ),
    Sample(
        "Code",
        '{% code text "json" "payload.json" anchor="payload" wrap=False %}',
        "Numbered lines, each with an anchor; the keyboard can scroll it. JSON is highlighted.",
        '{% code text "json" "payload.json" anchor="sample" %}',
        data.payload,
    ),
    Sample(
        "JSON",
        '{% json_view value "Payload" %}',
        "Folds without script.",
        '{% json_view value "Payload" %}',
        data.payload,
    ),
    Sample(
        "Markdown",
        "{% markdown text %}",
        "CommonMark with tables, tasks, addresses and refs. No raw HTML, no pictures; 64 kB.",
        "{% markdown text %}",
        data.markdown,
    ),
    Sample(
        "File previews",
        "{% preview file %}",
        "By declared type, never by sniffing. Unknown kinds are a link that downloads.",
        "<p>Table</p>{% preview csv %}<p>Markdown</p>{% preview notes %}<p>HTML</p>"
        "{% preview page %}<p>Something else</p>{% preview archive %}",
        data.files,
    ),
    Sample(
        "Empty states",
        '{% empty "title" "hint" "/url" "button" api="POST /api/v1/…" icon="siren" %}',
        "They teach: what would stand here, how it begins, and the API line.",
        '{% empty "No open incidents." "The last one was resolved 3 days ago." "/admin/" "Declare'
        ' one" api="POST /api/v1/incidents" icon="siren" %}',
    ),
    Sample(
        "Banners",
        '{% banner "text" "warn" title="…" url="/…" link="…" %}',
        "A sentence across the page. Bad is announced at once by screen readers.",
        '{% banner "All systems answer." "good" %}<br>{% banner "Maintenance tonight." url="/" %}'
        '<br>{% banner "No seal for 2 h." "warn" title="Audit:" url="/" link="Verify" %}<br>'
        '{% banner long "bad" %}',
        data.rough,
    ),
    Sample(
        "Breadcrumbs, pages, progress, copying",
        '{% breadcrumbs items %} {% pagination previous="?…" following="?…" first=1 last=50 '
        'total="about 12,000" noun="events" %} {% progress "label" 3 8 unit="steps" %} '
        "{% copyable text %}",
        "The copy button shows itself where there is a script to press it.",
        '{% breadcrumbs crumbs %}<br>{% pagination following="?after=1" first=1 last=50 '
        'total="about 12,000" noun="events" %}<br>{% progress "Restore drill" 3 8 unit="steps" %}'
        '<br>{% progress "Counting rows" %}<br>{% copyable "cp_live_4f1c…" %}',
        lambda: {"crumbs": [("Home", "/admin/"), ("Incidents", "/admin/"), "INC-12"]},
    ),
]
