"""Strict reading of JSON: literals of numbers, what is refused, and errors that tell no value."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialanchor.canonical import Number, loads
from trialanchor.errors import InputError

SECRET = "CONFIDENTIAL-VALUE"

json_values = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def as_python(value):
    """Turn numbers kept as literals into the numbers Python reads."""
    if isinstance(value, Number):
        return json.loads(value)
    if isinstance(value, list):
        return [as_python(item) for item in value]
    if isinstance(value, dict):
        return {name: as_python(item) for name, item in value.items()}
    return value


@pytest.mark.parametrize(
    "literal", ["0", "-0", "39", "39.0", "1.50", "1E5", "1e+05", "0.30000000000000004", "9" * 6000]
)
def test_a_number_stays_the_literal_of_the_source(literal):
    (number,) = loads(f"[{literal}]")

    assert type(number) is Number
    assert number == literal


def test_text_that_looks_like_a_number_is_no_number():
    text, flag, nothing = loads('["39", true, null]')

    assert type(text) is str
    assert flag is True
    assert nothing is None


def test_bytes_are_utf_8():
    assert loads('{"受试者": "甲"}'.encode()) == {"受试者": "甲"}


def test_a_lone_surrogate_is_left_to_the_fingerprint():
    assert loads(r'"\ud800"') == "\ud800"


@given(json_values)
def test_reading_agrees_with_the_standard_library(value):
    text = json.dumps(value)

    assert as_python(loads(text)) == json.loads(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_loses_nothing(value):
    number = loads(repr(value))

    assert math.copysign(1, float(number)) == math.copysign(1, value)
    assert float(number) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "not valid JSON at character 1", id="empty"),
        pytest.param('{"a": 1', "not valid JSON at character 8", id="cut-off"),
        pytest.param("[1,]", "not valid JSON at character [34]", id="trailing-comma"),
        pytest.param("[01]", "not valid JSON at character 3", id="leading-zero"),
        pytest.param("{} {}", "not valid JSON at character [34]", id="two-values"),
        pytest.param('"\t"', "not valid JSON at character 2", id="control-character"),
        pytest.param(b"\xef\xbb\xbf{}", "at character 1: it starts with a byte order mark", id="byte-order-mark"),
        pytest.param(b'["\xff"]', "not valid UTF-8 at byte 3", id="invalid-utf-8"),
        pytest.param('{"a": 1, "a": 1}', "an object names one key twice", id="duplicate-key"),
        pytest.param('[{"b": {"a": 1, "\\u0061": 2}}]', "an object names one key twice", id="escaped-duplicate"),
        pytest.param("NaN", "NaN and Infinity are no JSON numbers", id="nan"),
        pytest.param("[-Infinity]", "NaN and Infinity are no JSON numbers", id="infinity"),
        pytest.param("[" * 200_000, "nested too deeply", id="nested-arrays"),
        pytest.param('{"a":' * 200_000, "nested too deeply", id="nested-objects"),
    ],
)
def test_what_is_not_strict_json_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        loads(text)


@pytest.mark.parametrize(
    "text",
    [
        f'["{SECRET}"',
        f'["{SECRET}", {SECRET}]',
        f'{{"{SECRET}": 1, "{SECRET}": 2}}',
        f'["{SECRET}\\q"]',
        f'["{SECRET}"'.encode() + b"\xff]",
    ],
)
def test_an_error_never_shows_what_it_found(text):
    with pytest.raises(InputError) as caught:
        loads(text)

    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
