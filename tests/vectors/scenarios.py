"""Build the scenario files: what members ask of a ledger, what the rules make of it, and the state at the end.

`python tests/vectors/scenarios.py` writes `scenarios/`: `study.json`, a whole study from a ledger without anything, and
a file for each story of `tests/scenario_stories`. Keys and times are fixed, so every run gives the same octets.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
FOLDER = HERE / "scenarios"
for _path in (HERE, HERE.parent, HERE.parents[1] / "scripts"):
    sys.path.insert(0, str(_path))

from signing_worlds import LEDGER, FixedVault, Recorder, SigningWorld, StudyRunner  # noqa: E402 - found in the folders
from study.story import tell  # noqa: E402
from study.study import Study  # noqa: E402
from trialanchor_node.anchoring.fsck import state_digest  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDY = "study"
FRESH = {"members": (), "trials": ("members",)}
"""What is there when a story begins, where that is not members and a running study."""


def stories() -> list[str]:
    """Name the stories."""
    return sorted(path.stem for path in (HERE.parent / "scenario_stories").glob("*.py"))


def build() -> Iterator[tuple[str, str]]:
    """Give the name and the text of each file."""
    yield STUDY, encode("A bioequivalence study from the founding of its consortium to its close.", record_study())
    for name in stories():
        module = importlib.import_module(f"scenario_stories.{name}")
        recorder = record_story(module.story, FRESH.get(name, ("members", "study")))
        yield name, encode(module.__doc__ or "", recorder, whole=True)


def record_study() -> Recorder:
    """Run the study."""
    runner = StudyRunner()
    tell(Study(runner, FixedVault()))
    return runner.recorder


def record_story(story: Any, there: tuple[str, ...]) -> Recorder:
    """Run a story in a world in which something is there already: `members`, a running `study`."""
    world = SigningWorld()
    for part in there:
        getattr(world, f"seed_{part}")()
    story(world)
    return world.recorder


def encode(about: str, recorder: Recorder, *, whole: bool = False) -> str:
    """Write a scenario, a line for each step; `whole` gives the state itself beside its digest."""
    state = recorder.ledger.state
    head = {"trialanchor_scenario": 1, "about": about, "ledger": LEDGER}
    tail: dict[str, Any] = {"state": state_digest(state)} | ({"values": dict(sorted(state.items()))} if whole else {})
    steps = ",\n".join(_line(step) for step in recorder.steps)
    return f'{_line(head)[:-1]},"steps":[\n{steps}\n],\n{_line(tail)[1:]}\n'


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    """Write all files; what is no longer built goes."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, text in build():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"{name}: {len(text) >> 10} KiB")


if __name__ == "__main__":
    main()
