"""Services and the regexp that carries them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialanchor_oid.ors.records import MAX_INFORMATION, MAX_REGEXP, Service, ServiceError, read_regexp

information = st.text(min_size=1, max_size=80).filter(lambda t: t.isprintable() and not {"!", "\\"} & {*t})


@given(information)
def test_information_survives_the_regexp(text):
    assert read_regexp(Service("COID", text).regexp) == text


def test_the_longest_information_fills_one_character_string():
    service = Service("CINF", "a" * MAX_INFORMATION)
    assert (len(service.regexp), service.service) == (MAX_REGEXP, "ORS+CINF")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (("cinf", "a"), "service type"),
        (("", "a"), "service type"),
        (("1A", "a"), "service type"),
        (("A" * 33, "a"), "service type"),
        (("CINF", ""), "octets"),
        (("CINF", "a" * 249), "octets"),
        (("CINF", "中" * 83), "octets"),
        (("CINF", "a!b"), "%21"),
        (("CINF", "a\\1"), "%5C"),
        (("CINF", "a\nb"), "printable"),
        (("CINF", "\ud800"), "printable"),
        (("CINF", "a", 65_536), "order"),
        (("CINF", "a", 0, -1), "preference"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_no_service_is_refused(fields, reason):
    with pytest.raises(ServiceError, match=reason) as caught:
        Service(*fields)
    assert "a!b" not in str(caught.value)


@pytest.mark.parametrize(
    ("regexp", "found"),
    [
        ("!^.*$!https://a.example/!", "https://a.example/"),
        ("/^.*$/urn:oid:2.16/", "urn:oid:2.16"),
        ("!^.*$!x!i", "x"),
        ("#^.*$#中#", "中"),
    ],
)
def test_the_information_is_taken_literally(regexp, found):
    assert read_regexp(regexp) == found


@pytest.mark.parametrize(
    "regexp",
    [
        "",
        "!",
        "!^.*$!x",
        "!^.*$!x!g",
        "!^.*$!x!ii",
        "!^.*$!x!y!",
        "!^.*$!!",
        "!.*!x!",
        "!^(.*)$!\\1!",
        "a^.*$axa",
        "1^.*$1x1",
        "\\^.*$\\x\\",
        "i^.*$ixi",
        "!^.*$!" + "x" * 249 + "!",
    ],
)
def test_any_other_regexp_is_refused(regexp):
    with pytest.raises(ServiceError):
        read_regexp(regexp)


def test_a_received_pattern_is_never_run():
    begin = time.perf_counter()
    with pytest.raises(ServiceError):
        read_regexp("!" + "(a+)+" * 40 + "$!x!")
    assert time.perf_counter() - begin < 1
