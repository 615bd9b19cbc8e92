"""Notices as a node sends them to a webhook: HTTP messages signed with the key of its log.

    notice = verify(Message("POST", url, headers, body), trust, clock.now())

This is a profile of RFC 9421 with exactly one form, which leaves a sender or a thief nothing to choose:

1. `Content-Digest` (RFC 9530) holds the SHA-256 of the body.
2. `Signature-Input` has a member `notice` over `@method`, `@target-uri`, `content-type` and `content-digest`, with the
   parameters created, keyid (the log's origin, `oid/<node>`), alg `ed25519` and tag `trialanchor-notice`, in this
   order.
3. The signature of `Signature`, member `notice`, verifies under the log's key of the trust file.
4. It was made at most `MAX_AGE_S` ago, and not more than `MAX_AHEAD_S` ahead of the receiver's clock: each delivery is
   signed anew, also when it is tried again.
5. A node tells of its own embedded ledger only, whatever other nodes the trust file names.

A notice may arrive more than once: `(ledger, id)` is the same each time. Other signatures in the message are let be.

Source: RFC 9421 §2.2, §2.5, §3.1, §3.2, §3.3.6; RFC 9530 §2; R-068, R-069.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from trialanchor import cose
from trialanchor.encoding import base64_decode, base64_encode
from trialanchor.errors import DigestError, InputError, PolicyError, TrustError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trialanchor.cose import Signer
    from trialanchor.trust import Trust

MEDIA_TYPE: Final = "application/json"
TAG: Final = "trialanchor-notice"

MAX_AGE_S: Final = 300
"""Seconds after which a signature counts as a repetition by somebody else."""

MAX_AHEAD_S: Final = 60
"""Seconds by which the node's clock may be ahead of the receiver's."""

_LABEL: Final = "notice"
_EMBEDDED: Final = "embedded:"
_COMPONENTS: Final = '("@method" "@target-uri" "content-type" "content-digest")'
_INPUT: Final = re.compile(
    rf"(?:^|,)[ \t]*{_LABEL}=("
    + re.escape(_COMPONENTS)
    + rf';created=([0-9]{{1,12}});keyid="([!#-\[\]-~]{{1,200}})";alg="ed25519";tag="{TAG}")[ \t]*(?=,|$)'
)
_SIGNATURE: Final = re.compile(rf"(?:^|,)[ \t]*{_LABEL}=:([A-Za-z0-9+/=]*):[ \t]*(?=,|$)")
_DIGEST: Final = re.compile(r"(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/=]*):[ \t]*(?=,|$)")
_TEXTS: Final = ("event", "id", "ledger", "member", "study", "subject")
_TRUTHS: Final = ("must_acknowledge", "must_know")


class NoticeError(InputError):
    """A message is not a notice of the agreed form."""

    code = "notice"
    hint = "Take method, URL, headers and body as they arrived; compare with docs/notices.md."


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it is sent, or as it arrived.

    Attributes:
        method: `POST`.
        url: Its address as the sender knows it; behind a proxy the public one.
        headers: Header fields; names in any case.
        body: Its octets, unchanged.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """What a member is told.

    Attributes:
        id: Place of the event on its ledger, `<block>.<position>`; with `ledger` the name of the notice.
        ledger: Name of the ledger.
        member: OID of the member that is told.
        event: Name of the event, `source:subject:action`.
        subject: OID of the object.
        study: OID of the study, empty when none is concerned.
        at: Unix second of the block.
        must_know: Whether the member must know; else it subscribed.
        must_acknowledge: Whether it must say that it knows.
    """

    id: str
    ledger: str
    member: str
    event: str
    subject: str
    study: str
    at: int
    must_know: bool
    must_acknowledge: bool

    def encode(self) -> bytes:
        """Write it as the body of a message."""
        value = {name: getattr(self, name) for name in (*_TEXTS, "at", *_TRUTHS)}
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sign(notice: Notice, url: str, key: tuple[str, Signer], at: int) -> Message:
    """Sign a notice for an address.

    Args:
        notice: The notice.
        url: Address of the receiver.
        key: Origin of the log, and its Ed25519 key.
        at: Unix second.
    """
    name, signer = key
    body = notice.encode()
    parameters = f'{_COMPONENTS};created={at};keyid="{name}";alg="ed25519";tag="{TAG}"'
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Digest": f"sha-256=:{base64_encode(sha256(body).digest())}:",
        "Signature-Input": f"{_LABEL}={parameters}",
    }
    signature = signer.sign(signature_base(_covered(Message("POST", url, headers, body)), parameters))
    return Message("POST", url, {**headers, "Signature": f"{_LABEL}=:{base64_encode(signature)}:"}, body)


def verify(message: Message, trust: Trust, now: datetime) -> Notice:
    """Check that a node sent a message just now, and give its notice.

    Args:
        message: The message as it arrived.
        trust: Trust file that names the node's log.
        now: The receiver's time.

    Raises:
        NoticeError: It is not of the agreed form.
        DigestError: The body was changed.
        TrustError: The trust file does not name the log, or the ledger is that of another node.
        SignatureError: The signature does not verify: message or address were changed.
        PolicyError: It is genuine, and too old or ahead of the receiver's clock.
    """
    if message.method != "POST":
        raise NoticeError("a notice is sent with POST")
    (digest,) = _member(message, "content-digest", _DIGEST)  # (1)
    if base64_decode(digest, "Content-Digest") != sha256(message.body).digest():
        raise DigestError("the body is not the one that was signed")
    parameters, created, name = _member(message, "signature-input", _INPUT)  # (2)
    log = trust.logs.get(name)
    if log is None:
        raise TrustError("the trust file names no log with the key that signed the notice")
    (signature,) = _member(message, "signature", _SIGNATURE)  # (3)
    raw = base64_decode(signature, "Signature")
    cose.check_signature(log.public_key, cose.EDDSA, raw, signature_base(_covered(message), parameters))
    age = int(now.timestamp()) - int(created)  # (4)
    if not -MAX_AHEAD_S <= age <= MAX_AGE_S:
        raise PolicyError(f"the notice was signed {age} s ago; it counts from {-MAX_AHEAD_S} to {MAX_AGE_S} s")
    notice = _read(message.body)
    if notice.ledger.startswith(_EMBEDDED) and notice.ledger != _EMBEDDED + log.node:  # (5)
        raise TrustError("the notice is of the ledger of another node than the one that signed it")
    return notice


def _member(message: Message, field: str, form: re.Pattern[str]) -> tuple[str, ...]:
    """Give what the one member of a header field holds that is of this form."""
    found = list(form.finditer(_field(message, field)))
    if len(found) != 1:
        raise NoticeError(f"the header {field} holds no member, or several, of the form of a notice")
    return found[0].groups()


def _field(message: Message, field: str) -> str:
    values = [value for name, value in message.headers.items() if name.lower() == field]
    if len(values) != 1:
        raise NoticeError(f"the header {field} stands once in a notice")
    return values[0].strip(" \t")


def _covered(message: Message) -> dict[str, str]:
    """Give the components that are signed, by name."""
    return {
        "@method": message.method,
        "@target-uri": message.url,
        "content-type": _field(message, "content-type"),
        "content-digest": _field(message, "content-digest"),
    }


def signature_base(components: Mapping[str, str], parameters: str) -> bytes:
    """Write what is signed (RFC 9421 §2.5): components in their order, then the parameters of the signature."""
    lines = [f'"{name}": {value}' for name, value in components.items()]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode()


def _read(body: bytes) -> Notice:
    """Read a notice; fields of a later version are let be."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoticeError("the body is not JSON") from error
    if (
        not isinstance(value, dict)
        or any(type(value.get(name)) is not str for name in _TEXTS)
        or any(type(value.get(name)) is not bool for name in _TRUTHS)
        or type(value.get("at")) is not int
    ):
        raise NoticeError("the body does not hold the fields of a notice")
    return Notice(**{name: value[name] for name in (*_TEXTS, "at", *_TRUTHS)})
