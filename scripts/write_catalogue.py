"""Write the tables of `docs/catalogue.md` from the catalogue's data; with --check only compare.

    python scripts/write_catalogue.py [--check]

What stands above the mark is written by hand and stays.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from trialanchor_chaincode.rules.datasets import DATASETS, DRUG_ACTIVITIES
from trialanchor_chaincode.rules.due import CARRIED, DUE, MOMENTS, WHEN
from trialanchor_chaincode.rules.kinds import KINDS, Requirement
from trialanchor_chaincode.rules.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialanchor_chaincode.rules.due import DueRule

PATH = Path(__file__).parents[1] / "docs" / "catalogue.md"
MARK = "<!-- Below this line: scripts/write_catalogue.py -->\n"
TITLES = {
    "C.1": "GD44 C.1, application by a sponsor",
    "C.2": "GD44 C.2, application by an investigator",
    "C.3": "GD44 C.3, data source and capture",
    "C.4": "GD44 C.4, research and report",
    "C.5": "GD44 C.5, monitoring and trace",
    "drug": "GD44 6.1, 7.3, activities with a trial drug",
    "2": "GD44 8.1 Table 2, reviews",
    "7.1.3": "JS4652 7.1.3, institution, investigator, project",
    "7.2.3": "JS4652 7.2.3, ethics committee",
    "7.3.3": "JS4652 7.3.3, subjects",
    "7.4.3": "JS4652 7.4.3, case report form",
    "7.5.3": "JS4652 7.5.3, safety events",
    "7.6.3": "JS4652 7.6.3, trial drug",
    "7.7.3": "JS4652 7.7.3, biological samples",
    "7.8.3": "JS4652 7.8.3, statistics",
    "7.9.3": "JS4652 7.9.3, monitoring and audit",
    "7.10.3": "JS4652 7.10.3, inspection",
    "7.11.3": "JS4652 7.11.3, quality control",
    "7.12.3": "JS4652 7.12.3, late entry and correction",
    "BE 7.2.1": "BE 7.2.1, subject data sets",
    "BE 7.2.2": "BE 7.2.2, drug data set",
    "BE 7.2.3": "BE 7.2.3, sample data set",
    "BE 7.2.4": "BE 7.2.4, device data set",
    "BE 7.2.5": "BE 7.2.5, assay data sets",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Give a Markdown table."""
    names = tuple(head)
    lines = [names, ("---",) * len(names), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def time_of(rule: DueRule) -> str:
    """Say in a few words when a kind is due."""
    hours = "" if rule.hours is None else f" + {rule.hours} h"
    return f"{rule.scope}: {rule.due}{hours}"


def counts() -> str:
    """Give the number of kinds for each table and requirement."""
    rows = []
    for code, title in TITLES.items():
        found = Counter(row.requirement for row in KINDS.values() if row.table == code)
        rows.append((title, *(str(found[each]) for each in Requirement), str(found.total())))
    total = Counter(row.requirement for row in KINDS.values())
    rows.append(("all", *(str(total[each]) for each in Requirement), str(total.total())))
    return table(("Table", *(each.value for each in Requirement), "Kinds"), rows)


def conditions() -> str:
    """Give every condition of a kind or a due rule."""
    raw = read_table("evidence_kinds")["conditions"]
    texts = {name: (each["zh"], each["en"]) for name, each in raw.items()} | dict(WHEN)
    kinds = Counter(name for code, row in KINDS.items() for name in {row.condition, DUE[code].when} if name is not None)
    return table(
        ("Condition", "Holds when", "中文", "Kinds"),
        ((f"`{name}`", en, zh, str(kinds[name])) for name, (zh, en) in texts.items()),
    )


def moments() -> str:
    """Give every moment with the number of kinds that it makes due."""
    kinds = Counter((rule.scope, rule.due) for rule in DUE.values())
    return table(
        ("Scope", "Moment", "What happens", "中文", "Awaited", "Kinds"),
        (
            (each.scope, f"`{each.code}`", each.en, each.zh, "yes" if each.awaited else "no", str(kinds[key]))
            for key, each in MOMENTS.items()
        ),
    )


def carried() -> str:
    """Give the transitions that are evidence of another document."""
    return table(
        ("Transition", "Argument", "Kind"),
        ((f"`{name or 'any'}`", f"`{argument}`", f"`{kind}`") for (name, argument), kind in CARRIED.items()),
    )


def kinds() -> str:
    """Give every kind, table by table."""
    parts = []
    for code, title in TITLES.items():
        rows = (
            (
                f"`{row.code}`",
                row.zh,
                row.en,
                f"Cn `{row.condition}`" if row.condition else row.requirement.value,
                ", ".join(row.providers),
                ", ".join(row.users),
                time_of(DUE[row.code]) + (", reviewed" if DUE[row.code].review else ""),
            )
            for row in KINDS.values()
            if row.table == code
        )
        parts.append(f"### {title}\n\n" + table(("Code", "中文", "English", "Req", "Providers", "Users", "Due"), rows))
    return "\n".join(parts)


def activities() -> str:
    """Give what surrounds each activity with a trial drug."""
    return table(
        ("Kind", "Before", "After", "Holds"),
        (
            (f"`{each.kind}`", "–" if each.before is None else each.before[1], each.after[1], ", ".join(each.holds))
            for each in DRUG_ACTIVITIES.values()
        ),
    )


def datasets() -> str:
    """Give the fields of each bioequivalence data set."""
    return table(
        ("Kind", "Fields", "Short names (in brackets: may be left out; *: hidden)"),
        (
            (
                f"`{dataset.kind}`",
                str(len(dataset.fields)),
                " ".join(
                    (f"{each.name}" if each.requirement is Requirement.REQUIRED else f"[{each.name}]")
                    + ("*" if each.hidden else "")
                    for each in dataset.fields.values()
                ),
            )
            for dataset in DATASETS.values()
        ),
    )


def written() -> str:
    """Give everything below the mark."""
    parts = {
        "Counts": counts(),
        "Conditions": conditions(),
        "Moments": moments(),
        "Documents that a transition carries": carried(),
        "Before and after each drug activity": activities(),
        "Bioequivalence data sets": datasets(),
        "All kinds": kinds(),
    }
    return "\n".join(f"## {title}\n\n{text}" for title, text in parts.items())


def main() -> int:
    """Write or compare; 1 when the tables are not those of this version."""
    page = PATH.read_text(encoding="utf-8")
    wanted = page.partition(MARK)[0] + MARK + "\n" + written()
    if "--check" in sys.argv[1:]:
        print(f"{PATH.name} {'is up to date' if page == wanted else 'is old: run scripts/write_catalogue.py'}")
        return 0 if page == wanted else 1
    PATH.write_text(wanted, encoding="utf-8")
    print(f"wrote {PATH.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
