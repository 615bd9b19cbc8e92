"""Draw the units that are retained of a lot (留样): at random, from all that were supplied, so that it can be repeated.

State:

- `draw_commitments/<lot>/<member>`: the `units` from which the member draws, what each holds, `quantities`, how many
  are drawn, `count`, its `commitment` to a
  seed, and `state`; the `beacon` and who fixed it, `beacon_by`; after the draw the `seed`;
- `draws/<lot>/<member>`: the `units` that were drawn and the `quantities` that they held; none while the draw is under
  way;
- `seeds/<commitment>`: the key of the list or draw that the seed is `used_for`.

States: `committed` → `fixed` → `drawn`.

Rules:

1. Whoever received units of a lot commits to a seed and to the units, before anybody can know the beacon. They are all
   that it has in stock of the lot. Until the beacon is fixed it may commit again, when more was received.
2. A member of another organisation fixes the beacon: the digest of that very transaction. It names the transaction of
   the commitment that it answers; so a beacon that was seen on its way meets no newer commitment, and neither chooses
   the outcome.
3. The seed is then revealed, and the rules draw (`lists`). Anybody can draw again from what the state says. A lot is
   drawn from once by each member; the contract `drugs` retains exactly the units that were drawn. While a draw is under
   way it retains nothing of the lot: so a member that does not like the outcome gains nothing by keeping its seed.
4. A seed is used once: one that is revealed after a draw would open a list that was made with it.

Source: R-147 to R-150, X-23; GD44 6.1, 7.3.6; BE 2.5.1.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_books import IN_STOCK
from trialanchor_chaincode.rules.drug_packages import own
from trialanchor_chaincode.rules.lists import commitment, draw
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_organs import related

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

COMMITTED: Final = "committed"
FIXED: Final = "fixed"
DRAWN: Final = "drawn"


def _commit_draw(draft: Draft, arguments: dict[str, Any]) -> None:
    """Commit to a seed and to the units that are drawn from (rule 1)."""
    lot, units, count = arguments["lot"], arguments["units"], arguments["count"]
    draft.in_study(f"lots/{lot}", "lot-unknown")
    key = _key(lot, draft.caller)
    before = draft.read(key)
    if before is not None and before["state"] != COMMITTED:
        refuse("draw-state", lot=lot, state=before["state"], expected=COMMITTED)
    if units != sorted(units):
        refuse("draw-units-order")
    if count > len(units):
        refuse("draw-count", count=count, units=len(units))
    quantities = _check_all(draft, lot, units)
    take_seed(draft, arguments["commitment"], key)
    given = {"units": units, "quantities": quantities, "count": count, "commitment": arguments["commitment"]}
    held = {"study": draft.study, "lot": lot, "holder": draft.caller}
    draft.put(key, {**held, "state": COMMITTED, **given})
    draft.put(f"draws/{lot}/{draft.caller}", {**held, "units": [], "quantities": []})
    draft.event("random:draw:committed", lot)


def take_seed(draft: Draft, digest: str, key: str) -> None:
    """Use the seed of a commitment for the list or draw under a key, and for no other (rule 4)."""
    used = draft.read(f"seeds/{digest}")
    if used is not None and used["used_for"] != key:
        refuse("seed-used")
    if used is None:
        draft.add(f"seeds/{digest}", {"study": draft.study, "used_for": key})


def check_answered(found: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Check that a beacon names the transaction of the commitment that it answers (rule 2)."""
    if arguments["committed"] != found["by"]:
        refuse("commitment-newer", holder=found["holder"])


def _key(lot: str, member: str) -> str:
    return f"draw_commitments/{lot}/{member}"


def _check_all(draft: Draft, lot: str, units: list[str]) -> list[int]:
    """Check that the units are all of the lot that the caller has in stock (rule 1); give what each holds."""
    quantities: list[int] = []
    for oid in units:
        package = own(draft, oid, (IN_STOCK,))
        if package["lot"] != lot:
            refuse("package-of-other-lot", package=oid, lot=lot)
        quantities.append(package["quantity"])
    held = draft.get(f"books/{lot}/{draft.caller}")[IN_STOCK]
    if sum(quantities) != held:
        refuse("draw-population", lot=lot, held=held, quantity=sum(quantities))
    return quantities


def _committed(draft: Draft, lot: str, member: str, state: str) -> dict[str, Any]:
    """Give the commitment of a member to a draw from a lot, in this state."""
    found: dict[str, Any] | None = draft.read(_key(lot, member))
    if found is None:
        refuse("draw-unknown", lot=lot, member=member)
    if found["study"] != draft.study:
        refuse("study-mismatch", oid=lot, study=draft.study)
    if found["state"] != state:
        refuse("draw-state", lot=lot, state=found["state"], expected=state)
    return found


def _fix_draw_beacon(draft: Draft, arguments: dict[str, Any]) -> None:
    """Fix the beacon of a draw, by this transaction (rule 2)."""
    lot, holder = arguments["lot"], arguments["holder"]
    found = _committed(draft, lot, holder, COMMITTED)
    if related(holder, draft.caller):
        refuse("beacon-by-holder", member=holder)
    check_answered(found, arguments)
    draft.put(_key(lot, holder), found | {"state": FIXED, "beacon": draft.tx, "beacon_by": draft.caller})
    draft.event("random:draw:fixed", lot)


def _reveal_draw(draft: Draft, arguments: dict[str, Any]) -> None:
    """Reveal the seed and draw (rule 3)."""
    lot, seed = arguments["lot"], arguments["seed"]
    found = _committed(draft, lot, draft.caller, FIXED)
    if commitment(seed) != found["commitment"]:
        refuse("seed-mismatch")
    drawn = list(draw(seed, found["beacon"], found["units"], found["count"]))
    draft.put(_key(lot, draft.caller), found | {"state": DRAWN, "seed": seed})
    held = dict(zip(found["units"], found["quantities"], strict=True))
    drawing = f"draws/{lot}/{draft.caller}"
    draft.put(drawing, draft.get(drawing) | {"units": drawn, "quantities": [held[oid] for oid in drawn]})
    draft.event("random:lot:drawn", lot)


DRAW_HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {"commit_draw": _commit_draw, "fix_draw_beacon": _fix_draw_beacon, "reveal_draw": _reveal_draw}
)
"""Signed transitions of draws."""
