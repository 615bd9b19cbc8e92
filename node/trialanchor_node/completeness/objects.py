"""The objects of a study as its evidence is judged by them: its sites, subjects and lots, and what leads to them.

Read once from the ledger's state; a few words are kept for each object, whatever happened to it. What an OID of the
evidence is about is found like this:

1. The OID itself, or the nearest one above it that the study has an object of.
2. A package leads to its lot, and to its subject once it is dispensed or allocated; a shipment to the lots in it; a
   product to the lots made of it and the runs packed from these.
3. A sample leads through its parents to the subject it was drawn from; a result to its sample, a shipment of samples to
   the subjects of all of them.
4. A review leads to its row of Table 2. A site is the member at or above the OID.

Source: R-050, R-097 to R-099, R-135; GD44 7.1.3; BE 2.5.1, 4.1.3.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trialanchor_chaincode.rules.review_gate import PASSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

BATCH: Final = "batch"


class About(NamedTuple):
    """What an OID is about: lots, subjects, a review `<stage>/<form>`, and a site; empty where there is none."""

    lots: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    review: str = ""
    site: str = ""


class _Link(NamedTuple):
    """Where an object leads: its kind, the OIDs it names, and the text of a review."""

    kind: str
    names: tuple[str, ...] = ()
    text: str = ""


def note_first(moments: dict[str, int], code: str, at: int | None) -> None:
    """Note when something happened, unless it happened earlier, too."""
    if at is not None and at < moments.get(code, at + 1):
        moments[code] = at


class StudyObjects:
    """The objects of one study.

    Attributes:
        moments: Unix second of each moment of the study, so far.
        sites: Moments of each site; so are those of `subjects` and `lots`.
        site_of: Site of each subject.
        kind_of: `batch` or `run` of each lot.
        passed: Digests of the documents that a review named and passed.
        protocols: Digest of each version of the protocol, by its number.
    """

    def __init__(self) -> None:
        self.moments: dict[str, int] = {}
        self.sites: dict[str, dict[str, int]] = {}
        self.subjects: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.lots: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.site_of: dict[str, str] = {}
        self.kind_of: dict[str, str] = {}
        self.passed: set[str] = set()
        self.protocols: dict[int, str] = {}
        self._links: dict[str, _Link] = {}
        self._subject_of: dict[str, str] = {}
        self._lots_of: defaultdict[str, list[str]] = defaultdict(list)
        self._arrived: list[tuple[str, int]] = []

    @property
    def runs(self) -> tuple[str, ...]:
        """Lots of kits."""
        return tuple(sorted(oid for oid, kind in self.kind_of.items() if kind != BATCH))

    def read(self, rows: Iterable[tuple[str, str]]) -> StudyObjects:
        """Take the objects of the study: state keys and values, in any order."""
        for key, text in rows:
            kind, _, rest = key.partition("/")
            take = _TAKE.get(kind)
            if take is not None:
                take(self, rest, json.loads(text))
        for oid, at in self._arrived:
            about = self.about(oid)
            for lot in about.lots:
                note_first(self.lots[lot], "shipped", at)
            for subject in about.subjects:
                note_first(self.subjects[subject], "samples_received", at)
        self._note_enrolment()
        return self

    def _note_enrolment(self) -> None:
        """Note when the first subject was enrolled, in the study and at each site."""
        for oid, site in self.site_of.items():
            at = self.subjects[oid].get("enrolled")
            note_first(self.moments, "enrolment", at)
            note_first(self.sites.setdefault(site, {}), "enrolment", at)

    def _take_site(self, rest: str, value: Mapping[str, Any]) -> None:
        del rest
        self.sites.setdefault(value["site"], {})

    def _take_subject(self, oid: str, value: Mapping[str, Any]) -> None:
        self.site_of[oid] = value["site"]
        self._links[oid] = _Link("subject")
        moments = self.subjects[oid]
        note_first(moments, "consented", value["consent"]["since"])
        note_first(moments, "enrolled", value.get("enrolled_at"))
        note_first(moments, "ended", value.get("ended_at"))

    def _take_lot(self, oid: str, value: Mapping[str, Any]) -> None:
        self.kind_of[oid] = value["kind"]
        self._links[oid] = _Link("lot")
        for source in (value["drug"],) if value["kind"] == BATCH else value["inputs"]:
            self._lots_of[source].append(oid)

    def _take_product(self, oid: str, value: Mapping[str, Any]) -> None:
        del value
        self._links[oid] = _Link("product")

    def _take_package(self, oid: str, value: Mapping[str, Any]) -> None:
        if oid != value["lot"]:  # the first container of a batch may bear its OID
            self._links[oid] = _Link("package", (value["lot"],))
        self._bind(oid, value)
        note_first(self.lots[value["lot"]], "dispensed", value.get("dispensed_at"))

    def _bind(self, oid: str, value: Mapping[str, Any]) -> None:
        """Note the subject of a kit: to whom it is dispensed, for whom it is allocated or was asked to be opened."""
        if "subject" in value:
            self._subject_of[oid] = value["subject"]
            self._links.setdefault(oid, _Link("package"))

    def _take_shipment(self, oid: str, value: Mapping[str, Any]) -> None:
        self._links[oid] = _Link("shipment", tuple(value["packages"]))
        if "shipped_at" in value:
            self._arrived.append((oid, value["shipped_at"]))

    def _take_administration(self, rest: str, value: Mapping[str, Any]) -> None:
        del rest
        note_first(self.subjects[value["subject"]], "dosed", value["occurred_at"])
        note_first(self.lots[value["lot"]], "dosed", value["occurred_at"])

    def _take_destruction(self, oid: str, value: Mapping[str, Any]) -> None:
        del oid
        note_first(self.lots[value["lot"]], "destroyed", value.get("destroyed_at"))

    def _take_sample(self, oid: str, value: Mapping[str, Any]) -> None:
        self._links[oid] = _Link("sample", (value["parent"],) if "parent" in value else ())
        if "subject" in value:
            self._subject_of[oid] = value["subject"]
            note_first(self.subjects[value["subject"]], "sampled", value["occurred_at"])

    def _take_sample_shipment(self, oid: str, value: Mapping[str, Any]) -> None:
        self._links[oid] = _Link("sample_shipment", tuple(value["samples"]))
        if value["status"] == "accepted":
            self._arrived.append((oid, value["received_at"]))

    def _take_result(self, oid: str, value: Mapping[str, Any]) -> None:
        self._links[oid] = _Link("sample", (value["sample"],))
        if "repeats" in value:
            note_first(self.moments, "retested", value["occurred_at"])

    def _take_review(self, oid: str, value: Mapping[str, Any]) -> None:
        self._links[oid] = _Link("review", text=f"{value['stage']}/{value['form']}")
        if value["status"] == PASSED:
            self.passed.update(digest for _, digest, _ in value.get("documents", ()))

    def _take_visit(self, oid: str, value: Mapping[str, Any]) -> None:
        del oid
        moment = {"inspection": "inspected", "audit": "audited"}.get(value["sort"])
        if moment is not None:
            note_first(self.moments, moment, value["occurred_at"])
        if value["findings"]:
            note_first(self.moments, "issue_found", value["occurred_at"])

    def _take_protocol(self, rest: str, value: Mapping[str, Any]) -> None:
        del rest
        self.protocols[value["number"]] = value["protocol"]

    def about(self, oid: str) -> About:
        """Say what an OID of the evidence is about (rules 1 to 4)."""
        found, site = About(), ""
        for above in _upwards(oid):
            if not site and above in self.sites:
                site = above
            if found == _NOTHING and above in self._links:
                found = self._resolve(above)
        if not site and found.subjects:
            site = self.site_of.get(found.subjects[0], "")
        return found._replace(site=site)

    def _resolve(self, oid: str) -> About:
        link = self._links[oid]
        if link.kind == "review":
            return About(review=link.text)
        if link.kind == "subject":
            return About(subjects=(oid,))
        if link.kind in {"sample", "sample_shipment"}:
            starts = (oid,) if link.kind == "sample" else link.names
            return About(subjects=_distinct(self._drawn_from(each) for each in starts))
        if link.kind == "package":
            return About(link.names, _distinct((self._subject_of.get(oid, ""),)))
        if link.kind == "shipment":
            return About(_distinct(name for each in link.names for name in self._lots_in(each)))
        return About((oid,) if link.kind == "lot" else _distinct(self._made_of(oid)))

    def _lots_in(self, package: str) -> tuple[str, ...]:
        """Give the lot of a package; the first container of a batch may be the batch."""
        return self._links[package].names or (package,) if package in self._links else ()

    def _made_of(self, oid: str) -> Iterator[str]:
        """Give the lots made of a product, and the runs packed from these."""
        for lot in self._lots_of.get(oid, ()):
            yield lot
            yield from self._made_of(lot)

    def _drawn_from(self, sample: str) -> str:
        """Give the subject that a sample was drawn from (rule 3)."""
        while sample not in self._subject_of and sample in self._links and self._links[sample].names:
            sample = self._links[sample].names[0]
        return self._subject_of.get(sample, "")


_NOTHING: Final = About()

_TAKE: Final = {
    "administrations": StudyObjects._take_administration,  # noqa: SLF001 - a table of this class
    "allocations": StudyObjects._bind,  # noqa: SLF001
    "destructions": StudyObjects._take_destruction,  # noqa: SLF001
    "lots": StudyObjects._take_lot,  # noqa: SLF001
    "packages": StudyObjects._take_package,  # noqa: SLF001
    "products": StudyObjects._take_product,  # noqa: SLF001
    "protocol_versions": StudyObjects._take_protocol,  # noqa: SLF001
    "results": StudyObjects._take_result,  # noqa: SLF001
    "reviews": StudyObjects._take_review,  # noqa: SLF001
    "sample_shipments": StudyObjects._take_sample_shipment,  # noqa: SLF001
    "samples": StudyObjects._take_sample,  # noqa: SLF001
    "shipments": StudyObjects._take_shipment,  # noqa: SLF001
    "sites": StudyObjects._take_site,  # noqa: SLF001
    "subjects": StudyObjects._take_subject,  # noqa: SLF001
    "unblindings": StudyObjects._bind,  # noqa: SLF001
    "visits": StudyObjects._take_visit,  # noqa: SLF001
}
"""What is taken of each kind of object; the others say nothing about where evidence belongs."""


def _upwards(oid: str) -> Iterator[str]:
    """Give an OID and those above it."""
    while oid:
        yield oid
        oid = oid.rpartition(".")[0]


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Give the values that are not empty, each once, in the order in which they came."""
    return tuple(dict.fromkeys(each for each in values if each))
