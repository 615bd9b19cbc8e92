"""The HTML of a RINF file: p, b, i, br and a with href, and nothing else.

`sanitised` takes any text for HTML and gives back only that subset, well formed: other tags go and their text stays,
the contents of `script`, `style` and their like go too, and an address other than https, http or mailto goes with its
attribute. What it gives is a fixed point: sanitised again, it stays the same.

How a text is read, in time that grows with its length and no faster:

1. `<!--` to `-->`, `<!` and `<?` to `>` are dropped; what of them does not end is dropped to the end of the text.
2. `<` or `</`, a letter, and no further `<` until a `>` outside quotes is a tag. Any other `<` is text.
3. After a tag of an element that goes whole, all is dropped up to its end tag.

Source: X.672 D.2.5 (HTML 4.01).
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Final

_PAIRED: Final = frozenset({"p", "b", "i", "a"})
_DROPPED: Final = frozenset({"script", "style", "template", "iframe", "object", "noscript", "title", "textarea", "svg"})
"""Elements that go with all they hold."""

_ADDRESS: Final = re.compile(r"(?:https?://[^\s/]|mailto:[^\s])[^\s]*", re.IGNORECASE)
_BREAK: Final = re.compile(r"<br/>|</p>")
_PLAIN_TAG: Final = re.compile(r"<[^<>]*>")
_MAX_NESTING: Final = 16

_TOKEN: Final = re.compile(
    r"<!--(?s:.*?)(?:-->|\Z)"
    r"|<[!?][^>]*>?"
    r"""|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/<>"']*+)(?P<rest>(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+)>"""
    r"|(?P<text>[^<]++|<)"
)
"""Comment, declaration, tag or text; nothing in a tag passes a `<`, so no part of the text is tried over and over."""

_ATTRIBUTE: Final = re.compile(r"""([^\s/=<>"']++)\s*+(?:=\s*+("[^"]*+"|'[^']*+'|[^\s"'<>]*+))?""")
_LONG_NUMBER: Final = re.compile(r"&#[0-9]{9,}+;?")
"""A character reference beyond every character, which Python would take for a number of thousands of digits."""


def html_of(text: str) -> str:
    """Make HTML of plain text: a blank line parts paragraphs, a line feed becomes `<br/>`; all else is escaped."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if part.strip()]
    return "".join(f"<p>{'<br/>'.join(map(_escaped, part.splitlines()))}</p>" for part in paragraphs)


def text_of(html: str) -> str:
    """Give the plain text of sanitised HTML; the end of a paragraph and `<br/>` become line feeds."""
    lines = (_PLAIN_TAG.sub("", part).strip() for part in _BREAK.split(html))
    return _unescaped("\n".join(lines)).strip()


def sanitised(html: str) -> str:
    """Give what of an HTML text is in the subset, well formed."""
    writer, at = _Writer(), 0
    while (token := _TOKEN.match(html, at)) is not None:
        at = token.end()
        name = (token["name"] or "").lower()
        if token["text"] is not None:
            writer.text(token["text"])
        elif token["end"]:
            writer.end(name)
        elif name in _DROPPED and not token["rest"].endswith("/"):
            at = _after(html, name, at)  # (3)
        elif name:
            writer.start(name, token["rest"])
    return writer.result()


def _after(html: str, name: str, at: int) -> int:
    """Give the place after the end tag of an element, or the end of the text."""
    found = re.compile(rf"</{name}(?=[\s/>])[^>]*+>?", re.IGNORECASE).search(html, at)
    return len(html) if found is None else found.end()


def _escaped(text: str) -> str:
    """Escape text, quotes left alone: it stands between tags."""
    return escape(text, quote=False)


def _unescaped(text: str) -> str:
    return unescape(_LONG_NUMBER.sub("\ufffd", text))


class _Writer:
    """Writes the subset."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._open: list[str] = []

    def result(self) -> str:
        """Close what is open and give all."""
        self._written += [f"</{tag}>" for tag in reversed(self._open)]
        self._open.clear()
        return "".join(self._written).strip()

    def start(self, tag: str, rest: str) -> None:
        """Keep a tag of the subset; an empty element other than `<br/>` says nothing."""
        if tag == "br":
            self._written.append("<br/>")
        elif tag in _PAIRED and tag not in self._open and len(self._open) < _MAX_NESTING and not rest.endswith("/"):
            self._open.append(tag)
            self._written.append(_anchor(rest) if tag == "a" else f"<{tag}>")

    def end(self, tag: str) -> None:
        """Close a tag of the subset, and what was opened inside it."""
        while tag in self._open:
            self._written.append(f"</{self._open.pop()}>")

    def text(self, text: str) -> None:
        """Keep text."""
        self._written.append(_escaped(_unescaped(text)))


def _anchor(rest: str) -> str:
    """Write the start tag of a link out of the attributes of one."""
    values = (found[2] for found in _ATTRIBUTE.finditer(rest) if found[1].lower() == "href" and found[2])
    address = _unescaped(next(values, "").strip("\"'")).strip()
    return f'<a href="{escape(address)}">' if _ADDRESS.fullmatch(address) else "<a>"
