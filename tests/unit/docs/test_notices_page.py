"""The page of notices says what its table and its code say."""

import importlib
import re
from pathlib import Path

import pytest
from material import AT, NODE, NOW, FixedSigner, TinyLog, trust_json

from trialanchor.encoding import json_encode
from trialanchor.webhooks import Notice, sign
from trialanchor_chaincode.rules.notices import GROUPS, NOTICES
from trialanchor_node.notices import courier, streams

PAGE = "docs/notices.md"


@pytest.fixture(scope="module")
def script(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "scripts"))
        yield importlib.import_module("write_notices")


def test_the_table_is_the_one_of_this_version(page, script):
    head, mark, table = page(PAGE).partition(script.MARK)
    assert head
    assert mark
    assert table == "\n" + script.written(), "run scripts/write_notices.py"


def test_every_recipient_is_explained(page, script):
    head = page(PAGE).partition("## Who must know")[2].partition(script.MARK)[0]
    used = {code for rule in NOTICES.values() for code in rule.to if "." not in code and ":" not in code}
    assert {code for code in used | GROUPS.keys() if f"`{code}`" not in head} == set()


def test_the_waits_are_those_of_the_code(page):
    text = page(PAGE)
    assert f"{courier.FIRST_S} s after the first failure" in text
    assert courier.LONGEST_S == 3_600, "at most an hour"
    assert f"After {streams.HEARTBEAT_S:g} s of silence" in text
    assert f"takes nothing for {streams.SEND_S:g} s" in text


def test_the_example_of_a_receiver_runs(fences, tmp_path, monkeypatch):
    (recipe,) = [block for language, block in fences(PAGE) if language == "python"]
    (tmp_path / "trust.json").write_bytes(json_encode(trust_json()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trialanchor.clock.SystemClock.now", lambda _: NOW)
    receiver = {}
    exec(compile(recipe, PAGE, "exec"), receiver)
    log = TinyLog()
    notice = Notice("1.0", f"embedded:{NODE}", "2.999.1", "ip:lot:recalled", "2.999.2", "", AT, True, True)
    sent = sign(notice, receiver["URL"], (log.key.name, FixedSigner(log.private)), AT)
    assert receiver["receive"](dict(sent.headers), sent.body) == notice
    written = Path("trust.json").read_text()
    assert NODE in written


def test_the_fields_of_the_page_are_those_of_a_notice(page):
    table = page(PAGE).partition("more may be added:")[2].partition("Answer 2xx")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == set(Notice.__slots__)
