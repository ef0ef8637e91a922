"""Timelines, and what changed, as markup.

A page of a row tells fifty events, each with its fields before and after: as templates of lines
inside groups they were a third of what the page cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from controlplane.console.kit import drawn, icons, links, markdown, values
from controlplane.console.kit.timelines import Group, Line
from controlplane.lib import context, moments

_safe: Callable[[str], SafeString] = mark_safe


def groups(found: Sequence[Group], zone: tzinfo, *, cut: bool) -> SafeString:
    inside = "".join([_group(group, zone) for group in found])
    left_out = '<p class="kit-cut">Older entries are left out.</p>\n' if cut else ""
    return _safe(f'<ol class="kit-timeline">\n{inside}</ol>\n{left_out}')


def _group(group: Group, zone: tzinfo) -> str:
    day = f'<li class="kit-timeline-day">{drawn.text(group.day)}</li>\n' if group.day else ""
    classes = f"kit-timeline-group kit-tone-{drawn.text(group.tone)}"
    classes += " kit-timeline-quiet" if group.quiet else ""
    classes += " kit-timeline-comment" if group.is_comment else ""
    mark = icons.svg(group.icon, extra="small") if group.icon else ""
    return (
        f'{day}<li class="{classes}">\n'
        f'<span class="kit-timeline-mark" aria-hidden="true">{mark}</span>\n'
        f'<div class="kit-timeline-content">\n{_head(group, zone)}\n{_rest(group)}</div>\n</li>\n'
    )


def _head(group: Group, zone: tzinfo) -> str:
    who = drawn.person(group.who, empty="the portal")
    times = (
        f' <strong class="kit-timeline-times">{group.times} times</strong>'
        if group.times > 1
        else ""
    )
    until = f" <span>to {drawn.when(group.other_end, zone)}</span>" if group.other_end else ""
    return (
        f'<p class="kit-timeline-head">{who} {_what(group)}{times}'
        f' <span class="kit-timeline-meta">{_source(group)}{drawn.when(group.at, zone)}{until}'
        "</span></p>"
    )


def _what(group: Group) -> str:
    first = group.lines[0]
    if group.is_comment and not first.entry.what:
        return '<span class="kit-timeline-what">commented</span>'
    if group.is_comment or len(group.lines) == 1:
        return _line(first)
    return f'<span class="kit-timeline-what">made {len(group.lines)} changes at once</span>'


def _source(group: Group) -> str:
    if not group.source:
        return ""
    request = f' title="request {drawn.text(group.request_id)}"' if group.request_id else ""
    return f'<span class="kit-timeline-source"{request}>{drawn.text(group.source)}</span>'


def _rest(group: Group) -> str:
    if len(group.lines) == 1:
        return _more(group.lines[0])
    inside = "".join([f"<li>{_line(line)}{_more(line)}</li>\n" for line in group.lines])
    return f'<ul class="kit-timeline-lines">\n{inside}</ul>\n'


def _line(line: Line) -> str:
    what = line.entry.what
    said = f'<a href="{drawn.text(line.url)}">{drawn.text(what)}</a>' if line.url else None
    shown = links.linked(what) if said is None else said
    label = (
        f' <span class="kit-timeline-label">{links.linked(line.label)}</span>' if line.label else ""
    )
    return f'<span class="kit-timeline-what">{shown}</span>{label}'


def _more(line: Line) -> str:
    """Why, the words of a comment, and what changed, folded."""
    entry, parts = line.entry, []
    if entry.why:
        parts.append(f'<p class="kit-timeline-why">{links.linked(entry.why)}</p>\n')
    if entry.body:
        parts.append(f'<div class="kit-timeline-body">{prose(entry.body)}</div>\n')
    if line.changed:
        parts.append(
            '<details class="kit-timeline-changes"><summary>What changed</summary>'
            f"{changes(entry.before, entry.after)}</details>\n"
        )
    return "".join(parts)


def prose(text: Any, outside: bool = False) -> SafeString:
    """Words that somebody wrote as Markdown, with their times by the reader's clock."""
    text = moments.by_clock(str(text if text is not None else ""), context.current().zone)
    html = markdown.render_outside(text) if outside else markdown.render(text)
    cut = (
        '<p class="kit-cut">Too long to lay out: shown as it was written.</p>\n'
        if markdown.too_large(text)
        else ""
    )
    return _safe(f'<div class="kit-markdown">{html}</div>\n{cut}')


# --- What changed ---------------------------------------------------------------------------------

_HEADINGS = (
    '<thead><tr><th scope="col">Field</th><th scope="col">Before</th>'
    '<th scope="col">After</th></tr></thead>'
)
_NOT_SET = '<span class="kit-nothing">not set</span>'


def changes(before: Any, after: Any, label: str = "Changed fields") -> SafeString:
    """Two JSON-like values, field by field: what an audit row keeps as before and after."""
    found, more = values.changes(before, after)
    named, many = drawn.text(label), f"{len(found)}{'+' if more else ''}"
    count = f'<span class="kit-nothing">{many}</span>' if found else ""
    return _safe(
        '<figure class="kit-changes">\n<figcaption class="kit-frame-head">'
        f'<span class="kit-frame-label">{named}</span>{count}</figcaption>\n'
        f"{_fields(found, named)}{_notice(found, more=more)}</figure>\n"
    )


def _fields(found: Sequence[values.Change], named: str) -> str:
    if not found:
        return ""
    rows = "\n".join([_field(change) for change in found])
    return (
        f'<div class="kit-changes-body" role="region" aria-label="{named}" tabindex="0">\n'
        f"<table>\n{_HEADINGS}\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>\n"
    )


def _field(change: values.Change) -> str:
    kind = change.kind
    before = f'<code class="kit-before">{change.before}</code>' if change.before else _NOT_SET
    after = f'<code class="kit-after">{change.after}</code>' if change.after else _NOT_SET
    return (
        f'<tr class="kit-change-{kind}">\n<th scope="row"><span class="kit-sign" title="{kind}">'
        f'{change.sign}</span><span class="kit-hidden">{kind} </span>'
        f'<span title="{drawn.text(change.path)}">{drawn.text(change.words)}</span></th>\n'
        f'<td data-label="Before">{before}</td>\n<td data-label="After">{after}</td>\n</tr>'
    )


def _notice(found: Sequence[values.Change], *, more: bool) -> str:
    if not found:
        return '<p class="kit-frame-notice">Nothing changed.</p>\n'
    if more:
        return f'<p class="kit-frame-notice">Only the first {len(found)} changes are shown.</p>\n'
    return ""
