"""Measure the rule set: how often a second it decides on each step of a whole study, on one core, without signatures.

python scripts/bench_rules.py [--repeats N]

Each accepted transaction of `tests/vectors/scenarios/study.json` is decided again and again on the state before it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from trialanchor.signers import Signers
from trialanchor.transactions import authenticate, decode_transaction
from trialanchor_chaincode.rules.apply import apply
from trialanchor_chaincode.rules.state import Context, Transaction
from trialanchor_node.bench.machine import describe_machine
from trialanchor_node.members import decode_member

SCENARIO = Path(__file__).parents[1] / "tests" / "vectors" / "scenarios" / "study.json"
SLOWEST = 12


def measure(repeats: int) -> dict[str, list[float]]:
    """Give the seconds of each evaluation by transition, in the order of the study."""
    scenario = json.loads(SCENARIO.read_text(encoding="utf-8"))
    state: dict[str, str] = {}
    signers, spent = Signers(), dict[str, list[float]]()
    for step in scenario["steps"]:
        if "refused" in step:
            continue
        transaction = _read(step["transaction"], state, signers, step["at"])
        context = Context(scenario["ledger"], step["at"], lambda *_: False)
        if transaction.signed is not None:
            begin = time.process_time()
            for _ in range(repeats):
                apply(state, transaction, context)
            each = (time.process_time() - begin) / repeats
            spent.setdefault(f"{transaction.contract}/{transaction.action}", []).append(each)
        state |= apply(state, transaction, context).writes
    return spent


def _read(text: str, state: dict[str, str], signers: Signers, at: int) -> Transaction:
    if not text.startswith('{"body":'):
        return Transaction(**json.loads(text))
    signed = decode_transaction(text.encode())
    issuer = signed.signed.statement.issuer
    return authenticate(signed, decode_member(issuer, state[f"members/{issuer}"]), signers, at)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    spent = measure(parser.parse_args().repeats)
    every = [seconds for part in spent.values() for seconds in part]
    means = {name: sum(part) / len(part) for name, part in spent.items()}
    figures: dict[str, Any] = {
        "evaluations_per_s_per_core": round(len(every) / sum(every)),
        "transactions": len(every),
        "transitions": len(spent),
    }
    for name in sorted(means, key=lambda each: -means[each])[:SLOWEST]:
        figures[f"slowest: {name}"] = round(1 / means[name])
    print("rules")
    for key, value in {**figures, **describe_machine()}.items():
        print(f"  {key:<44} {value}")


if __name__ == "__main__":
    main()
