"""Measure the OID codec on one core, beside pyasn1 and asn1crypto in the same run.

Usage: `python scripts/bench_oid.py [--count N] [--rounds N] [--seed N] [--json]`

What is measured: dotted text → DER and DER → dotted text, N distinct OIDs of ten arcs, each once per round. No OID is
repeated within a round, and the round that is told as cold is the first one of the process: the codec's tables of small
arcs are empty when it starts. Two mixes:

- `scheme`: objects of the coding scheme, 2.16.156.3016.<province>.<organisation>.….<own class>.<object number>;
- `random`: ten arcs, nine of them random up to 2^32, which no table holds; the hardest case and not a usual one.

The libraries are asked for the same: text in and DER out, and back. They check less (see tests/vectors/oid/README.md).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
from importlib.metadata import version
from itertools import repeat
from time import perf_counter
from typing import TYPE_CHECKING, Any

from asn1crypto.core import ObjectIdentifier as Asn1CryptoOid
from pyasn1.codec.der import decoder, encoder
from pyasn1.type.univ import ObjectIdentifier as PyAsn1Oid

from trialanchor_oid.codec import Oid, decode_der, encode_dotted
from trialanchor_oid.scheme import ORGANISATION_RANGES, PROVINCES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SLOWER = 10
"""The libraries get a tenth of the OIDs: they are slow enough for as steady a figure."""

FIRST_NUMBER = 100_001
A_THOUSAND = range(998)
"""Organisation codes are given out in sequence, so those in use are at the start of each range of Table A.2."""


def scheme_oids(count: int, rng: random.Random) -> list[str]:
    """Make distinct object OIDs of the coding scheme, in random order."""
    provinces = sorted(PROVINCES)
    organisations = [row.first + place for row in ORGANISATION_RANGES for place in A_THOUSAND]
    numbers = rng.sample(range(FIRST_NUMBER, FIRST_NUMBER + 10 * count), count)
    return [
        f"2.16.156.3016.{rng.choice(provinces)}.{rng.choice(organisations)}"
        f".{rng.randint(1, 9)}.{rng.randint(1, 9)}.{rng.randint(1001, 9999)}.{number}"
        for number in numbers
    ]


def random_oids(count: int, rng: random.Random) -> list[str]:
    """Make OIDs of ten arcs of which no table holds one; distinct, as nine numbers of 32 bits are."""
    made = [".".join(("2", *(str(rng.getrandbits(32)) for _ in range(9)))) for _ in range(count)]
    if len(set(made)) != count:
        sys.exit("the OIDs are not distinct; give another --seed")
    return made


def rate(function: Callable[[Any], Any], inputs: Sequence[Any]) -> float:
    """Give how many inputs a second a function takes."""
    start = perf_counter()
    for value in inputs:
        function(value)
    return len(inputs) / (perf_counter() - start)


def rates(function: Callable[[Any], Any], inputs: Sequence[Any], rounds: int) -> dict[str, int]:
    """Give the first rate and the median of the rounds after it."""
    cold = rate(function, inputs)
    later = [rate(function, inputs) for _ in repeat(None, rounds)]
    return {"cold": round(cold), "median": round(statistics.median(later)), "worst": round(min(later))}


def measure(mix: Sequence[str], rounds: int) -> dict[str, dict[str, int]]:
    """Measure the codec and the libraries on one mix; checks first that all agree on a part of it."""
    few = mix[: len(mix) // SLOWER]
    figures = {"encode_dotted": rates(encode_dotted, mix, rounds)}
    ders = [encode_dotted(text) for text in mix]
    figures["decode_der"] = rates(decode_der, ders, rounds)
    figures["Oid.parse, .der"] = rates(lambda text: Oid.parse(text).der, mix, rounds)
    figures["Oid.from_der, .dotted"] = rates(lambda der: Oid.from_der(der).dotted, ders, rounds)
    rivals: dict[str, tuple[Callable[[Any], Any], Sequence[Any]]] = {
        "pyasn1 encode": (lambda text: encoder.encode(PyAsn1Oid(text)), few),
        "pyasn1 decode": (lambda der: str(decoder.decode(der, asn1Spec=PyAsn1Oid())[0]), ders[: len(few)]),
        "asn1crypto encode": (lambda text: Asn1CryptoOid(text).dump(), few),
        "asn1crypto decode": (lambda der: Asn1CryptoOid.load(der, strict=True).dotted, ders[: len(few)]),
    }
    for name, (function, inputs) in rivals.items():
        ours = decode_der if name.endswith("decode") else encode_dotted
        if any(function(value) != ours(value) for value in inputs[:100]):
            sys.exit(f"{name} gives something else")
        figures[name] = rates(function, inputs, rounds)
    return figures


def machine() -> dict[str, str]:
    """Describe what it ran on."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a file of the kernel
            model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "pyasn1": version("pyasn1"),
        "asn1crypto": version("asn1crypto"),
    }


def main() -> None:
    """Run the measurement and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=200_000, help="distinct OIDs of each mix")
    parser.add_argument("--rounds", type=int, default=5, help="rounds after the cold one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    mixes = {"scheme": scheme_oids(options.count, rng), "random": random_oids(options.count, rng)}
    found = {name: measure(mix, options.rounds) for name, mix in mixes.items()}
    if options.json:
        print(json.dumps({"machine": machine(), "count": options.count, "per_second": found}, indent=2))
        return
    for key, value in machine().items():
        print(f"{key:11} {value}")
    for name, figures in found.items():
        print(f"\n{name}, {options.count} distinct OIDs of ten arcs, one core, per second")
        print(f"{'':24} {'cold':>9} {'median':>9} {'worst':>9}")
        for what, row in figures.items():
            print(f"{what:24} {row['cold']:9} {row['median']:9} {row['worst']:9}")


if __name__ == "__main__":
    main()
