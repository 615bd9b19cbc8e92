"""What happened in the study that a reader wants to know, told from what the node says of its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.cast import CAST, REGULATOR_1, SITES
from study.page import short
from study.steps import DAY, Made
from trialanchor_chaincode.rules.lists import draw, randomisation_list, read_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from study.node import NodeRunner
    from study.steps import Step
    from study.story import Told
    from study.study import Study


class Facts:
    """Asks the node about a study that was told."""

    def __init__(self, study: Study, told: Told, runner: NodeRunner) -> None:
        self._study = study
        self._told = told
        self._client = runner.clients[REGULATOR_1]

    def lines(self) -> Iterator[str]:
        """Give a line for each."""
        yield f"  excursion    {self._excursion()}"
        yield f"  unblinding   {self._unblinding()}"
        yield f"  correction   {self._correction()}"
        yield f"  late entry   {self._late_entry()}"
        for site in SITES:
            yield f"  retention    {self._retention(site)}"
        yield f"  blind        {self._blind()}"
        yield f"  destruction  {self._destruction()}"

    def _made(self, name: str) -> list[Step]:
        """Give the accepted steps of a name; all of them when it is empty."""
        done = (each for each in self._study.done if isinstance(each.outcome, Made))
        return [each.step for each in done if name in {"", each.step.name}]

    def _excursion(self) -> str:
        (step,) = self._made("drugs/excursion")
        low, high = (each / 10 for each in step.arguments["measured"])
        kits = step.arguments["packages"]
        rejected = kits[-1]
        ended = self._client.object(f"packages/{rejected}")["state"]
        return (
            f"{low} to {high} °C at {CAST[step.member].name}: {len(kits)} kits in quarantine at once; the sponsor "
            f"released {len(kits) - 1}; kit {short(rejected)} is {ended}"
        )

    def _unblinding(self) -> str:
        kit, treatment = self._told.opened
        opened = self._client.object(f"unblindings/{kit}")
        told = len(self._made("unblinding/acknowledge"))
        packed = "as packed" if self._told.supplies.treatments[kit] == treatment else "NOT as packed"
        return (
            f"kit {short(kit)} for a serious event: {len(opened['approvals'])} of 3 holders approve, the ledger opens, "
            f"{len(opened['releases'])} shares, {told} members told: {treatment!r}, {packed}"
        )

    def _correction(self) -> str:
        versions = [each["value"] for each in self._client.versions(f"samples/{self._told.corrected}")]
        place = next(number for number, each in enumerate(versions) if "corrected" in each)
        before, after = versions[place - 1], versions[place]
        tube, periods = short(self._told.corrected), f"{before['period']} → {after['period']}"
        return (
            f"tube {tube}, period {periods} ({after['corrected']}); "
            f"version {after['version']} names {after['replaces'][:19]}, which stays"
        )

    def _late_entry(self) -> str:
        step = next(each for each in self._made("") if "late" in each.arguments)
        days = (step.at - step.arguments["occurred_at"]) // DAY
        return f"{step.name} of {step.arguments['activity']}, {days} days after it happened: {step.arguments['late']}"

    def _retention(self, site: str) -> str:
        run = self._told.supplies.run
        drawn = self._client.object(f"draw_commitments/{run}/{site}")
        again = list(draw(drawn["seed"], drawn["beacon"], drawn["units"], drawn["count"]))
        same = "the same" if again == self._client.object(f"draws/{run}/{site}")["units"] else "NOT the same"
        kept = f"{len(again)} of {len(drawn['units'])} kits"
        return f"{CAST[site].name} keeps {kept}; drawn again from seed and beacon: {same}"

    def _blind(self) -> str:
        listed = self._client.object(f"randomisations/{self._study.oid}/main")
        scheme = read_scheme(listed["revealed_scheme"])
        arms = randomisation_list(listed["seed"], listed["beacon"], scheme, listed["strata"])
        treatments = self._told.supplies.treatments
        right = 0
        for subject in self._told.subjects:
            _, stratum, number = subject.number.split(".")
            given = "".join(treatments[subject.kits[period]] for period in (1, 2))
            right += given == arms[stratum][int(number) - 1]
        root = self._client.object(f"seals/{self._study.oid}")["root"]
        return (
            f"disclosed under the root that was sealed, {root[:19]}; the list computed again from seed and beacon: "
            f"{right} of {len(self._told.subjects)} as treated"
        )

    def _destruction(self) -> str:
        steps = self._made("drugs/destroy")
        units = sum(step.arguments["quantity"] for step in steps)
        return f"{len(steps)} packages with {units} tablets as approved and before a witness; {self._samples()} sample"

    def _samples(self) -> int:
        return len(self._made("samples/destroy"))
