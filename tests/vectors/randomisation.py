"""Build `randomisation.json` by an implementation of its own, from the rules in docs/randomisation.md alone.

It shares nothing with the rule set: HMAC is put together by hand, numbers are read from hexadecimal text, and places
change through a table of moves. `python tests/vectors/randomisation.py` writes the file; a test builds it in memory and
compares every octet, and compares what the rule set computes.
"""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import count, islice
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
SEEDS = ["00" * 32, "5e" * 32, "".join(f"{n:02x}" for n in range(32))]
BEACONS = ["sha256:" + "0" * 64, "sha256:" + "b" * 64]
SALT = "5a" * 32
UNITS = [f"2.16.156.3016.31.6001.3.1.1001.{n}" for n in range(10, 30)]


def hmac_hex(seed, text):
    """Give HMAC-SHA-256 in hexadecimal digits (RFC 2104); a key of 32 octets is filled up to a block of 64."""
    key = bytes.fromhex(seed) + bytes(32)
    inner = sha256(bytes(octet ^ 0x36 for octet in key) + text.encode()).digest()
    return sha256(bytes(octet ^ 0x5C for octet in key) + inner).hexdigest()


def numbers(seed, beacon, purpose):
    """Give the numbers of a purpose, 32 bits each."""
    return (int(hmac_hex(seed, f"{beacon}/{purpose}/{n}")[:8], 16) for n in count(1))


def below(source, limit):
    """Give the next number below a limit; the uneven rest at the top of 32 bits is passed over."""
    even = (2**32 // limit) * limit
    return next(number for number in source if number < even) % limit


def pick(source, items, wanted):
    """Pick items; `moved` says what lies at a place now."""
    moved, picked = {}, []
    for place in range(wanted):
        other = place + below(source, len(items) - place)
        picked.append(moved.get(other, other))
        moved[other] = moved.get(place, place)
    return [items[place] for place in picked]


def places(source, scheme):
    """Give the arms of a stratum, without end."""
    shares = [arm for arm, share in scheme["arms"] for _ in range(share)]
    while True:
        if scheme["method"] == "complete":
            yield shares[below(source, len(shares))]
        else:
            size = scheme["blocks"][below(source, len(scheme["blocks"]))]
            each = size // len(shares)
            yield from pick(source, [arm for arm, share in scheme["arms"] for _ in range(share * each)], size)


def scheme(arms, *blocks):
    """Give a scheme: of blocks when sizes are given."""
    given = {"arms": [list(arm) for arm in arms], "salt": SALT}
    return given | ({"method": "block", "blocks": list(blocks)} if blocks else {"method": "complete"})


EVEN, UNEVEN = [("r", 1), ("t", 1)], [("active", 2), ("placebo", 1)]
LISTS = {
    "complete, one to one": (scheme(EVEN), {"all": 20}),
    "complete, two to one": (scheme(UNEVEN), {"all": 20}),
    "blocks of four": (scheme(EVEN, 4), {"all": 16}),
    "blocks of two sizes, the last one cut": (scheme(EVEN, 4, 6), {"all": 17}),
    "blocks, two to one, by stratum": (scheme(UNEVEN, 3, 6, 9), {"female.18-39": 12, "male.18-39": 12, "other": 1}),
    "sequences of a crossover, by site": (
        scheme([("rtr", 1), ("trt", 1), ("rtt", 1)], 3),
        {"site-01": 9, "site-02": 6},
    ),
}
LIMITS = [1, 2, 3, 1_000, 100_000, 3 * 2**30, 2**32]
COUNTS = [1, 4, len(UNITS)]


def rows():
    """Give the vectors by kind, a row each."""
    known = [(seed, beacon) for seed in SEEDS for beacon in BEACONS]
    yield (
        "commitments",
        [{"seed": seed, "commitment": "sha256:" + sha256(bytes.fromhex(seed)).hexdigest()} for seed in SEEDS],
    )
    found = []
    for limit in LIMITS:
        source = numbers(SEEDS[1], BEACONS[1], "draw")
        given = {"seed": SEEDS[1], "beacon": BEACONS[1], "purpose": "draw", "limit": limit}
        found.append(given | {"numbers": [below(source, limit) for _ in range(12)]})
    yield "numbers", found
    found = []
    for n, (name, (made, strata)) in enumerate(LISTS.items()):
        seed, beacon = known[n]
        text = json.dumps(made, sort_keys=True, separators=(",", ":"))
        arms = {
            each: list(islice(places(numbers(seed, beacon, f"list/{each}"), made), strata[each])) for each in strata
        }
        digest = "sha256:" + sha256(text.encode()).hexdigest()
        given = {"name": name, "seed": seed, "beacon": beacon, "scheme": made, "strata": strata}
        found.append(given | {"scheme_digest": digest, "list": arms})
    yield "lists", found
    found = []
    for wanted in COUNTS:
        for seed, beacon in known[1:3]:
            given = {"seed": seed, "beacon": beacon, "units": UNITS, "count": wanted}
            found.append(given | {"drawn": pick(numbers(seed, beacon, "draw"), UNITS, wanted)})
    yield "draws", found


def build():
    """Give the octets of the file."""
    kinds = []
    for kind, each in rows():
        lines = ",\n".join("    " + json.dumps(row) for row in each)
        kinds.append(f'  "{kind}": [\n{lines}\n  ]')
    return ("{\n" + ",\n".join(kinds) + "\n}\n").encode()


if __name__ == "__main__":
    FILE.write_bytes(build())
