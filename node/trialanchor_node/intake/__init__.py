"""Intake: the two ways evidence comes in, signed statements and plain records."""
