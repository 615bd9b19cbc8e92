"""Record fingerprints: every value counts as written, openings and disclosures round-trip, and no altered one fits."""

import json
from hashlib import sha256, shake_256

import pytest
import rfc8785
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from material import digest

from trialanchor.canonical import Number, loads
from trialanchor.encoding import base64_encode, json_encode
from trialanchor.errors import DigestError, InputError
from trialanchor.fingerprint import Disclosure, Opening, RecordError, disclose, fingerprint_record, record
from trialanchor.fingerprint.record import MAX_DEPTH, MAX_DISCLOSURE_PATH, MAX_ITEMS, ItemError, OpeningError

SEED = digest("seed")
SECRET = "CONFIDENTIAL-VALUE"
RECORD = loads(
    '{"USUBJID":"S-001","SEX":"F","LBORRES":1.10,"LBSTRESN":39,"LBTEST":"Glucose","FAST":true,"NOTE":null,'
    '"VISIT":{"NUM":2,"DAYS":[1,2,{"x":[]}]},"EXTRA":{}}'
)

keys = st.text(min_size=0, max_size=6)
scalars = (
    st.none() | st.booleans() | st.text(max_size=8) | st.integers().map(str).map(Number) | st.integers(-(10**9), 10**9)
)
records = st.dictionaries(
    keys,
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
    ),
    min_size=1,
    max_size=6,
)


def root(text, seed=SEED):
    return fingerprint_record(loads(text), seed).root


def fingerprinted(record):
    """Fingerprint a generated record; two keys may meet after normalisation, which is refused elsewhere."""
    try:
        return fingerprint_record(record, SEED)
    except RecordError:
        assume(False)


class TestValues:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            pytest.param('{"a":1.10}', '{"a":1.1}', id="trailing-zero"),
            pytest.param('{"a":39}', '{"a":"39"}', id="number-and-text"),
            pytest.param('{"a":39}', '{"a":39.0}', id="whole-and-decimal"),
            pytest.param('{"a":1e2}', '{"a":100}', id="exponent"),
            pytest.param('{"a":1E2}', '{"a":1e2}', id="case-of-exponent"),
            pytest.param('{"a":0}', '{"a":-0}', id="minus-zero"),
            pytest.param('{"a":true}', '{"a":1}', id="true-and-1"),
            pytest.param('{"a":true}', '{"a":"true"}', id="true-and-text"),
            pytest.param('{"a":false}', '{"a":0}', id="false-and-0"),
            pytest.param('{"a":null}', '{"a":""}', id="null-and-empty"),
            pytest.param('{"a":null}', '{"a":"null"}', id="null-and-text"),
            pytest.param('{"a":null}', '{"b":null}', id="another-name"),
            pytest.param('{"a":{}}', '{"a":[]}', id="object-and-array"),
            pytest.param('{"a":{}}', '{"a":null}', id="object-and-null"),
            pytest.param('{"a":"x "}', '{"a":"x"}', id="trailing-blank"),
            pytest.param('{"a":"X"}', '{"a":"x"}', id="case"),
            pytest.param('{"a":[1,2]}', '{"a":[2,1]}', id="order-of-an-array"),
            pytest.param('{"a":["x"]}', '{"a":{"1":"x"}}', id="array-and-object-from-1"),
            pytest.param('{"a":["x","y"]}', '{"a":{"0":"x","1":"y"}}', id="array-and-numbered-object"),
            pytest.param('{"a":[["x"]]}', '{"a":[{"0":"x"}]}', id="array-and-numbered-object-further-in"),
            pytest.param('{"a":{"array":"1","0":"x"}}', '{"a":["x"]}', id="object-that-looks-like-an-array"),
            pytest.param('{"a":{"number":"1"}}', '{"a":1}', id="object-that-looks-like-a-number"),
            pytest.param('{"a/b":"x"}', '{"a":{"b":"x"}}', id="slash-in-a-name"),
            pytest.param('{"a~1b":"x"}', '{"a/b":"x"}', id="tilde-in-a-name"),
            pytest.param('{"a":"ﬁ"}', '{"a":"fi"}', id="ligature"),
            pytest.param('{"a":"x"}', '{"a":"x","b":null}', id="added-null"),
        ],
    )
    def test_two_things_written_differently_have_two_fingerprints(self, one, other):
        assert root(one) != root(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            pytest.param('{"a":1,"b":2}', '{"b":2,"a":1}', id="order-of-keys"),
            pytest.param('{"a":{"x":1,"y":2}}', ' { "a" : { "y" : 2 , "x" : 1 } } ', id="order-further-in"),
            pytest.param('{"a":"\\u00e9"}', '{"a":"é"}', id="escape"),
            pytest.param('{"a":"e\\u0301"}', '{"a":"é"}', id="decomposed-value"),
            pytest.param('{"e\\u0301":1}', '{"é":1}', id="decomposed-name"),
            pytest.param('{"a":"\\u212b"}', '{"a":"Å"}', id="singleton"),
            pytest.param('{"a":"가"}', '{"a":"\\u1100\\u1161"}', id="hangul"),
            pytest.param('{"a":["\\ud83d\\ude00"]}', '{"a":["😀"]}', id="surrogate-pair"),
        ],
    )
    def test_two_spellings_of_one_thing_have_one_fingerprint(self, one, other):
        assert root(one) == root(other)

    @settings(max_examples=60, deadline=None)
    @given(records, st.randoms(use_true_random=False))
    def test_the_order_of_keys_never_counts(self, record, random):
        order = list(record)
        random.shuffle(order)

        assert fingerprinted({key: record[key] for key in order}).root == fingerprinted(record).root

    def test_a_whole_number_of_python_counts_as_its_decimal_text(self):
        assert fingerprint_record({"a": 39}, SEED).root == root('{"a":39}')

    def test_text_is_kept_in_nfc(self):
        opening = fingerprint_record({"e\u0301": "e\u0301"}, SEED)

        assert (opening.items[0].path, opening.items[0].value) == ("/é", "é")

    def test_a_number_is_kept_as_its_characters(self):
        assert fingerprint_record(loads('{"a":1.10}'), SEED).items[0].value == {"number": "1.10"}


class TestDefinition:
    @settings(max_examples=80, deadline=None)
    @given(records)
    def test_a_leaf_is_salt_and_rfc_8785_of_path_and_value(self, record):
        opening = fingerprinted(record)
        salts = shake_256(b"trialanchor-record-salts/1" + SEED).digest(16 * len(opening.items))

        for position, (item, leaf) in enumerate(zip(opening.items, opening.leaves, strict=True)):
            entry = salts[16 * position : 16 * position + 16] + rfc8785.dumps([item.path, item.value])
            assert leaf == sha256(b"\x00" + entry).digest()

    @pytest.mark.parametrize("text", ["\x00\x01\x1f\x7f", "\b\t\n\f\r", '"\\/', "\u2028\u2029", "€😀", "<&>'"])
    def test_awkward_characters_are_encoded_as_rfc_8785_says(self, text):
        opening = fingerprint_record({text: text}, SEED)
        salt = shake_256(b"trialanchor-record-salts/1" + SEED).digest(16)
        item = opening.items[0]

        assert opening.leaves[0] == sha256(b"\x00" + salt + rfc8785.dumps([item.path, item.value])).digest()

    @settings(max_examples=60, deadline=None)
    @given(records)
    def test_items_are_sorted_by_the_octets_of_their_path(self, record):
        paths = [item.path.encode() for item in fingerprinted(record).items]

        assert paths == sorted(set(paths))

    def test_paths_are_json_pointers(self):
        record = {"a/b": {"c~d": [None, {"": True}]}, "": "x", "m": []}

        assert [item.path for item in fingerprint_record(record, SEED).items] == [
            "/",
            "/a~1b/c~0d",
            "/a~1b/c~0d/0",
            "/a~1b/c~0d/1/",
            "/m",
        ]

    def test_fresh_randomness_hides_equal_records(self):
        assert fingerprint_record(RECORD).root != fingerprint_record(RECORD).root

    def test_a_seed_repeats_a_fingerprint(self):
        assert fingerprint_record(RECORD, SEED) == fingerprint_record(RECORD, SEED)

    def test_equal_values_have_different_leaves(self):
        leaves = fingerprint_record({"a": "F", "b": "F", "c": "F"}, SEED).leaves

        assert len(set(leaves)) == 3

    def test_an_array_is_an_item_with_its_length(self):
        items = fingerprint_record({"a": ["x", ["y"]], "b": []}, SEED).items

        assert items == (
            ("/a", {"array": "2"}),
            ("/a/0", "x"),
            ("/a/1", {"array": "1"}),
            ("/a/1/0", "y"),
            ("/b", []),
        )


class TestRefused:
    @pytest.mark.parametrize(
        ("record", "message"),
        [
            pytest.param([], "JSON object", id="array"),
            pytest.param("text", "JSON object", id="text"),
            pytest.param(None, "JSON object", id="null"),
            pytest.param({}, "items", id="empty"),
            pytest.param({"a": 1.5}, "JSON values only", id="float"),
            pytest.param({"a": {"b": [1.0]}}, "JSON values only", id="float-further-in"),
            pytest.param({"a": float("nan")}, "JSON values only", id="nan"),
            pytest.param({"a": b"x"}, "JSON values only", id="bytes"),
            pytest.param({"a": (1, 2)}, "JSON values only", id="tuple"),
            pytest.param({1: "x"}, "text", id="key-1"),
            pytest.param({None: "x"}, "text", id="key-none"),
            pytest.param({"a": {True: "x"}}, "text", id="key-true"),
            pytest.param({"a": "\ud800"}, "surrogate", id="lone-surrogate"),
            pytest.param({"\udfff": "a"}, "surrogate", id="lone-surrogate-in-a-name"),
            pytest.param({"é": 1, "e\u0301": 2}, "one path", id="names-that-meet-after-normalisation"),
        ],
    )
    def test_what_is_no_record(self, record, message):
        with pytest.raises(RecordError, match=message) as caught:
            fingerprint_record(record, SEED)

        assert caught.value.code == "record"

    def test_the_nesting_has_a_limit(self):
        def nested(depth):
            record = "x"
            for _ in range(depth):
                record = {"a": record}
            return record

        assert fingerprint_record(nested(MAX_DEPTH), SEED).items
        for depth in (MAX_DEPTH + 1, 5_000):
            with pytest.raises(RecordError, match="nested"):
                fingerprint_record(nested(depth), SEED)

    def test_the_number_of_items_has_a_limit(self):
        with pytest.raises(RecordError, match="items"):
            fingerprint_record({"a": [None] * (MAX_ITEMS + 1)}, SEED)

    def test_a_disclosure_path_reaches_the_largest_record(self):
        assert 2**MAX_DISCLOSURE_PATH >= MAX_ITEMS > 2 ** (MAX_DISCLOSURE_PATH - 1)

    @pytest.mark.parametrize(
        "record",
        [{"a": [SECRET, 1.5]}, {SECRET: "\ud800"}, {"a": {SECRET: b""}}, {SECRET + "é": 1, SECRET + "e\u0301": 2}],
    )
    def test_an_error_never_shows_what_stands_in_the_record(self, record):
        with pytest.raises(RecordError) as caught:
            fingerprint_record(record, SEED)

        assert SECRET not in str(caught.value)


class TestOpening:
    @settings(max_examples=60, deadline=None)
    @given(records)
    def test_decoding_what_was_encoded_gives_it_back(self, record):
        opening = fingerprinted(record)
        decoded = Opening.decode(opening.encode())

        assert decoded == opening
        assert decoded.check() == decoded.root == opening.root

    @pytest.mark.parametrize("path", [item.path for item in fingerprint_record(RECORD, SEED).items])
    def test_a_changed_item_is_named(self, path):
        value = json.loads(fingerprint_record(RECORD, SEED).encode())
        for item in value["items"]:
            if item[0] == path:
                item[1] = "changed"

        with pytest.raises(ItemError, match="is not the one that was registered") as caught:
            Opening.decode(json_encode(value)).check()

        assert path in str(caught.value)
        assert caught.value.code == "item-changed"
        assert isinstance(caught.value, DigestError)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            pytest.param({"trialanchor_opening": 2}, "version 1", id="version-2"),
            pytest.param({"trialanchor_opening": True}, "version 1", id="version-true"),
            pytest.param({"trialanchor_opening": 1.0}, "version 1", id="version-1.0"),
            pytest.param({"note": ""}, "holds", id="unknown-part"),
            pytest.param({"seed": ...}, "holds", id="no-seed"),
            pytest.param({"seed": base64_encode(bytes(31))}, "fit together", id="short-seed"),
            pytest.param({"seed": None}, "base64", id="seed-null"),
            pytest.param({"leaves": base64_encode(bytes(33))}, "fit together", id="ragged-leaves"),
            pytest.param({"leaves": base64_encode(bytes(64))}, "fit together", id="too-few-leaves"),
            pytest.param({"leaves": "", "items": []}, "fit together", id="no-items"),
            pytest.param({"items": {}}, "fit together", id="items-as-object"),
            pytest.param({"items": None}, "fit together", id="items-null"),
        ],
    )
    def test_a_malformed_file_is_refused(self, change, message):
        value = {**json.loads(fingerprint_record(RECORD, SEED).encode()), **change}

        with pytest.raises(InputError, match=message):
            Opening.decode(json_encode({key: part for key, part in value.items() if part is not ...}))

    @pytest.mark.parametrize(
        "item",
        [
            pytest.param(["/a", 1], id="bare-number"),
            pytest.param(["/a", 1.5], id="bare-decimal"),
            pytest.param(["/a", {"number": 1}], id="number-as-number"),
            pytest.param(["/a", {"number": "1", "unit": "mg"}], id="number-with-more"),
            pytest.param(["/a", {"array": 1}], id="array-length-as-number"),
            pytest.param(["/a", {"array": "1", "number": "1"}], id="array-and-number"),
            pytest.param(["/a", {"b": "c"}], id="object"),
            pytest.param(["/a", ["b"]], id="array"),
            pytest.param(["/a"], id="no-value"),
            pytest.param(["/a", "x", "y"], id="three-parts"),
            pytest.param([1, "x"], id="path-as-number"),
            pytest.param({"path": "/a", "value": "x"}, id="item-as-object"),
            pytest.param(None, id="item-null"),
        ],
    )
    def test_a_malformed_item_is_refused(self, item):
        value = json.loads(fingerprint_record({"a": "x"}, SEED).encode())

        with pytest.raises(OpeningError, match="an item"):
            Opening.decode(json_encode({**value, "items": [item]}))

    @pytest.mark.parametrize("paths", [["/b", "/a"], ["/a", "/a"]], ids=["out-of-order", "one-path-twice"])
    def test_items_are_sorted_and_no_path_stands_twice(self, paths):
        value = json.loads(fingerprint_record({"a": "x", "b": "y"}, SEED).encode())
        value["items"] = [[path, "x"] for path in paths]

        with pytest.raises(OpeningError, match="sorted by path"):
            Opening.decode(json_encode(value))

    def test_more_items_than_a_record_can_have_are_refused(self):
        count = MAX_ITEMS + 1
        value = {
            "trialanchor_opening": 1,
            "seed": base64_encode(SEED),
            "items": [["/a", None]] * count,
            "leaves": base64_encode(bytes(32 * count)),
        }

        with pytest.raises(OpeningError, match="at most"):
            Opening.decode(json_encode(value))

    def test_a_reformatted_file_is_refused(self):
        value = json.loads(fingerprint_record(RECORD, SEED).encode())

        with pytest.raises(InputError, match="canonical spelling"):
            Opening.decode(json.dumps(value, indent=1).encode())

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_no_altered_file_gives_the_fingerprint(self, data):
        opening = fingerprint_record(RECORD, SEED)
        altered = bytearray(opening.encode())
        altered[data.draw(st.integers(0, len(altered) - 1))] ^= data.draw(st.integers(1, 255))

        try:
            found = Opening.decode(bytes(altered)).check()
        except (InputError, DigestError):
            return
        assert found != opening.root

    def test_the_differences_to_another_record_are_named(self):
        opening = fingerprint_record(RECORD, SEED)
        other = {**RECORD, "LBORRES": Number("1.1"), "SEX": "M", "NEW": True}
        del other["NOTE"]

        assert opening.differences(other) == ["/LBORRES", "/NEW", "/NOTE", "/SEX"]
        assert opening.differences(RECORD) == []

    def test_an_array_that_became_an_object_is_a_difference(self):
        opening = fingerprint_record({"a": ["x", "y"]}, SEED)

        assert opening.differences({"a": {"0": "x", "1": "y"}}) == ["/a"]
        assert opening.differences({"a": ["x", "y", "z"]}) == ["/a", "/a/2"]

    def test_a_file_of_more_than_64_mib_is_refused_before_it_is_read(self, monkeypatch):
        monkeypatch.setattr(record, "MAX_OPENING", 100)

        for kind in (Opening, Disclosure):
            with pytest.raises(InputError) as caught:
                kind.decode(bytes(101))
            assert caught.value.code == "oversize"

    def test_long_paths_are_not_kept(self):
        record._quoted_once.cache_clear()

        fingerprint_record({"a" * 127: "x", "b" * 128: "y"}, SEED)

        assert record._quoted_once.cache_info().currsize == 1

    @pytest.mark.parametrize(("before", "after"), [(True, Number("1")), (None, ""), ("1", Number("1")), ({}, [])])
    def test_a_difference_of_type_alone_is_one(self, before, after):
        assert fingerprint_record({"a": before}, SEED).differences({"a": after}) == ["/a"]


class TestDisclosure:
    @settings(max_examples=60, deadline=None)
    @given(records, st.data())
    def test_any_item_alone_leads_to_the_fingerprint(self, record, data):
        opening = fingerprinted(record)
        item = data.draw(st.sampled_from(opening.items))

        disclosure = disclose(opening, item.path)
        decoded = Disclosure.decode(disclosure.encode())

        assert decoded == disclosure
        assert decoded.root == opening.root
        assert decoded.item == item

    @pytest.mark.parametrize("count", [*range(1, 20), 127, 128, 129])
    def test_every_item_of_a_record_of_any_size_leads_to_the_fingerprint(self, count):
        opening = fingerprint_record({f"{n:03}": str(n) for n in range(count)}, SEED)

        assert all(disclose(opening, item.path).root == opening.root for item in opening.items)

    def test_it_shows_nothing_of_the_other_items(self):
        shown = disclose(fingerprint_record(RECORD, SEED), "/SEX").encode().decode()

        assert "S-001" not in shown
        assert base64_encode(SEED) not in shown
        assert "USUBJID" not in shown

    def test_an_unknown_path_is_refused(self):
        with pytest.raises(RecordError, match="no item"):
            disclose(fingerprint_record(RECORD, SEED), "/AGE")

    def test_a_changed_opening_discloses_nothing(self):
        value = json.loads(fingerprint_record(RECORD, SEED).encode())
        value["items"][0][1] = "changed"

        with pytest.raises(ItemError):
            disclose(Opening.decode(json_encode(value)), "/SEX")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            pytest.param({"trialanchor_disclosure": 2}, "version 1", id="version-2"),
            pytest.param({"trialanchor_disclosure": True}, "version 1", id="version-true"),
            pytest.param({"note": ""}, "holds", id="unknown-part"),
            pytest.param({"salt": ...}, "holds", id="no-salt"),
            pytest.param({"salt": base64_encode(bytes(15))}, "wrong length", id="short-salt"),
            pytest.param({"salt": base64_encode(bytes(17))}, "wrong length", id="long-salt"),
            pytest.param({"steps": base64_encode(bytes(32))}, "wrong length", id="ragged-steps"),
            pytest.param({"steps": base64_encode(bytes(33 * 18))}, "wrong length", id="too-many-steps"),
            pytest.param({"steps": base64_encode(b"\x02" + bytes(32))}, "left", id="a-side-that-is-none"),
            pytest.param({"steps": []}, "base64", id="steps-as-array"),
            pytest.param({"item": ["/SEX", 1]}, "value", id="bare-number"),
        ],
    )
    def test_a_malformed_file_is_refused(self, change, message):
        value = {**json.loads(disclose(fingerprint_record(RECORD, SEED), "/SEX").encode()), **change}

        with pytest.raises(InputError, match=message):
            Disclosure.decode(json_encode({key: part for key, part in value.items() if part is not ...}))

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_no_altered_file_gives_the_fingerprint(self, data):
        opening = fingerprint_record(RECORD, SEED)
        altered = bytearray(disclose(opening, "/LBORRES").encode())
        altered[data.draw(st.integers(0, len(altered) - 1))] ^= data.draw(st.integers(1, 255))

        try:
            found = Disclosure.decode(bytes(altered)).root
        except InputError:
            return
        assert found != opening.root

    def test_a_value_of_low_entropy_cannot_be_guessed_from_its_leaf(self):
        opening = fingerprint_record({"SEX": "F"})
        guesses = {sha256(b"\x00" + rfc8785.dumps(["/SEX", guess])).digest() for guess in ("F", "M", "U")}

        assert opening.leaves[0] not in guesses
