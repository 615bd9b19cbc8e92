"""A hospital's node with a registry of its own, and its pharmacy that writes a range of it; for tests."""

from __future__ import annotations

import json
import shutil

import pytest
from material import NOW
from starlette.testclient import TestClient

from nodes import JSON, PASSPHRASE
from trialanchor.clock import FixedClock
from trialanchor_node.app import create_app
from trialanchor_node.initialise import NewNode, init_node
from trialanchor_node.node import Node
from trialanchor_node.settings import CONFIG_NAME, load_settings

HOSPITAL = "2.16.156.3016.44.2001"
PHARMACY = f"{HOSPITAL}.2.1.1001.100001"
DRUGS, KITS = f"{HOSPITAL}.1.2.1001", f"{HOSPITAL}.1.4"
NATIVE = {"scheme": "native", "value": "86903630000047"}
DRUG = {"type": "drug", "names": {"zh": "阿司匹林缓释片", "en": "Aspirin"}, "codes": [NATIVE], "labels": ["Aspirin"]}
KIT = {"type": "kit", "attributes": "sha256:" + "1" * 64}
STAFF = {"type": "department", "names": {"zh": "药学部", "en": "Pharmacy"}}


class Desk:
    """A hospital's node that runs in this process, and what its sources do with the registry."""

    def __init__(self, folder, node, client, tokens):
        self.folder, self.node, self.client = folder, node, client
        self._tokens = tokens
        self._requests = 0

    def send(self, action, arguments, source="edc", key=None, **headers):
        self._requests += 1
        bearer = {"Authorization": f"Bearer {self._tokens[source]}"} if source else {}
        return self.client.post(
            f"/v1/oids/{action}",
            content=arguments if isinstance(arguments, bytes) else json.dumps(arguments),
            headers={"Content-Type": JSON, "Idempotency-Key": key or f"k{self._requests}", **bearer, **headers},
        )

    def write(self, action, source="edc", **arguments):
        answer = self.send(action, arguments, source)
        assert answer.status_code == 200, answer.text
        return answer.json()["oids"]

    def find(self, source=None, **where):
        headers = {"Authorization": f"Bearer {self._tokens[source]}"} if source else {}
        return self.client.get("/v1/oids", params=where, headers=headers).json()

    def with_pharmacy(self):
        self.write("register", entries=[{"oid": PHARMACY, **STAFF}])
        self.write("delegate", prefix=KITS, first=2001, last=2999, holder=PHARMACY)
        return self


@pytest.fixture(scope="session")
def hospital(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hospital") / "node"
    tokens = init_node(NewNode(folder, HOSPITAL, ("study_unit",), ("edc", "pharmacy")), PASSPHRASE, FixedClock(NOW))
    path = folder / CONFIG_NAME
    head, mark, pharmacy = path.read_text().partition('name = "pharmacy"')
    text = head + mark + pharmacy.replace(f'actor = "{HOSPITAL}"', f'actor = "{PHARMACY}"')
    path.write_text("anchor_interval_s = 3600\n" + text)
    return folder, tokens


@pytest.fixture
def desk(hospital, tmp_path, clock):
    folder = tmp_path / "node"
    shutil.copytree(hospital[0], folder)
    node = Node(load_settings(folder), PASSPHRASE, clock)
    with TestClient(create_app(node)) as client:
        yield Desk(folder, node, client, hospital[1])
