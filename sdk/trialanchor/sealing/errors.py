"""Errors of sealing. None names a treatment, a share or a person: holders are named by the number of their share."""

from __future__ import annotations

from trialanchor.errors import DigestError, InputError, PendingError, TrustError, VerificationError


class SealingError(InputError):
    """An allocation list, a sealed list, a share or a key is not of the agreed form."""

    code = "sealing"
    hint = "Use the file as it was written; docs/formats.md says what it holds."


class SealHolderError(InputError):
    """The key is not one of a holder of this seal."""

    code = "seal-holder"
    hint = "Use the key whose recipient stands in the sealed list; if the key is lost, its keeper seals anew."


class SharesMissingError(PendingError):
    """Fewer holders than needed have handed over their shares."""

    code = "shares-missing"
    hint = "Ask further key holders for their share of this unit."


class NotOpenedError(PendingError):
    """The ledger does not say that this may be opened by this holder."""

    code = "not-opened"
    hint = "Wait until enough key holders have approved on the ledger and that is final; then read the state again."


class SealStateError(TrustError):
    """The state of the ledger that was given lacks the seal of the study, or is malformed."""

    code = "seal-state"
    hint = "Give the final state of the ledger with `seals/<study>`, and for one unit `unblindings/<unit>`."


class ShareError(VerificationError):
    """A share is not the one that was sealed for this unit and holder."""

    code = "share"
    hint = "Do not combine it; ask the holder to open the share again from the sealed list that the ledger names."


class SealedListError(DigestError):
    """What was opened, or the list itself, is not what was sealed on the ledger."""

    code = "sealed-list"
    hint = "Do not treat by it and do not rely on it; ask the keeper of the list for the file that the ledger names."
