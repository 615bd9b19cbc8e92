"""The registry of OIDs: what the ledger's `oids` contract holds, found and shown."""
