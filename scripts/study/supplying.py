"""Supply: two batches become blinded kits that travel to two sites, where some are retained before the first dose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from study import filing
from study.cast import DEPOT, REGULATOR_2, SITE_A, SITE_B, SITES, SPONSOR
from trialanchor_chaincode.rules.drug_lots import packing_commitment
from trialanchor_chaincode.rules.lists import commitment, draw

if TYPE_CHECKING:
    from study.study import Study

UNIT: Final = "tablet"
MADE: Final = 60
"""Tablets of each batch."""

KIT: Final = 3
KITS: Final = 12
"""Tablets in a kit, and kits of a site, half of them of each treatment."""

RETAINED: Final = 2
"""Kits that a site retains."""

RANGE: Final = [20, 80]
PROMISED: Final = [25, 75]
MEASURED: Final = [31, 64]
TOO_WARM: Final = [31, 121]
"""Tenths of a degree: of the product, on the way, as it should be, and as it should not."""

CUSTODIAN: Final = "drug_custodian"
EXPIRY: Final = "20281231"


class Box(NamedTuple):
    """A shipment with who sends it to whom, and the packages in it."""

    shipment: str
    sender: str
    receiver: str
    packages: list[str]


@dataclass(slots=True)
class Supplies:
    """The drugs of the study.

    Attributes:
        drugs: The test and the reference product.
        batches: Their batches.
        run: The packaging run of the kits.
        treatments: Treatment of each kit, `t` or `r`; the statistician alone knows it.
        units: Tablets in each kit.
        free: Kits of a site that nobody has a use for yet.
        used: Kits of a site that were dispensed.
        recovered: Kits of a site that were taken out of use before the end.
        reserve: Part of the first batch that was never packed.
        short: Kit that arrived with a tablet too few.
        found: What it lacked.
    """

    drugs: list[str]
    batches: list[str] = field(default_factory=list)
    run: str = ""
    treatments: dict[str, str] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    free: dict[str, list[str]] = field(default_factory=dict)
    used: dict[str, list[str]] = field(default_factory=lambda: {site: [] for site in SITES})
    recovered: dict[str, list[str]] = field(default_factory=lambda: {site: [] for site in SITES})
    reserve: str = ""
    short: str = ""
    found: str = ""

    def left_over(self) -> list[tuple[str, list[str]]]:
        """Give what the sponsor has of each batch."""
        test, reference = self.batches
        return [(test, [test, self.reserve]), (reference, [reference])]

    def take(self, site: str, treatment: str) -> str:
        """Take a kit of a treatment that is free at a site and whole."""
        kit = next(each for each in self.free[site] if self.treatments[each] == treatment and self.units[each] == KIT)
        self.free[site].remove(kit)
        return kit


def make(study: Study, drugs: list[str]) -> Supplies:
    """Register the products, make a batch of each, part and join a reserve, pack and label the kits."""
    study.chapter("drugs: made, packed, labelled")
    supplies = Supplies(drugs, study.new(SPONSOR, "batch", 2))
    for drug, batch, kind in zip(drugs, supplies.batches, ("test", "reference"), strict=True):
        product = {"drug": drug, "kind": kind, "unit": UNIT, "range": RANGE, "cold_chain": True, "hazardous": False}
        study.do("drugs/register_product", SPONSOR, "quality", **product)
        made = {"lot": batch, "drug": drug, "quantity": MADE, "unit": UNIT, "expiry": EXPIRY}
        study.do("drugs/make", SPONSOR, "quality", **made)
    first, second, reserve = study.new(SPONSOR, "kit", 3)
    batch = supplies.batches[0]
    study.do("drugs/split", SPONSOR, CUSTODIAN, package=batch, parts=[[first, 4], [second, 2]])
    study.do("drugs/merge", SPONSOR, CUSTODIAN, package=reserve, parents=[first, second])
    supplies.reserve = reserve
    left = MADE - len(SITES) * KITS // 2 * KIT
    supplies.units |= {reserve: 6, batch: left - 6, supplies.batches[1]: left}
    _pack(study, supplies)
    return supplies


def _pack(study: Study, supplies: Supplies) -> None:
    """Pack kits of either treatment, in an order that nobody can see, and label them with random codes."""
    kits = study.new(SPONSOR, "kit", len(SITES) * KITS)
    chance = study.chance("packing")
    treatments = [each for _ in SITES for each in chance.shuffled(["t", "r"] * (KITS // 2))]
    supplies.treatments = dict(zip(kits, treatments, strict=True))
    supplies.free = {site: kits[n * KITS : (n + 1) * KITS] for n, site in enumerate(SITES)}
    supplies.units |= dict.fromkeys(kits, KIT)
    supplies.run = study.one(SPONSOR, "batch")
    batch_of = dict(zip("tr", supplies.batches, strict=True))
    packing = [(kit, batch_of[treatment], KIT) for kit, treatment in supplies.treatments.items()]
    given = {
        "lot": supplies.run,
        "inputs": [[batch, len(kits) // 2 * KIT] for batch in supplies.batches],
        "kits": [[kit, KIT] for kit in kits],
        "unit": UNIT,
        "commitment": packing_commitment(packing, study.secret("packing")),
    }
    short = given | {"kits": given["kits"][1:]}
    study.refuse("sum-mismatch", "drugs/pack", SPONSOR, CUSTODIAN, **short)
    study.do("drugs/pack", SPONSOR, CUSTODIAN, **given)
    codes = chance.shuffled(range(1_000, 10_000))
    labels = [[kit, f"k{code}"] for kit, code in zip(kits, codes, strict=False)]
    study.do("drugs/label", SPONSOR, CUSTODIAN, lot=supplies.run, labels=labels)
    study.do("drugs/store", SPONSOR, CUSTODIAN, lot=supplies.run, packages=kits, place="cold-1")


def distribute(study: Study, supplies: Supplies) -> None:
    """Bring the kits over the depot to the sites; one delivery is short, one is refused and comes back."""
    study.chapter("drugs: depot and sites")
    kits = list(supplies.treatments)
    withdrawn = offer(study, SPONSOR, DEPOT, kits).shipment
    study.do("drugs/withdraw_offer", SPONSOR, CUSTODIAN, shipment=withdrawn, reason="seal_damaged")
    study.file(SPONSOR, filing.TEST_REPORT, supplies.run)
    arrive(study, supplies, send(study, SPONSOR, DEPOT, kits))
    study.do("drugs/store", DEPOT, CUSTODIAN, lot=supplies.run, packages=kits, place="cold-7")
    refused = send(study, DEPOT, SITE_B, supplies.free[SITE_B][:1])
    study.do("drugs/refuse_delivery", SITE_B, CUSTODIAN, shipment=refused.shipment, reason="pharmacy_closed")
    arrive(study, supplies, refused, back=True)
    box = send(study, DEPOT, SITE_A, supplies.free[SITE_A])
    supplies.short = box.packages[-1]
    supplies.units[supplies.short] -= 1
    arrive(study, supplies, box)
    _settle(study, supplies)
    arrive(study, supplies, send(study, DEPOT, SITE_B, supplies.free[SITE_B]))


def offer(study: Study, sender: str, receiver: str, packages: list[str]) -> Box:
    """Offer packages under a seal."""
    shipment = study.one(sender, "other")
    given = {"shipment": shipment, "receiver": receiver, "packages": packages, "seal": "s-1", "range": PROMISED}
    study.do("drugs/offer", sender, CUSTODIAN, **given)
    return Box(shipment, sender, receiver, packages)


def send(study: Study, sender: str, receiver: str, packages: list[str]) -> Box:
    """Offer and send packages."""
    box = offer(study, sender, receiver, packages)
    study.do("drugs/ship", sender, CUSTODIAN, shipment=box.shipment, waybill="w-1", carrier="c-1")
    study.wait(hours=6)
    return box


def arrive(study: Study, supplies: Supplies, box: Box, *, back: bool = False) -> None:
    """Count a box in: its receiver accepts it, or its sender takes it back."""
    action, member = ("take_back", box.sender) if back else ("accept", box.receiver)
    counted = [[package, supplies.units[package]] for package in box.packages]
    found = {"seal": "s-1", "condition": "intact", "measured": MEASURED, "log": study.document(f"log {box.shipment}")}
    study.do(f"drugs/{action}", member, CUSTODIAN, shipment=box.shipment, counted=counted, **found)


def _settle(study: Study, supplies: Supplies) -> None:
    """Find at the depot what a delivery lacked; the sponsor closes the case and releases both parts."""
    short = supplies.short
    supplies.found = study.one(DEPOT, "kit")
    found = {"package": short, "number": 1, "into": supplies.found, "quantity": 1}
    study.refuse("case-open", "drugs/release", SPONSOR, "quality", package=short)
    study.do("drugs/find", DEPOT, CUSTODIAN, **found)
    closed = {"package": short, "number": 1, "outcome": "found", "reason": "left_in_the_box"}
    study.do("drugs/close_case", SPONSOR, "quality", **closed)
    for package in (short, supplies.found):
        study.do("drugs/release", SPONSOR, "quality", package=package)
    supplies.units |= {supplies.found: 1}
    moved = {"lot": supplies.run, "packages": [supplies.found]}
    study.do("drugs/quarantine", DEPOT, CUSTODIAN, reason="opened", **moved)


def retain(study: Study, supplies: Supplies) -> None:
    """Draw at each site which kits are retained, from a seed and a beacon that neither side chooses alone."""
    study.chapter("retention draws")
    for site in SITES:
        lot, units = supplies.run, sorted(supplies.free[site])
        seed = study.secret(f"draw {site}")
        given = {"units": units, "count": RETAINED, "commitment": commitment(seed)}
        committed = study.do("randomisation/commit_draw", site, "pharmacist", lot=lot, **given).transaction
        answered = {"lot": lot, "holder": site, "committed": committed}
        drawn = study.do("randomisation/fix_draw_beacon", SPONSOR, "quality", **answered).transaction
        study.do("randomisation/reveal_draw", site, "pharmacist", lot=lot, seed=seed)
        _keep(study, supplies, site, drawn_units(seed, drawn, units))


def drawn_units(seed: str, beacon: str, units: list[str]) -> list[str]:
    """Compute the draw, as anybody can."""
    return list(draw(seed, beacon, units, RETAINED))


def _keep(study: Study, supplies: Supplies, site: str, drawn: list[str]) -> None:
    kept = {"lot": supplies.run, "condition": "cold", "valid_until": "20331231"}
    others = [each for each in supplies.free[site] if each not in drawn][:RETAINED]
    study.refuse("draw-mismatch", "drugs/retain", site, "pharmacist", packages=others, **kept)
    study.do("drugs/retain", site, "pharmacist", packages=drawn, **kept)
    supplies.free[site] = [each for each in supplies.free[site] if each not in drawn]


def excursion(study: Study, supplies: Supplies, kits: list[str]) -> None:
    """Report a refrigerator that was too warm; the sponsor releases all kits but the last, which stays aside.

    A regulator has another kit set aside meanwhile, until it has looked at it.
    """
    study.chapter("temperature excursion")
    stood: dict[str, Any] = {"lot": supplies.run, "packages": kits}
    study.do("drugs/excursion", SITE_B, "pharmacist", measured=TOO_WARM, **stood)
    inspected = supplies.free[SITE_A][0]
    ordered = {"lot": supplies.run, "packages": [inspected], "reason": "inspection"}
    study.do("drugs/order_quarantine", REGULATOR_2, "regulator", **ordered)
    study.wait(days=1)
    study.refuse("quarantine-ordered", "drugs/release", SPONSOR, "quality", package=inspected)
    study.do("drugs/lift_quarantine", REGULATOR_2, "regulator", package=inspected)
    for kit in (*kits[:-1], inspected):
        study.do("drugs/release", SPONSOR, "quality", package=kit)
