"""The HTML of a RINF file: p, b, i, br and a with href, and nothing else.

`sanitised` takes any text for HTML and gives back only that subset, well formed: other tags go and their text stays,
the contents of `script`, `style` and their like go too, and an address other than https, http or mailto goes with its
attribute. What it gives is a fixed point: sanitised again, it stays the same.

Source: X.672 D.2.5 (HTML 4.01).
"""

from __future__ import annotations

import re
from html import escape, unescape
from html.parser import HTMLParser
from typing import Final

_PAIRED: Final = frozenset({"p", "b", "i", "a"})
_DROPPED: Final = frozenset({"script", "style", "template", "iframe", "object", "noscript", "title", "textarea", "svg"})
"""Elements that go with all they hold."""

_ADDRESS: Final = re.compile(r"(?:https?://[^\s/]|mailto:[^\s])[^\s]*", re.IGNORECASE)
_BREAK: Final = re.compile(r"\s*(?:<br/>|</p>)\s*")
_TAG: Final = re.compile(r"<[^>]*>")
_MAX_NESTING: Final = 16


def html_of(text: str) -> str:
    """Make HTML of plain text: a blank line parts paragraphs, a line feed becomes `<br/>`; all else is escaped."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if part.strip()]
    return "".join(f"<p>{'<br/>'.join(map(_escaped, part.splitlines()))}</p>" for part in paragraphs)


def text_of(html: str) -> str:
    """Give the plain text of sanitised HTML; the end of a paragraph and `<br/>` become line feeds."""
    return unescape(_TAG.sub("", _BREAK.sub("\n", html))).strip()


def sanitised(html: str) -> str:
    """Give what of an HTML text is in the subset, well formed."""
    parser = _Sanitiser()
    parser.feed(html)
    parser.close()
    return parser.result()


def _escaped(text: str) -> str:
    """Escape text, quotes left alone: it stands between tags."""
    return escape(text, quote=False)


class _Sanitiser(HTMLParser):
    """Writes the subset while it reads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._written: list[str] = []
        self._open: list[str] = []
        self._dropping: list[str] = []

    def result(self) -> str:
        """Close what is open and give all."""
        self._written += [f"</{tag}>" for tag in reversed(self._open)]
        self._open.clear()
        return "".join(self._written).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag of the subset."""
        if self._dropping or tag in _DROPPED:
            self._dropping += [tag] if tag in _DROPPED else []
        elif tag == "br":
            self._written.append("<br/>")
        elif tag in _PAIRED and tag not in self._open and len(self._open) < _MAX_NESTING:
            self._open.append(tag)
            self._written.append(_anchor(attrs) if tag == "a" else f"<{tag}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep `<br/>`; an empty other element says nothing."""
        if tag == "br":
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag of the subset, and what was opened inside it."""
        if self._dropping:
            if tag == self._dropping[-1]:
                self._dropping.pop()
            return
        while tag in self._open:
            self._written.append(f"</{self._open.pop()}>")

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if not self._dropping:
            self._written.append(_escaped(data))


def _anchor(attributes: list[tuple[str, str | None]]) -> str:
    address = next((value for name, value in attributes if name == "href" and value), "").strip()
    return f'<a href="{escape(address)}">' if _ADDRESS.fullmatch(address) else "<a>"
