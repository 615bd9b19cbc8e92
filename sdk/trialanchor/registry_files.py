"""Registry files: entries of the OID registry as JSON, CSV or XML, written to be read again.

- JSON: `{"trialanchor_registry": 1, "entries": [...]}`, entries as the node answers them.
- CSV: one line an entry, columns `COLUMNS`; labels parted by blanks, codes written `scheme=value` and parted by blanks.
  A cell that a spreadsheet would take for a formula is written with `'` in front, which is taken off again.
- XML: `oid-database` with one `oid` an entry and the element names that registries of OIDs exchange (`dot-notation`,
  `description`, `unicode-label`); what they have no name for is in elements of our own namespace.

Reading keeps what a registration holds (`FIELDS`), and `status`, `reason` and `successor` of a deprecated entry; who
registered it, when and where is the ledger's word, not a file's.

Not done here: the rules of the registry; the node applies them.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

from trialanchor.canonical import loads
from trialanchor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

VERSION: Final = 1

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xml": "application/xml",
}
"""Formats, and the media type of each."""

FIELDS: Final = ("oid", "type", "visibility", "names", "labels", "codes", "no_code", "attributes", "parent")
_STATE: Final = ("status", "reason", "successor")
_PLAIN: Final = ("oid", "type", "visibility", "no_code", "attributes", "parent", "status", "reason", "successor")
_TOLD: Final = ("owner", "version", "registered_at", "changed_at", "block")

COLUMNS: Final = (*_PLAIN, "name_zh", "name_en", "labels", "codes", *_TOLD)
"""Columns of a CSV file, in order; when reading, any order and any more."""

MAX_FILE: Final = 1 << 30
"""Octets of a file that is read."""

NAMESPACE: Final = "urn:trialanchor:registry:1"

_LANGUAGE: Final = "http://www.w3.org/XML/1998/namespace lang"

_FORMULA: Final = ("=", "+", "-", "@", "\t", "'")
_XML_HEAD: Final = f'<?xml version="1.0" encoding="UTF-8"?>\n<oid-database xmlns:t="{NAMESPACE}">\n'


def encode(form: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Write entries, one piece an entry.

    Args:
        form: `json`, `csv` or `xml`.
        entries: Entries as the node answers them.
    """
    return _ENCODERS[form](entries)


def decode(form: str, content: bytes) -> list[dict[str, Any]]:
    """Read entries to be registered.

    Raises:
        InputError: The file is not of its form; names the place.
    """
    try:
        entries = _DECODERS[form](content)
    except UnicodeDecodeError as error:
        raise InputError(f"the file is not UTF-8 at octet {error.start + 1}") from None
    for place, entry in enumerate(entries, 1):
        if not isinstance(entry.get("oid"), str) or not isinstance(entry.get("type"), str):
            raise InputError(f"entry {place} of the file names no oid or no type")
        if entry.get("status", "active") not in {"active", "deprecated"}:
            raise InputError(f"entry {place} of the file is neither active nor deprecated")
    return entries


def registrations(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give entries as they are registered, each after the one it belongs to when that is in the file too."""
    named = {entry["oid"]: entry for entry in entries}
    ordered: dict[str, None] = {}
    for entry in entries:
        chain: list[str] = []
        oid: Any = entry["oid"]
        while oid in named and oid not in ordered and oid not in chain:
            chain.append(oid)
            oid = named[oid].get("parent")
        ordered.update(dict.fromkeys(reversed(chain)))
    return [{name: named[oid][name] for name in FIELDS if name in named[oid]} for oid in ordered]


def deprecations(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the arguments that deprecate what a file says is, each before the successor that takes its place."""
    pending = {entry["oid"]: entry for entry in entries if entry.get("status") == "deprecated"}
    ordered: dict[str, None] = {}
    for oid in pending:
        chain: list[str] = []
        following: Any = oid
        while following in pending and following not in ordered and following not in chain:
            chain.append(following)
            following = pending[following].get("successor")
        ordered = dict.fromkeys([*chain, *ordered])
    return [
        {"oid": oid, "reason": pending[oid].get("reason", "discontinued"), "successor": pending[oid].get("successor")}
        for oid in ordered
    ]


def _encode_json(entries: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    yield b'{"trialanchor_registry": %d, "entries": [' % VERSION
    between = b"\n"
    for entry in entries:
        yield between + json.dumps(entry, ensure_ascii=False).encode()
        between = b",\n"
    yield b"\n]}\n"


def _encode_csv(entries: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([_guarded(text) for text in _cells(entry)])
        yield line.getvalue().encode()
        line.seek(0)
        line.truncate()
    yield line.getvalue().encode()


def _cells(entry: Mapping[str, Any]) -> list[str]:
    names = entry.get("names", {})
    cells = {
        **{name: entry.get(name, "") for name in (*_PLAIN, *_TOLD)},
        "name_zh": names.get("zh", ""),
        "name_en": names.get("en", ""),
        "labels": " ".join(entry.get("labels", ())),
        "codes": " ".join(f"{code['scheme']}={code['value']}" for code in entry.get("codes", ())),
    }
    return [str(cells[column]) for column in COLUMNS]


def _guarded(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text


def _encode_xml(entries: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    yield _XML_HEAD.encode()
    for entry in entries:
        lines = [f"<oid>\n <dot-notation>{entry['oid']}</dot-notation>\n"]
        names = entry.get("names", {})
        lines += [f" <unicode-label>{escape(label)}</unicode-label>\n" for label in entry.get("labels", ())]
        lines += [
            f' <description xml:lang="{language}">{escape(name)}</description>\n' for language, name in names.items()
        ]
        lines += [
            f' <t:code scheme="{code["scheme"]}">{escape(code["value"])}</t:code>\n' for code in entry.get("codes", ())
        ]
        lines += [
            f" <t:{name}>{escape(str(entry[name]))}</t:{name}>\n" for name in (*_PLAIN[1:], *_TOLD) if name in entry
        ]
        yield ("".join(lines) + "</oid>\n").encode()
    yield b"</oid-database>\n"


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what a registration holds."""
    return {name: entry[name] for name in (*FIELDS, *_STATE) if entry.get(name) not in (None, "", [], {})}


def _decode_json(content: bytes) -> list[dict[str, Any]]:
    loads(content)  # strictly: refuses duplicate keys, and names the place of what is no JSON
    try:
        value = json.loads(content)
    except ValueError as error:
        raise InputError("the file holds a number that is too long") from error
    entries = value.get("entries") if isinstance(value, dict) else value
    if not isinstance(entries, list) or any(not isinstance(entry, dict) for entry in entries):
        raise InputError("the file holds no list of entries")
    return [_kept(entry) for entry in entries]


def _decode_csv(content: bytes) -> list[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    try:
        if "oid" not in (rows.fieldnames or ()):
            raise InputError("the file has no column oid")
        if len(set(rows.fieldnames or ())) != len(rows.fieldnames or ()):
            raise InputError("the file has two columns of one name")
        return [_of_cells(row, rows.line_num) for row in rows]
    except csv.Error as error:
        raise InputError(f"the file is not CSV at line {rows.line_num}") from error


def _of_cells(row: Mapping[str, Any], line: int) -> dict[str, Any]:
    if None in row or None in row.values():
        raise InputError(f"line {line} of the file has another number of cells than its first line")
    cells = {name: text.removeprefix("'") for name, text in row.items()}
    codes = [word.partition("=") for word in cells.get("codes", "").split()]
    if any(not mark for _, mark, _ in codes):
        raise InputError(f"line {line} of the file: a code is written scheme=value")
    names = {language: cells[f"name_{language}"] for language in ("zh", "en") if cells.get(f"name_{language}")}
    return _kept(
        {
            **{name: cells.get(name) for name in _PLAIN},
            "names": names,
            "labels": cells.get("labels", "").split(),
            "codes": [{"scheme": scheme, "value": value} for scheme, _, value in codes],
        }
    )


class _XmlReader:
    """Collects the entries of an XML file; no document type, so no entities."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._entry: dict[str, Any] | None = None
        self._text = ""
        self._attributes: dict[str, str] = {}

    def read(self, content: bytes) -> list[dict[str, Any]]:
        parser = ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(content, True)  # noqa: FBT003 - its parameters have no names
        except ExpatError as error:
            raise InputError(f"the file is not XML at line {error.lineno}") from None
        return [_kept(entry) for entry in self.entries]

    def _doctype(self, *_: object) -> None:
        raise InputError("the file has a document type; none is read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._text, self._attributes = "", attributes
        if name == "oid":
            self._entry = {"names": {}, "labels": [], "codes": []}

    def _characters(self, text: str) -> None:
        self._text += text

    def _end(self, name: str) -> None:
        text, entry = self._text.strip(), self._entry
        self._text = ""
        if entry is None:
            return
        if name == "oid":
            self.entries.append(entry)
            self._entry = None
        elif name == "dot-notation":
            entry["oid"] = text
        elif name == "unicode-label":
            entry["labels"].append(text)
        elif name == "description":
            entry["names"][self._attributes.get(_LANGUAGE, "en")] = text
        elif name == f"{NAMESPACE} code":
            entry["codes"].append({"scheme": self._attributes.get("scheme", ""), "value": text})
        elif name.startswith(f"{NAMESPACE} ") and name.removeprefix(f"{NAMESPACE} ") in _PLAIN:
            entry[name.removeprefix(f"{NAMESPACE} ")] = text


_ENCODERS: Final[Mapping[str, Callable[[Iterable[Mapping[str, Any]]], Iterator[bytes]]]] = {
    "json": _encode_json,
    "csv": _encode_csv,
    "xml": _encode_xml,
}
_DECODERS: Final[Mapping[str, Callable[[bytes], list[dict[str, Any]]]]] = {
    "json": _decode_json,
    "csv": _decode_csv,
    "xml": lambda content: _XmlReader().read(content),
}
