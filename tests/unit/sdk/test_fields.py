"""What the fields of a statement may hold: numbers of persons, locations, times and media types."""

import time
import uuid
from base64 import b32decode, b32encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from material import MEMBER, digest, sign, statement

from trialanchor import fields
from trialanchor.client import media_type
from trialanchor.client.preparation import MEDIA_TYPES, UNKNOWN_MEDIA_TYPE
from trialanchor.statements import RECORD_TYPE, SET_TYPE, StatementError, check_statement

CARD = "110101199003077758"
MOBILE = "13800138000"
RAW, DAG_PB = 0x55, 0x70


def card(seventeen):
    """Append the check digit; None when it is X."""
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(seventeen))
    check = (1 - total) % 11
    return None if check == 10 else f"{seventeen}{check}"


def location(codec=RAW, version=1, algorithm=0x12, size=0x20, content=bytes(range(32))):
    return "ipfs://b" + b32encode(bytes([version, codec, algorithm, size]) + content).decode().lower().rstrip("=")


class TestPersons:
    @pytest.mark.parametrize("number", [CARD, card("44030020000229123"), MOBILE, "19999999999"])
    @pytest.mark.parametrize("form", ["2.999.{}", "2.999.{}.1", "2.{}", "1.2.3 2.999.{} 2.999.1", "2.25.{}"])
    def test_the_number_of_a_person_is_found_in_any_arc(self, number, form):
        assert fields.names_person(form.format(number))

    @pytest.mark.parametrize(
        "oid",
        [
            pytest.param(f"2.999.{CARD[:-1]}0", id="another-check-digit"),
            pytest.param(f"2.999.{card('11010119900230777') or card('11010119900230778')}", id="30-february"),
            pytest.param(f"2.999.{card('11010118900307777') or card('11010118900307778')}", id="born-in-1890"),
            pytest.param(f"2.999.{CARD}1", id="nineteen-digits"),
            pytest.param(f"2.999.{MOBILE}0", id="twelve-digits"),
            pytest.param(f"2.999.{MOBILE[:-1]}", id="ten-digits"),
            pytest.param("2.999.12800138000", id="no-mobile-prefix"),
            pytest.param("2.999.1380013.8000", id="two-arcs"),
            pytest.param(f"2.25.{uuid.UUID('12345678-1234-4234-8234-123456789abc').int}", id="uuid"),
            pytest.param(MEMBER, id="usual"),
        ],
    )
    def test_other_numbers_are_not(self, oid):
        assert not fields.names_person(oid)

    @given(st.uuids(version=4))
    def test_no_uuid_is_a_person(self, value):
        assert not fields.names_person(f"2.25.{value.int}")

    @pytest.mark.parametrize("field", ["issuer", "subject", "study", "actor", "refs"])
    @pytest.mark.parametrize("number", [CARD, MOBILE])
    def test_a_statement_has_no_room_for_one(self, field, number):
        oid = f"2.999.{number}"

        with pytest.raises(StatementError, match="name a person") as caught:
            sign(**{field: (f"urn:oid:{oid}",) if field == "refs" else oid})

        assert number not in str(caught.value)

    @pytest.mark.parametrize("field", ["issuer", "subject", "study", "actor", "refs"])
    def test_an_oid_of_256_characters_is_the_longest(self, field):
        def claims(oid):
            return statement(**{field: (f"urn:oid:{oid}",) if field == "refs" else oid})

        longest = "2.99" + ".1" * 126
        check_statement(claims(longest))
        with pytest.raises(StatementError, match="256"):
            check_statement(claims(longest + "1"))

    def test_it_costs_next_to_nothing(self):
        oids = " ".join([MEMBER, MEMBER + ".7.1001.100001", MEMBER + ".7", MEMBER + ".9.4"])
        best = min(self.seconds(oids) for _ in range(5))

        assert best / 2_000 < 20e-6  # about 1 µs; a slow machine under load is no failure

    def seconds(self, oids):
        start = time.perf_counter()
        for _ in range(2_000):
            fields.names_person(oids)
        return time.perf_counter() - start


class TestLocation:
    @given(st.binary(min_size=32, max_size=32), st.sampled_from([RAW, DAG_PB]))
    def test_every_cid_of_a_sha256_digest_is_one(self, content, codec):
        assert fields.LOCATION.fullmatch(location(codec, content=content))

    @given(st.from_regex(fields.LOCATION, fullmatch=True))
    def test_what_is_one_decodes_to_a_version_codec_and_digest_and_encodes_to_itself(self, text):
        data = b32decode(text.removeprefix("ipfs://b").upper() + "======")

        assert (data[0], data[1] in (RAW, DAG_PB), data[2:4], len(data)) == (1, True, b"\x12\x20", 36)
        assert location(data[1], content=data[4:]) == text

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(location(version=2), id="version-2"),
            pytest.param(location(codec=0x71), id="dag-cbor"),
            pytest.param(location(algorithm=0x13), id="sha-512"),
            pytest.param(location(size=0x1F), id="another-size-said"),
            pytest.param(location(content=bytes(31)), id="31-octets"),
            pytest.param(location(content=bytes(33)), id="33-octets"),
            pytest.param(location()[:-1] + "b", id="bits-left-over"),
            pytest.param(location() + "==", id="padding"),
            pytest.param(location().upper(), id="upper-case"),
            pytest.param(location() + "\n", id="newline"),
        ],
    )
    def test_another_is_none(self, text):
        with pytest.raises(StatementError, match="location"):
            sign(location=text)


class TestSourceTime:
    @pytest.mark.parametrize(
        ("time", "zone"),
        [
            ("2024-02-29", "Z"),
            ("20261231T2359", "declared:+08:00"),
            ("2026-11-23T08:00:00+08:00", "+08:00"),
            ("2026-11-23T08:00:00+0800", "+08:00"),
            ("2026-11-23T08+08", "+08:00"),
            ("2026-11-23T08:00Z", "Z"),
            ("2026-11-23T08:00Z", "+00:00"),
            ("2026-11-23T08:00+00:00", "Z"),
            ("2026-11-23T08:00", "+08:00"),
        ],
    )
    def test_a_date_that_exists_with_its_offset(self, time, zone):
        check_statement(statement(source_time=time, source_zone=zone))

    @pytest.mark.parametrize(
        ("time", "zone"),
        [
            ("2026-02-31", "Z"),
            ("2026-02-29T08:00", "Z"),
            ("2100-02-29", "Z"),
            ("20260431", "Z"),
            ("2026-11-23T08:00:00Z", "+08:00"),
            ("2026-11-23T08:00:00+08:00", "Z"),
            ("2026-11-23T08:00:00+08:00", "declared:+08:00"),
            ("2026-11-23T08:00:00Z", "declared:Z"),
            ("2026-11-23T08:00:00+08:30", "+08:00"),
        ],
    )
    def test_a_date_that_does_not_or_another_offset(self, time, zone):
        with pytest.raises(StatementError, match="source_time"):
            check_statement(statement(source_time=time, source_zone=zone))


class TestMediaTypes:
    def test_our_own_are_there(self):
        assert {RECORD_TYPE, SET_TYPE, UNKNOWN_MEDIA_TYPE} <= fields.MEDIA_TYPES.keys()

    def test_no_suffix_stands_for_two(self):
        suffixes = [suffix for listed in fields.MEDIA_TYPES.values() for suffix in listed]

        assert sorted(suffixes) == sorted(MEDIA_TYPES)

    def test_they_are_sorted(self):
        assert list(fields.MEDIA_TYPES) == sorted(fields.MEDIA_TYPES)

    @pytest.mark.parametrize("suffix", sorted(MEDIA_TYPES))
    def test_whatever_the_client_says_is_accepted(self, suffix, tmp_path):
        check_statement(statement(content_type=media_type(tmp_path / f"scan{suffix.upper()}")))

    @pytest.mark.parametrize("name", ["text/zhang.san", "application/110101199003077758", "text/", "pdf", None, []])
    def test_another_is_refused(self, name):
        with pytest.raises(StatementError, match="content type"):
            check_statement(statement(content_type=name, payload=digest("x")))
