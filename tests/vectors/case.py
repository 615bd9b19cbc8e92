"""A test vector: files in a folder named by what is wrong, or right, with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """One vector.

    Attributes:
        name: `<format>/<case>`.
        says: What the reader should know, one or two sentences.
        inputs: Content by file name behind `input.`.
        expected: What a decoder or verifier must find; a code for what it must refuse.
        outputs: Content by file name behind `expected.`, for results compared byte for byte.
    """

    name: str
    says: str
    inputs: dict[str, bytes]
    expected: dict[str, Any]
    outputs: dict[str, bytes]

    @property
    def files(self) -> dict[str, bytes]:
        """Give every file by its path below `tests/vectors`."""
        named = {f"input.{suffix}": data for suffix, data in self.inputs.items()}
        named |= {f"expected.{suffix}": data for suffix, data in self.outputs.items()}
        named["expected.json"] = (
            json.dumps(self.expected, indent=2, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        )
        title = self.name.partition("/")[2].replace("-", " ")
        named["README.md"] = f"# {title[:1].upper()}{title[1:]}\n\n{self.says}\n".encode()
        return {f"{self.name}/{file}": data for file, data in named.items()}


def case(name: str, says: str, inputs: dict[str, bytes], expected: dict[str, Any], **outputs: bytes) -> Case:
    """Make a case; `outputs` name files by their suffix, with `_` for the dot."""
    return Case(name, says, inputs, expected, {suffix.replace("_", "."): data for suffix, data in outputs.items()})
