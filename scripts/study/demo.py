"""Show the study on a node: run it over HTTP, and print a page about it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from study import page
from study.cast import DEPOT, REGULATOR_1, SPONSOR
from study.facts import Facts
from study.node import NodeRunner, NodeState
from study.story import tell
from study.study import Study
from study.vault import AgeVault
from trialanchor.client.tracing import TraceQuestion

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
        lines = [*_page(study, told, runner, time.perf_counter() - begin), *trace(told, runner, place)]
    finally:
        runner.close()
    return [*lines, "", *checked(place)]


def _page(study: Study, told: Told, runner: NodeRunner, seconds: float) -> Iterator[str]:
    yield from ("A bioequivalence study on one node", *page.summary(study, told, seconds, runner.signatories))
    yield from ("", "Accepted", *page.chapters(study.done))
    yield from ("", "Refused", *page.refusals(study.done))
    yield from ("", "Happened", *Facts(study, told, runner).lines())
    lots = (*told.supplies.batches, told.supplies.run)
    yield from ("", "Balance", *page.balance([runner.clients[SPONSOR].balance(lot) for lot in lots]))
    yield from ("", "Evidence", *page.evidence(runner.clients[SPONSOR].completeness(study.oid), study.filed), "")


def trace(told: Told, runner: NodeRunner, place: Workplace) -> Iterator[str]:
    """Trace a result back to the batch, and write the file that anybody verifies."""
    client, question = runner.clients[REGULATOR_1], TraceQuestion(told.result, "origin")
    yield from page.trace(told.result, client.trace(question))
    deadline = time.monotonic() + ANCHOR_WAIT_S
    data = client.trace_file(question)
    while not _is_anchored(data) and time.monotonic() < deadline:
        time.sleep(0.2)
        data = client.trace_file(question)
    (place.out / TRACE_FILE).write_bytes(data)


def _is_anchored(data: bytes) -> bool:
    return all("anchors" in each["bundle"] for each in json.loads(data)["trace"]["transactions"].values())


def checked(place: Workplace) -> Iterator[str]:
    """Verify the trace file offline, and check the node that was stopped."""
    trust = str(place.out / "node" / "trust.json")
    said = place.run("trace", "--verify", str(place.out / TRACE_FILE), "--trust", trust).splitlines()
    steps = [line for line in said if line and not line.startswith("OK")]
    yield f"verified    {TRACE_FILE}, offline: {'; '.join(steps[:-1])}"
    yield f"            {steps[-1]}"
    for line in place.run("node", "fsck", str(place.out / "node")).splitlines():
        yield f"fsck        {line}"
