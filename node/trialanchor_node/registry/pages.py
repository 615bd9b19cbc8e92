"""The page of a node of the OID tree, in Chinese or English: one template, no script, nothing from elsewhere.

What it says is put together here from a `View`, so the template only lays it out. Texts are in `data/texts.json`. The
style stands in the page and is named by its digest in the content security policy, which allows nothing else.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from trialanchor_chaincode.rules.descriptions import TYPES
from trialanchor_node.registry.resolving import name_of
from trialanchor_node.registry.views import (
    child_names,
    drug_codes_of,
    evidence_json,
    forms_of,
    links_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor_node.registry.entries import Entry, TreeNode
    from trialanchor_node.registry.views import View
    from trialanchor_oid.drugs import DrugCode
    from trialanchor_oid.tables import Words

LANGUAGES: Final = ("en", "zh")
"""Languages of the pages, the first one when nothing is asked for."""

MEDIA_TYPE: Final = "text/html; charset=utf-8"

_FOLDER: Final = Path(__file__).parent
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = json.loads((_FOLDER / "data/texts.json").read_text(encoding="utf-8"))
_STYLE: Final = (_FOLDER / "templates/oid.css").read_text(encoding="utf-8")
_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals["css"] = Markup(_STYLE)  # noqa: S704 - our own file
_PAGE: Final = _ENVIRONMENT.get_template("oid.html")

_STYLE_DIGEST: Final = b64encode(sha256(_STYLE.encode()).digest()).decode("ascii")

HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Headers of every page."""


def render(view: View, language: str, *, first: bool = True) -> bytes:
    """Write the page of a node.

    Args:
        view: What anyone may see of it.
        language: `zh` or `en`.
        first: Whether the first page of children is shown.
    """
    return _PAGE.render(t=_TEXTS[language], p=page_of(view, language, first=first)).encode()


def page_of(view: View, language: str, *, first: bool = True) -> dict[str, Any]:
    """Put together what the page says; arguments as for `render`."""
    names = view.names(view.node)
    title = _pick(names, language) or (view.name if view.arcs else _TEXTS[language]["root_name"])
    also = [name for name in names.values() if name != title]
    children, texts = view.children, _TEXTS[language]
    return {
        "lang": language,
        "other_lang": next(other for other in LANGUAGES if other != language),
        "oid": view.name,
        "title": title,
        "also": also[0] if also else "",
        "registered": view.entry is not None,
        "withheld": view.withheld,
        "chips": [] if view.entry is None else _chips(view.entry, language, with_visibility=True),
        "deprecated": _deprecated(view, language),
        "breadcrumbs": _breadcrumbs(view, language) if view.arcs else None,
        "registration": _registration(view, language),
        "codes": _codes(view.entry, language) if view.entry is not None else [],
        "children": None if children is None else [_child(child, language) for child in children.listed],
        "hidden": children is not None and children.hidden,
        "first_page": "" if first else _href(view.name, language),
        "next_page": ""
        if children is None or children.following is None
        else f"{_href(view.name, language)}&after={children.following}",
        "evidence": evidence_json(view.evidence) if view.arcs else None,
        "forms": [
            {"label": texts[f"form_{name}"], "text": text} for name, text in forms_of(view.arcs, view.apex).items()
        ],
        "rows": _rows(view, language),
        "warnings": [_word(remark.words, language) for remark in view.warnings],
        "links": {"oidip": "", "history": "", "evidence": "", **links_of(view)},
    }


def _pick(names: Mapping[str, str], language: str) -> str:
    """Give the name in a language, or in the other one."""
    return names.get(language) or next(iter(names.values()), "")


def _word(words: Words | None, language: str) -> str:
    if words is None:
        return ""
    return words.zh if language == "zh" else words.en


def _href(name: str, language: str) -> str:
    return f"/oid/{name}?lang={language}"


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _chips(entry: Entry, language: str, *, with_visibility: bool) -> list[dict[str, Any]]:
    texts = _TEXTS[language]
    kind = TYPES.get(entry.type or "")
    chips = [] if kind is None else [{"text": kind.zh if language == "zh" else kind.en, "off": False}]
    if with_visibility or entry.is_deprecated:
        chips.append({"text": texts[entry.status], "off": entry.is_deprecated})
    if with_visibility:
        chips.append({"text": texts[entry.visibility], "off": False})
    return chips


def _breadcrumbs(view: View, language: str) -> list[dict[str, Any]]:
    return [
        {
            "href": _href(node.dotted, language),
            "arc": str(node.arcs[-1]),
            "name": _pick(view.names(node), language),
        }
        for node in view.breadcrumbs
    ]


def _deprecated(view: View, language: str) -> list[dict[str, Any]]:
    """Say why a public entry is deprecated and what takes its place."""
    entry, texts = view.entry, _TEXTS[language]
    if entry is None or not entry.is_deprecated:
        return []
    rows = [{"label": texts["status"], "text": texts["deprecated"], "href": "", "name": ""}]
    if entry.reason is not None:
        rows.append({"label": texts["reason"], "text": texts[f"reason_{entry.reason}"], "href": "", "name": ""})
    if entry.successor is not None:
        rows.append({"label": texts["successor"], **_linked(view, entry.successor, language)})
    return rows


def _linked(view: View, oid: str, language: str) -> dict[str, str]:
    """Link to a node by its OID, with its name when it is public."""
    node = view.linked.get(oid)
    names = node.entry.names if node is not None and node.entry is not None else {}
    return {"text": oid, "href": _href(oid, language) if node is not None else "", "name": _pick(names, language)}


def _registration(view: View, language: str) -> list[dict[str, Any]]:
    """Say who registered it and when."""
    entry, texts = view.entry, _TEXTS[language]
    if entry is None:
        return []
    rows: list[tuple[str, dict[str, Any]]] = [("owner", _linked(view, entry.owner, language))]
    if entry.parent is not None:
        rows.append(("parent", _linked(view, entry.parent, language)))
    if entry.no_code is not None:
        rows.append(("no_code", {"text": texts[f"no_code_{entry.no_code}"]}))
    rows += [
        (name, {"text": _iso(at), "mono": True})
        for name, at in (("registered_at", entry.registered_at), ("changed_at", entry.changed_at))
        if at is not None
    ]
    if entry.is_public:
        rows.append(("version", {"text": str(entry.version)}))
    if entry.block is not None:
        rows.append(("block", {"text": str(entry.block), "mono": True}))
    if entry.labels:
        rows.append(("labels", {"text": " · ".join(entry.labels)}))
    if entry.attributes is not None:
        rows.append(("attributes", {"text": entry.attributes, "mono": True}))
    blank = {"text": "", "href": "", "name": "", "mono": False}
    return [{**blank, "label": texts[name], **row} for name, row in rows]


def _codes(entry: Entry, language: str) -> list[dict[str, Any]]:
    """Show the codes of an entry, those of drugs taken apart."""
    drugs = {(code.kind.value, code.value): code for code in drug_codes_of(entry)}
    found = []
    for code in entry.codes:
        drug = drugs.get((code.scheme, code.value))
        if drug is None:
            found.append({"name": code.scheme, "grouped": code.value, "parts": [], "notes": []})
        else:
            found.append(_drug(drug, language))
    return found


def _drug(code: DrugCode, language: str) -> dict[str, Any]:
    remarks = [remark.words for remark in code.warnings]
    return {
        "name": _word(code.text.name, language),
        "grouped": code.grouped,
        "parts": [
            {"text": part.text, "name": _word(part.name, language), "meaning": _word(part.meaning, language)}
            for part in code.parts
        ],
        "notes": [_word(words, language) for words in (code.text.note, *remarks)],
    }


def _child(child: TreeNode, language: str) -> dict[str, Any]:
    return {
        "href": _href(name_of(child.arcs), language),
        "arc": str(child.arcs[-1]),
        "name": _pick(child_names(child), language),
        "chips": [] if child.entry is None else _chips(child.entry, language, with_visibility=False),
    }


def _rows(view: View, language: str) -> list[dict[str, Any]]:
    return [
        {
            "position": row.position,
            "arc": str(row.arc),
            "part": _word(row.part, language),
            "meaning": _word(row.meaning, language),
            "source": row.source,
            "provisional": row.provisional,
        }
        for row in view.rows
    ]
