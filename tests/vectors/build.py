"""Build the vectors of this folder from fixed keys, seeds and dates; every run gives the same octets.

`python tests/vectors/build.py` writes them; the tests build them in memory and compare. Folders of other formats, such
as `oid/`, are not touched.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import cases_bundles  # noqa: E402 - found in the folder added above
import cases_receipts  # noqa: E402
import cases_records  # noqa: E402
import cases_statements  # noqa: E402

FORMATS = ("bundles", "checkpoints", "notes", "receipts", "records", "statements", "trust")


def build() -> dict[str, bytes]:
    """Give every file by its path below this folder."""
    files: dict[str, bytes] = {}
    for module in (cases_statements, cases_receipts, cases_records, cases_bundles):
        for one in module.cases():
            added = one.files
            if files.keys() & added.keys():
                sys.exit(f"{one.name} is built twice")
            files |= added
    return files


def main() -> None:
    """Write all files; what is no longer built goes."""
    files = build()
    for name in FORMATS:
        shutil.rmtree(HERE / name, ignore_errors=True)
    for name, data in files.items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{len(files)} files of {len({name.rpartition('/')[0] for name in files})} vectors")


if __name__ == "__main__":
    main()
