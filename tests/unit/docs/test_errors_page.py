"""Every error has one code, and every code one row in docs/errors.md."""

import importlib
import inspect
import pkgutil
import re
from collections import defaultdict

import pytest

import trialanchor
import trialanchor_chaincode
import trialanchor_node
import trialanchor_oid
from trialanchor.errors import TrialAnchorError

PACKAGES = (trialanchor_oid, trialanchor_chaincode, trialanchor, trialanchor_node)
NOT_IMPORTED = re.compile(r"__main__|trialanchor_node\.(migrations|bench\.bare)")
"""Modules that run something when they are imported."""

INTERNAL = {"trialanchor.verify._PendingError"}
"""Exceptions that never leave their module."""

WITHOUT_CLASS = {"method-not-allowed": "405", "http-<status>": "as named"}
"""Codes that the HTTP layer makes without an error class."""


def defined_errors():
    """Give every exception class that the packages define."""
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if NOT_IMPORTED.search(found.name):
                continue
            module = importlib.import_module(found.name)
            for item in vars(module).values():
                if inspect.isclass(item) and issubclass(item, BaseException) and item.__module__ == found.name:
                    yield item


@pytest.fixture(scope="module")
def errors():
    return sorted(set(defined_errors()), key=lambda error: f"{error.__module__}.{error.__qualname__}")


@pytest.fixture(scope="module")
def table(rows):
    return {cells[0].strip("`"): cells[1:] for cells in rows("docs/errors.md")}


def test_every_exception_is_below_the_root(errors):
    outside = {f"{e.__module__}.{e.__qualname__}" for e in errors if not issubclass(e, TrialAnchorError)}
    assert outside == INTERNAL


def test_every_error_names_a_code_of_its_own(errors):
    assert [e for e in errors if issubclass(e, TrialAnchorError) and "code" not in vars(e)] == []


def test_a_code_is_shared_only_where_the_page_says_so(errors, page):
    holders = defaultdict(list)
    for error in errors:
        if issubclass(error, TrialAnchorError):
            holders[error.code].append(error)
    shared = page("docs/errors.md").partition("## Codes shared on purpose")[2]
    for code, classes in holders.items():
        base = max(classes, key=lambda error: len([c for c in classes if issubclass(c, error)]))
        for error in classes:
            assert error is base or (issubclass(error, base) and f"`{error.__name__}`" in shared), code


def test_every_code_has_its_row(errors, table):
    codes = {error.code for error in errors if issubclass(error, TrialAnchorError)}
    assert codes - table.keys() == set()
    assert table.keys() - codes == WITHOUT_CLASS.keys()


def test_rows_state_status_and_exit_code(errors, table):
    for error in errors:
        if issubclass(error, TrialAnchorError):
            statuses, exit_code, *_ = table[error.code]
            assert str(error.http_status) in re.findall(r"\d+", statuses), error
            assert exit_code == str(error.exit_code), error
    assert {code: table[code][0] for code in WITHOUT_CLASS} == WITHOUT_CLASS


def test_rows_say_what_to_do(table):
    assert [code for code, cells in table.items() if len(cells) != 4 or not all(cells)] == []
