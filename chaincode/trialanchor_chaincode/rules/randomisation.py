"""The contract `randomisation`: lists, the numbers given from them, and the kits allocated to subjects.

State:

- `randomisations/<study>/<list>`: a list by its code: its `holder`, digest of the `scheme`, `commitment` to the seed,
  number of places in each of the `strata`, `state`; the `beacon` and who fixed it, `beacon_by`; at the end the `seed`;
- `strata/<study>/<stratum>`: the `list` that a stratum has numbers from;
- `numbers_given/<study>/<list>/<stratum>`: how many numbers of a stratum are `given`;
- `allocations/<kit>`: `subject`, `period` and randomisation `number` that a kit is for.

The draws of retention samples are in `randomisation_draws`. States: `committed` → `fixed` → `closed` → `revealed`.

Rules:

1. The holder, sponsor or third party, commits to a scheme and a seed before anybody can know the beacon. A stratum has
   one list at a time: the next one comes when it is closed.
2. The beacon is the digest of the transaction by which a member of another organisation fixes it, which names that of
   the commitment. The list follows from scheme, seed and beacon (`lists`). The holder cannot choose it, since the
   beacon comes after its commitment; the other member cannot, since it does not know the seed. A list that is given up
   stays on the ledger, and a new one has another code.
3. Numbers are given in order, by the ledger itself, each once, to an enrolled subject whose consent is in force, while
   the ethics approval is. The code of a stratum has no dot, so that no two numbers read alike. Block time is the time
   of randomisation, so that nobody picks a place by a late entry.
4. The holder alone allocates kits of the study, each once and as it left the packaging run, so that its parts go with
   it. What another subject has is not allocated. Neither number nor kit says which arm it is of.
5. Seed and scheme are revealed when the list is closed and the blind is lifted: in a blinded study the sealed list is
   disclosed, or nothing was sealed before the study ended. They are those committed
   to, so that anybody can compute the list again, and compare it with the sealed list that was disclosed.

Source: R-126, R-144 to R-146; GD44 6.1, 7.1.3, 7.3.2; JS4652 7.4.2 b); BE 2.6; RESMAN 三.3.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.consent_gate import ENROLLED, RANDOMISED, require_consent
from trialanchor_chaincode.rules.drug_packages import package_of
from trialanchor_chaincode.rules.lists import commitment, scheme_digest
from trialanchor_chaincode.rules.randomisation_draws import DRAW_HANDLERS, check_answered, take_seed
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_gate import ethics_approved
from trialanchor_chaincode.rules.review_organs import related
from trialanchor_chaincode.rules.transitions import MAX_CODES, TYPES
from trialanchor_chaincode.rules.unblinding_gate import is_blind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

COMMITTED: Final = "committed"
FIXED: Final = "fixed"
CLOSED: Final = "closed"
REVEALED: Final = "revealed"

MAX_PLACES: Final = 100_000
"""Places in one stratum at most."""


def _commit(draft: Draft, arguments: dict[str, Any]) -> None:
    """Commit to the scheme and the seed of a list (rule 1)."""
    key = _list_key(draft, arguments)
    if draft.read(key) is not None:
        refuse("list-exists", list=arguments["list"])
    strata = arguments["strata"]
    if not 1 <= len(strata) <= MAX_CODES or not all(
        TYPES["code"](name) and "." not in name and TYPES["positive"](places) and places <= MAX_PLACES
        for name, places in strata.items()
    ):
        refuse("strata", most=MAX_CODES, places=MAX_PLACES)
    for name in sorted(strata):
        _take_stratum(draft, name, arguments["list"])
    take_seed(draft, arguments["commitment"], key)
    given = {name: arguments[name] for name in ("scheme", "commitment", "strata")}
    draft.add(
        key, {"study": draft.study, "list": arguments["list"], "holder": draft.caller, "state": COMMITTED, **given}
    )
    draft.event("random:list:committed", draft.study)


def _take_stratum(draft: Draft, stratum: str, name: str) -> None:
    """Make a list the one of a stratum: with two of them, who assigns could choose between their next arms."""
    key = f"strata/{draft.study}/{stratum}"
    before = draft.read(key)
    if before is not None:
        held = draft.get(f"randomisations/{draft.study}/{before['list']}")
        if held["state"] in (COMMITTED, FIXED):
            refuse("stratum-listed", stratum=stratum, list=before["list"])
    draft.put(key, {"study": draft.study, "list": name})


def _list_key(draft: Draft, arguments: dict[str, Any]) -> str:
    if arguments["study"] != draft.study:
        refuse("study-mismatch", oid=arguments["study"], study=draft.study)
    return f"randomisations/{draft.study}/{arguments['list']}"


def _list(draft: Draft, name: str, states: tuple[str, ...]) -> dict[str, Any]:
    """Give a list of the study in one of these states."""
    found: dict[str, Any] | None = draft.read(f"randomisations/{draft.study}/{name}")
    if found is None:
        refuse("list-unknown", list=name, study=draft.study)
    if found["state"] not in states:
        refuse("list-state", list=name, state=found["state"], expected=", ".join(states))
    return found


def _held(draft: Draft, name: str, states: tuple[str, ...]) -> dict[str, Any]:
    """Give a list that the caller holds."""
    found = _list(draft, name, states)
    if found["holder"] != draft.caller:
        refuse("list-of-other-member", list=name, holder=found["holder"])
    return found


def _fix_beacon(draft: Draft, arguments: dict[str, Any]) -> None:
    """Fix the beacon of a list, by this transaction (rule 2)."""
    key = _list_key(draft, arguments)
    found = _list(draft, arguments["list"], (COMMITTED,))
    if related(found["holder"], draft.caller):
        refuse("beacon-by-holder", member=found["holder"])
    check_answered(found, arguments)
    draft.put(key, found | {"state": FIXED, "beacon": draft.tx, "beacon_by": draft.caller})
    draft.event("random:list:fixed", draft.study)


def _assign(draft: Draft, arguments: dict[str, Any]) -> None:
    """Give a subject the next number of its stratum (rule 3)."""
    oid, name, stratum = arguments["subject"], arguments["list"], arguments["stratum"]
    places = _list(draft, name, (FIXED,))["strata"]
    subject = require_consent(draft, oid)
    if not ethics_approved(draft):
        refuse("ethics-not-approved", study=draft.study)
    if subject["status"] != ENROLLED:
        refuse("subject-status", subject=oid, status=subject["status"], expected=ENROLLED)
    if draft.caller != subject["site"] and not {"sponsor", "third_party"} & set(draft.roles(draft.caller)):
        refuse("subject-of-other-site", subject=oid, member=draft.caller)
    if stratum not in places:
        refuse("stratum-unknown", list=name, stratum=stratum)
    key = f"numbers_given/{draft.study}/{name}/{stratum}"
    before = draft.read(key)
    given = 1 if before is None else before["given"] + 1
    if given > places[stratum]:
        refuse("stratum-exhausted", list=name, stratum=stratum, places=places[stratum])
    draft.put(key, {"study": draft.study, "given": given})
    number = f"{name}.{stratum}.{given}"
    randomised = {"status": RANDOMISED, "status_at": draft.at, "list": name, "number": number}
    draft.put(f"subjects/{oid}", subject | randomised)
    draft.result.append(number)
    draft.event("random:subject:assigned", oid)


def _allocate(draft: Draft, arguments: dict[str, Any]) -> None:
    """Allocate kits to a subject for a period (rule 4)."""
    oid = arguments["subject"]
    subject = require_consent(draft, oid)
    if subject["status"] != RANDOMISED:
        refuse("subject-status", subject=oid, status=subject["status"], expected=RANDOMISED)
    _held(draft, subject["list"], (FIXED, CLOSED))
    allocation = {"study": draft.study, "subject": oid, "period": arguments["period"], "number": subject["number"]}
    for kit in arguments["kits"]:
        if draft.read(f"allocations/{kit}") is not None:
            refuse("kit-allocated", kit=kit)
        draft.registered(kit, {"kit"})
        _check_kit(draft, kit, oid)
        draft.add(f"allocations/{kit}", allocation)
        draft.event("random:kit:allocated", kit)


def _check_kit(draft: Draft, kit: str, subject: str) -> None:
    """Check that a kit may be allocated to a subject (rule 4)."""
    package = package_of(draft, kit)
    if package["root"] != kit:
        refuse("unit-is-part", oid=kit, root=package["root"])
    if package.get("subject", subject) != subject:
        refuse("kit-dispensed", package=kit)


def _close(draft: Draft, arguments: dict[str, Any]) -> None:
    """Give no more numbers of a list."""
    key = _list_key(draft, arguments)
    draft.put(key, _held(draft, arguments["list"], (FIXED,)) | {"state": CLOSED})
    draft.event("random:list:closed", draft.study)


def _reveal(draft: Draft, arguments: dict[str, Any]) -> None:
    """Reveal seed and scheme of a list (rule 5)."""
    key = _list_key(draft, arguments)
    found = _held(draft, arguments["list"], (CLOSED,))
    if is_blind(draft):
        refuse("blind-in-force", study=draft.study)
    if commitment(arguments["seed"]) != found["commitment"]:
        refuse("seed-mismatch")
    if scheme_digest(arguments["scheme"]) != found["scheme"]:
        refuse("scheme-mismatch", list=arguments["list"])
    draft.put(key, found | {"state": REVEALED, "seed": arguments["seed"], "revealed_scheme": arguments["scheme"]})
    draft.event("random:list:revealed", draft.study)


HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {
        "allocate": _allocate,
        "assign": _assign,
        "close_list": _close,
        "commit": _commit,
        "fix_beacon": _fix_beacon,
        "reveal": _reveal,
        **DRAW_HANDLERS,
    }
)
"""Signed transitions of the contract `randomisation`."""
