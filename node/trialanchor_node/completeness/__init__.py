"""Which evidence of a study is missing, late or unreviewed, from this node's log and ledger."""
