"""Randomise: a list that nobody could choose, numbers, kits for each subject, and the sealed allocations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from study.cast import SITE_A, SITES, SPONSOR, STATISTICS, person
from trialanchor.sealing import Allocations, allocations
from trialanchor_chaincode.rules.lists import commitment, randomisation_list, read_scheme, scheme_digest
from trialanchor_chaincode.rules.sealed_list import SealedUnit

if TYPE_CHECKING:
    from study.study import Study
    from study.subjects import Subject
    from study.supplying import Supplies

STATISTICIAN: Final = "statistician"
LIST: Final = "main"
STRATA: Final = {SITE_A: "site_a", SITES[1]: "site_b"}
PLACES: Final = {"site_a": 4, "site_b": 4}


class Randomisation:
    """What the statistician of the third party knows: seed and scheme, and from the beacon on the list.

    Attributes:
        listed: The allocations that were sealed.
    """

    def __init__(self, study: Study) -> None:
        self._seed = study.secret("list")
        self._scheme = {
            "arms": [["rt", 1], ["tr", 1]],
            "blocks": [2, 4],
            "method": "block",
            "salt": study.secret("scheme"),
        }
        self._study = study
        self._arms: dict[str, tuple[str, ...]] = {}
        self.listed = Allocations(study.oid, ())

    def commit(self) -> None:
        """Commit to seed and scheme; a site fixes the beacon, from which the list follows."""
        study = self._study
        given = {"scheme": scheme_digest(self._scheme), "commitment": commitment(self._seed), "strata": PLACES}
        committed = study.do("randomisation/commit", STATISTICS, STATISTICIAN, list=LIST, **given).transaction
        answered = {"list": LIST, "committed": committed}
        study.refuse("beacon-by-holder", "randomisation/fix_beacon", STATISTICS, STATISTICIAN, **answered)
        beacon = study.do("randomisation/fix_beacon", SITE_A, "principal_investigator", **answered).transaction
        self._arms = randomisation_list(self._seed, beacon, read_scheme(self._scheme), PLACES)

    def seal(self, supplies: Supplies) -> None:
        """Seal which treatment every kit holds, to key holders of whom two must act."""
        study = self._study
        units = [SealedUnit(kit, each, study.secret(kit)) for kit, each in supplies.treatments.items()]
        holders = [person(member, "key_holder") for member in (SPONSOR, STATISTICS, SITE_A)]
        self.listed = allocations(study.oid, units)
        sealed = study.vault.seal(self.listed, holders, 2)
        study.do("unblinding/seal", STATISTICS, STATISTICIAN, **sealed)

    def assign(self, subject: Subject, supplies: Supplies) -> None:
        """Give a subject its number, and a kit of the right treatment for each period."""
        study, stratum = self._study, STRATA[subject.site]
        given = {"subject": subject.oid, "list": LIST, "stratum": stratum}
        (number,) = study.do("randomisation/assign", subject.site, "sub_investigator", **given).result
        arm = self._arms[stratum][int(number.rpartition(".")[2]) - 1]
        subject.number = number
        for period, treatment in enumerate(arm, 1):
            kit = supplies.take(subject.site, treatment)
            subject.kits[period] = kit
            allocated = {"subject": subject.oid, "kits": [kit], "period": period}
            study.do("randomisation/allocate", STATISTICS, STATISTICIAN, **allocated)

    def close(self) -> None:
        """Give no more numbers; the list stays closed while the blind is in force."""
        self._study.do("randomisation/close_list", STATISTICS, STATISTICIAN, list=LIST)
        revealed = {"list": LIST, "seed": self._seed, "scheme": self._scheme}
        self._study.refuse("blind-in-force", "randomisation/reveal", STATISTICS, STATISTICIAN, **revealed)

    def reveal(self) -> None:
        """Reveal seed and scheme, so that anybody computes the list again."""
        revealed = {"list": LIST, "seed": self._seed, "scheme": self._scheme}
        self._study.do("randomisation/reveal", STATISTICS, STATISTICIAN, **revealed)
