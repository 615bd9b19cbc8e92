"""The page that the demo prints about the study: what was done, what was refused, where every tablet is, one trace."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from study.cast import CAST
from study.steps import Made, Refusal

from trialanchor.trace_table import IN_FORCE, KINDS, LABELS, MEASURES, ORIGIN, RELATIONS
from trialanchor_chaincode.rules.transitions import TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from study.story import Told
    from study.study import Done, Study

WIDTH = 118
BUCKETS = ("packed", "administered", "retained", "destroyed", "lost", "in_stock", "in_transit", "dispensed")
"""Buckets of the balance that are shown; the others are empty at the end."""

_FOLLOWED = {each.name for each in (*RELATIONS, MEASURES) if each.leads == ORIGIN} | {each.name for each in IN_FORCE}


def cut(text: str) -> str:
    """Cut a line to the width of the page."""
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def short(text: str) -> str:
    """Write OIDs of the cast short: the member's name, and the last arc of the object."""
    for oid, member in CAST.items():
        while f"{oid}." in text:
            before, _, rest = text.partition(f"{oid}.")
            arcs = rest[: len(rest) - len(rest.lstrip("0123456789."))].rstrip(".")
            number = int(arcs.rpartition(".")[2])
            text = f"{before}{member.name} {number % 100_000}{rest[len(arcs) :]}"
        text = text.replace(oid, member.name)
    return text


def summary(study: Study, told: Told, seconds: float, signatories: int) -> Iterator[str]:
    """Say who takes part, and how many transactions it took."""
    made = [done for done in study.done if isinstance(done.outcome, Made)]
    different = {done.step.name for done in made}
    yield f"who         {', '.join(member.name for member in CAST.values())}"
    yield (
        f"subjects    {len(told.subjects)} randomised at 2 sites, double-blind, two periods; 2 more came and were not"
        " enrolled, 1 withdrew"
    )
    yield f"drugs       2 batches of 60 tablets, {len(told.supplies.treatments)} blinded kits of 3"
    yield f"samples     {len(told.samples.tubes)} tubes, {len(told.samples.results)} confirmed results"
    yield (
        f"asked       {len(study.done)} transactions, signed with {signatories} keys: {len(made)} accepted, "
        f"{len(study.done) - len(made)} refused, in {seconds:.1f} s"
    )
    yield f"all         {len(different)} of {len(TRANSITIONS)} transitions of the rule set were made"


def chapters(done: Sequence[Done]) -> Iterator[str]:
    """List the chapters in two columns, with the transactions that were accepted in each."""
    made = Counter(each.chapter for each in done if isinstance(each.outcome, Made))
    rows = [f"{count:4} {title}" for title, count in made.items()]
    half = (len(rows) + 1) // 2
    for left, right in zip(rows[:half], [*rows[half:], ""], strict=False):
        yield f"{left:58}{right}".rstrip()


def refusals(done: Sequence[Done]) -> Iterator[str]:
    """List what was refused, once for each code, with its sentence."""
    seen: set[str] = set()
    for each in done:
        if isinstance(each.outcome, Refusal) and each.outcome.code not in seen:
            seen.add(each.outcome.code)
            said = short(each.outcome.sentence)
            yield cut(f"  {each.outcome.code:22}{CAST[each.step.member].name:12} {each.step.name}: {said}")


def balance(proofs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Show where every unit of each lot is."""
    yield f"  {'lot':22}{'made':>5}" + "".join(f"{name:>14}" for name in BUCKETS[:5]) + f"{'elsewhere':>11}{'differ':>8}"
    for proof in proofs:
        totals = proof["totals"]
        shown = "".join(f"{totals[name]:>14}" for name in BUCKETS[:5])
        elsewhere = sum(totals.values()) - sum(totals[name] for name in BUCKETS[:5])
        name = f"{proof['kind']} {short(proof['lot'])}"
        yield f"  {name:22}{proof['made']:>5}{shown}{elsewhere:>11}{proof['difference']:>8}"


def states(totals: Sequence[dict[str, Any]]) -> str:
    """Count the items of a study's evidence by state."""
    counted: Counter[str] = Counter()
    for row in totals:
        counted[row["state"].replace("_", " ")] += row["items"]
    return ", ".join(f"{count} {state}" for state, count in sorted(counted.items()))


def trace(value: dict[str, Any]) -> Iterator[str]:
    """Show the way of a trace back to its origin, with what was in force; every line with its transaction."""
    nodes = {node["id"]: node for node in value["nodes"]}
    for edge in value["edges"]:
        if edge["relation"] in _FOLLOWED and edge["current"]:
            source, target = (_name(nodes[edge[end]]) for end in ("source", "target"))
            said = f"  {source:34}{LABELS[edge['relation']].en:29}{target:38}"
            yield f"{said}#{edge['block']:<4} {edge['transaction'][:19]}"


def _name(node: dict[str, Any]) -> str:
    """Name an object of a trace: what it is, and its code or number."""
    of = node["id"].partition("/")[2]
    called = KINDS[node["kind"]].label.en.replace("drug batch or packaging run", node["shows"].get("kind", "lot"))
    called = called.replace(", by number", "").replace("version of the ", "")
    return f"{called} {node['code'] if 'code' in node else short(of)}"
