"""Read the transactions of many blocks ahead of their replay, in another process: half of its work needs no state.

What is given back was decoded, and its signature was verified against the certificate that it brings. Whether that
certificate leads to a root of the member is for who knows the state. A few blocks are read in this process.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from functools import lru_cache
from itertools import chain, islice
from multiprocessing import get_context
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from trialanchor import cose
from trialanchor.certificates import load_certificate
from trialanchor.errors import TrialAnchorError
from trialanchor.statements import SignedStatement, Statement
from trialanchor.transactions import SignedTransaction, TransactionBody, decode_transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from sqlalchemy import Row

CHUNK: Final = 1_024
"""Blocks read at a time; with more of them another process is worth its start."""

_AHEAD: Final = 2
_SIGNED: Final = '{"body":'
"""How the canonical JSON of a signed transaction begins."""

ReadTransaction: TypeAlias = SignedTransaction | str | None
"""A transaction, or what is wrong with it; None for one that nobody signed."""

_Packed: TypeAlias = tuple[Any, ...] | str | None
T = TypeVar("T")


def read_ahead(rows: Iterable[Row[Any]]) -> Iterator[tuple[Row[Any], ReadTransaction]]:
    """Give blocks in order, each with its transaction."""
    source = iter(rows)
    first = list(islice(source, CHUNK))
    if len(first) < CHUNK:
        yield from zip(first, _read_all(_texts(first)), strict=True)
        return
    waiting: deque[tuple[Sequence[Row[Any]], Future[list[_Packed]]]] = deque()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for part in chain([first], iter(lambda: list(islice(source, CHUNK)), [])):
            waiting.append((part, pool.submit(_read_packed, _texts(part))))
            if len(waiting) > _AHEAD:
                yield from _read_first(waiting)
        while waiting:
            yield from _read_first(waiting)


def _texts(rows: Sequence[Row[Any]]) -> list[str]:
    return [row.transaction for row in rows]


def _read_first(
    waiting: deque[tuple[Sequence[Row[Any]], Future[list[_Packed]]]],
) -> Iterator[tuple[Row[Any], ReadTransaction]]:
    rows, packed = waiting.popleft()
    return zip(rows, map(_unpack, packed.result()), strict=True)


def _read_all(texts: Sequence[str]) -> list[ReadTransaction]:
    return [_read(text) for text in texts]


def _read_packed(texts: Sequence[str]) -> list[_Packed]:
    return [_pack(_read(text)) for text in texts]


def _pack(read: ReadTransaction) -> _Packed:
    """Give the values of a transaction: pickling its frozen objects costs more than reading it did."""
    if not isinstance(read, SignedTransaction):
        return read
    signed = read.signed
    return _BODY.values(read.body), _STATEMENT.values(signed.statement), _SIGNED_STATEMENT.values(signed), read.encode()


def _unpack(packed: _Packed) -> ReadTransaction:
    """Make the transaction again; what was checked and computed is not done twice."""
    if not isinstance(packed, tuple):
        return packed
    body, statement, signed, encoded = packed
    whole = _SIGNED_STATEMENT.make(signed)
    object.__setattr__(whole, "statement", _STATEMENT.make(statement))
    return SignedTransaction(_BODY.make(body), whole, encoded)


class _Values(Generic[T]):
    """Takes the fields out of frozen objects of a class, and puts them into new ones."""

    def __init__(self, of: type[T], *without: str) -> None:
        self._of = of
        self._names = [each.name for each in fields(of) if each.name not in without]  # type: ignore[arg-type]
        self.values: Callable[[T], tuple[Any, ...]] = attrgetter(*self._names)

    def make(self, values: tuple[Any, ...]) -> T:
        """Make an object."""
        made = object.__new__(self._of)
        for name, value in zip(self._names, values, strict=True):
            object.__setattr__(made, name, value)
        return made


_BODY: Final = _Values(TransactionBody)
_STATEMENT: Final = _Values(Statement)
_SIGNED_STATEMENT: Final = _Values(SignedStatement, "statement")


def _read(text: str) -> ReadTransaction:
    if not text.startswith(_SIGNED):
        return None
    try:
        transaction = decode_transaction(text.encode())
        signed = transaction.signed
        if signed.chain:  # without one, who knows the state refuses it
            key = _key_of(signed.chain[0])
            cose.check_signature(key, signed.algorithm, signed.signature, signed.to_be_signed)
    except TrialAnchorError as error:
        return str(error)
    return transaction


@lru_cache(maxsize=4_096)
def _key_of(certificate: bytes) -> PublicKeyTypes:
    return load_certificate(certificate).public_key()
