"""What a node refuses to start on: each with a message for its operator, and without harm to what is there."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from material import MEMBER, Member, p256

from nodes import FILLED, PASSPHRASE, rows, write_member
from trialanchor.errors import ConfigError, StoreError
from trialanchor.keys import write_key
from trialanchor.trust import decode_trust
from trialanchor_node.cli import configure_logging
from trialanchor_node.db import lock_database, open_engine
from trialanchor_node.node import Node
from trialanchor_node.settings import load_settings

SIZE = FILLED + 6


@pytest.fixture
def start(clock):
    """Factory of nodes on a folder that must not start; gives the message."""

    def attempt(folder, passphrase=PASSPHRASE) -> str:
        with pytest.raises(ConfigError) as refused:
            Node(load_settings(folder), passphrase, clock)
        assert refused.value.exit_code == 2
        return str(refused.value)

    return attempt


@pytest.fixture
def folder(filled_folder):
    """The folder of a stopped node."""
    return filled_folder


def test_a_stopped_node_starts_again_where_it_was(folder, open_node):
    node = open_node(folder)
    assert node.store.current.size == SIZE
    assert node.anchoring.anchored_size == SIZE


class TestKeys:
    @pytest.mark.parametrize("passphrase", ["wrong", ""])
    def test_a_wrong_passphrase(self, folder, start, passphrase):
        assert start(folder, passphrase).startswith("the key log.key.pem cannot be decrypted")

    @pytest.mark.parametrize("name", ["log.key.pem", "ledger.key.pem", "edc.key.pem", "edc.chain.pem"])
    def test_a_missing_key(self, folder, start, name):
        (folder / "keys" / name).unlink()
        assert name in start(folder)

    @pytest.mark.parametrize("name", ["log.key.pem", "ledger.key.pem"])
    def test_a_key_of_another_kind(self, folder, start, name):
        (folder / "keys" / name).unlink()
        write_key(folder / "keys" / name, p256("wrong kind"), PASSPHRASE)
        assert start(folder) == f"the key {name} must be Ed25519"

    def test_a_log_key_that_the_log_was_not_begun_with(self, folder, start):
        path = folder / "keys" / "log.key.pem"
        path.unlink()
        write_key(path, Ed25519PrivateKey.generate(), PASSPHRASE)
        assert "not the one this log was begun with" in start(folder)

    def test_a_ledger_key_that_the_ledger_was_not_begun_with(self, folder, start):
        path = folder / "keys" / "ledger.key.pem"
        path.unlink()
        write_key(path, Ed25519PrivateKey.generate(), PASSPHRASE)
        assert "not the one this ledger was begun with" in start(folder)

    def test_the_key_of_one_source_with_the_certificate_of_another(self, folder, start):
        shutil.copy(folder / "keys" / "lims.chain.pem", folder / "keys" / "edc.chain.pem")
        assert "edc.key.pem is not the one certified in edc.chain.pem" in start(folder)


class TestDatabase:
    def test_that_of_another_node(self, folder, start):
        path = folder / "trialanchor.toml"
        path.write_text(path.read_text().replace(f'node_oid = "{MEMBER}"', f'node_oid = "{MEMBER}.9"'))
        assert start(folder) == f"the database holds the log oid/{MEMBER}, this node is oid/{MEMBER}.9"

    def test_one_that_is_gone_is_not_begun_anew(self, folder, start):
        for path in folder.glob("node.db*"):
            path.unlink()
        assert "is missing; restore it from a backup" in start(folder)
        assert not (folder / "node.db").exists()

    def test_one_without_a_log_is_not_begun_anew(self, folder, start, empty_database):
        shutil.copy(empty_database, folder / "node.db")
        assert start(folder).startswith("the database holds no log")

    @pytest.mark.parametrize("content", [b"garbage" * 1_000, b"SQLite format 3\0" + bytes(5_000)])
    def test_a_file_that_is_no_database(self, folder, start, content):
        (folder / "node.db").write_bytes(content)
        assert start(folder).startswith("the database cannot be used")

    def test_one_that_is_cut_short(self, folder, start):
        path = folder / "node.db"
        path.write_bytes(path.read_bytes()[: 3 * 4_096])
        assert "the database" in start(folder)

    @pytest.mark.parametrize(
        "sql",
        [
            pytest.param("UPDATE log_tiles SET hashes = substr(hashes, 1, 32 * 20) WHERE number = 1", id="cut"),
            pytest.param("UPDATE log_tiles SET hashes = substr(hashes, 1, 39) WHERE number = 1", id="cut-inside"),
            pytest.param("UPDATE log_tiles SET hashes = zeroblob(length(hashes))", id="zeros"),
            pytest.param("DELETE FROM log_tiles WHERE level = 1", id="gone"),
            pytest.param("UPDATE log_state SET size = size - 1", id="smaller-size"),
            pytest.param("UPDATE log_state SET size = size + 1", id="larger-size"),
            pytest.param("UPDATE log_state SET root = zeroblob(32)", id="root"),
            pytest.param("UPDATE log_state SET checkpoint = replace(checkpoint, '306', '305')", id="checkpoint-size"),
            pytest.param("UPDATE log_state SET checkpoint = ''", id="checkpoint-empty"),
        ],
    )
    def test_one_whose_right_edge_is_damaged(self, folder, start, sql):
        rows(folder, sql)
        message = start(folder)
        assert "damaged" in message
        assert "trialanchor node fsck" in message

    def test_one_whose_ledger_state_is_damaged(self, folder, clock):
        rows(folder, "UPDATE ledger_state SET value = '{}' WHERE key LIKE 'members/%'")
        for path in (folder / "members").iterdir():
            path.unlink()
        with pytest.raises(Exception, match="the ledger's state of member") as refused:
            Node(load_settings(folder), PASSPHRASE, clock)
        assert refused.value.code == "ledger"

    def test_one_that_another_node_runs_on(self, folder, start, open_node):
        node = open_node(folder)
        assert "another node runs on" in start(folder)
        assert node.store.current.size == SIZE

    def test_one_that_another_node_runs_on_under_another_name(self, folder, start, open_node, new_folder):
        node = open_node(folder)
        second = new_folder("second")
        (second / "node.db").unlink()
        (second / "node.db").symlink_to(folder / "node.db")
        assert "another node runs on" in start(second)
        assert node.store.current.size == SIZE

    def test_it_is_free_again_after_a_start_that_failed(self, folder, start, open_node):
        start(folder, "wrong")
        (folder / "keys" / "edc.key.pem").rename(folder / "kept")
        start(folder)
        (folder / "kept").rename(folder / "keys" / "edc.key.pem")
        open_node(folder)

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("nonsense", "not an SQLAlchemy URL"),
            ("mysql://x/y", "only sqlite: and postgresql: are known"),
            ("sqlite://", "SQLite needs a file"),
            ("sqlite:///:memory:", "SQLite needs a file"),
            ("sqlite:////nonexistent/node.db", "is missing"),
        ],
    )
    def test_a_url_that_is_of_no_use(self, folder, start, monkeypatch, url, reason):
        monkeypatch.setenv("TRIALANCHOR_NODE_DATABASE", url)
        assert reason in start(folder)


class TestTrustFile:
    @pytest.fixture
    def full_disk(self, monkeypatch):
        """Let nothing be written into a new file."""

        def write(*_arguments):
            raise OSError(28, "No space left")

        monkeypatch.setattr("pathlib.Path.write_bytes", write)

    def test_it_is_written_whole_or_not_at_all(self, folder, start, full_disk):
        write_member(folder, Member("2.999.1.2003", ("sponsor",)))
        before = (folder / "trust.json").read_bytes()
        assert start(folder).endswith("trust.json cannot be written: No space left")
        assert (folder / "trust.json").read_bytes() == before
        assert not list(folder.glob(".trust*"))

    def test_on_a_full_disk_a_node_starts_with_the_one_it_has(self, folder, open_node, clock, full_disk):
        before = (folder / "trust.json").read_bytes()
        clock.at += timedelta(days=1)
        assert open_node(folder).trust_file == before
        assert (folder / "trust.json").read_bytes() == before

    @pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"\xff"])
    def test_one_that_is_gone_or_none_is_written_anew(self, folder, open_node, content):
        path = folder / "trust.json"
        path.unlink() if content is None else path.write_bytes(content)
        assert open_node(folder).trust_file == path.read_bytes()
        assert MEMBER in decode_trust(path.read_bytes()).members


def test_a_server_that_is_not_up_yet_is_worth_another_start():
    engine = open_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreError, match=r"does not answer \(.*; start again when it does") as refused:
        lock_database(engine)
    assert refused.value.exit_code == 4


@pytest.fixture
def logging_as_a_node():
    """Keep what `configure_logging` sets from the other tests."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("logging_as_a_node")
def test_a_log_line_that_finds_no_room_ends_no_worker(monkeypatch):
    full = Path("/dev/full").open("w")  # noqa: SIM115 - closing it fails as writing does
    monkeypatch.setattr(sys, "stderr", full)
    configure_logging()
    log = structlog.get_logger()
    log.warning("log:batch:failed", code="store-full")
    log.error("notices:webhook:dead")
    log.info("log:checkpoint:anchored", size=5)
    with pytest.raises(OSError, match="No space"):
        full.close()


@pytest.mark.usefixtures("logging_as_a_node")
def test_a_log_line_is_one_object(capsys):
    configure_logging()
    structlog.get_logger().info("log:checkpoint:anchored", size=5)
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["level"], told["size"]) == ("log:checkpoint:anchored", "info", 5)
