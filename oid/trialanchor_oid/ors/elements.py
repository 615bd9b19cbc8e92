"""Read small XML files from strangers into plain elements, and write such elements.

Rules of reading:

1. At most `MAX_FILE` octets, UTF-8 with or without a byte order mark, and declared as nothing else.
2. No document type: with it go entities, external files and default attributes. No processing instructions.
3. At most `MAX_DEPTH` levels; text or elements inside an element, never both.
4. No attributes, but declarations of prefixes and `xsi` ones are passed over; no element in a namespace.
5. Blanks are those of XML: space, tab, line feed, carriage return. Another one, such as U+00A0, is text.

Every refusal names the line.

Source: XML 1.0; X.693 for what an EXTENDED-XER file may hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape

from trialanchor_oid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_FILE: Final = 1 << 20
"""Octets of an information file. A node with 5,000 labelled children needs about that."""

MAX_DEPTH: Final = 12
"""Levels of elements; the deepest file of the two modules has 8."""

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SHOWN: Final = 60
"""Characters of an element name that a message shows."""

_OUTSIDE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""A character that XML 1.0 cannot hold."""

_PASSED_OVER: Final = ("xmlns:", "xsi:")
_BLANKS: Final = " \t\r\n"
_UTF_8: Final = "utf-8"


class InformationError(InputError):
    """A CINF or RINF file that does not conform to its module, or contents that have no place in one."""

    code = "ors-information"
    hint = "The file's owner must correct it: EXTENDED-XER of X.672 annex C or D, without a document type."


@dataclass(slots=True)
class Element:
    """An element: its name, the line where it starts, and either text or children.

    Attributes:
        name: Name without a prefix.
        line: Line in the file, from 1; 0 in an element to be written.
        text: Text, when there are no children.
        children: Elements inside it, in order.
    """

    name: str
    line: int = 0
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def refuse(self, reason: str) -> NoReturn:
        """Refuse the file because of this element.

        Raises:
            InformationError: Always; names the element and its line.
        """
        name = self.name if len(self.name) <= _SHOWN else self.name[:_SHOWN] + "…"
        raise InformationError(f"line {self.line}: <{name}> {reason}")

    def content(self) -> str:
        """Give the text, blanks around it removed, of an element that may have no children."""
        if self.children:
            self.children[0].refuse(f"has no place in <{self.name}>")
        return self.text.strip(_BLANKS)

    def parts(self, known: Mapping[str, bool]) -> dict[str, Element]:
        """Give the children by name; they must come in the order of `known`, each at most once.

        Args:
            known: Names in order, and whether each must be there.

        Raises:
            InformationError: A child is unknown, out of order or missing, or there is text.
        """
        found: dict[str, Element] = {}
        left = list(known)
        for child in self._elements():
            if child.name not in known:
                child.refuse(f"has no place in <{self.name}>")
            if child.name not in left:
                child.refuse("comes twice or in the wrong order")
            left = left[left.index(child.name) + 1 :]
            found[child.name] = child
        missing = next((name for name, needed in known.items() if needed and name not in found), None)
        if missing is not None:
            self.refuse(f"lacks <{missing}>")
        return found

    def choice(self, *names: str) -> Element:
        """Give the one child, which must have one of these names.

        Raises:
            InformationError: There is none, another one, or more than one.
        """
        children = self._elements()
        if len(children) != 1 or children[0].name not in names:
            self.refuse("holds exactly one of " + ", ".join(f"<{name}>" for name in names))
        return children[0]

    def items(self, name: str) -> list[Element]:
        """Give the children, which must all have this name.

        Raises:
            InformationError: One has another name.
        """
        children = self._elements()
        for child in children:
            if child.name != name:
                child.refuse(f"has no place in <{self.name}>")
        return children

    def check_empty(self) -> None:
        """Refuse an element with text or children."""
        if self.children or self.text.strip(_BLANKS):
            self.refuse("must be empty")

    def _elements(self) -> list[Element]:
        if self.text.strip(_BLANKS):
            self.refuse("holds text where only elements may be")
        return self.children


def of(name: str, *children: Element | None) -> Element:
    """Make an element of children; those that are None are left out."""
    return Element(name, children=[child for child in children if child is not None])


def write(root: Element) -> bytes:
    """Write a file: UTF-8, a declaration, no blanks between elements, a final line feed.

    Raises:
        InformationError: A text has a character that XML cannot hold, or the file is larger than `MAX_FILE`.
    """
    data = (_DECLARATION + "".join(_written(root)) + "\n").encode()
    if len(data) > MAX_FILE:
        raise InformationError(f"the file would have {len(data)} octets, {MAX_FILE} are allowed")
    return data


def _written(element: Element) -> Iterable[str]:
    if element.children:
        yield f"<{element.name}>"
        for child in element.children:
            yield from _written(child)
        yield f"</{element.name}>"
    elif element.text:
        if _OUTSIDE.search(element.text):
            raise InformationError(f"the text of <{element.name}> has a character that XML cannot hold")
        yield f"<{element.name}>{escape(element.text).replace(chr(13), '&#13;')}</{element.name}>"
    else:
        yield f"<{element.name}/>"


def read(data: bytes, root: str) -> Element:
    """Read a file whose outermost element has the name `root`.

    Raises:
        InformationError: A rule is broken, or it is not XML; names the line.
    """
    if len(data) > MAX_FILE:
        raise InformationError(f"the file has more than {MAX_FILE} octets")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InformationError(f"the file is not UTF-8, at octet {error.start}") from error
    found = _Reader().read(text)
    if found.name != root:
        found.refuse(f"is not <{root}>")
    return found


class _Reader:
    """Turns the events of one parse into elements."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(_UTF_8)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.XmlDeclHandler = self._check_declaration
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.EntityDeclHandler = self._refuse_doctype
        self._parser.ProcessingInstructionHandler = self._refuse_instruction
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._root: Element | None = None

    def read(self, text: str) -> Element:
        """Parse the whole text and give its outermost element."""
        try:
            self._parser.Parse(text.encode(), True)  # noqa: FBT003 - expat's own call
        except expat.ExpatError as error:
            raise InformationError(
                f"line {error.lineno}: this is not XML ({expat.errors.messages.get(error.code, 'malformed')})"
            ) from error
        if self._root is None:
            raise InformationError("line 1: this is not XML (no element found)")
        return self._root

    def _refuse(self, reason: str) -> NoReturn:
        raise InformationError(f"line {self._parser.CurrentLineNumber}: {reason}")

    def _check_declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() != _UTF_8:
            self._refuse("another encoding than UTF-8 is declared")

    def _refuse_doctype(self, *_: object) -> None:
        self._refuse("a document type (DOCTYPE, entities) is not accepted")

    def _refuse_instruction(self, *_: object) -> None:
        self._refuse("a processing instruction is not accepted")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        element = Element(name, self._parser.CurrentLineNumber)
        if ":" in name:
            element.refuse("has a prefix, the elements of the modules have none")
        if attributes.get("xmlns"):
            element.refuse("is in a namespace, the elements of the modules are in none")
        if any(not name.startswith(_PASSED_OVER) for name in attributes if name != "xmlns"):
            element.refuse("has an attribute, the elements of the modules have none")
        if len(self._open) >= MAX_DEPTH:
            element.refuse(f"lies deeper than {MAX_DEPTH} levels")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        element.text = "".join(self._texts.pop())
        if element.children and element.text.strip(_BLANKS):
            element.refuse("holds both text and elements")

    def _characters(self, text: str) -> None:
        self._texts[-1].append(text)
