"""The command line `trialanchor`."""

from trialanchor.cli.app import main, run

__all__ = ["main", "run"]
