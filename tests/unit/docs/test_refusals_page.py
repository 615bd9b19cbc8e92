"""docs/refusals.md is the page of this version's tables."""

import importlib.util


def test_it_is_that_of_this_version(root):
    path = root / "scripts" / "write_refusals.py"
    spec = importlib.util.spec_from_file_location("write_refusals", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PATH.read_text(encoding="utf-8") == script.page(), "run scripts/write_refusals.py"
