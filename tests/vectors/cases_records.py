"""Vectors of record fingerprints: records, openings and disclosures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from case import Case, case
from material import digest

from trialanchor.canonical import loads
from trialanchor.encoding import base64_encode, json_encode
from trialanchor.fingerprint import disclose, fingerprint_record

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = digest("seed")
FLAT = '{"USUBJID":"S-001","LBTEST":"Glucose","LBORRES":1.10,"LBSTRESN":"39","FAST":true,"NOTE":null}'
RECORDS = {
    "flat": ("A flat record: text, a number, true and null.", FLAT),
    "one-item": ("The smallest record: its leaf is its root.", '{"SEX":"F"}'),
    "nested": (
        "Objects and arrays within each other; arrays and empty objects are items of their own.",
        '{"VISIT":{"NUM":2,"DAYS":[1,2,{"x":[]}],"":{}},"a/b":{"c~d":"e"}}',
    ),
    "array-of-two": (
        "An array is an item with its length; not the record `object-with-numbered-keys`.",
        '{"AE":["a","b"]}',
    ),
    "object-with-numbered-keys": ("An object with the paths of `array-of-two`.", '{"AE":{"0":"a","1":"b"}}'),
    "numbers-verbatim": (
        "Numbers are kept as written: 1.10 is not 1.1, 1E2 is not 100, and 39 is not the text 39.",
        '{"a":1.10,"b":1.1,"c":1E2,"d":100,"e":-0,"f":39,"g":"39","h":12345678901234567890.000}',
    ),
    "not-normalised": (
        "Decomposed characters in a name and a value: both are fingerprinted in NFC.",
        '{"e\\u0301":"A\\u030a","受试者":"甲","z":"\\ud83d\\ude00"}',
    ),
    "control-characters": ("What JSON must escape.", '{"t":"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\/\\u007f\\u2028"}'),
}
SAME = ("flat-in-another-order", "The same fingerprint as `flat`: the order of keys and blanks do not count.")
REFUSED = {
    "empty-object": ("A record has at least one item.", "{}", "record"),
    "array": ("A record is an object.", '[{"SEX":"F"}]', "record"),
    "duplicate-key": ("Which of the two counts?", '{"SEX":"F","SEX":"M"}', "input"),
    "names-meet-in-nfc": ("Two names that are one after normalisation.", '{"é":1,"e\\u0301":2}', "record"),
    "lone-surrogate": ("Half a character.", '{"a":"\\ud800"}', "record"),
    "nan": ("NaN is no JSON.", '{"a":NaN}', "input"),
    "nested-65-deep": ("One level more than 64.", '{"a":' * 65 + "1" + "}" * 65, "record"),
}


def cases() -> Iterator[Case]:
    """Give records with their openings, then openings and disclosures, good and bad."""
    for name, (says, text) in RECORDS.items():
        yield _record(name, says, text)
    turned = json.dumps(dict(reversed(json.loads(FLAT.replace("1.10", '"@"')).items())), indent=1)
    yield _record(*SAME, turned.replace('"@"', "1.10"))
    for name, (says, text, code) in REFUSED.items():
        yield case(f"records/{name}", says, {"record.json": text.encode()}, {"code": code})
    yield from _openings()
    yield from _disclosures()


def _record(name: str, says: str, text: str) -> Case:
    opening = fingerprint_record(loads(text), SEED)
    expected = {"seed": SEED.hex(), "fingerprint": f"sha256:{opening.root.hex()}", "items": len(opening.items)}
    return case(f"records/{name}", says, {"record.json": text.encode()}, expected, opening_json=opening.encode())


def _openings() -> Iterator[Case]:
    opening = fingerprint_record(loads(FLAT), SEED)
    value = json.loads(opening.encode())
    items = value["items"]
    twice = [items[0], [items[0][0], "other"], *items[2:]]
    zero_leaf = base64_encode(bytes(32) + b"".join(opening.leaves[1:]))
    refused = [
        ("opening-item-changed", "The result says 1.1.", opening.encode().replace(b"1.10", b"1.1"), "item-changed"),
        (
            "opening-path-changed",
            "A value under another name.",
            opening.encode().replace(b"FAST", b"FASD"),
            "item-changed",
        ),
        (
            "opening-leaf-changed",
            "The first leaf is zeros.",
            json_encode({**value, "leaves": zero_leaf}),
            "item-changed",
        ),
        (
            "opening-seed-changed",
            "Other salts.",
            json_encode({**value, "seed": base64_encode(bytes(32))}),
            "item-changed",
        ),
        ("opening-path-twice", "Two values for one name.", json_encode({**value, "items": twice}), "opening"),
        ("opening-out-of-order", "Items in reverse.", json_encode({**value, "items": items[::-1]}), "opening"),
        (
            "opening-number-bare",
            "A number must be text.",
            opening.encode().replace(b'{"number":"1.10"}', b"1.10"),
            "input",
        ),
        (
            "opening-array-as-object",
            "The array's own item is gone, so that it looks like an object; the leaves are as they were.",
            _array_as_object(),
            "opening",
        ),
        (
            "opening-array-length-bare",
            "The length must be text.",
            fingerprint_record(loads(RECORDS["array-of-two"][1]), SEED).encode().replace(b'"2"', b"2"),
            "opening",
        ),
        ("opening-item-missing", "A leaf without its item.", json_encode({**value, "items": items[1:]}), "opening"),
        ("opening-version-2", "A later version.", json_encode({**value, "trialanchor_opening": 2}), "opening"),
        ("opening-unknown-part", "A part of no schema.", json_encode({**value, "note": ""}), "opening"),
        ("opening-reformatted", "Indented.", json.dumps(value, indent=1, ensure_ascii=False).encode(), "input"),
    ]
    for name, says, data, code in refused:
        yield case(f"records/{name}", says, {"opening.json": data}, {"code": code})


def _array_as_object() -> bytes:
    value = json.loads(fingerprint_record(loads(RECORDS["array-of-two"][1]), SEED).encode())
    return json_encode({**value, "items": value["items"][1:]})


def _disclosures() -> Iterator[Case]:
    opening = fingerprint_record(loads(FLAT), SEED)
    whole = disclose(opening, "/LBORRES").encode()
    value = json.loads(whole)
    fingerprint = {"fingerprint": f"sha256:{opening.root.hex()}"}
    says = "One item of `flat` with its salt and path, and nothing of the others."
    yield case("records/disclosure", says, {"disclosure.json": whole}, {**fingerprint, "item": value["item"]})
    wrong = [
        ("disclosure-value-changed", "Another value.", whole.replace(b"1.10", b"1.11")),
        ("disclosure-path-changed", "Another name.", whole.replace(b"LBORRES", b"LBORREZ")),
        ("disclosure-number-as-text", "Text for a number.", whole.replace(b'{"number":"1.10"}', b'"1.10"')),
        ("disclosure-salt-changed", "Another salt.", json_encode({**value, "salt": base64_encode(bytes(16))})),
        ("disclosure-step-missing", "A shorter path.", json_encode({**value, "steps": value["steps"][:44]})),
    ]
    for name, text, data in wrong:
        yield case(
            f"records/{name}",
            f"{text} It leads to another fingerprint.",
            {"disclosure.json": data},
            {**fingerprint, "code": "digest"},
        )
    refused = [
        ("disclosure-salt-short", "15 octets.", json_encode({**value, "salt": base64_encode(bytes(15))}), "opening"),
        (
            "disclosure-side-2",
            "Neither left nor right.",
            json_encode({**value, "steps": base64_encode(b"\x02" + bytes(32))}),
            "opening",
        ),
        ("disclosure-unknown-part", "A part of no schema.", json_encode({**value, "seed": ""}), "opening"),
        ("disclosure-reformatted", "Indented.", json.dumps(value, indent=1).encode(), "input"),
    ]
    for name, text, data, code in refused:
        yield case(f"records/{name}", text, {"disclosure.json": data}, {"code": code})
