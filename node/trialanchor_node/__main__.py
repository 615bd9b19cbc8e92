"""`python -m trialanchor_node`: the commands of `trialanchor node`."""

from trialanchor_node.cli import app

app()
