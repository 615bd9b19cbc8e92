"""Every error of trialanchor, one root, sorted by whose fault it is.

One table of codes drives problem+json answers, exit codes and the page `docs/errors.md`. An error names
what is wrong in its message and what the reader can do in `help()`; neither ever carries a record value,
a key or a person.
"""

from __future__ import annotations

from typing import ClassVar


class TrialAnchorError(Exception):
    """Root of all errors this product raises on purpose.

    Attributes:
        code: Stable name of the error, used in problem+json, reports and documentation.
        http_status: Status of the HTTP answer that carries it.
        exit_code: Exit code of the command line: 1 refuted, 2 usage, 3 pending, 4 could not be checked.
        hint: What the reader can do now, as one sentence.
    """

    code: str = "error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 4
    hint: ClassVar[str] = "Report this with the command you ran and its output."

    def help(self) -> str:
        """Say what the reader can do now."""
        return self.hint


class InputError(TrialAnchorError):
    """The caller sent something that is not of the agreed form."""

    code = "input"
    http_status = 400
    exit_code = 2
    hint = "Correct the input as the message says and send it again; nothing was stored."


class OidError(InputError):
    """The text or bytes are not an object identifier, or one outside the coding scheme."""

    code = "oid"
    hint = "Give an OID of decimal arcs such as 2.16.156.3016.44.2001, without blanks or leading zeros."


class VerificationError(TrialAnchorError):
    """The evidence contradicts itself or the trust given."""

    code = "verification"
    http_status = 422
    exit_code = 1
    hint = "Do not rely on this evidence; ask its owner for the original and compare."


class DigestError(VerificationError):
    """A digest differs from the one that was registered."""

    code = "digest"


class ProofError(VerificationError):
    """A Merkle proof does not lead to the root."""

    code = "proof"


class SignatureError(VerificationError):
    """A signature does not verify."""

    code = "signature"


class PolicyError(VerificationError):
    """Genuine evidence that the policy in force does not accept."""

    code = "policy"


class RuleError(TrialAnchorError):
    """A registration or ledger rule said a definite no."""

    code = "rule"
    http_status = 409
    exit_code = 1
    hint = "The rule named in the message refused it; nothing was stored."


class UnknownKindError(RuleError):
    """The evidence kind, or the dataset it should be derived from, is not in the catalogue."""

    code = "unknown-kind"
    hint = "Use a code of the evidence catalogue, such as gd44.c3.drug_use; nothing was stored."


class PendingError(TrialAnchorError):
    """Genuine so far, not yet at the state asked for."""

    code = "pending"
    http_status = 202
    exit_code = 3
    hint = "Ask again later, or run `trialanchor upgrade` on the receipt."


class TrustError(TrialAnchorError):
    """The trust file lacks what the check needs, so nothing can be said."""

    code = "trust"
    http_status = 503
    exit_code = 4
    hint = "Give a trust file that names the member, log and ledger keys concerned."


class StoreError(TrialAnchorError):
    """The node's own storage failed; nothing that was refused has been stored."""

    code = "store"
    http_status = 503
    exit_code = 4
    hint = "Try again later; the node's operator finds the cause in its log."


class LedgerError(TrialAnchorError):
    """The ledger could not be reached or did not answer as it should."""

    code = "ledger"
    http_status = 503
    exit_code = 4
    hint = "Evidence stays registered; the anchor follows when the ledger answers again."


class ConfigError(TrialAnchorError):
    """The operator's settings, keys or database do not fit together."""

    code = "config"
    http_status = 500
    exit_code = 2
    hint = "Correct the configuration named in the message and start again."
