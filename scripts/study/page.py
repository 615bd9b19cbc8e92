"""The page that the demo prints about the study: what was done, what was refused, where every tablet is, one trace."""

from __future__ import annotations

import re
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
BUCKETS = ("packed", "administered", "retained", "destroyed", "lost")
"""Buckets of the balance that are shown; what is in the others counts as elsewhere."""

_OIDS = re.compile(rf"({'|'.join(map(re.escape, CAST))})((?:\.[0-9]+)*)(?![0-9])")
_IN_FORCE = {each.name for each in IN_FORCE}
_FOLLOWED = {each.name for each in (*RELATIONS, MEASURES) if each.leads == ORIGIN} | _IN_FORCE


def cut(text: str) -> str:
    """Cut a line to the width of the page."""
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def short(text: str) -> str:
    """Write OIDs of the cast short: the member's name, and the last arc of the object."""
    return _OIDS.sub(_name_short, text)


def _name_short(found: re.Match[str]) -> str:
    member, below = found.groups()
    number = int(below.rpartition(".")[2]) % 100_000 if below else ""
    return f"{CAST[member].name} {number}".rstrip()


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
    yield "names       objects are called by the member that numbered them and their number there, such as site A 3"


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
            yield cut(f"  {each.outcome.code:22}{CAST[each.step.member].name:12}{said}")


def balance(proofs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Show where every unit of each lot is."""
    head = "".join(f"{name:>14}" for name in BUCKETS)
    yield f"  {'lot':22}{'made':>5}{head}{'elsewhere':>11}{'differ':>8}"
    for proof in proofs:
        totals = proof["totals"]
        shown = "".join(f"{totals[name]:>14}" for name in BUCKETS)
        elsewhere = sum(totals.values()) - sum(totals[name] for name in BUCKETS)
        name = f"{proof['kind']} {short(proof['lot'])}"
        yield f"  {name:22}{proof['made']:>5}{shown}{elsewhere:>11}{proof['difference']:>8}"


def evidence(judged: dict[str, Any], filed: int) -> Iterator[str]:
    """Say whether the evidence of the study is complete; name what is wanting."""
    counted: Counter[str] = Counter()
    for row in judged["totals"]:
        counted[row["state"].replace("_", " ")] += row["items"]
    states = ", ".join(f"{count} {state}" for state, count in sorted(counted.items()))
    yield f"  {'complete' if judged['complete'] else 'NOT complete'}: {states}"
    yield f"  the transactions, each of which is evidence of its kind, and {filed} documents filed in the members' logs"
    for item in judged["items"]:
        yield cut(f"  {item['state']}: {item['kind']} of {short(item['place'])}")


def trace(result: str, value: dict[str, Any]) -> Iterator[str]:
    """Show the way of a trace back to its origin; every line with block and transaction.

    What was in force is shown for the sample; it was the same for its dose.
    """
    yield f"Trace of result {short(result)}: {len(value['nodes'])} objects, {len(value['edges'])} edges; the way back"
    nodes = {node["id"]: node for node in value["nodes"]}
    for edge in value["edges"]:
        source, target = (nodes[edge[end]] for end in ("source", "target"))
        repeated = source["kind"] == "administrations" and edge["relation"] in _IN_FORCE
        if edge["relation"] in _FOLLOWED and edge["current"] and not repeated:
            said = f"  {_name(source):34}{LABELS[edge['relation']].en:35}{_name(target):35}"
            yield f"{said}#{edge['block']:<4}{edge['transaction'].removeprefix('sha256:')[:12]}"


def _name(node: dict[str, Any]) -> str:
    """Name an object of a trace: what it is, and its code or number."""
    of = node["id"].partition("/")[2]
    called = KINDS[node["kind"]].label.en.replace("drug batch or packaging run", node["shows"].get("kind", "lot"))
    called = called.replace(", by number", "").replace("version of the ", "")
    return f"{called} {node['code'] if 'code' in node else short(of)}"
