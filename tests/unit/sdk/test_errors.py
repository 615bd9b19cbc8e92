"""Every error of the SDK and the rules stands under the one root and has a code of its own."""

import importlib
import inspect
import pkgutil

import pytest

import trialanchor
import trialanchor_chaincode.rules
from trialanchor import errors
from trialanchor.errors import TrialAnchorError
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_oid import errors as oid_errors


def raised_on_purpose():
    """Find the exception classes that the packages define, private ones (which never leave their module) aside."""
    found = set()
    for package in (trialanchor, trialanchor_chaincode.rules):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.endswith("__main__"):
                members = vars(importlib.import_module(module.name)).values()
                found |= {c for c in members if inspect.isclass(c) and issubclass(c, Exception)}
    return sorted(
        (c for c in found if c.__module__.startswith("trialanchor") and not c.__name__.startswith("_")),
        key=lambda c: c.__qualname__,
    )


ERRORS = raised_on_purpose()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
class TestEach:
    def test_it_stands_under_the_root(self, error):
        assert issubclass(error, TrialAnchorError)
        assert error.__name__.endswith("Error")

    def test_it_says_whose_fault_it_is_and_what_to_do(self, error):
        assert error.exit_code in {1, 2, 3, 4}
        assert 200 <= error.http_status < 600
        said = ["what is wrong"]
        if issubclass(error, TransitionRefusedError):
            said = ["consortium-founded", *said][: 1 if error is TransitionRefusedError else 2]
        assert error(*said).help().endswith(".")

    def test_its_code_is_its_own(self, error):
        """A narrower class may keep the code of the one above it; docs/errors.md names those that do."""
        others = [other for other in ERRORS if other.code == error.code]

        assert all(issubclass(error, other) or issubclass(other, error) for other in others)


def test_the_sdk_gives_the_errors_of_the_lowest_package():
    assert all(getattr(errors, name) is getattr(oid_errors, name) for name in errors.__all__)
