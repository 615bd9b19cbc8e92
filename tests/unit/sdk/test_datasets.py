"""Record files of each shape, read in pieces of any size, and what is refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trialanchor import datasets
from trialanchor.canonical import Number
from trialanchor.datasets import LINE_LIMIT, read_records
from trialanchor.errors import InputError

SECRET = "CONFIDENTIAL-VALUE"
COLUMNS = [
    {
        "itemOID": "IT.LB.USUBJID",
        "name": "USUBJID",
        "label": "Unique Subject Identifier",
        "dataType": "string",
    },
    {"itemOID": "IT.LB.LBSTRESN", "name": "LBSTRESN", "label": "Numeric Result", "dataType": "float"},
]
ROWS = '["S1", 39.0]', '["S2", null]', '["S3", 1E2]'
RECORDS = [
    {"USUBJID": "S1", "LBSTRESN": "39.0"},
    {"USUBJID": "S2", "LBSTRESN": None},
    {"USUBJID": "S3", "LBSTRESN": "1E2"},
]


def header(**changes):
    head = {
        "datasetJSONCreationDateTime": "2025-01-01T00:00:00",
        "datasetJSONVersion": "1.1.0",
        "studyOID": "STUDY1",
        "itemGroupOID": "IG.LB",
        "records": 3,
        "name": "LB",
        "label": "Laboratory",
        "columns": COLUMNS,
    } | changes
    return {name: value for name, value in head.items() if value is not ...}


def document(rows=ROWS, **changes):
    head = json.dumps(header(**changes))
    return f'{head[:-1]}, "rows": [{", ".join(rows)}]}}'


@pytest.fixture
def write(tmp_path):
    def write(name, *lines, end="\n"):
        path = tmp_path / name
        path.write_bytes("".join(f"{line}{end}" for line in lines).encode())
        return path

    return write


def error_of(path):
    with pytest.raises(InputError) as caught:
        list(read_records(path))
    message = str(caught.value)
    assert message.startswith(f"{path}")
    assert SECRET not in message
    return message.removeprefix(str(path))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n  \n"])
def test_dataset_json_lines_are_read(write, end):
    file = read_records(write("anything.ndjson", json.dumps(header()), *ROWS, end=end))

    assert (file.name, file.study_oid, file.expected) == ("LB", "STUDY1", 3)
    assert file.columns == ("USUBJID", "LBSTRESN")
    assert list(file) == RECORDS


def test_numbers_stay_literals(write):
    first, _, third = read_records(write("lb.ndjson", json.dumps(header()), *ROWS))

    assert type(first["LBSTRESN"]) is type(third["LBSTRESN"]) is Number
    assert type(first["USUBJID"]) is str


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(document(), id="on-one-line"),
        pytest.param(json.dumps(json.loads(document(['["S1", 1]'] * 3)), indent=2), id="indented"),
        pytest.param(document().replace('"records": 3, ', ""), id="no-count"),
    ],
)
def test_a_dataset_json_document_is_read(write, text):
    file = read_records(write("lb.json", text))

    assert (file.name, file.columns) == ("LB", ("USUBJID", "LBSTRESN"))
    assert len(list(file)) == 3


def test_the_rows_of_a_document_may_come_first(write):
    head = json.dumps(header())
    file = read_records(write("lb.json", f'{{"rows": [{", ".join(ROWS)}], {head[1:]}'))

    assert file.expected == 3
    assert list(file) == RECORDS


def test_a_document_named_as_lines_is_read(write):
    assert list(read_records(write("lb.ndjson", document()))) == RECORDS


def test_an_empty_dataset_is_read(write):
    assert list(read_records(write("lb.ndjson", json.dumps(header(records=0))))) == []
    assert list(read_records(write("lb.json", document(rows=(), records=0)))) == []


def test_plain_lines_are_read(write):
    file = read_records(write("lb results.jsonl", "", '{"a": 1}', "  ", '{"b": {"c": [1.0]}}'))

    assert (file.name, file.columns, file.study_oid, file.expected) == ("LB RESULTS", (), None, None)
    assert list(file) == [{"a": "1"}, {"b": {"c": ["1.0"]}}]


def test_a_file_can_be_read_again(write):
    file = read_records(write("lb.ndjson", json.dumps(header()), *ROWS))

    assert list(file) == list(file) == RECORDS


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=12), st.integers() | st.floats(allow_nan=False, allow_infinity=False))),
    st.integers(1, 40),
    st.sampled_from([None, 1]),
)
def test_a_document_reads_the_same_in_pieces_of_any_size(write, rows, size, indent):
    data = header(records=len(rows)) | {"rows": rows}
    path = write("lb.json", json.dumps(data, ensure_ascii=False, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "PIECE", size)
        found = list(read_records(path))

    assert [tuple(record.values()) for record in found] == [(text, json.dumps(value)) for text, value in rows]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param([], ": is empty", id="empty"),
        pytest.param(["", "  "], ": is empty", id="blank"),
        pytest.param(['["S1", 1]'], ", line 1: unknown shape", id="rows-without-header"),
        pytest.param([SECRET], ", line 1: not valid JSON at character 1", id="no-json"),
        pytest.param(['{"a": 1}', "", f'"{SECRET}"'], ", line 3: a record is an object", id="plain-no-object"),
        pytest.param(['{"a": 1}', f'{{"{SECRET}": 1, "{SECRET}": 2}}'], ", line 2: an object names", id="two-keys"),
        pytest.param([header(), *ROWS[:2]], ": announces 3 records and holds 2", id="too-few"),
        pytest.param([header(), *ROWS, ROWS[0]], ": announces 3 records and holds 4", id="too-many"),
        pytest.param([header(), f'["{SECRET}"]'], ", line 2: a row of 1 values for 2 columns", id="short-row"),
        pytest.param([header(), f'["{SECRET}", 1, 2]'], ", line 2: a row of 3 values", id="long-row"),
        pytest.param([header(), f'{{"a": "{SECRET}"}}'], ", line 2: a row is an array", id="object-as-row"),
        pytest.param([header(), ROWS[0], f'["{SECRET}", NaN]'], ", line 3: NaN and Infinity", id="nan"),
        pytest.param([header(columns=...)], ", line 1: `columns` is not a list", id="no-columns"),
        pytest.param([header(columns=[])], ", line 1: `columns` is not a list", id="zero-columns"),
        pytest.param([header(columns=[SECRET])], ", line 1: column 1 has no name", id="column-no-object"),
        pytest.param([header(columns=[{"name": 1}])], ", line 1: column 1 has no name", id="column-no-name"),
        pytest.param([header(columns=COLUMNS * 2)], ", line 1: two columns have one name", id="column-twice"),
        pytest.param([header(records=-1)], ", line 1: `records` is not a count", id="negative-count"),
        pytest.param([header(records="3")], ", line 1: `records` is not a count", id="text-count"),
        pytest.param([header(records=int("9" * 30))], ", line 1: `records` is not a count", id="absurd-count"),
        pytest.param([header(name=1)], ", line 1: `name` is not a string", id="name-a-number"),
        pytest.param([header(studyOID=[])], ", line 1: `studyOID` is not a string", id="study-a-list"),
    ],
)
def test_a_broken_file_of_lines_is_refused(write, lines, message):
    path = write("lb.ndjson", *(line if isinstance(line, str) else json.dumps(line) for line in lines))

    assert error_of(path).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", ": is empty", id="empty"),
        pytest.param("[]", ": unknown shape, not an object", id="array"),
        pytest.param("{}", ": unknown shape, a document has", id="no-members"),
        pytest.param('{"columns": []}', ": unknown shape, a document has", id="no-rows"),
        pytest.param('{"rows": []}', ": unknown shape, a document has", id="no-columns"),
        pytest.param('{"a": 1}\n{"a": 2}', ", line 2: text after the document", id="lines"),
        pytest.param('{"a": 1, "a": 2}', ", line 1: not valid JSON: a member name", id="member-twice"),
        pytest.param("{1: 2}", ", line 1: not valid JSON: a member name", id="member-a-number"),
        pytest.param('{"a" 1}', ", line 1: not valid JSON: expected :", id="no-colon"),
        pytest.param('{"a": 1 "b": 2}', ", line 1: not valid JSON: expected , or }", id="no-comma"),
        pytest.param('{"a": 1,}', ", line 1: not valid JSON", id="trailing-comma"),
        pytest.param(document()[:-2], ", line 2: not valid JSON: expected , or ]", id="cut-off"),
        pytest.param(document() + "]", ", line 1: text after the document", id="text-after"),
        pytest.param(document([f'\n["{SECRET}"]']), ", line 2: a row of 1 values for 2 columns", id="short-row"),
        pytest.param(document([f'\n\n"{SECRET}"']), ", line 3: a row is an array", id="row-no-array"),
        pytest.param(document([f'\n["{SECRET}", NaN]']), ", line 2: NaN and Infinity", id="nan"),
        pytest.param(document(['["S", ' + "[" * 100_000]), ", line 1: nested too deeply", id="nested"),
        pytest.param(document(ROWS[:1]), ": announces 3 records and holds 1", id="too-few"),
        pytest.param(document(records=1.5), ": `records` is not a count", id="count-a-fraction"),
    ],
)
def test_a_broken_document_is_refused(write, text, message):
    assert error_of(write("lb.json", text)).startswith(message)


def test_invalid_utf_8_is_refused_with_its_line(tmp_path):
    lines, whole = tmp_path / "lb.ndjson", tmp_path / "lb.json"
    lines.write_bytes(json.dumps(header()).encode() + b'\n["S1", 1]\n["\xff", 1]\n')
    whole.write_bytes(document(["\n[1, 1]", '\n["?", 1]']).encode().replace(b"?", b"\xff"))

    assert error_of(lines) == ", line 3: not valid UTF-8 at byte 3"
    assert error_of(whole) == ", line 3: not valid UTF-8"


def test_an_endless_line_is_refused(tmp_path):
    lines, whole = tmp_path / "lb.ndjson", tmp_path / "lb.json"
    lines.write_bytes(b'{"a": 1}\n"' + b"x" * LINE_LIMIT)
    whole.write_bytes(document(['\n["' + "x" * 2 * LINE_LIMIT + '", 1]']).encode())

    assert error_of(lines) == f", line 2: longer than {LINE_LIMIT} bytes"
    assert error_of(whole) == f", line 2: a value longer than {LINE_LIMIT} characters"


def test_a_line_of_the_longest_length_is_read(tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"a": "' + b"x" * (LINE_LIMIT - 10) + b'"}\n')

    assert path.stat().st_size == LINE_LIMIT
    assert len(list(read_records(path))) == 1


@pytest.mark.parametrize("name", ["missing.ndjson", "missing.json"])
def test_a_missing_file_is_an_input_error(tmp_path, name):
    assert error_of(tmp_path / name).startswith(": cannot be read")
