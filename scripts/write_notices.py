"""Write the table of `docs/notices.md` from `rules/data/notices.json`; with --check only compare.

    python scripts/write_notices.py [--check]

What stands above the mark is written by hand and stays.
"""

from __future__ import annotations

import sys
from pathlib import Path

from trialanchor_chaincode.rules.notices import NOTICES

PATH = Path(__file__).parents[1] / "docs" / "notices.md"
MARK = "<!-- Below this line: scripts/write_notices.py -->\n"


def written() -> str:
    """Give the table."""
    lines = ["| Event | Who must know | Acknowledge | Clause |", "| --- | --- | --- | --- |"]
    for name, rule in sorted(NOTICES.items()):
        to = ", ".join(f"`{code}`" for code in rule.to) or "–"
        lines.append(f"| `{name}` | {to} | {'yes' if rule.acknowledge else '–'} | {rule.clause} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or compare; 1 when the page is not the one of this version."""
    head, mark, table = PATH.read_text(encoding="utf-8").partition(MARK)
    wanted = "\n" + written()
    if "--check" in sys.argv[1:]:
        same = bool(mark) and table == wanted
        print(f"{PATH.name} {'is up to date' if same else 'is not of this version: run scripts/write_notices.py'}")
        return 0 if same else 1
    PATH.write_text(head + MARK + wanted, encoding="utf-8")
    print(f"wrote {PATH.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
