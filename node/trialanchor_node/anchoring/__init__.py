"""Anchoring: one ledger transaction for each checkpoint."""
