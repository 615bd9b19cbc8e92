"""One OID in six notations: what is read as it, how it is written, and what a refusal says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from asn1crypto.core import ObjectIdentifier as Asn1CryptoOid
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.der import decoder, encoder
from pyasn1.type.univ import ObjectIdentifier as PyAsn1Oid
from test_oid_codec import BAD_BYTES, BAD_DOTTED, LARGEST_ARC, LONGEST, PAIRS, oids

from trialanchor_oid import der as codec_tables
from trialanchor_oid.asn1 import format_asn1, parse_asn1
from trialanchor_oid.codec import MAX_ARCS, Oid, decode_der, encode_dotted, is_dotted
from trialanchor_oid.errors import OidError
from trialanchor_oid.notation import Notation, format_oid, notation_of, parse_any
from trialanchor_oid.ors.names import MAX_NAME

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/oid/notations.json").read_text(encoding="utf-8"))


def cases(rows):
    return [pytest.param(row, id=ascii(row["text"])) for row in rows]


@pytest.mark.parametrize("row", VECTORS["same"], ids=lambda row: row["dotted"])
def test_one_object_in_every_notation(row):
    oid = Oid.parse(row["dotted"])
    assert {notation.value: format_oid(oid, notation) for notation in Notation} == row
    for notation, text in row.items():
        assert notation_of(text) == notation
        assert parse_any(text) == oid
    assert (oid.asn1, oid.iri, oid.urn, oid.der.hex()) == (row["asn1"], row["iri"], row["urn"], row["der"])


@pytest.mark.parametrize("row", cases(VECTORS["also"]))
def test_other_spellings(row):
    assert parse_any(row["text"]).dotted == row["dotted"]


@pytest.mark.parametrize("row", cases(VECTORS["refused"]))
def test_refused(row):
    with pytest.raises(OidError, match=re.escape(row["why"])):
        parse_any(row["text"])


@pytest.mark.parametrize("der", [pytest.param(der, id=name) for name, der in BAD_BYTES])
def test_octets_that_are_refused_are_refused_as_text(der):
    with pytest.raises(OidError):
        parse_any(der)


@pytest.mark.parametrize(("dotted", "der"), PAIRS)
def test_the_fast_functions_on_the_vectors(dotted, der):
    assert encode_dotted(dotted).hex() == der
    assert decode_der(bytes.fromhex(der)) == dotted
    assert parse_any(der).dotted == dotted


@pytest.mark.parametrize("text", BAD_DOTTED, ids=ascii)
def test_the_fast_encoder_refuses_what_the_codec_refuses(text):
    with pytest.raises(OidError, match="not a dotted OID: "):
        encode_dotted(text)


@pytest.mark.parametrize("der", [pytest.param(der, id=name) for name, der in BAD_BYTES])
def test_the_fast_decoder_refuses_what_the_codec_refuses(der):
    with pytest.raises(OidError, match="not a DER object identifier: "):
        decode_der(bytes.fromhex(der))


@given(st.text("0123456789.", max_size=30) | st.text(max_size=12) | oids.map(str))
def test_the_fast_encoder_takes_what_is_dotted_and_nothing_else(text):
    if is_dotted(text):
        assert encode_dotted(text) == Oid.parse(text).der
    else:
        with pytest.raises(OidError):
            encode_dotted(text)


@given(oids)
def test_every_notation_reads_back(oid):
    for notation in (Notation.DOTTED, Notation.DER, Notation.URN, Notation.ASN1, Notation.IRI):
        assert parse_any(format_oid(oid, notation)) == oid
    assert Oid.from_asn1(oid.asn1) == oid
    assert Oid.from_iri(oid.iri) == oid


@given(oids, st.sampled_from(["oid-res.org", "ors.example.org"]))
def test_the_owner_name_reads_back_where_there_is_one(oid, apex):
    try:
        name = format_oid(oid, Notation.DNS, apex=apex)
    except OidError:
        assert len(oid.dotted) + len(apex) > MAX_NAME - 20
    else:
        assert parse_any(name, apex=apex) == oid


@given(oids)
def test_two_other_codecs_agree_with_the_fast_functions(oid):
    der = encode_dotted(oid.dotted)
    assert encoder.encode(PyAsn1Oid(oid.arcs)) == der == Asn1CryptoOid(oid.dotted).dump()
    assert str(decoder.decode(der, asn1Spec=PyAsn1Oid())[0]) == decode_der(der)
    assert Asn1CryptoOid.load(der, strict=True).dotted == decode_der(der)


OPENSSL = shutil.which("openssl")


@pytest.mark.skipif(OPENSSL is None, reason="NOT CHECKED against OpenSSL: its command is not installed")
def test_openssl_reads_the_same():
    dotted = [text for text, _ in PAIRS]
    content = b"".join(encode_dotted(text) for text in dotted)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\x30\x82" + len(content).to_bytes(2, "big") + content)
        file.flush()
        command = [OPENSSL, "asn1parse", "-inform", "DER", "-in", file.name, "-oid", "/dev/null"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"OBJECT\s*:(.+)", shown)
    assert len(found) == len(dotted)
    for text, name in zip(dotted, found, strict=True):
        assert name == text or not name[0].isdigit()  # well-known ones are shown by name
    assert sum(name == text for text, name in zip(dotted, found, strict=True)) >= 35


@pytest.mark.skipif(OPENSSL is None, reason="NOT CHECKED against OpenSSL: its command is not installed")
def test_openssl_writes_the_same():
    for dotted in ("2.999.3", "1.2.4294967296", "2.16.156.3016.44.2001.1.1.1001.100001", PAIRS[30][0]):
        with tempfile.NamedTemporaryFile() as file:
            command = [OPENSSL, "asn1parse", "-genstr", f"OID:{dotted}", "-noout", "-out", file.name]
            subprocess.run(command, capture_output=True, check=True)
            assert Path(file.name).read_bytes() == encode_dotted(dotted)


class TestAsn1:
    @pytest.mark.parametrize("text", ["{iso}", "{ iso }", "{iso(1)}", "{ iso (1) }", "{1}"])
    def test_a_single_arc_is_one_though_no_oid(self, text):
        assert parse_asn1(text) == (1,)
        with pytest.raises(OidError, match="number of arcs"):
            Oid.from_asn1(text)

    def test_names_that_may_stand_alone(self):
        for text, arcs in (
            ("{itu-t}", (0,)),
            ("{ccitt}", (0,)),
            ("{joint-iso-itu-t}", (2,)),
            ("{joint-iso-ccitt}", (2,)),
            ("{itu-t recommendation}", (0, 0)),
            ("{itu-t question}", (0, 1)),
            ("{itu-t administration}", (0, 2)),
            ("{itu-t network-operator}", (0, 3)),
            ("{itu-t identified-organization}", (0, 4)),
            ("{iso standard}", (1, 0)),
            ("{iso registration-authority}", (1, 1)),
            ("{iso member-body}", (1, 2)),
            ("{iso identified-organization}", (1, 3)),
            ("{itu-t recommendation a}", (0, 0, 1)),
            ("{itu-t recommendation z}", (0, 0, 26)),
        ):
            assert parse_asn1(text) == arcs

    def test_a_name_is_known_at_its_place_only(self):
        assert parse_asn1("{2 999 iso(7)}") == (2, 999, 7)
        with pytest.raises(OidError, match="component 3 is a name"):
            parse_asn1("{2 999 iso}")

    def test_an_unknown_name_beside_a_number_is_for_the_reader(self):
        assert parse_asn1("{2 999 our-Tree1(7) x(0)}") == (2, 999, 7, 0)

    def test_names_are_written_where_they_are_known(self):
        assert format_asn1((1, 3, 6, 1, 4, 1, 5)) == (
            "{iso(1) identified-organization(3) dod(6) internet(1) private(4) enterprise(1) 5}"
        )
        assert format_asn1((0, 0, 24, 509)) == "{itu-t(0) recommendation(0) x(24) 509}"
        assert format_asn1((1,)) == "{iso(1)}"


class TestRefusals:
    """A refusal names place and rule, and nothing of what stood there."""

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("1", "the number of arcs is 1, and 2 to 128 are allowed"),
            ("3.1", "arc 1 is not 0, 1 or 2"),
            ("0.40", "arc 2 is not below 40, as it must be under 0 and 1"),
            ("1.2..4", "arc 3 is empty, at character 5"),
            ("1.2.", "arc 3 is empty, at character 5"),
            ("2.999.07", "arc 3 has a leading zero"),
            ("2.999.1\u0662", "arc 3 has a character that is no ASCII digit, at character 8"),
            ("2." + "9" * 41, "arc 2 has more than 40 digits"),
            ("2" + ".1" * MAX_ARCS, "it has more than 128 arcs"),
        ],
        ids=lambda value: ascii(value)[:40],
    )
    def test_dotted(self, text, why):
        for reader in (Oid.parse, parse_any, encode_dotted):
            with pytest.raises(OidError) as caught:
                reader(text)
            assert str(caught.value) == f"not a dotted OID: {why}"

    @pytest.mark.parametrize(
        ("der", "why"),
        [
            ("", "octet 0 is not the tag 06"),
            ("04022a03", "octet 0 is not the tag 06"),
            ("06", "the length, from octet 1, is cut off at octet 1"),
            ("068201", "the length, from octet 1, is cut off at octet 3"),
            ("0600", "there is no content at octet 2"),
            ("06802a030000", "octet 1 is an indefinite or reserved length"),
            ("06ff2a03", "the length, from octet 1, is cut off at octet 4"),
            ("06ff" + "00" * 127, "octet 1 is an indefinite or reserved length"),
            ("0681022a03", "the length, from octet 1, is not as short as it can be"),
            ("06820080" + "01" * 128, "the length, from octet 1, is not as short as it can be"),
            ("06052a8648", "the content is cut off at octet 5"),
            ("06012a00", "octets follow the content, from octet 3"),
            ("06028001", "octet 2 pads a subidentifier"),
            ("06042a038001", "octet 4 pads a subidentifier"),
            ("06022a86", "the last subidentifier, from octet 3, is unfinished"),
            ("06162a" + "ff" * 20 + "7f", "arc 3, from octet 3, has more than 40 digits"),
            ("068180" + "01" * 128, "it has more than 128 arcs, at octet 131"),
        ],
        ids=lambda value: value[:40],
    )
    def test_der(self, der, why):
        for reader in (Oid.from_der, decode_der):
            with pytest.raises(OidError) as caught:
                reader(bytes.fromhex(der))
            assert str(caught.value) == f"not a DER object identifier: {why}"

    def test_the_first_subidentifier_may_hold_the_largest_second_arc_and_no_larger_one(self):
        largest = encode_dotted(f"2.{LARGEST_ARC}")
        assert decode_der(largest) == f"2.{LARGEST_ARC}"
        above = PyAsn1Oid((2, LARGEST_ARC + 1))
        with pytest.raises(OidError, match="arc 2, from octet 2, has more than 40 digits"):
            decode_der(encoder.encode(above))
        for arc in (LARGEST_ARC + 1, LARGEST_ARC + 80):
            with pytest.raises(OidError, match="arc 3, from octet 3, has more than 40 digits"):
                decode_der(encoder.encode(PyAsn1Oid((1, 2, arc))))

    @pytest.mark.parametrize("start", ["", "urn:oid:", "{", "/", "06", "ors-dummy.", "1.2."])
    def test_a_name_that_was_pasted_is_not_repeated(self, start):
        with pytest.raises(OidError) as caught:
            parse_any(f"{start}Zhang San")
        shown = f"{caught.value} {caught.value.__cause__} {caught.value.help()}"
        assert "Zhang" not in shown
        assert "zhang" not in shown

    @given(st.text(max_size=40))
    def test_nothing_but_an_oid_error_ever_comes_out(self, text):
        for start in ("", "urn:oid:", "{", "/", "06", "ors-dummy."):
            try:
                parse_any(start + text)
            except OidError:
                continue

    @pytest.mark.parametrize(
        "text",
        [
            "9" * 5_000_000,
            "1." * 2_500_000,
            "2." + "9" * 5_000_000,
            "urn:oid:" + "1." * 2_500_000,
            "06" * 2_500_000,
            "06 " * 2_000_000,
            "{" + " " * 5_000_000 + "}",
            "{" + "a-" * 2_500_000 + "}",
            "/" * 5_000_000,
            "/" + "a" * 5_000_000,
            "ors-dummy." + "1." * 2_500_000,
        ],
        ids=lambda text: text[:12],
    )
    def test_megabytes_are_refused_at_once(self, text):
        start = time.perf_counter()
        with pytest.raises(OidError):
            parse_any(text)
        assert time.perf_counter() - start < 0.1

    def test_the_longest_oid_is_read_in_all_notations_but_dns(self):
        oid = Oid.parse(LONGEST)
        for notation in set(Notation) - {Notation.DNS}:
            assert parse_any(format_oid(oid, notation)) == oid
        with pytest.raises(OidError, match="no ORS name"):
            format_oid(oid, Notation.DNS)

    def test_tables_of_the_codec_stay_small(self):
        for arc in range(16_000, 17_000):
            decode_der(encode_dotted(f"2.{arc}.{arc}"))
        for method in (
            codec_tables._encoded,
            codec_tables._encoded_head,
            codec_tables._decoded,
            codec_tables._decoded_head,
        ):
            assert len(method.__self__) <= 1 << 14
            assert all(len(min(row, key=lambda side: isinstance(side, str))) <= 2 for row in method.__self__.items())
