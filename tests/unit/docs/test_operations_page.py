"""docs/operations.md knows every setting, metric, log event, route and environment variable."""

import ast
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pydantic_core import PydanticUndefined

from trialanchor.clock import FixedClock
from trialanchor_node.app import create_app
from trialanchor_node.metrics import Metrics
from trialanchor_node.settings import NodeSettings, OrsSettings, SourceSettings, WebhookSettings

PAGE = "docs/operations.md"
LEVELS = {"debug", "info", "warning", "error", "exception"}
BY_INIT = {"node_oid", "member_oid", "folder"}


@pytest.fixture(scope="module")
def table(rows):
    return {cells[0].strip("`"): cells[1:] for cells in rows(PAGE)}


def settings():
    tables = (NodeSettings, SourceSettings, OrsSettings, WebhookSettings)
    return {name: field for table in tables for name, field in table.model_fields.items()}


def logged_events(root):
    """Give the names of the events that the packages log."""
    for folder in ("node", "sdk", "oid", "chaincode"):
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                call = node.func if isinstance(node, ast.Call) else None
                if isinstance(call, ast.Attribute) and call.attr in LEVELS and ast.unparse(call.value) == "_log":
                    yield ast.literal_eval(node.args[0])


def test_every_setting_has_its_row(table):
    assert settings().keys() - table.keys() == set()


def test_rows_state_the_default(table):
    for name, field in settings().items():
        default = table[name][0]
        if name in BY_INIT or field.default is PydanticUndefined:
            assert "set by" in default or "given" in default or default == "–", name
        elif field.default in ("", (), OrsSettings()):
            assert default.startswith(("empty", "none")), name
        else:
            assert default == f"`{field.default}`", name


def test_every_metric_has_its_row(table):
    metrics = Metrics()
    log = SimpleNamespace(current=SimpleNamespace(size=0))
    metrics.watch(log, SimpleNamespace(waiting=0), SimpleNamespace(anchored_size=0))
    state = SimpleNamespace(waiting=0, dead=0, oldest_at=None)
    courier = SimpleNamespace(webhook=SimpleNamespace(name="w"), outbox=SimpleNamespace(state=lambda: state))
    metrics.watch_notices(SimpleNamespace(count=0), [courier], FixedClock(datetime.fromtimestamp(0, UTC)))
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", metrics.render().decode(), re.MULTILINE))
    ours = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    assert len(ours) >= 11
    for name, kind in ours.items():
        assert table[name][0].startswith(kind), name


def test_every_log_event_has_its_row(root, table):
    events = set(logged_events(root))
    assert events
    assert events - table.keys() == set()


def test_every_route_is_placed_behind_the_proxy(page):
    described = set(re.findall(r"`(GET|POST) (/[^`?]*)`", page(PAGE)))
    paths = create_app(SimpleNamespace()).openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described == routes | {("GET", "/openapi.json")}


def test_every_variable_of_the_command_line_is_named(root, page):
    sources = [path.read_text(encoding="utf-8") for path in (root / "sdk/trialanchor/cli").glob("*.py")]
    names = {name for text in sources for name in re.findall(r"TRIALANCHOR_[A-Z_]+", text)}
    assert names
    assert {name for name in names if f"`{name}`" not in page(PAGE)} == set()


def test_no_setting_of_the_page_is_made_up(page):
    section = page(PAGE).partition("## Settings")[2].partition("## Keys")[0]
    named = set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    assert named - settings().keys() == set()
