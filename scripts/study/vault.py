"""The vault of the study: allocations sealed with age to key holders, whose shares leave when the ledger says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialanchor.errors import InputError
from trialanchor.sealing import (
    Holder,
    combine_shares,
    disclose,
    new_identity,
    open_share,
    recipient_of,
    seal_list,
    seal_of,
    verify_disclosed,
    verify_opened,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor.sealing import Allocations, SealedList, Share
    from trialanchor_chaincode.rules.state import StateView


class AgeVault:
    """Holds the sealed list, and for the holders their identities.

    Args:
        state: What a node says of its ledger.
    """

    def __init__(self, state: StateView) -> None:
        self._state = state
        self._identities: dict[str, str] = {}
        self._sealed: SealedList | None = None
        self._shares: dict[str, list[Share]] = {}

    @property
    def sealed(self) -> SealedList:
        """The sealed list.

        Raises:
            InputError: Nothing was sealed yet.
        """
        if self._sealed is None:
            raise InputError("nothing was sealed yet")
        return self._sealed

    def seal(self, listed: Allocations, holders: Sequence[str], threshold: int) -> dict[str, Any]:
        """Seal a list to its key holders; give the arguments of `unblinding/seal`."""
        self._identities = {holder: new_identity() for holder in holders}
        known = [Holder(holder, recipient_of(identity)) for holder, identity in self._identities.items()]
        self._sealed = seal_list(listed, known, threshold)
        return self._sealed.seal_arguments()

    def share(self, unit: str, holder: str) -> str:
        """Have a holder hand out the share of a unit; give its digest."""
        share = open_share(self.sealed, unit, self._identities[holder], self._state)
        self._shares.setdefault(unit, []).append(share)
        return share.digest

    def open(self, unit: str) -> str:
        """Combine the shares handed out; give the code of the treatment, proved to be the one that was sealed."""
        opened = combine_shares(self.sealed, self._shares[unit])
        verify_opened(opened, seal_of(self._state, self.sealed.study))
        return opened.unit.treatment

    def disclose(self) -> Allocations:
        """Open the whole list with the keys of as many holders as must act; it is the one that was sealed."""
        study = self.sealed.study
        holders = list(self._identities)[: self.sealed.threshold]
        shares = [open_share(self.sealed, study, self._identities[holder], self._state) for holder in holders]
        listed = disclose(self.sealed, shares)
        verify_disclosed(listed, seal_of(self._state, study))
        return listed
