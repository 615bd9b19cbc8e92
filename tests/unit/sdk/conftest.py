"""Fixtures of the client and command-line tests: a node in memory, and a user's folder with keys and settings."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import material
import pytest

from trialanchor.cli import run, surroundings
from trialanchor.client import Options
from trialanchor.clock import FixedClock

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from fake_node import FakeNode

PASSPHRASE = "correct horse"
SIGNED = material.NOW - timedelta(seconds=material.AT - material.SIGNED_AT)
"""When commands other than `verify` are run; `verify` runs at the reference time."""


@pytest.fixture
def node():
    """A node in memory: the handler of an `httpx2.MockTransport`."""
    return FakeNode()


@pytest.fixture(scope="session")
def member_folder(tmp_path_factory):
    """The folder that `trialanchor keys new` made, once for all tests."""
    folder = tmp_path_factory.mktemp("keys") / "edc"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIALANCHOR_PASSPHRASE", PASSPHRASE)
        patch.setattr(surroundings, "clock", lambda: FixedClock(SIGNED))
        command = ("keys", "new", str(folder), "--member-oid", material.MEMBER, "--role", "study_unit")
        assert run([*command, "--system", "edc"]) == 0
    return folder


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()


@pytest.fixture
def cli(node, member_folder, tmp_path, monkeypatch, capsys):
    """Run a command in a folder of its own, against the node in memory; gives exit code, output and notes."""
    clock = FixedClock(SIGNED)
    member = json.loads((member_folder / "member.json").read_text())
    entry = {name: member[name] for name in ("oid", "roles", "roots")}
    (tmp_path / "trust.json").write_text(json.dumps(material.trust_json(members=[entry])))
    monkeypatch.chdir(tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "TRIALANCHOR_LANG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    settings = {
        "COLUMNS": "100",
        "TRIALANCHOR_PASSPHRASE": PASSPHRASE,
        "TRIALANCHOR_URL": "https://node.example.org",
        "TRIALANCHOR_KEY": str(member_folder / "edc.key.pem"),
        "TRIALANCHOR_STUDY": material.STUDY,
        "TRIALANCHOR_TRUST": "trust.json",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    options = Options(transport=node.transport, deadline_s=0.05, first_wait_s=0.001)
    monkeypatch.setattr(surroundings, "clock", lambda: clock)
    monkeypatch.setattr(surroundings, "client_options", lambda: options)

    def call(*arguments):
        clock.at = material.NOW if arguments[0] == "verify" else SIGNED
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call
