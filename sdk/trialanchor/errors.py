"""The errors of trialanchor, as `trialanchor_oid.errors` defines them."""

from trialanchor_oid.errors import (
    ConfigError,
    DigestError,
    InputError,
    LedgerError,
    OidError,
    PendingError,
    PolicyError,
    ProofError,
    RuleError,
    SignatureError,
    StoreError,
    TrialAnchorError,
    TrustError,
    UnknownKindError,
    VerificationError,
)

__all__ = [
    "ConfigError",
    "DigestError",
    "InputError",
    "LedgerError",
    "OidError",
    "PendingError",
    "PolicyError",
    "ProofError",
    "RuleError",
    "SignatureError",
    "StoreError",
    "TrialAnchorError",
    "TrustError",
    "UnknownKindError",
    "VerificationError",
]
