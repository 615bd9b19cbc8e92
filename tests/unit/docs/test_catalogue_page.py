"""The page of the catalogue says what its data say."""

import importlib
import re

import pytest

from trialanchor_chaincode.rules.completeness import State
from trialanchor_chaincode.rules.kinds import KINDS


@pytest.fixture(scope="module")
def script(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "scripts"))
        yield importlib.import_module("write_catalogue")


def test_the_tables_are_those_of_this_version(page, script):
    head, mark, tables = page("docs/catalogue.md").partition(script.MARK)
    assert head
    assert mark
    assert tables == "\n" + script.written(), "run scripts/write_catalogue.py"


def test_every_kind_has_one_row(page):
    listed = re.findall(
        r"^\| `((?:gd44|js4652|be)\.[\w.]+)` \| [^|]*[\u4e00-\u9fff]", page("docs/catalogue.md"), re.MULTILINE
    )
    assert sorted(listed) == sorted(KINDS)


def test_every_table_of_the_catalogue_has_a_title(script):
    assert list(script.TITLES) == list(dict.fromkeys(row.table for row in KINDS.values()))


def test_the_states_are_explained(page, script):
    head = page("docs/catalogue.md").partition(script.MARK)[0]
    assert re.findall(r"^\| `(\w+)` \|", head, re.MULTILINE) == [state.value for state in State]
