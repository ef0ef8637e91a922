"""Whatever a value holds, a partial shows it as text: no tag, no handler, no address of its own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.console.kit.icons import ICONS
from controlplane.console.kit.links import linked, safe_url
from controlplane.console.kit.samples import SAMPLES, Sample
from controlplane.console.templatetags import kit
from tests.console.kit_pages import ADDRESSES, HOSTILE, html_of, page_of
from tests.kit.markup import read
from tests.kit.source import ROOT

# One line a tag, with the value wherever a value may stand.
LINES = {
    "chip": "{% chip v v icon='flag' title=v url=v remove_url=v %}",
    "state": "{% state v v title=v %}",
    "severity": "{% severity v %}",
    "person": "{% person v kind=v url=v empty=v %}{% person none empty=v %}",
    "ref": "{% ref v v %}{{ v|refs }}",
    "env_tag": "{% env_tag v %}",
    "kbd": "{% kbd v %}",
    "when": "{% when v v v %}",
    "countdown": "{% countdown v verb=v empty=v %}{% countdown '2026-01-01' verb=v %}",
    "duration": "{% duration v %}",
    "lasting": "{% lasting v %}",
    "number": "{% number v v %}{% number 3 v %}",
    "size": "{% size v %}",
    "meter": "{% meter v v label=v unit=v target=v tone=v %}",
    "kpi": "{% kpi v v v target=3 direction=v note=v url=v %}",
    "table": "{% table columns rows v empty=v hint=v %}{% table columns none_rows v empty=v %}",
    "timeline": "{% timeline entries empty=v %}{% timeline none_rows empty=v %}",
    "empty": "{% empty v v v v api=v %}",
    "banner": "{% banner v v title=v url=v link=v %}",
    "breadcrumbs": "{% breadcrumbs crumbs %}",
    "pagination": "{% pagination previous=v following=v first=v last=v total=v noun=v %}",
    "progress": "{% progress v v v unit=v cancel_url=v %}",
    "copyable": "{% copyable v v %}",
    "diff": "{% diff v 'a' v %}{% diff 'a' v v side_by_side=True %}",
    "changes": "{% changes before after v %}",
    "code": "{% code v 'json' v anchor=v %}{% code v v v anchor='b' wrap=True %}",
    "json_view": "{% json_view after v %}{% json_view v v %}",
    "markdown": "{% markdown v %}",
    "preview": "{% for file in files %}{% preview file %}{% endfor %}",
    "icon": "{% icon 'bell' v %}",
}


def context_of(v: str) -> dict[str, object]:
    kinds = ["text", "code", "chip", "state", "person", "when", "ref", "yes", "number", "meter"]
    rows = [{"_url": v, "_tone": v, **dict.fromkeys(kinds, v)}]
    columns = [{"key": kind, "label": v, "kind": kind, "unit": v, "hint": v} for kind in kinds]
    entry = {"at": v, "who": v, "what": v, "why": v, "source": v, "body": v, "url": v, "tone": v}
    return {
        "v": v,
        "none": None,
        "columns": columns,
        "rows": [*rows, {"text": {"text": v, "url": v, "tone": v}}],
        "none_rows": [],
        "entries": [{**entry, "before": {v: v}, "after": [v], "request_id": v}],
        "crumbs": [(v, v), (v, "/"), v],
        "before": {v: v},
        "after": {v + "a": [v, {v: v}]},
        "files": [
            {"name": f"{v}.{ending}", "type": kind, "content": v, "url": v, "size": v}
            for ending, kind in [("csv", ""), ("json", "application/json"), ("png", "image/png")]
        ],
    }


def test_every_tag__is_tried_here() -> None:
    assert set(LINES) == set(kit.register.tags)


@pytest.mark.parametrize("value", [*HOSTILE, *ADDRESSES])
@pytest.mark.parametrize("tag", LINES)
def test_tag__shows_hostile_text_as_text(tag: str, value: str) -> None:
    page = page_of(LINES[tag], **context_of(value))
    assert not [found for found in page.tags if "onerror" in found.attributes]


@given(st.text(max_size=60), st.sampled_from(sorted(LINES)))
def test_tag__is_well_formed_whatever_the_text(value: str, tag: str) -> None:
    read(html_of(LINES[tag], **context_of(value)))


@pytest.mark.parametrize("address", ADDRESSES)
def test_safe_url__refuses_what_leads_astray(address: str) -> None:
    assert safe_url(address) == ""


@pytest.mark.parametrize(
    "address", ["/admin/", "?page=2", "#code-1", "https://a.example/b?c", "mailto:a@b.example"]
)
def test_safe_url__keeps_honest_addresses(address: str) -> None:
    assert safe_url(address) == address


@given(st.text())
def test_linked__keeps_the_text(text: str) -> None:
    page = read(str(linked(text)))
    assert page.text.replace("\r\n", "\n") == text.replace("\r\n", "\n")


def test_linked__links_refs_and_nothing_like_them() -> None:
    page = read(str(linked("INC-12 and XXX-1, SINC-4, INC-0 <b>MSN-7</b>")))
    assert [tag.attributes["href"] for tag in page.named("a")] == [
        "/admin/go/?q=INC-12",
        "/admin/go/?q=MSN-7",
    ]


# --- Samples and templates ----------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.title)
def test_sample__renders_clean(sample: Sample) -> None:
    page = read(sample.render())
    assert page.tags
    assert sample.about
    assert sample.usage


def test_samples__show_every_tag() -> None:
    shown = " ".join(sample.template + sample.usage for sample in SAMPLES)
    assert {name for name in kit.register.tags if f"{{% {name} " not in shown} <= {"env_tag"}
    assert "{% env_tag" in shown


def test_templates__name_icons_that_exist() -> None:
    names = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r"""{% icon ["']([a-z-]+)["']""", path.read_text())
    }
    assert names
    assert names <= set(ICONS)


def test_icon__unknown_name_is_a_bug() -> None:
    with pytest.raises(KeyError):
        html_of("{% icon 'unicorn' %}")


def test_icons__are_hidden_from_screen_readers() -> None:
    page = page_of("{% for name in names %}{% icon name %}{% endfor %}", names=list(ICONS))
    assert {tag.attributes["aria-hidden"] for tag in page.named("svg")} == {"true"}


def test_styles__take_every_colour_from_the_variables() -> None:
    sheets = ROOT / "controlplane/console/static/console"
    names = ("kit.css", "documents.css", "markdown.css")
    css = "".join((sheets / name).read_text() for name in names)
    bare = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", bare)
    assert "@import" not in bare
    assert "url(" not in bare


def test_partials__write_no_style_no_handler_no_script() -> None:
    for path in (ROOT / "templates/kit").glob("*.html"):
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", path.read_text()), path
