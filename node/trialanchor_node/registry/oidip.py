"""OID-IP: a query about an OID, and the answer in sections, as text, JSON or XML.

An answer is made once as sections of fields and written in the format asked for. Rules:

1. A query is `oid:<OID>`, then arguments `$<name>=<value>`, no name twice. The OID is dotted, a leading dot allowed;
   `oid:` and `oid:.` are the root. `format` is `text` (when not given), `json` or `xml`; `lang` is a list of language
   tags. `auth` is taken and ignored, and left out where the query is repeated. Other arguments are ignored.
2. Over HTTP the same is asked as `oid/<OID or root>/<format>`.
3. Result and status: Found 200; Not found; superior object found 470, with the distance; Not found 404; Service error
   400, always as text, for what is no query and for another format.
4. A private or blinded object is found, its information unavailable and its attribute `confidential`.
5. A text line has at most 80 characters where blanks allow; the field name is repeated on a continued line.

It has no standing in the IETF: the draft expired on 6 March 2025. Differences from it: only GET; a query that is none
is answered without repeating it; no signature (a receipt of the log is proof of registration), no referral.

Source: draft-viathinksoft-oidip-10, sections 2, 3 and appendices A, B.
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from trialanchor_chaincode.rules.descriptions import TYPES
from trialanchor_oid.arcs import long_arcs, named_arcs
from trialanchor_oid.asn1 import format_asn1
from trialanchor_oid.codec import is_dotted
from trialanchor_oid.errors import InputError
from trialanchor_oid.iri import iri_of, long_iri_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trialanchor_node.registry.views import View
    from trialanchor_oid.ors.tree import Arcs

SCHEMA: Final = "urn:ietf:id:draft-viathinksoft-oidip-10"
"""Name of the JSON schema and of the XML namespace."""

MEDIA_TYPES: Final = {
    "text": "text/vnd.viathinksoft.oidip; charset=UTF-8",
    "json": "application/vnd.viathinksoft.oidip+json",
    "xml": "application/vnd.viathinksoft.oidip+xml",
}

FOUND: Final = "Found"
SUPERIOR: Final = "Not found; superior object found"
NOT_FOUND: Final = "Not found"
SERVICE_ERROR: Final = "Service error"

STATUSES: Final = {FOUND: 200, SUPERIOR: 470, NOT_FOUND: 404, SERVICE_ERROR: 400}
"""HTTP status of each result."""

MAX_QUERY: Final = 2_000
"""Characters of a query."""

LINE: Final = 80
"""Characters of a line of text."""

_AVAILABLE: Final = "Information available"
_PARTLY: Final = "Information partially available"
_UNAVAILABLE: Final = "Information unavailable"

_QUERY: Final = re.compile(r"oid:\.?([0-9.]*)((?:\$[a-z0-9]+=[!-#%-<>-~]+)*)", re.ASCII)
_TOP: Final = re.compile(r"[0-2]", re.ASCII)
_SINGLE: Final = frozenset({"name", "description", "lang", "parent", "object", "status", "created", "updated", "url"})
"""Fields with one value."""

_WRAPPED: Final = frozenset({"name", "description", "message", "asn1-notation"})


class OidIpError(InputError):
    """What was asked is no query of OID-IP."""

    code = "oidip"
    hint = "Ask for oid:<OID>$format=text, json or xml."


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked.

    Attributes:
        arcs: The node; none for the root.
        format: Format of the answer, one of `MEDIA_TYPES`.
        languages: Languages in the order they are wanted.
        text: The query as it is repeated.
    """

    arcs: Arcs
    format: str = "text"
    languages: tuple[str, ...] = ()
    text: str = "oid:"


Fields = list[tuple[str, str]]
"""Fields of a section in order; a field with several values stands there several times."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: the sections by name, without the prefix of the registration authority's fields."""

    query: Fields
    object: Fields = field(default_factory=list)
    authority: Fields = field(default_factory=list)

    @property
    def status(self) -> int:
        """HTTP status."""
        return STATUSES[dict(self.query)["result"]]

    @property
    def sections(self) -> dict[str, Fields]:
        """The sections there are, by their names in JSON and XML."""
        named = {"querySection": self.query, "objectSection": self.object, "raSection": self.authority}
        return {name: fields for name, fields in named.items() if fields}


def parse_query(text: str) -> Query:
    """Read a query with its arguments.

    Raises:
        OidIpError: It is none, names an argument twice, or asks for another format.
    """
    match = _QUERY.fullmatch(text) if len(text) <= MAX_QUERY else None
    if match is None:
        raise OidIpError("the query is not oid:<OID> with arguments $name=value")
    pairs = [argument.split("=", 1) for argument in match[2].split("$")[1:]]
    arguments = dict(pairs)
    if len(arguments) != len(pairs):
        raise OidIpError("an argument is given twice")
    repeated = "".join(f"${name}={value}" for name, value in pairs if name != "auth")
    languages = tuple(arguments.get("lang", "").split(",")) if "lang" in arguments else ()
    return _query(match[1], arguments.get("format", "text"), languages, text[: match.start(2)] + repeated)


def path_query(namespace: str, identifier: str, form: str, languages: tuple[str, ...]) -> Query:
    """Read a query in the form of a path.

    Raises:
        OidIpError: Another namespace than `oid`, no OID, or another format.
    """
    if namespace != "oid":
        raise OidIpError("this service knows the namespace oid only")
    dotted = "" if identifier == "root" else identifier
    if not dotted and identifier != "root":
        raise OidIpError("the identifier is a dotted OID or root")
    return _query(dotted, form, languages, f"oid:{dotted}")


def _query(dotted: str, form: str, languages: tuple[str, ...], text: str) -> Query:
    if form not in MEDIA_TYPES:
        raise OidIpError("the formats are text, json and xml")
    if not dotted:
        return Query((), form, languages, text)
    if _TOP.fullmatch(dotted) is None and not is_dotted(dotted):
        raise OidIpError("the identifier is not a dotted OID")
    return Query(tuple(map(int, dotted.split("."))), form, languages, text)


def answer_error(error: InputError) -> Answer:
    """Answer what is no query; it is not repeated, since it may hold anything."""
    return Answer([("query", "oid:"), ("result", SERVICE_ERROR), ("message", str(error)), ("lang", "en")])


def answer_of(query: Query, view: View | None, url: str) -> Answer:
    """Answer a query.

    Args:
        query: The query.
        view: The node asked for or its nearest registered superior; None when there is neither.
        url: Address of the page of the object; empty for none.
    """
    if view is None:
        return Answer([("query", query.text), ("result", NOT_FOUND)])
    distance = len(query.arcs) - len(view.arcs)
    asked = [("query", query.text), ("result", SUPERIOR if distance else FOUND)]
    if distance:
        asked.append(("distance", str(distance)))
    section = _withheld(view) if view.withheld else _object(view, query.languages, url)
    return Answer(asked, section, _authority(view, query.languages))


def encode(answer: Answer, form: str) -> bytes:
    """Write an answer in a format."""
    return _WRITERS[form](answer).encode()


def language_of(names: Mapping[str, str], languages: Sequence[str]) -> str | None:
    """Choose the best language of those there are; None when there is none."""
    for wanted in languages:
        found = wanted.strip().lower().split("-")[0]
        if found in names:
            return found
    return next((language for language in ("en", "zh") if language in names), None)


def _withheld(view: View) -> Fields:
    fields = [("object", f"oid:{view.node.dotted}"), ("status", _UNAVAILABLE), ("attribute", "confidential")]
    return [*fields, ("attribute", "retired")] if view.entry is not None and view.entry.is_deprecated else fields


def _object(view: View, languages: Sequence[str], url: str) -> Fields:
    arcs, entry = view.arcs, view.entry
    names = view.names(view.node)
    language = language_of(names, languages)
    named = named_arcs().get(arcs)
    identifiers = named.names if named is not None else ()
    labels = dict.fromkeys((*(entry.labels if entry is not None else ()), *(named.labels if named is not None else ())))
    fields = [("object", f"oid:{view.node.dotted}"), ("status", _PARTLY if entry is None else _AVAILABLE)]
    if language is not None:
        fields += [("lang", language), ("name", names[language])]
    fields += _described(view, language or "en")
    if url:
        fields.append(("url", url))
    if arcs:
        fields.append(("asn1-notation", format_asn1(arcs)))
    fields += [("iri-notation", iri) for iri in dict.fromkeys((iri_of(arcs), long_iri_of(arcs)))]
    fields += [("identifier", name) for name in identifiers]
    fields += [("standardized-id", name) for name in identifiers if named is not None and named.alone]
    fields += [("unicode-label", label) for label in labels]
    fields += [("long-arc", label) for label, target in long_arcs().items() if target == arcs]
    return [*fields, *_placed(view)]


def _described(view: View, language: str) -> Fields:
    """Describe an entry in one sentence: its type, and its codes."""
    entry = view.entry
    kind = TYPES.get(entry.type or "") if entry is not None else None
    if entry is None or kind is None:
        return []
    codes = ", ".join(f"{code.scheme} {code.value}" for code in entry.codes)
    return [("description", (kind.zh if language == "zh" else kind.en) + (f" ({codes})" if codes else ""))]


def _placed(view: View) -> Fields:
    """Say what is above and below, and when it was registered."""
    entry, arcs = view.entry, view.arcs
    fields = [("attribute", "retired")] if entry is not None and entry.is_deprecated else []
    if arcs:
        fields.append(("parent", "oid:" + ".".join(map(str, arcs[:-1]))))
    fields += [("subordinate", f"oid:{child.dotted}") for child in (view.children.listed if view.children else ())]
    if entry is not None:
        fields += [
            (name, _time(at))
            for name, at in (("created", entry.registered_at), ("updated", entry.changed_at))
            if at is not None
        ]
    return fields


def _authority(view: View, languages: Sequence[str]) -> Fields:
    """Say who is responsible: the organisation, never a person."""
    if view.entry is None:
        return []
    names = view.owner_name
    language = language_of(names, languages)
    if language is None:
        return [("ra", f"urn:oid:{view.entry.owner}"), ("status", _UNAVAILABLE)]
    return [("ra", names[language]), ("status", _PARTLY), ("lang", language)]


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S +0000")


def _text(answer: Answer) -> str:
    """Write lines; the fields of the registration authority begin with `ra-`."""
    authority = [(name if name == "ra" else f"ra-{name}", value) for name, value in answer.authority]
    sections = [section for section in (answer.query, answer.object, authority) if section]
    width = max(len(name) for section in sections for name, _ in section) + 3
    return "\r\n".join("".join(_line(name, value, width) for name, value in section) for section in sections)


def _line(name: str, value: str, width: int) -> str:
    clean = "".join(character if character.isprintable() else " " for character in value)
    pieces = [clean]
    if name in _WRAPPED and len(clean) > LINE - width:
        pieces = textwrap.wrap(clean, LINE - width, break_long_words=False, break_on_hyphens=False) or [clean]
    return "".join(f"{name + ':':<{width}}{piece}\r\n" for piece in pieces)


def _json(answer: Answer) -> str:
    sections = {name: _members(fields) for name, fields in answer.sections.items()}
    return json.dumps({"$schema": SCHEMA, "oidip": sections}, ensure_ascii=False)


def _members(fields: Fields) -> dict[str, Any]:
    """Give a field with several values as an array, and the distance as a number."""
    values: dict[str, Any] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    members = {name: found[0] if len(found) == 1 or name in _SINGLE else found for name, found in values.items()}
    return members | ({"distance": int(members["distance"])} if "distance" in members else {})


def _xml(answer: Answer) -> str:
    sections = "".join(
        f"<{name}>{''.join(f'<{key}>{escape(value)}</{key}>' for key, value in fields)}</{name}>"
        for name, fields in answer.sections.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<root xmlns="{SCHEMA}"><oidip>{sections}</oidip></root>\n'


_WRITERS: Final[Mapping[str, Callable[[Answer], str]]] = {"text": _text, "json": _json, "xml": _xml}
