"""Errors of the ORS client.

Every one has a number for applications that count as the DNS does: its RCODE where the DNS gave one, otherwise one from
`LOCAL` up, which no RCODE reaches. X.672 has the RCODE handed to the application and names no numbers beyond it.

Source: X.672 7.2, 8.2; RFC 1035 §4.1.1, RFC 6895 §2.3 for the RCODEs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trialanchor_oid.errors import TrialAnchorError

if TYPE_CHECKING:
    from trialanchor_oid.ors.dnssec import Assessment
    from trialanchor_oid.ors.resolution import Resolution

LOCAL: Final = 4096
"""First number of our own; RCODEs with EDNS have 12 bits."""

RCODES: Final = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN"}
"""Names of the RCODEs a client meets."""


def rcode_name(rcode: int) -> str:
    """Give the name of an RCODE, or `RCODE<number>`."""
    return RCODES.get(rcode, f"RCODE{rcode}")


class OrsError(TrialAnchorError):
    """A name could not be resolved, or its information not be had.

    Attributes:
        number: RCODE, or a number from `LOCAL` up.
        steps: What was done until then, for a person.
        dnssec: Outcome of the validation, when there was an answer to validate.
        resolution: What the DNS gave, when only the information file is at fault.
    """

    code = "ors"
    http_status = 503
    exit_code = 4
    hint = "Read what was tried; the DNS or the server of the information may be at fault."
    number: int = LOCAL
    steps: tuple[str, ...] = ()
    dnssec: Assessment | None = None
    resolution: Resolution | None = None


class OrsDnsError(OrsError):
    """A name server answered with an RCODE that is no answer; `rcode` is its number."""

    code = "ors-dns"
    hint = "Ask again later or another server; REFUSED and NOTIMP mean that this server does not serve the name."

    def __init__(self, message: str, rcode: int) -> None:
        super().__init__(message)
        self.number = self.rcode = rcode


class OrsUnknownError(OrsDnsError):
    """There is no such node: the DNS says NXDOMAIN."""

    code = "ors-unknown"
    http_status = 404
    exit_code = 1
    hint = "Check the OID; if a node above it is not in the ORS, name a local copy of its zone."

    def __init__(self, message: str) -> None:
        super().__init__(message, 3)


class OrsNoServiceError(OrsDnsError):
    """The node exists and has no record of the type asked for: the DNS says NOERROR, without one."""

    code = "ors-no-service"
    http_status = 404
    exit_code = 1
    hint = "Ask for any type to see what the node offers."

    def __init__(self, message: str) -> None:
        super().__init__(message, 0)


class OrsInformationError(OrsError):
    """The information file was fetched and does not conform to its module."""

    code = "ors-nonconforming"
    hint = "Tell the node's owner; nothing of the file was used."
    number = LOCAL


class OrsUrlError(OrsError):
    """The address of the information file is one this client does not go to."""

    code = "ors-url-refused"
    hint = "Only https to public addresses is fetched; --allow-http and --allow-private widen that for a test network."
    number = LOCAL + 1


class OrsRedirectError(OrsError):
    """The server sent the client on in a loop, too often, or to another scheme."""

    code = "ors-redirect"
    hint = "Tell the node's owner; the record should name the file itself."
    number = LOCAL + 2


class OrsTooLargeError(OrsError):
    """The information file is larger than the limit; what came was thrown away."""

    code = "ors-too-large"
    hint = "Tell the node's owner; a CINF or RINF file has at most 1 MiB."
    number = LOCAL + 3


class OrsTimeoutError(OrsError):
    """Name servers or the server of the file did not answer in time."""

    code = "ors-timeout"
    http_status = 504
    hint = "Try again later, or check the address of the name server."
    number = LOCAL + 4


class OrsInsecureError(OrsError):
    """DNSSEC was required, and the answer is not known to be genuine.

    Attributes:
        indeterminate: Whether it was not validated at all, rather than found to lie outside DNSSEC.
    """

    code = "ors-insecure"
    hint = "Give the trust anchor of the zone, or do not require DNSSEC; the answer may still be right."
    number = LOCAL + 5

    def __init__(self, message: str, *, indeterminate: bool = False) -> None:
        super().__init__(message)
        self.indeterminate = indeterminate


class OrsBogusError(OrsError):
    """DNSSEC refutes the answer: a signature is missing, wrong or expired, or a denial proves nothing."""

    code = "ors-bogus"
    http_status = 422
    exit_code = 1
    hint = "Do not use this answer: it was changed on its way, or the zone's signatures or the trust anchor are old."
    number = LOCAL + 6


class OrsRecordError(OrsError):
    """The node's records are not of the ORS's form, or contradict each other."""

    code = "ors-record-unusable"
    hint = "Tell the node's owner; a record is never run, only read."
    number = LOCAL + 7


class OrsFetchError(OrsError):
    """The server of the information file did not hand it out."""

    code = "ors-fetch"
    hint = "Try again later; for a certificate of a test network give its authority with --ca."
    number = LOCAL + 8


class OrsChainError(OrsError):
    """DNAME or CNAME records lead in a circle, too far, or to a name that is too long."""

    code = "ors-chain"
    hint = "Tell the operator of the zone; the numeric OID may resolve."
    number = LOCAL + 9


class OrsAnswerError(OrsError):
    """A name server's answer cannot be used: malformed, or a referral to other servers."""

    code = "ors-answer"
    hint = "Ask a resolver that follows referrals, or the server of the zone itself."
    number = LOCAL + 10
