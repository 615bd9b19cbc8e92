"""`python -m trialanchor.cli`: the same as `trialanchor`."""

from trialanchor.cli.app import main

main()
