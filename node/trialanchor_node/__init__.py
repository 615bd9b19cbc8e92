"""The node: intake, log, anchoring and HTTP service."""
