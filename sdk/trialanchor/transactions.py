"""Transactions: what a member asks of a ledger, signed as a statement, so that it is evidence and a request at once.

The body says what is asked for: contract, action and arguments, the ledger it is meant for, the name of the request.
The statement over its digest says who asks: member, person or system, study, time. One JSON text holds both, with the
certificates, and is all that anybody needs to check it: `{"body": …, "statement": "<base64>"}`. As it was signed it
stands in a block of the ledger, and its statement in the log of the member.

Procedure of `decode_transaction`:

1. Read the JSON text; it has one spelling.
2. Hold the body to its form; arguments hold text, whole numbers, truth values, lists and objects only.
3. Decode the statement; its payload is the digest of the body, and it says nothing that a transaction does not.

Not done here: what the rules decide (`trialanchor_chaincode.rules`).

Source: R-003, R-005, R-013; RFC 9943; design §5.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NoReturn

from trialanchor.encoding import OversizeError, base64_decode, base64_encode, digest_text
from trialanchor.errors import InputError
from trialanchor.statements import TRANSACTION_TYPE, Action, Statement, Status, decode_statement, sign_statement
from trialanchor_chaincode.rules.state import Signed, Transaction, encode_value
from trialanchor_chaincode.rules.transitions import TRANSITIONS, check_arguments

if TYPE_CHECKING:
    from trialanchor.keys import SystemKey
    from trialanchor.signers import Signers
    from trialanchor.statements import SignedStatement
    from trialanchor.trust import TrustedMember
    from trialanchor_chaincode.rules.transitions import TransitionSpec

MAX_TRANSACTION: Final = 512 << 10
"""Octets of a transaction: 1,000 OIDs of 256 characters, and the statement."""

MEDIA_TYPE: Final = TRANSACTION_TYPE
"""Media type of a transaction, which is that of the body its statement stands for."""

REQUEST: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_LEDGER: Final = re.compile(r"[a-z]{1,16}:[A-Za-z0-9._-]{1,256}", re.ASCII)
_BODY: Final = ("action", "arguments", "contract", "ledger", "request")
_FILE: Final = ("body", "statement")
_HEAD: Final = b'{"body":'
_MIDDLE: Final = b',"statement":'
"""What stands before the body and after it, in the one spelling that a transaction has."""

_FIXED: Final = (Action.CREATE, Status.COMPLETED, None, None, (), None, None)
"""What stands in the fields of the statement that a transaction has no use for."""

_NUMBERS: Final = (int, bool)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

MAX_NESTING: Final = 16
"""Lists and objects of arguments inside each other; those of the table of transitions need 3."""


class TransactionError(InputError):
    """Not a transaction of the agreed form."""

    code = "transaction"
    hint = "Compare it with docs/formats.md; the SDK makes only valid ones."


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionBody:
    """What is asked for.

    Attributes:
        ledger: Name of the ledger, such as `embedded:<node OID>`; it counts on no other.
        request: Name of the request, 1 to 128 letters, digits, dots, underscores or hyphens; done once for each member.
        contract: Name of the contract.
        action: Name of the transition.
        arguments: What the transition needs, as the table of transitions says.
    """

    ledger: str
    request: str
    contract: str
    action: str
    arguments: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object."""
        return {name: getattr(self, name) for name in _BODY}

    def digest(self) -> bytes:
        """Digest the canonical JSON of the body."""
        return sha256(encode_value(self.to_json()).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who asks, and for which study.

    Attributes:
        member: OID of the member, dotted.
        actor: OID of the person or system that acts for it, dotted.
        study: OID of the study, dotted; None for transitions that concern none.
        at: Unix second of the signature.
    """

    member: str
    actor: str
    study: str | None
    at: int


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction: its body, and the statement over it."""

    body: TransactionBody
    signed: SignedStatement
    _encoded: bytes = field(default=b"", repr=False, compare=False)

    @property
    def digest(self) -> str:
        """Its name everywhere: the statement digest, `sha256:<hex>`."""
        return digest_text(self.signed.digest)

    def encode(self) -> bytes:
        """Encode canonically, with the certificates; what was read is given as it was."""
        if self._encoded:
            return self._encoded
        value = {"body": self.body.to_json(), "statement": base64_encode(self.signed.encode())}
        return encode_value(value).encode()


def sign_transaction(body: TransactionBody, requester: Requester, key: SystemKey) -> SignedTransaction:
    """Sign a transaction.

    Raises:
        TransactionError: The body is not of its form, there is no such transition, or the study is missing.
        TransitionRefusedError: The arguments are not of their form.
        StatementError: An OID of the requester is not of its form.
        StoreError: The key cannot be reached.
    """
    _check_body(body)
    spec = _spec_of(body)
    if spec.scope == "study" and requester.study is None:
        raise TransactionError(f"{body.contract}/{body.action} is made in a study; name its OID")
    check_arguments(spec, body.arguments)
    claims = Statement(
        issuer=requester.member,
        subject=body.arguments[spec.subject],
        issued_at=requester.at,
        payload=body.digest(),
        content_type=TRANSACTION_TYPE,
        kind=spec.kind,
        study=requester.study if spec.scope == "study" and requester.study is not None else requester.member,
        actor=requester.actor,
    )
    return SignedTransaction(body, sign_statement(claims, key.signer, key.chain))


def _spec_of(body: TransactionBody) -> TransitionSpec:
    spec = TRANSITIONS.get((body.contract, body.action))
    if spec is None:
        raise TransactionError(f"there is no transition {body.contract}/{body.action}")
    return spec


def check_transition(transaction: SignedTransaction) -> None:
    """Hold a transaction against the table of transitions: what the rules decide without knowing their state.

    Raises:
        TransactionError: There is no such transition, or the statement is about something else than it.
        TransitionRefusedError: The arguments are not of their form.
    """
    statement, body = transaction.signed.statement, transaction.body
    spec = _spec_of(body)
    check_arguments(spec, body.arguments)
    if (statement.kind, statement.subject) != (spec.kind, body.arguments[spec.subject]):
        raise TransactionError("kind or subject of the statement is not that of the transition")
    if spec.scope != "study" and statement.study != statement.issuer:
        raise TransactionError("the statement names a study, and the transition is made in none")


def decode_transaction(data: bytes) -> SignedTransaction:
    """Read a transaction; its signature is not checked.

    Raises:
        OversizeError: More than 512 KiB.
        TransactionError: Not of its form, or body and statement do not belong together.
        StatementError, CoseError, CborError: The statement is malformed.
    """
    if len(data) > MAX_TRANSACTION:
        raise OversizeError(f"the transaction has {len(data)} octets, {MAX_TRANSACTION} are allowed")
    value = _read(data)  # (1)
    body = value["body"]
    if not isinstance(body, dict) or body.keys() != set(_BODY):  # (2)
        raise TransactionError(f"the body of a transaction has {', '.join(_BODY)}")
    asked = TransactionBody(**body)
    _check_body(asked)
    signed = decode_statement(base64_decode(value["statement"], "the statement"))  # (3)
    _check_statement(signed.statement, sha256(data[len(_HEAD) : data.rindex(_MIDDLE)]).digest())
    return SignedTransaction(asked, signed, data)


def _read(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode()
        value = _DECODER.decode(text)
        if not isinstance(value, dict) or value.keys() != set(_FILE) or encode_value(value) != text:
            raise TransactionError("a transaction is canonical JSON of a body and a statement")
    except (ValueError, RecursionError) as error:
        raise TransactionError("a transaction is canonical JSON in UTF-8") from error
    return value


def _refuse_number(_text: str) -> NoReturn:
    raise TransactionError("the numbers of a transaction are whole")


_DECODER: Final = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number)


def _check_body(body: TransactionBody) -> None:
    """Step 2."""
    named = ((body.contract, _NAME), (body.action, _NAME), (body.ledger, _LEDGER), (body.request, REQUEST))
    for value, form in named:
        if type(value) is not str or form.fullmatch(value) is None:
            raise TransactionError("contract, action, ledger or request of the body is not of its form")
    if not isinstance(body.arguments, dict) or not _is_plain(body.arguments):
        raise TransactionError(
            "arguments hold text, whole numbers, truth values, and lists and objects of them, "
            f"{MAX_NESTING} inside each other at most, and nothing else"
        )


def _is_plain(value: Any, nesting: int = MAX_NESTING) -> bool:
    if isinstance(value, dict):
        return nesting > 0 and all(_is_text(name) and _is_plain(part, nesting - 1) for name, part in value.items())
    if isinstance(value, list):
        return nesting > 0 and all(_is_plain(part, nesting - 1) for part in value)
    return _is_text(value) or type(value) in _NUMBERS


def _is_text(value: Any) -> bool:
    """Tell whether something is text that can be written in UTF-8."""
    return type(value) is str and (value.isascii() or _SURROGATE.search(value) is None)


def _check_statement(statement: Statement, digest: bytes) -> None:
    """Step 3, for a body with this digest."""
    if statement.content_type != TRANSACTION_TYPE or statement.payload != digest:
        raise TransactionError("the statement is not the one over this body")
    unused = (statement.action, statement.status, statement.location, statement.count, statement.refs)
    if (*unused, statement.source_time, statement.source_zone) != _FIXED:
        raise TransactionError("the statement says more than a transaction does")


def authenticate(transaction: SignedTransaction, member: TrustedMember, signers: Signers, now: int) -> Transaction:
    """Check certificate and signature of a transaction of `member` at Unix second `now`; give what the rules decide on.

    Raises:
        RefusedCertificateError: No chain, one that leads to no root, not valid, revoked, or of another person.
        RefusedSignatureError: The key did not sign it.
    """
    signatory = signers.check(transaction.signed, member, now)
    whole = transaction
    if not transaction.signed.chain:
        whole = SignedTransaction(transaction.body, replace(transaction.signed, chain=signatory.chain))
    statement, body = whole.signed.statement, whole.body
    vouched = Signed(
        actor=statement.actor,
        named=signatory.key.actor is not None,
        subject=statement.subject,
        study=statement.study,
        kind=statement.kind,
        at=statement.issued_at,
        ledger=body.ledger,
        request=body.request,
        body=digest_text(statement.payload),
        digest=whole.digest,
        text=whole.encode().decode(),
    )
    return Transaction(body.contract, body.action, statement.issuer, body.arguments, vouched)
