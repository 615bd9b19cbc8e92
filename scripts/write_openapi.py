"""Write the description of the HTTP service to `docs/openapi.json`; with --check only compare.

    python scripts/write_openapi.py [--check]

The description is that of any node, so it is taken from one made for the moment.
"""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
from pathlib import Path

from trialanchor.clock import SystemClock
from trialanchor_node.app import create_app
from trialanchor_node.initialise import NewNode, init_node
from trialanchor_node.node import Node
from trialanchor_node.settings import load_settings

PATH = Path(__file__).parents[1] / "docs" / "openapi.json"


def description() -> str:
    """Give the content of the file."""
    with tempfile.TemporaryDirectory() as folder:
        new, passphrase = NewNode(Path(folder) / "node", "2.999.1", ("study_unit",)), secrets.token_urlsafe(16)
        init_node(new, passphrase, SystemClock())
        node = Node(load_settings(new.folder), passphrase)
        try:
            return json.dumps(create_app(node).openapi(), indent=1, ensure_ascii=False) + "\n"
        finally:
            node.close()


def main() -> int:
    """Write or compare; 1 when the file is not the one of this version."""
    wanted = description()
    if "--check" in sys.argv[1:]:
        same = PATH.is_file() and PATH.read_text() == wanted
        print(f"{PATH.name} {'is up to date' if same else 'is not of this version: run scripts/write_openapi.py'}")
        return 0 if same else 1
    PATH.write_text(wanted)
    print(f"wrote {PATH.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
