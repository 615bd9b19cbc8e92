"""The contract `corrections`: correct what was recorded wrongly, explain what was recorded late, lock a study's data.

State:

- an object that was corrected says of its last correction: `corrected`, the code of the reason; `corrector`;
  `corrected_note` when there is an explanation; and `replaces`, the transaction that wrote the version before, which
  stays in the ledger's history;
- `notes/<object>/<note>`: an explanation, by its digest, of a transaction about an object (补登及勘误说明);
- `locks/<study>`: whether the data of a study are `locked`, with the digest of what was locked, or `open` again.

Which fields may be corrected is the table `data/correctable.json`. Its rows have `kind` and `field` (with a dot for a
field inside another one), the `type` of the value, and `by`, the field that names the member which may correct it:
the one that recorded it. As far as a row has them: `while`, a field and the values of which it must have one; `least`,
a field that the value must not fall below, or `<kind>/<link>/<field>` of an object linked to. Type `past` is a time
that is not ahead.

Rules:

1. Holders, persons, states, links, and quantities that stand in a balance are not corrected: transitions, cases and
   their decisions change them. What has no row is explained.
2. A correction names the transaction that wrote the version it corrects, and says something else than that one.
3. It is made by a person with a function for it, of the member that the row names, and gives a reason.
4. After it no field is below its bound; at another time of an event, what had to hold at the time of recording holds.
5. While the data of a study are locked, nothing is corrected. A data manager of the sponsor locks them when no
   discrepancy is open, and unlocks them with a reason. Explanations can be added at any time.

Source: JS4652 7.4.1, 7.8.2, 7.12; BE 2.6, 4.1.4; R-058, R-127, R-155.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.consent_gate import require_consent
from trialanchor_chaincode.rules.drug_lots import check_sound
from trialanchor_chaincode.rules.drug_packages import package_of
from trialanchor_chaincode.rules.drug_use import check_running
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.signed import MAX_AHEAD_S
from trialanchor_chaincode.rules.tables import read_table
from trialanchor_chaincode.rules.transitions import ANY_TIME, TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

LOCKED: Final = "locked"
UNLOCKED: Final = "open"

FIELD_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType({**TYPES, "past": TYPES["time"]})
"""Types of fields that the table knows."""


def _read_table() -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in read_table("correctable")["fields"]:
        found.setdefault(row["kind"], {})[row["field"]] = row
    return found


CORRECTABLE: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = MappingProxyType(_read_table())
"""Rows of the table by kind of object and field."""


def _correct(draft: Draft, arguments: dict[str, Any]) -> None:
    """Correct fields of an object (rules 1 to 5)."""
    oid, kind, changes = arguments["object"], arguments["kind"], arguments["changes"]
    _check_unlocked(draft)
    if kind not in CORRECTABLE:
        refuse("kind-not-correctable", kinds=", ".join(sorted(CORRECTABLE)))
    key, before = _object(draft, arguments)
    if before["by"] != arguments["replaces"]:
        refuse("stale-version", oid=oid, tx=before["by"])
    rows = CORRECTABLE[kind]
    if not changes or any(name not in rows for name in changes):
        refuse("field-not-correctable", kind=kind, fields=", ".join(sorted(rows)))
    after = {name: value for name, value in before.items() if name != "corrected_note"}
    for name in sorted(changes):
        _check_change(draft, oid, before, rows[name], changes[name])
        after = _with(after, name, changes[name])
    _check_bounds(draft, oid, after, [row for row in rows.values() if {row["field"], row.get("least")} & set(changes)])
    if ANY_TIME in changes:
        _check_moment(draft, kind, after)
    said = {"corrected": arguments["reason"], "corrector": draft.actor, "replaces": before["by"]}
    noted = {"corrected_note": arguments["note"]} if "note" in arguments else {}
    draft.put(key, after | said | noted)
    draft.event("record:object:corrected", oid)


def _object(draft: Draft, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Give the key of an object of the study, and the object; some keys have a `part` after the OID."""
    key = "/".join(arguments[name] for name in ("kind", "object", "part") if name in arguments)
    found = draft.read(key)
    if not isinstance(found, dict):
        refuse("object-unknown", oid=arguments["object"])
    if found.get("study") != draft.study:
        refuse("study-mismatch", oid=arguments["object"], study=draft.study)
    return key, found


def _check_change(draft: Draft, oid: str, before: dict[str, Any], row: Mapping[str, Any], value: Any) -> None:
    """Check that a field may have another value (rules 2 and 3)."""
    name = row["field"]
    recorded = _at(before, name)
    if recorded is None:
        refuse("field-not-recorded", oid=oid, field=name)
    if before.get(row["by"]) != draft.caller:
        refuse("correction-of-others", oid=oid, field=name, member=draft.caller)
    field, states = row.get("while", (None, ()))
    if field and before.get(field) not in states:
        refuse("correction-state", oid=oid, field=name, states=", ".join(states))
    if not FIELD_TYPES[row["type"]](value):
        refuse("correction-form", field=name, type=row["type"])
    if row["type"] == "past" and value > draft.at + MAX_AHEAD_S:
        refuse("time-ahead", seconds=value - draft.at)
    if value == recorded:
        refuse("correction-empty", oid=oid, field=name)


def _check_bounds(draft: Draft, oid: str, after: dict[str, Any], rows: list[Mapping[str, Any]]) -> None:
    """Check that none of these fields is below its bound (rule 4)."""
    for row in rows:
        value, least = after.get(row["field"]), _bound(draft, after, row.get("least", ""))
        if value is not None and least is not None and value < least:
            refuse("correction-below", oid=oid, field=row["field"], bound=row["least"])


def _bound(draft: Draft, after: dict[str, Any], path: str) -> int | None:
    """Give what a value must not fall below, None when there is no bound."""
    linked, _, field = path.rpartition("/")
    if not linked:
        own: int | None = after.get(field)
        return own
    kind, _, link = linked.partition("/")
    found = draft.read(f"{kind}/{after[link]}") if link in after else None
    return None if found is None else found.get(field)


def _check_moment(draft: Draft, kind: str, after: dict[str, Any]) -> None:
    """Check what had to hold when it happened: consent, and that the study ran and a drug was sound (rule 4)."""
    happened = after[ANY_TIME]
    if "subject" in after:
        require_consent(draft, after["subject"], happened)
    if kind == "administrations":
        check_running(draft, happened)
        check_sound(draft, after["package"], package_of(draft, after["package"]), happened)


def _at(value: dict[str, Any], field: str) -> Any:
    """Give a field, also one inside another one; None when it is not there."""
    outer, _, inner = field.partition(".")
    found = value.get(outer)
    return found if not inner or found is None else found.get(inner)


def _with(value: dict[str, Any], field: str, new: Any) -> dict[str, Any]:
    """Give an object with another value in a field."""
    outer, _, inner = field.partition(".")
    return {**value, outer: {**value[outer], inner: new} if inner else new}


def _annotate(draft: Draft, arguments: dict[str, Any]) -> None:
    """Explain a transaction about an object: why it was late, or what it corrected."""
    oid = arguments["object"]
    _object(draft, arguments)
    given = {name: arguments[name] for name in ("object", "kind", "part", "transaction", "reason") if name in arguments}
    signed = {"study": draft.study, "member": draft.caller, "author": draft.actor}
    draft.add(f"notes/{oid}/{arguments['note']}", given | signed)
    draft.event("record:object:annotated", oid)


def _lock(draft: Draft, arguments: dict[str, Any]) -> None:
    """Lock the data of the study, which have this digest (rule 5)."""
    _check_study(draft, arguments)
    _check_unlocked(draft)
    cases = draft.read(f"open_cases/{draft.study}")
    if cases is not None and cases["open"]:
        refuse("lock-cases-open", study=draft.study, cases=cases["open"])
    draft.put(f"locks/{draft.study}", {"study": draft.study, "status": LOCKED, "data": arguments["data"]})
    draft.event("record:study:locked", draft.study)


def _unlock(draft: Draft, arguments: dict[str, Any]) -> None:
    """Unlock the data of the study, with a reason (rule 5)."""
    _check_study(draft, arguments)
    lock = draft.read(f"locks/{draft.study}")
    if lock is None or lock["status"] != LOCKED:
        refuse("study-not-locked", study=draft.study)
    draft.put(f"locks/{draft.study}", {**lock, "status": UNLOCKED, "reason": arguments["reason"]})
    draft.event("record:study:unlocked", draft.study)


def _check_study(draft: Draft, arguments: dict[str, Any]) -> None:
    if arguments["study"] != draft.study:
        refuse("study-mismatch", oid=arguments["study"], study=draft.study)


def _check_unlocked(draft: Draft) -> None:
    lock = draft.read(f"locks/{draft.study}")
    if lock is not None and lock["status"] == LOCKED:
        refuse("study-locked", study=draft.study)


HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {"annotate": _annotate, "correct": _correct, "lock": _lock, "unlock": _unlock}
)
"""Signed transitions of the contract `corrections`."""
