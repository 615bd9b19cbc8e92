"""`trialanchor oid export-zone`, and what `trialanchor oid serve` refuses; that it serves is in the live suite."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

ZONE = (Path(__file__).parents[2] / "vectors" / "ors-zone" / "input.zone").read_bytes()


def test_a_zone_is_written_to_standard_output(cli, node):
    node.script = [httpx2.Response(200, content=ZONE)]
    done = cli("oid", "export-zone")
    assert (done.code, done.out.encode(), done.err) == (0, ZONE, "")
    assert [request.url.path for request in node.requests] == ["/ors/zone"]


def test_an_older_file_is_replaced_as_a_whole(cli, node):
    Path("ors.zone").write_bytes(b"an older and longer zone" * 1000)
    node.script = [httpx2.Response(200, content=ZONE)]
    done = cli("oid", "export-zone", "--output", "ors.zone")
    assert (done.code, done.lines) == (0, ["OK ors.zone"])
    assert Path("ors.zone").read_bytes() == ZONE
    assert [path.name for path in Path().glob("*ors.zone*")] == ["ors.zone"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx2.Response(200, content=b"<html>"), 4),
        (httpx2.Response(404, json={"code": "not-found", "detail": "this node has no zone", "status": 404}), 4),
        (httpx2.Response(503), 4),
    ],
    ids=["no-zone-file", "no-zone", "overloaded"],
)
def test_an_older_file_stays_when_no_zone_comes(cli, node, answer, code):
    Path("ors.zone").write_bytes(b"older")
    node.script = [answer] * 1000
    assert cli("oid", "export-zone", "--output", "ors.zone").code == code
    assert Path("ors.zone").read_bytes() == b"older"


@pytest.mark.parametrize(
    ("content", "apex", "code", "text"),
    [
        (None, "oid-res.test", 4, "is not there"),
        (b"@ TXT x\n", "oid-res.test", 2, "not a master file"),
        (b"\xff\xfe", "oid-res.test", 2, "UTF-8"),
        (ZONE, "oid-res.org", 2, "public ORS"),
        (ZONE, "other.test", 2, "not a master file"),
        (ZONE, "a b", 2, "not a domain name"),
        (ZONE + b"www CNAME ns1\n", "oid-res.test", 2, "CNAME"),
    ],
    ids=["missing", "no-soa", "not-utf-8", "public-apex", "another-apex", "no-domain", "foreign-record"],
)
def test_what_cannot_be_served_is_refused(cli, content, apex, code, text):
    if content is not None:
        Path("ors.zone").write_bytes(content)
    done = cli("oid", "serve", "ors.zone", "--apex", apex, "--port", "0")
    assert (done.code, done.out) == (code, "")
    assert text in done.err


def test_a_refusal_speaks_chinese(cli, monkeypatch):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
    Path("ors.zone").write_bytes(ZONE)
    assert "属于公共 ORS" in cli("oid", "serve", "ors.zone", "--apex", "oid-res.org").err
