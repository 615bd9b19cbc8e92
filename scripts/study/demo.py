"""Show the study on a node: run it over HTTP, file what its evidence lacks, and print a page about it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from study import page
from study.cast import CAST, DEPOT, LAB, REGULATOR_1, SITE_B, SPONSOR, STATISTICS
from study.node import NodeRunner, NodeState
from study.steps import Made
from study.story import tell
from study.study import Study
from study.vault import AgeVault

from trialanchor.client.preparation import Claims
from trialanchor.client.tracing import TraceQuestion
from trialanchor_chaincode.rules.kinds import may_provide
from trialanchor_chaincode.rules.lists import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from study.story import Told
    from workplace import Workplace

ANCHOR_WAIT_S = 15
TRACE_FILE = "result.trace.json"


def run_study(place: Workplace) -> list[str]:
    """Run the study in a folder; give the lines of the page."""
    begin = time.perf_counter()
    runner = NodeRunner(place, (DEPOT,))
    try:
        study = Study(runner, AgeVault(NodeState(runner.clients[REGULATOR_1])))
        told = tell(study)
        seconds = time.perf_counter() - begin
        lines = ["A bioequivalence study on one node", *page.summary(study, told, seconds, runner.signatories)]
        lines += ["", "Chapters, with what was accepted in each", *page.chapters(study.done)]
        lines += ["", "Refused", *page.refusals(study.done)]
        lines += ["", "What happened", *happened(study, told, runner)]
        lines += ["", "Balance", *balance(told, runner)]
        lines += ["", "Evidence", *complete(study, runner)]
        lines += ["", *trace(told, runner, place)]
    finally:
        runner.close()
    trust = str(place.out / "node" / "trust.json")
    said = place.run("trace", "--verify", str(place.out / TRACE_FILE), "--trust", trust)
    checks = [line for line in said.splitlines() if line and not line.startswith("OK")]
    lines += ["", f"Verified offline: {'; '.join(checks)}"]
    return [*lines, *(f"fsck {line}" for line in place.run("node", "fsck", str(place.out / "node")).splitlines())]


def happened(study: Study, told: Told, runner: NodeRunner) -> Iterator[str]:
    """Tell of the excursion, the unblinding, the correction, the late entry, the draws, the blind and the destruction."""
    client, regulator = runner.clients[SPONSOR], runner.clients[REGULATOR_1]
    names = [(each.step, each.outcome) for each in study.done if isinstance(each.outcome, Made)]
    steps = {name: [step for step, _ in names if step.name == name] for name in {step.name for step, _ in names}}
    (warm,) = steps["drugs/excursion"]
    low, high = (each / 10 for each in warm.arguments["measured"])
    aside = warm.arguments["packages"][-1]
    ended = client.object(f"packages/{aside}")["state"]
    yield (
        f"  excursion    {low} to {high} °C at {CAST[SITE_B].name}: {len(warm.arguments['packages'])} kits in quarantine at "
        f"once; the sponsor released all but kit {page.short(aside)}, which is {ended}"
    )
    kit, treatment = told.opened
    opened = regulator.object(f"unblindings/{kit}")
    same = "as it was packed" if told.supplies.treatments[kit] == treatment else "NOT as it was packed"
    yield (
        f"  unblinding   kit {page.short(kit)}: {len(opened['approvals'])} of 3 holders approved, opened on the ledger, "
        f"{len(opened['releases'])} shares, {opened['views']} view, 5 members know: {treatment}, {same}"
    )
    tube = client.object(f"samples/{told.corrected}")
    first = next(each for each in client.versions(f"samples/{told.corrected}"))["value"]["period"]
    yield (
        f"  correction   tube {page.short(told.corrected)}: period {first} → {tube['period']}, {tube['corrected']}, "
        f"version {tube['version']} names {tube['replaces'][:19]}; the first version stays"
    )
    late = next(step for step, _ in names if "late" in step.arguments)
    yield f"  late entry   {late.name}, {(late.at - late.arguments['occurred_at']) // 86_400} days later: {late.arguments['late']}"
    for step in steps["randomisation/reveal_draw"]:
        drawn = regulator.object(f"draw_commitments/{told.supplies.run}/{step.member}")
        again = list(draw(drawn["seed"], drawn["beacon"], drawn["units"], drawn["count"]))
        kept = regulator.object(f"draws/{told.supplies.run}/{step.member}")["units"]
        said = "computed again, the same" if kept == again else "computed again, NOT the same"
        yield f"  retention    {CAST[step.member].name} keeps {len(kept)} of {len(drawn['units'])} kits, drawn: {said}"
    seal = regulator.object(f"seals/{study.oid}")
    yield f"  blind        sealed and disclosed under one root, {seal['root'][:26]}…; seed and scheme of the list revealed"
    gone = steps["drugs/destroy"]
    units = sum(step.arguments["quantity"] for step in gone)
    yield f"  destruction  {len(gone)} packages with {units} tablets, each as approved and before a witness; 1 sample"


def balance(told: Told, runner: NodeRunner) -> Iterator[str]:
    """Prove the balance of every lot."""
    lots = (*told.supplies.batches, told.supplies.run)
    yield from page.balance([runner.clients[SPONSOR].balance(lot) for lot in lots])


def complete(study: Study, runner: NodeRunner) -> Iterator[str]:
    """Ask which evidence is missing, file it, and ask again."""
    client = runner.clients[SPONSOR]
    before = client.completeness(study.oid)
    yield f"  by the transactions alone: {page.states(before['totals'])}"
    missing = before["items"]
    for item in missing:
        _file(study, runner, item)
    after = client.completeness(study.oid)
    yield f"  {len(missing)} documents filed:       {page.states(after['totals'])}"
    yield f"  {'complete' if after['complete'] else 'not complete'}: of what is required and due, {len(after['items'])} missing, late or unreviewed"


def _file(study: Study, runner: NodeRunner, item: dict[str, Any]) -> None:
    """Register a document by a member that may provide it, about what it is missing for."""
    providers = [item["site"]] if item["site"] else [SPONSOR, LAB, STATISTICS]
    member = next(each for each in providers if may_provide(item["kind"], CAST[each].roles))
    claims = Claims(kind=item["kind"], subject=item["place"], study=study.oid)
    runner.author(member).register({"document": study.document(f"{item['kind']} of {item['place']}")}, claims)


def trace(told: Told, runner: NodeRunner, place: Workplace) -> Iterator[str]:
    """Trace a result back to the batch, and write the file that anybody verifies."""
    client, question = runner.clients[REGULATOR_1], TraceQuestion(told.result, "origin")
    value = client.trace(question)
    yield f"Trace of result {page.short(told.result)}: {len(value['nodes'])} objects, {len(value['edges'])} edges; the way back"
    yield from page.trace(value)
    deadline = time.monotonic() + ANCHOR_WAIT_S
    data = client.trace_file(question)
    while b'"anchors":[]' in data and time.monotonic() < deadline:
        time.sleep(0.2)
        data = client.trace_file(question)
    (place.out / TRACE_FILE).write_bytes(data)
