"""Corrections: the audit trail of values that were first written down wrong.

The datasets hold the corrected values. The trail names the record as `<domain>/<subject>/<sequence number>`,
the item, the digests of the old and the new value (`sha256:` of the UTF-8 text), a reason code, who corrected
it and when.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trial.chance import Chance, sha256_hex
from trial.plan import at

if TYPE_CHECKING:
    from trial.drug import Row
    from trial.plan import Trial

CORRECTED = (("vs", "VSORRES"), ("lb", "LBORRES"))
ONE_IN = 100
REASONS = ("TRANSCRIPTION", "DEVICE READING", "SOURCE DATA VERIFICATION")


def audit_rows(trial: Trial, datasets: dict[str, list[Row]]) -> list[Row]:
    """List the corrections of one result in a hundred, at least one of each dataset, in order of time.

    Args:
        trial: The trial.
        datasets: The numbered rows of the datasets in `CORRECTED`.
    """
    rows = [row for domain, item in CORRECTED for row in _domain(trial, domain, item, datasets[domain])]
    return sorted(rows, key=lambda row: (str(row["AUDTC"]), str(row["AUREFID"])))


def _domain(trial: Trial, domain: str, item: str, records: list[Row]) -> list[Row]:
    """Correct some records of one dataset."""
    chance = Chance(trial.seed, f"corrections/{domain}")
    chosen = chance.shuffled(records)[: max(1, len(records) // ONE_IN)]
    return [_correction(domain.upper(), item, record, chance) for record in chosen]


def _correction(prefix: str, item: str, record: Row, chance: Chance) -> Row:
    """Build the trail of one correction."""
    value, subject = str(record[item]), str(record["USUBJID"])
    measured_on = datetime.fromisoformat(str(record[f"{prefix}DTC"])).date()
    corrected_on = measured_on + timedelta(days=chance.whole(1, 4))
    site = subject.split("-")[-2]
    return {
        "USUBJID": subject,
        "AUREFID": f"{prefix}/{subject}/{record[f'{prefix}SEQ']}",
        "AUITEM": item,
        "AUOLD": f"sha256:{sha256_hex(_slip(value))}",
        "AUNEW": f"sha256:{sha256_hex(value)}",
        "AUREAS": chance.pick(REASONS),
        "AUACTOR": f"CRC-{site}-{chance.whole(1, 2)}",
        "AUDTC": at(corrected_on, chance.whole(9, 16), chance.whole(0, 59)).isoformat(),
    }


def _slip(value: str) -> str:
    """Write a number as a slip of the pen: the first two digits change places, or one is written twice."""
    swapped = value[1::-1] + value[2:]
    return swapped if swapped != value and swapped[0].isdigit() else value[0] + value
