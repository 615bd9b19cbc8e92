"""Statements, fingerprints, receipts, verifier, client and command line."""
