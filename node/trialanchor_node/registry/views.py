"""What anyone may see of a node of the OID tree, in one object that every answer is made from.

1. Nothing of a private or blinded entry leaves this module but that it exists, its owner, its visibility and status:
   no name, type, code, time, link, number of versions or of statements, and no children.
2. The meanings of its class arcs, which are the product's own table, are left out too: they could name its type.
3. An entry that is linked to (owner, parent, successor, a node above) is shown under the same rule.
4. Each query is bounded, and their number does not depend on the node.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from trialanchor.errors import TrialAnchorError
from trialanchor_node.log.reader import MAX_COUNT
from trialanchor_node.registry.entries import TreeNode
from trialanchor_node.registry.listing import Children, list_children
from trialanchor_node.registry.resolving import name_of
from trialanchor_oid.arcs import named_arcs
from trialanchor_oid.asn1 import format_asn1
from trialanchor_oid.codec import Oid
from trialanchor_oid.drugs import DRUG_SCHEMES, DrugCode, DrugCodeError, parse_drug_code
from trialanchor_oid.errors import OidError
from trialanchor_oid.explain import ExplainedArc, explain
from trialanchor_oid.iri import iri_of, long_iri_of
from trialanchor_oid.limits import MIN_ARCS
from trialanchor_oid.ors.names import DEFAULT_APEX, owner_name
from trialanchor_oid.tables import Words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor_node.node import Node
    from trialanchor_node.registry.entries import Entry
    from trialanchor_oid.ors.tree import Arcs
    from trialanchor_oid.tables import Remark

CHILDREN_LIMIT: Final = 100
"""Children on one page."""

_MAX_LINKED: Final = 256
"""Characters of an OID that can be registered; longer ones above a node are not looked for."""

_OWNER_TYPES: Final = frozenset({"organisation", "department"})
"""Types whose names are those of an organisation, never of a person."""

_PROVISIONAL: Final = "class-provisional"


class UnknownOidError(TrialAnchorError):
    """Nothing is known of this OID."""

    code = "oid-unknown"
    http_status = 404
    exit_code = 4
    hint = "Check the OID, or ask the owner of the superior that the answer names."


@dataclass(frozen=True, slots=True)
class View:
    """A node as anyone may see it.

    Attributes:
        node: The node; its entry is the disclosed one.
        rows: Explanation of its arcs.
        warnings: What a reader should know of the OID.
        linked: Nodes above it, its owner, parent and successor, by dotted OID, disclosed ones.
        children: A page of its children; None where they are withheld.
        evidence: Statements about it in the log, counted up to `MAX_COUNT + 1`; None where they are withheld.
        apex: Domain below which owner names of the ORS lie.
    """

    node: TreeNode
    rows: tuple[ExplainedArc, ...] = ()
    warnings: tuple[Remark, ...] = ()
    linked: Mapping[str, TreeNode] = field(default_factory=dict)
    children: Children | None = None
    evidence: int | None = None
    apex: str = DEFAULT_APEX

    @property
    def arcs(self) -> Arcs:
        """Arcs of the node."""
        return self.node.arcs

    @property
    def entry(self) -> Entry | None:
        """The entry, disclosed."""
        return self.node.entry

    @property
    def withheld(self) -> bool:
        """Whether there is an entry that is not disclosed."""
        return self.entry is not None and not self.entry.is_public

    @property
    def name(self) -> str:
        """Name of the node in addresses."""
        return name_of(self.arcs)

    @property
    def breadcrumbs(self) -> list[TreeNode]:
        """Nodes above, the root left out, from the top down."""
        above = (self.arcs[:depth] for depth in range(1, len(self.arcs)))
        return [self.linked.get(name_of(arcs)) or TreeNode(arcs, None, has_children=True) for arcs in above]

    @property
    def owner_name(self) -> Mapping[str, str]:
        """Registered names of the organisation that owns the entry, by language; none when it has none."""
        return {} if self.entry is None else _organisation_names(self.linked.get(self.entry.owner))

    def names(self, node: TreeNode) -> Mapping[str, str]:
        """Give the names of this node or one above it: the registered ones, or what its arc is known for."""
        if node.entry is not None:
            return node.entry.names
        meaning = self.rows[len(node.arcs) - 1].meaning if 0 < len(node.arcs) <= len(self.rows) else None
        return {} if meaning is None else meaning.to_json()


def read_view(node: Node, arcs: Arcs, after: int | None = None) -> View | None:
    """Read what anyone may see of a node; None when nothing is known of it.

    Args:
        node: The service's node.
        arcs: Where in the tree.
        after: Last arc of the page of children before this one; None for the first page.
    """
    found = node.registry.node(arcs)
    if found is None:
        return None
    shown = found.disclosed()
    withheld = shown.entry is not None and not shown.entry.is_public
    rows, warnings = explanation(arcs, withheld=withheld)
    linked = _linked(node, shown)
    view = View(shown, rows, warnings, linked, apex=apex_of(node))
    if withheld:
        return view
    children = list_children(node.engine, arcs, after, CHILDREN_LIMIT) if found.has_children else Children()
    return replace(view, children=children, evidence=node.reader.count(shown.dotted) if arcs else 0)


def owner_names_of(node: Node, entry: Entry | None) -> Mapping[str, str]:
    """Read the registered names of the organisation that owns an entry, by language; none when it has none."""
    return {} if entry is None else _organisation_names(node.registry.nodes([entry.owner]).get(entry.owner))


def _organisation_names(owner: TreeNode | None) -> Mapping[str, str]:
    """Give the names of a public organisation or department; those of anything else could name a person."""
    entry = None if owner is None or owner.entry is None else owner.entry.disclosed()
    return entry.names if entry is not None and entry.type in _OWNER_TYPES else {}


def apex_of(node: Node) -> str:
    """Give the domain below which owner names lie: that of the node's zone, or the public one."""
    return node.settings.ors.apex or DEFAULT_APEX


def explanation(arcs: Arcs, *, withheld: bool) -> tuple[tuple[ExplainedArc, ...], tuple[Remark, ...]]:
    """Explain arcs, a single one too.

    Args:
        arcs: The arcs.
        withheld: Whether meanings that could tell the type of the object are left out.
    """
    if len(arcs) < MIN_ARCS:
        named = named_arcs().get(arcs)
        words = None if named is None else Words(named.zh, named.en)
        source = "" if named is None else named.source
        return tuple(ExplainedArc(1, arc, None, words, source) for arc in arcs), ()
    found = explain(Oid(arcs))
    if not withheld:
        return found.rows, found.warnings
    rows = tuple(replace(row, meaning=None, provisional=False) if row.provisional else row for row in found.rows)
    return rows, tuple(remark for remark in found.warnings if remark.code != _PROVISIONAL)


def forms_of(arcs: Arcs, apex: str = DEFAULT_APEX) -> dict[str, str]:
    """Write a node in every notation it has, by the notation's name; a single arc and the root have few."""
    forms: dict[str, str] = {}
    if arcs:
        forms |= {"dotted": name_of(arcs), "asn1": format_asn1(arcs)}
    if len(arcs) >= MIN_ARCS:
        oid = Oid(arcs)
        forms |= {"urn": oid.urn, "der": oid.der.hex()}
    forms["iri"] = iri_of(arcs)
    if long_iri_of(arcs) != forms["iri"]:
        forms["long_iri"] = long_iri_of(arcs)
    try:
        forms["dns"] = owner_name(tuple(map(str, arcs)), apex)
    except OidError:
        return forms  # longer than DNS allows
    return forms


def drug_codes_of(entry: Entry) -> list[DrugCode]:
    """Take the drug codes of an entry apart."""
    found = []
    for code in entry.codes:
        if code.scheme in DRUG_SCHEMES:
            try:
                found.append(parse_drug_code(code.value, code.scheme))
            except DrugCodeError:  # registered under an older rule; it is still listed among the codes
                continue
    return found


def links_of(view: View) -> dict[str, str]:
    """Give the addresses where more is told, each without the host."""
    links = {"self": f"/oid/{view.name}", "cinf": f"/ors/cinf/{view.name}.xml", "rinf": f"/ors/rinf/{view.name}.xml"}
    if view.arcs:
        links["oidip"] = f"/oidip/oid/{view.name}/text"
    if not view.withheld and view.entry is not None:
        links["history"] = f"/v1/oids/history/{view.name}"
    if not view.withheld and len(view.arcs) >= MIN_ARCS:
        links["evidence"] = f"/v1/entries?subject={view.name}"
    return links


def to_json(view: View) -> dict[str, Any]:
    """Give the JSON object of a view; texts in both languages, arcs as texts."""
    children, entry = view.children, view.entry
    return {
        "oid": view.name,
        "registered": entry is not None,
        "entry": None if entry is None else entry.to_json(),
        "forms": forms_of(view.arcs, view.apex),
        "explanation": [row.to_json() for row in view.rows],
        "warnings": [remark.to_json() for remark in view.warnings],
        "drug_codes": [code.to_json() for code in drug_codes_of(entry)] if entry is not None else [],
        "owner": None if entry is None else {"oid": entry.owner, "names": dict(view.owner_name)},
        "breadcrumbs": [
            {"oid": node.dotted, "registered": node.entry is not None, "names": dict(view.names(node))}
            for node in view.breadcrumbs
        ],
        "children": None if children is None else [_child_json(child) for child in children.listed],
        "children_next": None if children is None or children.following is None else str(children.following),
        "children_hidden": None if children is None else children.hidden,
        "evidence": evidence_json(view.evidence),
        "links": links_of(view),
    }


def child_names(child: TreeNode) -> Mapping[str, str]:
    """Give the names of a child: the registered ones, or what its arc is known for."""
    if child.entry is not None:
        return child.entry.names
    rows, _ = explanation(child.arcs, withheld=False)
    return {} if rows[-1].meaning is None else rows[-1].meaning.to_json()


def _child_json(child: TreeNode) -> dict[str, Any]:
    value: dict[str, Any] = {"oid": child.dotted, "arc": str(child.arcs[-1]), "registered": child.entry is not None}
    if child.entry is not None:
        value |= {"type": child.entry.type, "status": child.entry.status}
    return {**value, "names": dict(child_names(child)), "has_children": child.has_children}


def evidence_json(count: int | None) -> dict[str, Any] | None:
    """Give a bounded count: `more` says that there are more than were counted."""
    return None if count is None else {"count": min(count, MAX_COUNT), "more": count > MAX_COUNT}


def unknown(node: Node, arcs: Arcs) -> tuple[UnknownOidError, dict[str, Any]]:
    """Give the error for a node that nothing is known of, and its nearest registered superior with the distance."""
    superior = node.registry.superior(arcs)
    error = UnknownOidError("nothing is registered under this OID here")
    if superior is None:
        return error, {}
    return error, {"superior": superior.dotted, "distance": len(arcs) - len(superior.arcs)}


def read_brief(node: Node, oids: Sequence[Arcs]) -> list[dict[str, Any]]:
    """Look many nodes up at once: for each its disclosed entry, or the nearest registered superior of an unknown one.

    Args:
        node: The service's node.
        oids: Where in the tree; the answers are in the same order.
    """
    known = node.registry.nodes(list({name_of(arcs) for arcs in oids}))
    missing = [arcs for arcs in oids if name_of(arcs) not in known]
    above = node.registry.nodes(list({oid for arcs in missing for oid in _above(arcs)}))
    return [_brief(arcs, known, above) for arcs in oids]


def _brief(arcs: Arcs, known: Mapping[str, TreeNode], above: Mapping[str, TreeNode]) -> dict[str, Any]:
    oid = name_of(arcs)
    found = known.get(oid)
    if found is not None:
        entry = found.disclosed().entry
        return {"oid": oid, "found": True, "entry": None if entry is None else entry.to_json()}
    for superior in reversed(_above(arcs)):
        if superior in above and above[superior].entry is not None:
            return {"oid": oid, "found": False, "superior": superior, "distance": len(arcs) - superior.count(".") - 1}
    return {"oid": oid, "found": False}


def _above(arcs: Arcs) -> list[str]:
    """Name the nodes above one, from the top down, as far as they can be registered."""
    names = (name_of(arcs[:depth]) for depth in range(1, len(arcs)))
    return [name for name in names if len(name) <= _MAX_LINKED]


def _linked(node: Node, shown: TreeNode) -> dict[str, TreeNode]:
    """Read the nodes that a page names beside its own."""
    found = dict(node.registry.above(shown.arcs))
    if shown.entry is not None:
        named = {shown.entry.owner, shown.entry.parent or "", shown.entry.successor or ""}
        found |= {shown.dotted: shown} | node.registry.nodes(sorted(named - found.keys() - {"", shown.dotted}))
    return {oid: linked.disclosed() for oid, linked in found.items()}
