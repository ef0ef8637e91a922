"""Reading a chart's markup as a browser would, and refusing what the console must never send."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?|nan|inf", re.IGNORECASE)
PLACES = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "r")


def parsed(markup: str) -> ElementTree.Element:
    """Well-formed, without style or handlers, every place finite; paths inside their box."""
    markup.encode()
    root = ElementTree.fromstring(markup)
    for node in root.iter():
        for name, value in node.attrib.items():
            assert name != "style"
            assert not name.startswith("on"), name
            if name in PLACES:
                _place(node, name, value)
        assert node.tag not in {"script", "foreignObject", "style"}
    for box in root.iter("svg"):
        if "viewBox" in box.attrib:
            _paths_inside(box)
    return root


def _place(node: ElementTree.Element, name: str, value: str) -> None:
    number = float(value.removesuffix("%"))
    assert math.isfinite(number), (node.tag, name, value)
    if value.endswith("%"):
        assert -0.01 <= number <= 100.02, (node.tag, name, value)
    if name in {"width", "height", "r"}:
        assert number >= 0, (node.tag, name, value)


def _paths_inside(box: ElementTree.Element) -> None:
    _, _, width, height = (float(part) for part in box.attrib["viewBox"].split())
    for path in box.iter("path"):
        if path.attrib.get("class", "").startswith(("chart-line", "chart-area", "chart-ribbon")):
            numbers = [float(found) for found in NUMBER.findall(path.attrib["d"])]
            assert all(math.isfinite(number) for number in numbers)
            assert all(-0.01 <= x <= width + 0.01 for x in numbers[::2])
            assert all(-0.01 <= y <= height + 0.01 for y in numbers[1::2])


def words(root: ElementTree.Element) -> str:
    return " ".join(text for text in root.itertext() if text.strip())


def described(root: ElementTree.Element) -> str:
    """The description of the drawing."""
    found = next(root.iter("desc"))
    return plain(found.text or "")


def plain(text: str) -> str:
    return text.replace("\u202f", " ")
