"""The same node on PostgreSQL: make, register, restart, refuse a second node, check."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import psycopg
import pytest
from calls import get, post
from logs import PublicLog

from trialanchor.encoding import parse_digest
from trialanchor_node.bench import loads

_PATH = Path(__file__).parents[2] / "network" / "postgres" / "private_server.py"
_SPEC = importlib.util.spec_from_file_location("private_server", _PATH)
server = importlib.util.module_from_spec(_SPEC)
sys.modules["private_server"] = server
_SPEC.loader.exec_module(server)


@pytest.fixture(scope="module")
def database():
    """A private PostgreSQL server; without one the tests are skipped aloud."""
    try:
        with server.private_server() as url:
            yield url
    except server.NoPostgresError as error:
        pytest.skip(str(error))


def test_a_node_on_postgresql_registers_restarts_and_passes_fsck(database, make_bed, node_command):
    bed = make_bed(database=database)
    bed.start()
    source = loads.Source(bed)
    signed = [source.statement(bytes([n]) * 32) for n in range(200)]
    body = b"".join(statement.encode() for statement in signed)
    status, _, first = post(bed, "/v1/statements", loads.SEQUENCE, body)
    assert status == 200
    assert all(item["new"] for item in first["results"])

    second = node_command(bed, "run", str(bed.folder))
    assert second.returncode == 2
    assert "another node runs" in second.stderr

    bed.process.kill()
    bed.process.wait()
    bed.start()
    status, _, again = post(bed, "/v1/statements", loads.SEQUENCE, body)
    assert [item["index"] for item in again["results"]] == [item["index"] for item in first["results"]]
    assert not any(item["new"] for item in again["results"])
    log = PublicLog(bed)
    assert log.root(200) == log.checkpoint.root
    assert log.places[parse_digest(first["results"][7]["statement"])] == 7
    status, _ = get(bed, f"/v1/receipts/{first['results'][3]['statement']}?wait=anchored")
    assert status == 200
    bed.stop()
    done = node_command(bed, "fsck", str(bed.folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("OK 200 entries")


def test_an_init_that_was_broken_off_can_be_repeated(database, make_bed, node_command, monkeypatch):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE again")
    again = database.rpartition("/")[0] + "/again"

    def crash(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("trialanchor_node.node._replace", crash)
        with pytest.raises(KeyboardInterrupt):
            make_bed(database=again)
    bed = make_bed(database=again)
    bed.start()
    bed.stop()
    done = node_command(bed, "fsck", str(bed.folder))
    assert done.returncode == 0, done.stdout + done.stderr
