"""`trialanchor bench …`: measure a node on this machine and print figures with hardware and settings."""

from trialanchor_node.bench.cli import app

__all__ = ["app"]
