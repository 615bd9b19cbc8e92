"""Record files: Dataset-JSON in both of its forms, and plain newline-delimited JSON.

A file is read piece by piece, so its size does not matter. Numbers stay the literals of the source.

1. `.json`: one Dataset-JSON document, an object with `columns` and `rows`.
2. Any other name, first line an object with `datasetJSONVersion`: Dataset-JSON as NDJSON, one array per
   further line (or the whole document on that first line, if it has `rows` too).
3. Any other name, first line another object: plain NDJSON, one object per line.

Blank lines are skipped. Errors name the file, the line and what is wrong, never a value. Not done here:
values are not checked against the `dataType` of their column, Define-XML is not read, `.dsjc` files are not
unpacked.

Source: CDISC Dataset-JSON v1.1; RFC 8259.
"""

from __future__ import annotations

import codecs
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from trialanchor.canonical import DECODER, Number, loads
from trialanchor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LINE_LIMIT = 8 * 1024 * 1024
"""Longest line in bytes, or row of a document in characters: bounds the memory that one file can take."""

PIECE = 64 * 1024
"""Bytes of a document read at once: many rows, yet little beside `LINE_LIMIT`."""

_COUNT_DIGITS = 15
_BLANK = re.compile(r"[ \t\r\n]*")
_AFTER_VALUE = frozenset(" \t\r\n,:]}")

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecordFile:
    """One record file, whose records are read anew by each iteration.

    The records met are compared with `expected` when the iteration ends: only then is the file known to be
    whole.

    Attributes:
        path: Where the file lies.
        name: Domain, such as `LB`; for plain NDJSON the upper-cased stem of the file name.
        columns: Column names in order; empty for plain NDJSON, where each record names its own.
        study_oid: Study the file says it belongs to.
        expected: Number of records the file announces.

    Raises:
        InputError: While iterating: a record is malformed, or their number is not the one announced.
    """

    path: Path
    name: str
    columns: tuple[str, ...] = ()
    study_oid: str | None = None
    expected: int | None = None
    _read: Callable[[RecordFile], Iterator[Record]] = field(kw_only=True, repr=False)

    def __iter__(self) -> Iterator[Record]:
        """Read the records in file order, as column name to value."""
        met = 0
        for record in self._read(self):
            met += 1
            yield record
        if self.expected is not None and self.expected != met:
            raise InputError(f"{self.path}: announces {self.expected} records and holds {met}")


def read_records(path: Path) -> RecordFile:
    """Open a record file and read its head.

    Raises:
        InputError: The file cannot be read, is empty, or is of no known shape.
    """
    return _open_document(path) if path.suffix.lower() == ".json" else _open_lines(path)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file and name it when it cannot be read."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _open_lines(path: Path) -> RecordFile:
    """Tell the shape of a file of lines by its first line."""
    for line, value in _lines(path):
        if not isinstance(value, dict):
            raise InputError(f"{path}, line {line}: unknown shape, a file of lines starts with an object")
        if "datasetJSONVersion" not in value:
            return RecordFile(path, path.stem.upper(), _read=_plain_records)
        read = _document_records if "rows" in value else _line_records
        return _describe(path, f"{path}, line {line}", value, read)
    raise InputError(f"{path}: is empty")


def _open_document(path: Path) -> RecordFile:
    """Read the members of a Dataset-JSON document beside its rows."""
    head: Record = {}
    with _opened(path) as file:
        document = _Document(path, file)
        if document.mark() != "{":
            shape = "unknown shape, not an object" if document.mark() else "is empty"
            raise InputError(f"{path}: {shape}")
        for name in document.members():
            if name != "rows":
                head[name] = document.value()
                continue
            head[name] = None
            if head.keys() >= {"columns", "name", "records", "studyOID"}:
                break
            for _ in document.elements():
                pass
        if not head.keys() >= {"columns", "rows"}:
            raise InputError(f"{path}: unknown shape, a document has `columns` and `rows`")
        return _describe(path, str(path), head, _document_records)


def _describe(path: Path, place: str, head: Record, read: Callable[[RecordFile], Iterator[Record]]) -> RecordFile:
    """Check the Dataset-JSON metadata that reading needs."""
    name, study_oid, expected = head.get("name"), head.get("studyOID"), head.get("records")
    for member, value in (("name", name), ("studyOID", study_oid)):
        if value is not None and type(value) is not str:
            raise InputError(f"{place}: `{member}` is not a string")
    if expected is not None and not _is_count(expected):
        raise InputError(f"{place}: `records` is not a count")
    return RecordFile(
        path,
        name or path.stem.upper(),
        _column_names(place, head.get("columns")),
        study_oid,
        None if expected is None else int(expected),
        _read=read,
    )


def _is_count(value: Any) -> bool:
    """Tell whether a value is a JSON number without sign, fraction, exponent or absurd length."""
    return isinstance(value, Number) and value.isdecimal() and len(value) <= _COUNT_DIGITS


def _column_names(place: str, columns: Any) -> tuple[str, ...]:
    """Return the names of the columns, each a string that stands once."""
    if not isinstance(columns, list) or not columns:
        raise InputError(f"{place}: `columns` is not a list of columns")
    names: list[str] = []
    for number, column in enumerate(columns, start=1):
        name = column.get("name") if isinstance(column, dict) else None
        if type(name) is not str or not name:
            raise InputError(f"{place}: column {number} has no name")
        names.append(name)
    if len(set(names)) != len(names):
        raise InputError(f"{place}: two columns have one name")
    return tuple(names)


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Read the lines that are not blank, as line number (from 1) and JSON value."""
    number = 0
    with _opened(path) as file:
        while line := file.readline(LINE_LIMIT + 1):
            number += 1
            if len(line) > LINE_LIMIT:
                raise InputError(f"{path}, line {number}: longer than {LINE_LIMIT} bytes")
            if line.isspace():
                continue
            try:
                value = loads(line)
            except InputError as error:
                raise InputError(f"{path}, line {number}: {error}") from None
            yield number, value


def _plain_records(file: RecordFile) -> Iterator[Record]:
    """Read plain NDJSON."""
    for line, value in _lines(file.path):
        if not isinstance(value, dict):
            raise InputError(f"{file.path}, line {line}: a record is an object")
        yield value


def _line_records(file: RecordFile) -> Iterator[Record]:
    """Read the rows of Dataset-JSON as NDJSON."""
    lines = _lines(file.path)
    next(lines)
    for line, value in lines:
        if type(value) is not list or len(value) != len(file.columns):
            raise InputError(f"{file.path}, line {line}: {_misfit(file, value)}")
        yield dict(zip(file.columns, value, strict=True))


def _document_records(file: RecordFile) -> Iterator[Record]:
    """Read the rows of a Dataset-JSON document."""
    with _opened(file.path) as source:
        document = _Document(file.path, source)
        for name in document.members():
            if name != "rows":
                document.value()
                continue
            for value in document.elements():
                if type(value) is not list or len(value) != len(file.columns):
                    raise document.fail(_misfit(file, value))
                yield dict(zip(file.columns, value, strict=True))


def _misfit(file: RecordFile, value: Any) -> str:
    """Say why a row does not fit its columns."""
    if not isinstance(value, list):
        return "a row is an array"
    return f"a row of {len(value)} values for {len(file.columns)} columns"


class _Document:
    """Cursor over one JSON document that is read piece by piece."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._line = 1
        self._path, self._file = path, file
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self._ended = "", 0, False

    def fail(self, what: str) -> InputError:
        """Make the error that says what is wrong where the cursor stands."""
        line = self._line + self._text.count("\n", 0, self._at)
        return InputError(f"{self._path}, line {line}: {what}")

    def mark(self) -> str:
        """Return the next character that is not blank without taking it; empty at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def value(self) -> Any:
        """Take the next JSON value.

        A value that ends where the piece ends may go on in the next one, and one that seems malformed may be
        cut off by it: both are tried again with more text.
        """
        self.mark()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if self._more():
                    continue
                raise self.fail("not valid JSON") from None
            except InputError as error:
                raise self.fail(str(error)) from None
            except RecursionError:
                raise self.fail("nested too deeply") from None
            if self._text[end : end + 1] not in _AFTER_VALUE and self._more():
                continue
            self._at = end
            return value

    def members(self) -> Iterator[str]:
        """Take the object the document is; the caller takes the value of each name it is given."""
        met: set[str] = set()
        for _ in self._items("{", "}"):
            name = self.value()
            if type(name) is not str or name in met:
                raise self.fail("not valid JSON: a member name is no string or stands twice")
            met.add(name)
            self._take(":")
            yield name
        if self.mark():
            raise self.fail("text after the document (a file of lines is named .ndjson)")

    def elements(self) -> Iterator[Any]:
        """Take an array, value by value."""
        for _ in self._items("[", "]"):
            yield self.value()

    def _items(self, first: str, last: str) -> Iterator[None]:
        """Take an object or array; the caller takes one item after each step."""
        self._take(first)
        if self.mark() == last:
            self._take(last)
            return
        while True:
            yield
            if self._take(",", last) == last:
                return

    def _take(self, *expected: str) -> str:
        """Take the next character that is not blank, one of those expected."""
        mark = self.mark()
        if mark not in expected:
            raise self.fail(f"not valid JSON: expected {' or '.join(expected)}")
        self._at += 1
        return mark

    def _more(self) -> bool:
        """Drop the text already taken and read on; False at the end of the file."""
        if self._ended:
            return False
        self._line += self._text.count("\n", 0, self._at)
        rest, self._at = self._text[self._at :], 0
        self._text = rest
        if len(rest) > LINE_LIMIT:
            raise self.fail(f"a value longer than {LINE_LIMIT} characters")
        data = self._file.read(max(PIECE, len(rest)))
        self._ended = not data
        try:
            self._text = rest + self._utf8.decode(data, final=self._ended)
        except UnicodeDecodeError as error:
            self._line += rest.count("\n") + error.object[: error.start].count(b"\n")
            raise self.fail("not valid UTF-8") from None
        return True
