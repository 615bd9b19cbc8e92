"""A full disk: writes are refused, reads go on, and writing resumes by itself when there is room."""

from __future__ import annotations

import os
import subprocess

import pytest
from calls import get, post
from logs import PublicLog

from trialanchor.encoding import parse_digest
from trialanchor_node.bench import loads

SIZE_MIB = 24


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"a small file system cannot be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def register(bed, source, number):
    """Register some statements; gives status, content type and answer."""
    signed = [source.statement(os.urandom(32)) for _ in range(number)]
    return post(bed, "/v1/statements", loads.SEQUENCE, b"".join(statement.encode() for statement in signed))


def test_a_full_disk_refuses_writes_serves_reads_and_recovers(small_disk, make_bed, node_command):
    bed = make_bed(folder=small_disk)
    bed.start()
    source = loads.Source(bed)
    _, _, answer = register(bed, source, 50)
    acknowledged = [(item["statement"], item["index"]) for item in answer["results"]]
    fill(small_disk / "ballast")

    status = 200
    for _ in range(60):
        status, media_type, answer = register(bed, source, 50)
        if status != 200:
            break
        acknowledged += [(item["statement"], item["index"]) for item in answer["results"]]
    assert status in (507, 503)
    assert media_type == "application/problem+json"
    assert answer["code"] == "store-full"

    for path in ("/healthz", "/log/checkpoint", f"/v1/receipts/{acknowledged[0][0]}", "/log/tile/entries/000.p/1"):
        assert get(bed, path)[0] == 200, path

    (small_disk / "ballast").unlink()
    status, _, answer = register(bed, source, 50)
    assert status == 200
    acknowledged += [(item["statement"], item["index"]) for item in answer["results"]]
    log = PublicLog(bed)
    assert all(log.places[parse_digest(digest)] == index for digest, index in acknowledged)
    bed.stop()
    done = node_command(bed, "fsck", str(bed.folder))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_start_on_a_full_disk_asks_to_be_tried_again_and_works_when_there_is_room(small_disk, make_bed, node_command):
    bed = make_bed(folder=small_disk)
    bed.start()
    register(bed, loads.Source(bed), 50)
    bed.stop()
    trust = (bed.folder / "trust.json").read_bytes()
    fill(small_disk / "ballast")
    done = node_command(bed, "run", str(bed.folder))
    assert done.returncode == 4, done.stderr
    assert "no room" in done.stderr
    assert "Traceback" not in done.stderr
    assert (bed.folder / "trust.json").read_bytes() == trust

    (small_disk / "ballast").unlink()
    bed.start()
    assert PublicLog(bed).checkpoint.size == 50


def fill(path):
    """Take all the room that is left."""
    with path.open("wb", buffering=0) as stream:
        for size in (1 << 20, 1 << 16, 1 << 12):
            try:
                while stream.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
