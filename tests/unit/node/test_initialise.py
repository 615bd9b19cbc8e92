"""A new node folder: complete or not there at all, and never over another one."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import stat
from hashlib import sha256
from pathlib import Path

import pytest
from material import MEMBER

from nodes import PASSPHRASE, fsck
from trialanchor.errors import ConfigError, InputError
from trialanchor.keys import read_system_key
from trialanchor.trust import decode_trust
from trialanchor_node import initialise
from trialanchor_node.initialise import NewNode, init_node
from trialanchor_node.node import Node, read_node_keys
from trialanchor_node.settings import load_settings


@pytest.fixture
def new(tmp_path):
    """Factory of descriptions of a new node: fields that differ."""

    def make(**changes):
        return NewNode(**{"folder": tmp_path / "node", "member_oid": MEMBER, "roles": ("study_unit",), **changes})

    return make


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_node_has_all_it_needs_to_start(new, clock, tmp_path):
    tokens = init_node(new(sources=("edc",), port=9000), PASSPHRASE, clock)
    folder = tmp_path / "node"
    settings = load_settings(folder)
    assert (settings.node_oid, settings.port) == (MEMBER, 9000)
    assert settings.sources[0].token_sha256 == sha256(tokens["edc"].encode()).hexdigest()
    read_node_keys(settings, PASSPHRASE)
    read_system_key(folder / "keys/edc.key.pem", folder / "keys/edc.chain.pem", PASSPHRASE)
    trust = decode_trust((folder / "trust.json").read_bytes())
    assert set(trust.members) == {MEMBER}
    assert f"oid/{MEMBER}" in trust.logs
    Node(settings, PASSPHRASE, clock).close()
    assert fsck(folder).problems == []
    assert left(tmp_path) == ["node"]


def test_private_keys_are_encrypted_and_their_owners_only(new, clock, tmp_path):
    init_node(new(sources=("edc",)), PASSPHRASE, clock)
    keys = sorted((tmp_path / "node" / "keys").glob("*.key.pem"))
    assert [path.name for path in keys] == ["edc.key.pem", "ledger.key.pem", "log.key.pem", "root.key.pem"]
    for path in keys:
        assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "node").stat().st_mode) == 0o700


def test_no_token_is_written_down(new, clock, tmp_path):
    tokens = init_node(new(sources=("edc",)), PASSPHRASE, clock)
    for path in (tmp_path / "node").rglob("*"):
        assert path.is_dir() or tokens["edc"].encode() not in path.read_bytes()


def test_an_empty_folder_is_used(new, clock, tmp_path):
    (tmp_path / "node").mkdir()
    init_node(new(), PASSPHRASE, clock)
    load_settings(tmp_path / "node")


def test_a_folder_below_one_that_is_not_there_yet(new, clock, tmp_path):
    init_node(new(folder=tmp_path / "a" / "b"), PASSPHRASE, clock)
    load_settings(tmp_path / "a" / "b")


def test_a_relative_folder(new, clock, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    init_node(new(folder=Path("here")), PASSPHRASE, clock)
    load_settings(tmp_path / "here")


def test_the_folder_one_stands_in_is_refused(new, clock, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="give it a name"):
        init_node(new(folder=Path()), PASSPHRASE, clock)
    assert left(tmp_path) == []


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_nothing_is_made_over_what_is_there(new, clock, tmp_path, kind):
    target = tmp_path / "node"
    if kind == "folder":
        target.mkdir()
        (target / "precious").write_text("kept")
    else:
        target.write_text("kept")
    with pytest.raises(InputError, match="never made over another"):
        init_node(new(), PASSPHRASE, clock)
    kept = target / "precious" if kind == "folder" else target
    assert kept.read_text() == "kept"
    assert left(tmp_path) == ["node"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"member_oid": "me"}, "--member-oid", id="oid"),
        pytest.param({"roles": ()}, "--role", id="no-role"),
        pytest.param({"roles": ("king",)}, "--role", id="role"),
        pytest.param({"sources": ("EDC",)}, "--source", id="source-upper-case"),
        pytest.param({"sources": ("1edc",)}, "--source", id="source-digit-first"),
        pytest.param({"sources": ("édc",)}, "--source", id="source-accent"),
        pytest.param({"sources": ("x" * 32,)}, "--source", id="source-long"),
        pytest.param({"sources": ("log",)}, "--source", id="source-of-a-key"),
        pytest.param({"sources": ("edc", "edc")}, "--source", id="source-twice"),
        pytest.param({"sources": ("../x",)}, "--source", id="source-path"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_left(new, clock, tmp_path, changes, reason):
    with pytest.raises(InputError, match=reason):
        init_node(new(**changes), PASSPHRASE, clock)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "passphrase"),
    [
        pytest.param({}, "", id="no-passphrase"),
        pytest.param({"port": 70_000}, PASSPHRASE, id="port"),
        pytest.param({"database": "nonsense"}, PASSPHRASE, id="database"),
        pytest.param({"database": "sqlite://"}, PASSPHRASE, id="database-in-memory"),
    ],
)
def test_what_fails_half_way_leaves_nothing(new, clock, tmp_path, changes, passphrase):
    with pytest.raises((InputError, ConfigError)):
        init_node(new(**changes), passphrase, clock)
    assert left(tmp_path) == []


def test_a_crash_at_the_last_step_leaves_nothing(new, clock, tmp_path, monkeypatch):
    def crash(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(initialise, "Node", crash)
    with pytest.raises(KeyboardInterrupt):
        init_node(new(), PASSPHRASE, clock)
    assert left(tmp_path) == []


@pytest.mark.parametrize("step", ["trialanchor_node.node._replace", "pathlib.Path.rename"])
def test_a_database_elsewhere_can_be_used_again_after_a_crash(new, clock, tmp_path, monkeypatch, step):
    def crash(*_arguments):
        raise KeyboardInterrupt

    elsewhere = new(database=f"sqlite:///{tmp_path / 'other.db'}")
    with monkeypatch.context() as patch:
        patch.setattr(step, crash)
        with pytest.raises(KeyboardInterrupt):
            init_node(elsewhere, PASSPHRASE, clock)
    assert not (tmp_path / "node").exists()
    init_node(elsewhere, PASSPHRASE, clock)
    Node(load_settings(tmp_path / "node"), PASSPHRASE, clock).close()
    assert fsck(tmp_path / "node").problems == []


def test_the_log_of_another_node_is_left_alone(new, clock, tmp_path):
    database = f"sqlite:///{tmp_path / 'other.db'}"
    init_node(new(database=database), PASSPHRASE, clock)
    with pytest.raises(ConfigError, match="not the one this log was begun with"):
        init_node(new(folder=tmp_path / "second", database=database), PASSPHRASE, clock)
    Node(load_settings(tmp_path / "node"), PASSPHRASE, clock).close()
    assert not (tmp_path / "second").exists()


def test_a_ledger_of_another_node_is_left_alone(new, clock, tmp_path):
    path = tmp_path / "other.db"
    init_node(new(database=f"sqlite:///{path}"), PASSPHRASE, clock)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM log_state")
    with pytest.raises(ConfigError, match="ledger key"):
        init_node(new(folder=tmp_path / "second", database=f"sqlite:///{path}"), PASSPHRASE, clock)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM log_state").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM ledger_blocks").fetchone() == (1,)


@pytest.mark.parametrize("database", ["", "elsewhere.db"])
def test_the_database_is_its_owners_only(new, clock, tmp_path, database):
    init_node(new(database=database and f"sqlite:///{tmp_path / database}"), PASSPHRASE, clock)
    path = tmp_path / (database or "node/node.db")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_database_in_a_folder_that_is_not_there_is_refused(new, clock, tmp_path):
    with pytest.raises(ConfigError, match="cannot be made: No such file"):
        init_node(new(database=f"sqlite:///{tmp_path / 'gone' / 'node.db'}"), PASSPHRASE, clock)


def test_the_member_file_can_be_given_to_other_nodes(new, clock, tmp_path):
    init_node(new(roles=("sponsor", "laboratory")), PASSPHRASE, clock)
    member = json.loads((tmp_path / "node" / "members" / f"{MEMBER}.json").read_text())
    assert (member["oid"], member["roles"]) == (MEMBER, ["sponsor", "laboratory"])
    assert "PRIVATE" not in json.dumps(member)
