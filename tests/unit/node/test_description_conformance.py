"""Requests made up from the description get answers that the description knows, and never a 500 (schemathesis)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from material import NOW
from schemathesis.checks import CHECKS, load_all_checks

from nodes import COSE, SEQUENCE, numbered, record, serving
from trialanchor.clock import FixedClock
from trialanchor.encoding import digest_text
from trialanchor_node.settings import CONFIG_NAME
from trialanchor_oid.ors.client import Resolver, Upstream
from trialanchor_oid.ors.copies import TreeExchange
from trialanchor_oid.ors.zone import ZoneSettings

ROOT = Path(__file__).parents[3]
STREAM = "/v1/events/stream"
"""Its answer has no end; test_notices.py reads it."""

schema = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.json").exclude(path=STREAM)
load_all_checks()
APPLIED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "unsupported_method",
    ]
)
REJECTING = CHECKS.get_by_names(["negative_data_rejection"])
"""Not for records: a bad one is named in an answer that registers the others."""

ADDRESS = "http://testserver"
ZONE = ZoneSettings("ors.example.org", addresses=("127.0.0.1",))
"""The node resolves its own tree here, without a network."""


def _flipped(case: tuple[bytes, int]) -> bytes:
    """Change one bit somewhere."""
    data, place = bytearray(case[0]), case[1]
    data[place // 8 % len(data)] ^= 1 << place % 8
    return bytes(data)


genuine = st.integers(100, 130).map(lambda number: numbered(number).encode())
mutated = st.tuples(genuine, st.integers(0, 6_000)).map(_flipped)
items = genuine | mutated | st.binary(max_size=80)
schemathesis.openapi.media_type(COSE, items)
schemathesis.openapi.media_type(SEQUENCE, st.lists(items, max_size=6).map(b"".join))


@pytest.fixture(scope="module")
def served(template, tmp_path_factory):
    """A node that anchors at once and knows some statements; every made-up request goes to it."""
    folder = tmp_path_factory.mktemp("described") / "node"
    shutil.copytree(template.folder, folder)
    path = folder / CONFIG_NAME
    path.write_text("anchor_interval_s = 0.02\ngroup_commit_ms = 0\n" + path.read_text())
    with serving(folder, template, FixedClock(NOW), raise_server_exceptions=False) as site:
        site.register(numbered(1), numbered(2))
        site.node.resolver = Resolver(site.node.clock.now, Upstream(TreeExchange(site.node.tree, ZONE), ZONE.apex))
        (result,) = site.post_records(record(3)).json()["results"]
        yield site, result["statement"]


@schema.parametrize()
@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_described(case, served):
    site, known = served
    case.headers.update(site.bearer())
    if case.path_parameters.get("statement") and len(case.query or {}) % 2:
        case.path_parameters["statement"] = known if "openings" in case.path else digest_text(numbered(1).digest)
    request = requests.Request(**case.as_transport_kwargs(base_url=ADDRESS)).prepare()
    answer = site.client.request(
        request.method,
        request.url,
        content=request.body or b"",
        headers=dict(request.headers),
        follow_redirects=False,
    )
    case.validate_response(answer, checks=[*APPLIED, *(REJECTING if case.path != "/v1/records" else [])])
