"""What the client does, without doing it: generators that yield calls and are sent the answers.

The synchronous and the asynchronous client run the same generators, so they cannot differ. What a node answers is
held against what was asked before it is handed on: a receipt must lead from our statement to the checkpoint, an
anchor from our statement to the anchored checkpoint. Signatures are for `verify`, which has the trust file.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from trialanchor.blocks import decode_block
from trialanchor.bundles import MAX_ANCHORS, Anchor, Bundle, decode_bundle
from trialanchor.client.calls import Answer, Call
from trialanchor.client.errors import AnswerError, UnreachableError
from trialanchor.client.problems import problem_error
from trialanchor.encoding import base64_decode, digest_text, parse_digest
from trialanchor.errors import InputError, StoreError, TrialAnchorError, VerificationError
from trialanchor.merkle import leaf_hash, root_from_inclusion
from trialanchor.notes import Checkpoint, parse_checkpoint
from trialanchor.receipts import decode_receipt
from trialanchor.statements import SignedStatement, decode_statement
from trialanchor.trust import State
from trialanchor.verify import check_anchored
from trialanchor_oid.codec import URN_PREFIX, check_dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CBOR_SEQUENCE = "application/cbor-seq"
MAX_BATCH = 1_000
MAX_BATCH_SIZE = 8 << 20
"""Statements and octets of one call: limits of the node's interface."""

MAX_POLL_S = 30
"""Seconds that a node waits at most before it answers a long poll."""

PAGE = 100
MAX_PAGES = 10_000
"""Entries asked for at once, and pages followed: ends the walk with a node that never does."""

T = TypeVar("T")
Steps = Generator[Call, Answer, T]
Outcome = Bundle | TrialAnchorError


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the node's log, as its index lists it.

    Attributes:
        index: Place in the log.
        statement: Statement digest, 32 octets.
        fingerprint: Payload of the statement, 32 octets.
        issuer: Dotted OID; so are `subject` and `study`.
    """

    index: int
    statement: bytes
    fingerprint: bytes
    issuer: str
    subject: str
    study: str
    kind: str
    version: int


@dataclass(frozen=True, slots=True)
class _Head:
    """The checkpoint of a call: the note as received, and what it says."""

    note: str
    checkpoint: Checkpoint


def register(statements: Sequence[SignedStatement]) -> Steps[list[Outcome]]:
    """Register statements in as few calls as the limits allow; gives a bundle or an error for each, in order.

    When a call fails for want of the node, the statements of the later calls are not sent.
    """
    outcomes: list[Outcome] = []
    gone: UnreachableError | None = None
    for batch in _batches(statements):
        try:
            outcomes += [gone] * len(batch) if gone else (yield from _register_batch(batch))
        except TrialAnchorError as error:
            outcomes += [error] * len(batch)
            if isinstance(error, StoreError):
                gone = UnreachableError("it was not sent, because the node failed before")
    return outcomes


def _batches(statements: Sequence[SignedStatement]) -> Iterator[list[SignedStatement]]:
    """Cut statements into batches that one call may hold."""
    batch: list[SignedStatement] = []
    size = 0
    for statement in statements:
        length = len(statement.encode())
        if batch and (len(batch) == MAX_BATCH or size + length > MAX_BATCH_SIZE):
            yield batch
            batch, size = [], 0
        batch.append(statement)
        size += length
    if batch:
        yield batch


def _register_batch(batch: list[SignedStatement]) -> Steps[list[Outcome]]:
    body = b"".join(statement.encode() for statement in batch)
    answer = yield Call("POST", "/v1/statements", content=body, content_type=CBOR_SEQUENCE)
    head, results = _read_results(answer, len(batch))
    outcomes: list[Outcome] = []
    for statement, result in zip(batch, results, strict=True):
        outcome = _outcome(statement, result, head)
        outcomes.append(outcome or (yield from _fetch(statement.digest)))
    return outcomes


def _fetch(digest: bytes) -> Steps[Outcome]:
    try:
        return (yield from receipt(digest))
    except TrialAnchorError as error:
        return error


def _read_results(answer: Answer, count: int) -> tuple[_Head | None, list[Any]]:
    value = answer.json()
    note, results = value.get("checkpoint"), value.get("results")
    if not isinstance(results, list) or len(results) != count or not isinstance(note, str | None):
        raise AnswerError("the node did not answer for each statement")
    with judging_the_node():
        return (None if note is None else _Head(note, parse_checkpoint(note))), results


def _outcome(statement: SignedStatement, result: Any, head: _Head | None) -> Outcome | None:
    """Make the bundle of one result, or its error; None when the node holds it under another signature."""
    if isinstance(result, dict) and "problem" in result:
        return problem_error(result["problem"], InputError.http_status)
    try:
        with judging_the_node():
            return _result_bundle(statement, result, head)
    except AnswerError as error:
        return error


def _result_bundle(statement: SignedStatement, result: Any, head: _Head | None) -> Bundle | None:
    """Make the bundle of one good result.

    Statements are told apart by what was signed. One that was signed twice is in the log with its first signature,
    and the receipt is for that entry, not for ours: None.
    """
    if head is None or not isinstance(result, dict):
        raise AnswerError("the node did not answer for each statement")
    if parse_digest(result.get("statement")) != statement.digest:
        raise AnswerError("the node answered for another statement")
    proof = base64_decode(result.get("receipt"), "the receipt")
    bundle = Bundle(statement.entry, statement.chain, None, proof, head.note)
    if leads_to(bundle, head.checkpoint):
        return bundle
    if result.get("new") is False:
        return None
    raise AnswerError("the node's receipt is not for the statement that was sent")


def leads_to(bundle: Bundle, checkpoint: Checkpoint) -> bool:
    """Tell whether the receipt of a bundle leads from its statement to a checkpoint."""
    proof = decode_receipt(bundle.receipt or b"")
    return proof.root(leaf_hash(bundle.statement)) == checkpoint.root


@contextmanager
def judging_the_node() -> Iterator[None]:
    """What is malformed or contradictory in here is the node's fault, not the caller's."""
    try:
        yield
    except (InputError, VerificationError) as error:
        raise AnswerError(f"the node's answer was not taken over: {error}") from error


def receipt(digest: bytes, wait: str | None = None, poll_s: int = 0) -> Steps[Bundle]:
    """Ask for the bundle of a statement; with `wait`, the node answers up to `poll_s` seconds later.

    Raises:
        NotRegisteredError: The node does not know the statement.
        AnswerError: The bundle is about another statement, or contradicts itself.
    """
    params = {} if wait is None else {"wait": wait, "timeout": str(poll_s)}
    answer = yield Call("GET", f"/v1/receipts/{digest_text(digest)}", params, patience_s=poll_s)
    with judging_the_node():
        bundle = decode_bundle(answer.body)
        if decode_statement(bundle.statement).digest != digest or bundle.membership is not None:
            raise AnswerError("the node gave the bundle of another statement")
        if bundle.receipt is None or not leads_to(bundle, parse_checkpoint(bundle.checkpoint or "")):
            raise AnswerError("the node gave a bundle whose receipt is not for its statement")
    return bundle


def upgrade(bundle: Bundle, wait: str | None = None, timeout_s: float = 0) -> Steps[Bundle]:
    """Add to a bundle what the node has gathered since: anchors, or the receipt if it has none.

    Receipt, checkpoint and place in the set that are there stay. A bundle without a receipt is registered first,
    which needs no key: its statement is signed.

    Args:
        bundle: The bundle to complete.
        wait: State to wait for, `anchored`, or None to take what there is.
        timeout_s: Seconds to wait, in polls of at most `MAX_POLL_S`.

    Raises:
        InputError: The bundle's own statement is not one.
        NotRegisteredError: The node does not know it.
        AnswerError: The node's answer does not fit the bundle.
    """
    signed = replace(decode_statement(bundle.statement), chain=bundle.chain)
    if bundle.receipt is None:
        (outcome,) = yield from register([signed])
        if isinstance(outcome, TrialAnchorError):
            raise outcome
        bundle = replace(outcome, membership=bundle.membership, chain=bundle.chain)
    remaining = timeout_s if wait is not None else 0
    while True:
        poll_s = int(min(remaining, MAX_POLL_S))
        remaining -= poll_s
        found = yield from receipt(signed.digest, wait if poll_s else None, poll_s)
        bundle = merge_bundle(bundle, found)
        if bundle.anchors or remaining < 1:
            return bundle


def merge_bundle(bundle: Bundle, found: Bundle) -> Bundle:
    """Add to a bundle what another one about the same statement has and it has not.

    Raises:
        AnswerError: The other one is about another statement, or an anchor in it is.
    """
    if found.statement != bundle.statement:
        raise AnswerError("the node holds this statement under another signature")
    if bundle.receipt is None:
        bundle = replace(bundle, receipt=found.receipt, checkpoint=found.checkpoint)
    with judging_the_node():
        for anchor in found.anchors:
            if anchor not in bundle.anchors and len(bundle.anchors) < MAX_ANCHORS:
                check_anchor(bundle, anchor)
                bundle = bundle.add_anchor(anchor)
    return bundle


def check_anchor(bundle: Bundle, anchor: Anchor) -> None:
    """Check that an anchor is about the statement of a bundle, so that adding it cannot spoil the bundle.

    Raises:
        VerificationError: It is not.
        InputError: It is malformed.
    """
    index, checkpoint = decode_receipt(bundle.receipt or b"").index, parse_checkpoint(anchor.checkpoint)
    if root_from_inclusion(leaf_hash(bundle.statement), index, checkpoint.size, anchor.path) != checkpoint.root:
        raise AnswerError("an anchor is not for the statement")
    check_anchored(decode_block(anchor.block), anchor, checkpoint)


def entries(where: Mapping[str, str]) -> Steps[list[Entry]]:
    """List the log entries that match, following all pages.

    Args:
        where: Any of fingerprint, subject, study, kind, issuer.

    Raises:
        AnswerError: The list is malformed or has no end.
    """
    found: list[Entry] = []
    cursor: dict[str, str] = {}
    for _ in range(MAX_PAGES):
        answer = yield Call("GET", "/v1/entries", {**where, **cursor, "limit": str(PAGE)})
        value = answer.json()
        with judging_the_node():
            rows = value.get("entries")
            if not isinstance(rows, list):
                raise AnswerError("the node's list of entries is malformed")
            found += [_entry(row) for row in rows]
        after = value.get("next")
        if not isinstance(after, str) or not after:
            return found
        cursor = {"cursor": after}
    raise AnswerError("the node's list of entries has no end")


def head(subject: str, kind: str, issuer: str | None = None) -> Steps[Entry | None]:
    """Find the newest version of a subject and kind, None when there is none.

    Raises:
        OidError: Subject or issuer is not a dotted OID.
        AnswerError: The list is malformed or has no end.
    """
    check_dotted(subject)
    where = {"subject": subject, "kind": kind}
    if issuer is not None:
        check_dotted(issuer)
        where["issuer"] = issuer
    found = yield from entries(where)
    ours = [e for e in found if (e.subject, e.kind) == (subject, kind) and issuer in (None, e.issuer)]
    return max(ours, key=lambda entry: entry.version, default=None)


def _entry(row: Any) -> Entry:
    if not isinstance(row, dict):
        raise AnswerError("the node's list of entries is malformed")
    issuer, subject, study = (_oid(row.get(name)) for name in ("issuer", "subject", "study"))
    index, version, kind = row.get("index"), row.get("version"), row.get("kind")
    if type(index) is not int or type(version) is not int or type(kind) is not str:
        raise AnswerError("the node's list of entries is malformed")
    statement, fingerprint = parse_digest(row.get("statement")), parse_digest(row.get("fingerprint"))
    return Entry(index, statement, fingerprint, issuer, subject, study, kind, version)


def _oid(value: Any) -> str:
    dotted = value.removeprefix(URN_PREFIX) if isinstance(value, str) else ""
    check_dotted(dotted)
    return dotted


def check_wait(wait: str | None) -> None:
    """Refuse a state that cannot be waited for.

    Raises:
        InputError: Neither None nor `anchored`.
    """
    if wait not in (None, State.ANCHORED):
        raise InputError("only the state anchored can be waited for")
