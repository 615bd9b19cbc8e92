"""The log: an RFC 9162 tree over statements, its rules, its durable store and its public tiles."""
