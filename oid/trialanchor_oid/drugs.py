"""National drug codes: what each of them is made of, and whether it is well formed.

| Kind | Form | Source |
| --- | --- | --- |
| `native` 本位码 | 86, 9, 5 digits enterprise, 5 digits product, check digit | DB44/T draft B.1 |
| `piece` 中药饮片 | T, 2 standard class, 2 efficacy class, 5 name | B.2, Table B.1 |
| `preparation` 医疗机构制剂 | J, 6 area, 5 institution, 4 preparation | Annex B, unnumbered section |
| `trace` 追溯码, 电子监管码 | 20 digits, formerly 16 | B.3; NMPAB/T 1002-2019 |
| `gs1` | `(01)`GTIN`(21)`serial, also `(10)`, `(11)`, `(17)` | ISO/IEC 15459; GS1 |

Rules:

1. A code is ASCII, without blanks and without anything before or behind it. Full-width digits are no digits.
2. The check digit of a native code is that of a GTIN-14. This is verified on real codes, not on the standard's text:
   GB 18937 was not at hand (X-11). It finds every single wrong digit; of the 90 ordered swaps of two different
   adjacent digits it misses the 10 whose digits differ by 5. `check_digit` is the one place to change it.
3. No other kind has a check character, except the GTIN inside `gs1`.
4. 81 and 82 are read for Hong Kong and Macao beside the 72 and 73 of Table A.1, with a remark (X-05).
5. A message names a position and a rule, never the code. A check digit that does not match is told from a wrong form,
   and the matching digit is not named: to correct the last digit is seldom to correct the error.

Not done here: whether a code was ever assigned, the counties of GB/T 2260, MA codes of ISO/IEC 15459, element strings
with FNC1 instead of brackets, and making codes: the drug administration issues them.

One file holds all kinds, because they are read by the same few rules and each is a dozen lines.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_oid.errors import InputError
from trialanchor_oid.scheme import PROVINCE_ALIASES, PROVINCES
from trialanchor_oid.tables import Remark, Words, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_CODE: Final = 100
"""Characters of a code; the longest form, `gs1` with all its fields, has 88."""

NATIVE_DIGITS: Final = 14
PIECE_CHARACTERS: Final = 10
PREPARATION_CHARACTERS: Final = 16
TRACE_DIGITS: Final = 20
LEGACY_TRACE_DIGITS: Final = 16
"""Digits of a trace code before the upgrade (B.3)."""

GTIN_DIGITS: Final = 14
_IDENTIFICATION_DIGITS: Final = 7
_HONG_KONG_MACAO: Final = ("72", "73")


class DrugCodeError(InputError):
    """The text is no drug code of its kind.

    Attributes:
        check_digit: Whether the form is right and only the check digit does not match.
    """

    code = "drug-code"
    hint = "Compare the code with the package or the register, digit by digit; it is typed without blanks."

    def __init__(self, message: str, *, check_digit: bool = False) -> None:
        super().__init__(message)
        self.check_digit = check_digit


class DrugCodeKind(StrEnum):
    """Kind of a drug code."""

    NATIVE = "native"
    PIECE = "piece"
    PREPARATION = "preparation"
    TRACE = "trace"
    GS1 = "gs1"


DRUG_SCHEMES: Final = frozenset(kind.value for kind in DrugCodeKind)
"""The kinds as texts."""


@dataclass(frozen=True, slots=True)
class KindText:
    """What is said of a kind.

    Attributes:
        name: Its name.
        source: Clause that describes it.
        note: What its check does and does not promise.
    """

    name: Words
    source: str
    note: Words


@dataclass(frozen=True, slots=True)
class DrugCodePart:
    """A part of a drug code.

    Attributes:
        code: Stable name of the part; for `gs1` its application identifier.
        text: The characters.
        name: What the part is.
        meaning: What its value stands for; None where no table says it.
    """

    code: str
    text: str
    name: Words
    meaning: Words | None = None


@dataclass(frozen=True, slots=True)
class DrugCode:
    """A well-formed drug code.

    Attributes:
        kind: Its kind.
        value: The code as given.
        parts: Its parts in order; together they are the value, for `gs1` with the identifiers in brackets.
        warnings: What a reader should know of it.
    """

    kind: DrugCodeKind
    value: str
    parts: tuple[DrugCodePart, ...]
    warnings: tuple[Remark, ...] = ()

    @property
    def grouped(self) -> str:
        """The code in groups for reading; blanks are no part of it."""
        if self.kind is DrugCodeKind.GS1:
            return " ".join(f"({part.code}) {part.text}" for part in self.parts)
        return " ".join(part.text for part in self.parts)

    @property
    def text(self) -> KindText:
        """What is said of its kind."""
        return KINDS[self.kind]

    def to_json(self) -> dict[str, Any]:
        """Give the code, its parts and what is said of them as a JSON object."""
        return {
            "kind": self.kind.value,
            "value": self.value,
            "grouped": self.grouped,
            "name": self.text.name.to_json(),
            "source": self.text.source,
            "parts": [
                {
                    "code": part.code,
                    "text": part.text,
                    "name": part.name.to_json(),
                    "meaning": part.meaning and part.meaning.to_json(),
                }
                for part in self.parts
            ],
            "note": self.text.note.to_json(),
            "warnings": [remark.to_json() for remark in self.warnings],
        }


def _words(rows: Sequence[Mapping[str, str]]) -> Mapping[str, Words]:
    return MappingProxyType({row["code"]: Words(row["zh"], row["en"]) for row in rows})


_TABLE: Final = read_table("drugs")

KINDS: Final[Mapping[DrugCodeKind, KindText]] = MappingProxyType(
    {
        DrugCodeKind(row["code"]): KindText(
            Words(row["zh"], row["en"]), row["source"], Words(row["note_zh"], row["note_en"])
        )
        for row in _TABLE["kinds"]
    }
)
"""What is said of each kind."""

EFFICACY_CLASSES: Final = _words(_TABLE["efficacy_classes"])
"""Table B.1 by code."""

_NATIONAL_OR_OTHER: Final = _words(_TABLE["standard_classes"])
_PART_NAMES: Final = _words(_TABLE["parts"])
_REMARKS: Final = {code: Remark(code, words) for code, words in _words(_TABLE["remarks"]).items()}
_NO_DIGIT: Final = re.compile(r"[^0-9]", re.ASCII)
_ELEMENT: Final = re.compile(r"\(([0-9]{2})\)([^()]+)", re.ASCII)
_GS1_TEXT: Final = re.compile(r"[!\"%&'*+,./0-9:;<=>?A-Z_a-z-]{1,20}", re.ASCII)
"""Value of a field of variable length: the GS1 characters without brackets, which would be ambiguous here."""

_GS1_DATE: Final = re.compile(r"[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])", re.ASCII)
"""YYMMDD; the day 00 is the month as a whole. Whether the day exists is only remarked upon."""

_GS1_VALUES: Final = {
    "01": re.compile(rf"[0-9]{{{GTIN_DIGITS}}}", re.ASCII),
    "10": _GS1_TEXT,
    "11": _GS1_DATE,
    "17": _GS1_DATE,
    "21": _GS1_TEXT,
}


def check_digit(body: str) -> int:
    """Compute the check digit that follows `body` (GS1 mod 10: weights 3 and 1 from the right).

    Args:
        body: ASCII digits without the check digit; 13 of them for a native code and a GTIN-14.

    Source: GS1 General Specifications 7.9. That GB 18937 prescribes the same for native codes was found on real ones.
    """
    return -sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(body))) % 10


def parse_drug_code(text: str, kind: str | None = None) -> DrugCode:
    """Take a drug code apart.

    Args:
        text: The code.
        kind: A `DrugCodeKind`; None to tell it from the form: T, J, an opening bracket, 14 digits, or 16 or 20.

    Raises:
        DrugCodeError: It is no code of that kind, or of any; names the place and the rule.
    """
    if not isinstance(text, str) or len(text) > MAX_CODE:
        raise DrugCodeError(f"no drug code: it is no text of at most {MAX_CODE} characters")
    if kind is not None and kind not in DRUG_SCHEMES:
        raise DrugCodeError(f"no such kind of drug code; the kinds are {', '.join(DrugCodeKind)}")
    found = _kind_of(text) if kind is None else DrugCodeKind(kind)
    parts, remarks = _READERS[found](text)
    return DrugCode(found, text, tuple(parts), tuple(_REMARKS[remark] for remark in remarks))


_Read = tuple[list[DrugCodePart], list[str]]
"""Parts, and the codes of remarks."""


def _kind_of(text: str) -> DrugCodeKind:
    first = {"T": DrugCodeKind.PIECE, "J": DrugCodeKind.PREPARATION, "(": DrugCodeKind.GS1}
    if text[:1] in first:
        return first[text[0]]
    if len(text) == NATIVE_DIGITS:
        return DrugCodeKind.NATIVE
    if len(text) in {TRACE_DIGITS, LEGACY_TRACE_DIGITS}:
        return DrugCodeKind.TRACE
    raise DrugCodeError(
        f"no drug code: it starts with neither T, J nor a bracket, and {len(text)} characters are not the "
        f"{NATIVE_DIGITS} digits of a native code or the {TRACE_DIGITS} or {LEGACY_TRACE_DIGITS} of a trace code"
    )


def _read_native(text: str) -> _Read:
    kind = DrugCodeKind.NATIVE
    _check_length(kind, text, NATIVE_DIGITS)
    _check_digits(kind, text, 1)
    if text[:2] != "86":
        raise _shape(kind, "characters 1 and 2 are not 86, the country")
    if text[2] != "9":
        raise _shape(kind, "character 3 is not 9, the class of drugs")
    if check_digit(text[:-1]) != int(text[-1]):
        raise _mismatch(kind, NATIVE_DIGITS)
    return [
        _part("country", text[:2], Words("中国", "China")),
        _part("class", text[2], Words("药品", "drugs")),
        _part("enterprise", text[3:8]),
        _part("product", text[8:13]),
        _part("check", text[13]),
    ], []


def _read_piece(text: str) -> _Read:
    kind = DrugCodeKind.PIECE
    _check_length(kind, text, PIECE_CHARACTERS)
    _check_letter(kind, text, "T")
    _check_digits(kind, text[1:], 2)
    standard, efficacy = text[1:3], text[3:5]
    meaning = _NATIONAL_OR_OTHER.get(standard) or _province(standard)
    if meaning is None:
        raise _shape(kind, "characters 2 and 3 are neither 00, 99 nor a province")
    if efficacy not in EFFICACY_CLASSES:
        raise _shape(kind, "characters 4 and 5 are no efficacy class of Table B.1")
    return [
        _part("type", "T", Words("中药饮片", "decoction piece")),
        _part("standard", standard, meaning),
        _part("efficacy", efficacy, EFFICACY_CLASSES[efficacy]),
        _part("name", text[5:]),
    ], ["province-alias"] if _is_alias(standard) else []


def _read_preparation(text: str) -> _Read:
    kind = DrugCodeKind.PREPARATION
    _check_length(kind, text, PREPARATION_CHARACTERS)
    _check_letter(kind, text, "J")
    _check_digits(kind, text[1:], 2)
    province = _province(text[1:3])
    if province is None:
        raise _shape(kind, "characters 2 and 3 are no province")
    return [
        _part("type", "J", Words("医疗机构制剂", "medical-institution preparation")),
        _part("area", text[1:7], province),
        _part("institution", text[7:12]),
        _part("sequence", text[12:]),
    ], ["area-not-gb2260"] if text[1:3] in _HONG_KONG_MACAO else []


def _read_trace(text: str) -> _Read:
    kind = DrugCodeKind.TRACE
    if len(text) not in {TRACE_DIGITS, LEGACY_TRACE_DIGITS}:
        raise _shape(kind, f"it has {len(text)} characters, {TRACE_DIGITS} are needed, or {LEGACY_TRACE_DIGITS}")
    _check_digits(kind, text, 1)
    if len(text) == LEGACY_TRACE_DIGITS:
        return [_part("whole", text)], ["trace-legacy"]
    parts = [
        _part("identification", text[:_IDENTIFICATION_DIGITS]),
        _part("serial", text[_IDENTIFICATION_DIGITS:]),
    ]
    return parts, [] if text[0] == "8" else ["trace-unusual"]


def _read_gs1(text: str) -> _Read:
    kind = DrugCodeKind.GS1
    parts: list[DrugCodePart] = []
    end = 0
    while end < len(text):
        element = _ELEMENT.match(text, end)
        if element is None:
            raise _shape(kind, f"at character {end + 1} no field such as (01) with its value starts")
        parts.append(_gs1_part(element, parts))
        end = element.end()
    given = {part.code: part.text for part in parts}
    if not given.keys() >= {"01", "21"}:
        raise _shape(kind, "a trace code has the fields (01) and (21)")
    if check_digit(given["01"][:-1]) != int(given["01"][-1]):
        raise _mismatch(kind, GTIN_DIGITS, "digit {digit} of the GTIN")
    dates = (given[field] for field in ("11", "17") if field in given)
    return parts, [] if all(map(_is_date, dates)) else ["gs1-date"]


def _is_date(text: str) -> bool:
    """Tell whether a date of GS1 exists; two digits of a year tell whether it is a leap year."""
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    return day <= monthrange(2000 + year, month)[1]


def _gs1_part(element: re.Match[str], before: Sequence[DrugCodePart]) -> DrugCodePart:
    field, value = element.groups()
    if field not in _GS1_VALUES or any(part.code == field for part in before):
        raise _shape(
            DrugCodeKind.GS1,
            f"at character {element.start() + 1} is none of the fields 01, 10, 11, 17, 21, or one twice",
        )
    if not _GS1_VALUES[field].fullmatch(value):
        raise _shape(
            DrugCodeKind.GS1, f"the value of ({field}), at character {element.start(2) + 1}, is not of its form"
        )
    return _part(field, value)


_READERS: Final[Mapping[DrugCodeKind, Callable[[str], _Read]]] = MappingProxyType(
    {
        DrugCodeKind.NATIVE: _read_native,
        DrugCodeKind.PIECE: _read_piece,
        DrugCodeKind.PREPARATION: _read_preparation,
        DrugCodeKind.TRACE: _read_trace,
        DrugCodeKind.GS1: _read_gs1,
    }
)


def _part(code: str, text: str, meaning: Words | None = None) -> DrugCodePart:
    return DrugCodePart(code, text, _PART_NAMES[code], meaning)


def _is_alias(code: str) -> bool:
    return int(code) in PROVINCE_ALIASES


def _province(code: str) -> Words | None:
    """Name the province of two digits, a code of Table A.1 or one of GB/T 2260 that it prints differently."""
    province = PROVINCES.get(PROVINCE_ALIASES.get(int(code), int(code)))
    return None if province is None else Words(province.zh, province.en)


def _check_length(kind: DrugCodeKind, text: str, length: int) -> None:
    if len(text) != length:
        raise _shape(kind, f"it has {len(text)} characters, {length} are needed")


def _check_letter(kind: DrugCodeKind, text: str, letter: str) -> None:
    if text[0] != letter:
        raise _shape(kind, f"character 1 is not {letter}")


def _check_digits(kind: DrugCodeKind, digits: str, first: int) -> None:
    """Refuse what is no ASCII digit; `first` is the place of the first character, counted from 1."""
    other = _NO_DIGIT.search(digits)
    if other:
        raise _shape(kind, f"character {other.start() + first} is no ASCII digit")


def _shape(kind: DrugCodeKind, rule: str) -> DrugCodeError:
    return DrugCodeError(f"no drug code of the kind {kind.value}: {rule}")


def _mismatch(kind: DrugCodeKind, digit: int, place: str = "digit {digit}") -> DrugCodeError:
    where = place.format(digit=digit)
    message = f"the check digit does not match: a code of the kind {kind.value} in form, but {where} does not follow"
    return DrugCodeError(f"{message} from the digits before it", check_digit=True)
