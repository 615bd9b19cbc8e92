"""Write the page of refusals, `docs/refusals.md`, from the tables of the rule set; with --check only compare.

python scripts/write_refusals.py [--check]
"""

from __future__ import annotations

import sys
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from trialanchor_chaincode.rules.refusals import REFUSALS

PATH = Path(__file__).parents[1] / "docs" / "refusals.md"

HEAD = """\
# Refusals of the rule set

Why a signed transaction is refused. Nothing was written; the same transaction may be sent again when what the code
names has changed. Over HTTP it is status 409 with the code in `code`, the sentence in `detail` and what to do in
`help`, in Chinese when `Accept-Language` begins with `zh`; on the command line it is exit code 1. Words in braces are
filled in: OIDs, codes, counts and times, never the value of a record.

Made by `scripts/write_refusals.py` from `rules/data/refusals/*.json`.
"""


def page() -> str:
    """Give the content of the page."""
    parts = [HEAD]
    ordered = sorted(REFUSALS.values(), key=attrgetter("table", "code"))
    for table, refusals in groupby(ordered, key=attrgetter("table")):
        title = "All transitions" if table == "transactions" else f"Contract `{table}`"
        parts.append(f"\n## {title}\n\n| Code | Says | What to do |\n| --- | --- | --- |\n")
        parts += [
            f"| `{each.code}` | {each.en}<br>{each.zh} | {each.help_en}<br>{each.help_zh} |\n" for each in refusals
        ]
    return "".join(parts)


def main() -> int:
    """Write or compare; 1 when the page is not the one of this version."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        return int(not PATH.is_file() or PATH.read_text(encoding="utf-8") != wanted)
    PATH.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
