"""`python -m trialanchor_node`: the same as `trialanchor node`."""

import sys

from trialanchor.cli.app import run

sys.exit(run(["node", *sys.argv[1:]]))
