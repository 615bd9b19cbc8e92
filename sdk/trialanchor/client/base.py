"""What the two clients have in common: everything but sending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialanchor import verify as verification
from trialanchor.client.calls import Options
from trialanchor.client.preparation import Author, Claims, Evidence, Prepared
from trialanchor.clock import Clock, SystemClock
from trialanchor.encoding import parse_digest
from trialanchor.errors import InputError
from trialanchor.transactions import TransactionBody

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialanchor.client.contracts import Transition
    from trialanchor.keys import SystemKey
    from trialanchor.report import Report
    from trialanchor.transactions import SignedTransaction
    from trialanchor.trust import Trust


class BaseClient:
    """Prepares and verifies; the subclasses send.

    Args:
        url: Address of the node.
        member: Dotted OID of the member in whose name statements are made; not needed to read.
        system: Signing key of a system or person; not needed to read.
        clock: Dates statements and verifications.
        options: Time-outs and connection.

    Raises:
        InputError: The URL is not one.
    """

    def __init__(
        self,
        url: str,
        *,
        member: str | None = None,
        system: SystemKey | None = None,
        clock: Clock | None = None,
        options: Options | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._author = Author(member, system, self._clock)
        self._options = options or Options()
        self._ledger = self._options.ledger
        self._http_arguments = self._options.http(url)

    def prepare(self, evidence: Evidence, claims: Claims) -> Prepared:
        """Fingerprint a record or file and sign the claims about it; nothing is sent.

        Raises:
            TrialAnchorError: See `Author.prepare`.
        """
        return self._author.prepare(evidence, claims)

    def prepare_set(self, records: Iterable[Mapping[str, Any]], claims: Claims) -> Prepared:
        """Fingerprint records and sign the claims about all of them once; nothing is sent.

        Raises:
            TrialAnchorError: See `Author.prepare_set`.
        """
        return self._author.prepare_set(records, claims)

    def prepare_transition(self, transition: Transition, ledger: str) -> SignedTransaction:
        """Sign a transition that is meant for a ledger; nothing is sent.

        Raises:
            InputError: There is no such transition, or its study is missing.
            TransitionRefusedError: An argument is not of its form.
            ConfigError: No member or no key was given.
        """
        body = TransactionBody(
            ledger=ledger,
            request=transition.request,
            contract=transition.contract,
            action=transition.action,
            arguments=transition.plain(),
        )
        return self._author.sign_transaction(body, transition.study)

    def _signs(self, transition: Transition) -> bool:
        """Tell whether transitions are signed here: with a key; without one, the node signs for a token.

        Raises:
            InputError: The study of the transition is missing.
        """
        if transition.spec.scope == "study" and transition.study is None:
            raise InputError(f"{transition.contract}/{transition.action} is made in a study; name its OID")
        return self._author.system is not None

    def verify(self, bundle: bytes, evidence: verification.Evidence | None, trust: Trust) -> Report:
        """Verify a bundle here and now, without the node; never raises on its input."""
        return verification.verify(bundle, evidence, trust, self._clock.now())


def digest_of(digest: bytes | str) -> bytes:
    """Take a digest as 32 octets or as `sha256:<hex>`.

    Raises:
        InputError: It is neither.
    """
    return parse_digest("sha256:" + digest.hex() if isinstance(digest, bytes) else digest)
