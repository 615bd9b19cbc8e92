"""What a node says when it must not start: one line, no traceback, exit code 2."""

from __future__ import annotations

import os
import socket

import pytest

from trialanchor.clock import SystemClock
from trialanchor_node.bench import loads
from trialanchor_node.bench.bed import MEMBER, free_port
from trialanchor_node.initialise import NewNode, init_node


def test_a_second_node_on_one_database_is_refused(make_bed, node_command):
    bed = make_bed()
    bed.start()
    done = node_command(bed, "run", str(bed.folder))
    assert done.returncode == 2
    assert "another node runs on" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_refused(make_bed, node_command):
    bed = make_bed()
    with socket.create_server(("127.0.0.1", bed.port)):
        done = node_command(bed, "run", str(bed.folder))
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{bed.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_passphrase_is_refused(make_bed, node_command):
    bed = make_bed()
    done = node_command(bed, "run", str(bed.folder), passphrase="not the one")
    assert done.returncode == 2
    assert "cannot be decrypted" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_log_key_of_another_node_is_refused(make_bed, node_command, tmp_path):
    bed = make_bed()
    other = tmp_path / "other"
    init_node(NewNode(other, MEMBER, ("study_unit",), (), free_port()), bed.passphrase, SystemClock())
    (bed.folder / "keys" / "log.key.pem").write_bytes((other / "keys" / "log.key.pem").read_bytes())
    done = node_command(bed, "run", str(bed.folder))
    assert done.returncode == 2
    assert "log key" in done.stderr


@pytest.mark.parametrize("damage", ["garbage", "truncated"])
def test_a_damaged_database_is_refused(make_bed, node_command, damage):
    bed = make_bed()
    bed.start()
    loads.register(bed, loads.Settings(0.3, 20, 1))
    bed.stop()
    database = bed.folder / "node.db"
    if damage == "garbage":
        database.write_bytes(os.urandom(65_536))
    else:
        database.write_bytes(database.read_bytes()[: database.stat().st_size // 3])
    done = node_command(bed, "run", str(bed.folder))
    assert done.returncode == 2, done.stderr
    assert "database" in done.stderr
    assert "Traceback" not in done.stderr


def test_init_leaves_an_existing_folder_alone(make_bed, node_command):
    bed = make_bed()
    before = sorted(path.name for path in bed.folder.rglob("*"))
    done = node_command(bed, "init", str(bed.folder), "--member-oid", MEMBER, "--role", "study_unit")
    assert done.returncode == 2
    assert sorted(path.name for path in bed.folder.rglob("*")) == before


def test_the_key_command_prints_the_verifier_key(make_bed, node_command):
    bed = make_bed()
    done = node_command(bed, "key", str(bed.folder))
    assert done.returncode == 0
    assert done.stdout.startswith(f"oid/{MEMBER}+")
