"""Build `sealed_list.json` by an implementation of its own, from docs/formats.md alone.

Entries, leaves, root and paths come from the definition of RFC 9162 by recursion; shares from polynomials over
GF(2^128) multiplied bit by bit. `python tests/vectors/sealed_list.py` writes the file; a test builds it in memory and
compares every octet, and compares what the SDK and the rule set compute.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
STUDY = "2.999.3001.1"
LISTS = {
    "one-unit": [(f"{STUDY}.7", "test")],
    "three-units-out-of-order": [(f"{STUDY}.{n}", arm) for n, arm in ((10, "reference"), (9, "test"), (2, "placebo"))],
    "seven-units": [(f"{STUDY}.{n}.1", "test" if n % 3 else "r") for n in range(1, 8)],
}
IDENTITY = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33"
"""An example key of age, published with it: nobody's."""

CASES = {"1-of-1": (1, 1), "2-of-3": (2, 3), "3-of-5": (3, 5), "64-of-64": (64, 64)}
IRREDUCIBLE = (1 << 128) | 0b10000111


def entry(kit, treatment, salt):
    """Write the entry of a unit."""
    return f'{{"kit":"{kit}","salt":"{salt}","treatment":"{treatment}"}}'


def leaf(text):
    """Hash an entry."""
    return sha256(b"\0" + text.encode()).digest()


def root(leaves):
    """Hash a tree by its definition."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()


def path(index, leaves):
    """Give the path of a leaf by its definition, bottom up."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path(index, leaves[:split]), root(leaves[split:])]
    return [*path(index - split, leaves[split:]), root(leaves[:split])]


def times(one, other):
    """Multiply in GF(2^128), x^128 + x^7 + x^2 + x + 1."""
    product = 0
    for bit in range(128):
        if other >> bit & 1:
            product ^= one << bit
    for bit in range(255, 127, -1):
        if product >> bit & 1:
            product ^= IRREDUCIBLE << bit - 128
    return product


def share(secret, number, threshold):
    """Give a share: four blocks, each a polynomial whose coefficients are hashes of a label, so that they repeat."""
    found = b""
    for block in range(4):
        value, power = int.from_bytes(secret[16 * block : 16 * block + 16], "big"), 1
        for degree in range(1, threshold):
            power = times(power, number)
            coefficient = sha256(f"{threshold}/{block}/{degree}".encode()).digest()[:16]
            value ^= times(int.from_bytes(coefficient, "big"), power)
        found += value.to_bytes(16, "big")
    return found


def listed(units):
    """Give a list with its entries, leaves, root and paths, in order of the arcs."""
    salted = [
        {"kit": kit, "treatment": treatment, "salt": sha256(f"salt of {kit}".encode()).hexdigest()}
        for kit, treatment in units
    ]
    ordered = sorted(salted, key=lambda unit: [int(arc) for arc in unit["kit"].split(".")])
    entries = [entry(**unit) for unit in ordered]
    leaves = [leaf(text) for text in entries]
    file = f'{{"study":"{STUDY}","trialanchor_allocations":1,"units":[{",".join(entries)}]}}\n'
    return {
        "units": salted,
        "entries": entries,
        "leaves": [found.hex() for found in leaves],
        "paths": [[found.hex() for found in path(n, leaves)] for n in range(len(leaves))],
        "root": f"sha256:{root(leaves).hex()}",
        "file": f"sha256:{sha256(file.encode()).hexdigest()}",
    }


def shared(threshold, count):
    """Give the shares of the identity, and the file of the first."""
    secret = IDENTITY.removeprefix("AGE-SECRET-KEY-1").encode() + bytes(6)
    shares = [share(secret, number, threshold) for number in range(1, count + 1)]
    text = b64encode(shares[0]).decode()
    file = (
        f'{{"holder":"2.999.9.1","number":1,"secret":"{text}","study":"{STUDY}",'
        f'"trialanchor_share":1,"unit":"{STUDY}.7"}}\n'
    )
    return {
        "threshold": threshold,
        "shares": [found.hex() for found in shares],
        "digest": f"sha256:{sha256(file.encode()).hexdigest()}",
    }


def build():
    """Give the text of the file."""
    value = {
        "identity": IDENTITY,
        "lists": {name: listed(units) for name, units in LISTS.items()},
        "shares": {name: shared(*numbers) for name, numbers in CASES.items()},
        "study": STUDY,
    }
    return json.dumps(value, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(build(), encoding="utf-8")
