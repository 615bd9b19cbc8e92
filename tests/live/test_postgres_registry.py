"""The registry on PostgreSQL: the same ledger, tables, searches and pages of children as on SQLite."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1])]
pytest.register_assert_rewrite("nodes", "hospital", "ledger_conformance", "test_postgres_store")

from material import FixedSigner, Member, ed25519_key  # noqa: E402
from test_postgres_store import new_engine, server  # noqa: E402, F401 - fixtures, used by name

from hospital import DRUG, DRUGS, HOSPITAL, KIT, NATIVE  # noqa: E402
from trialanchor.clock import SystemClock  # noqa: E402
from trialanchor.keys import certificate_pem  # noqa: E402
from trialanchor_chaincode.rules.state import Transaction  # noqa: E402
from trialanchor_node.anchoring.embedded import EmbeddedLedger  # noqa: E402
from trialanchor_node.anchoring.fsck import LedgerCheck  # noqa: E402
from trialanchor_node.registry.listing import list_children  # noqa: E402
from trialanchor_node.registry.ors import RegistryTree  # noqa: E402
from trialanchor_node.registry.projection import project  # noqa: E402
from trialanchor_node.registry.publishing import Publisher  # noqa: E402
from trialanchor_node.registry.service import Registry, RegistryFilter  # noqa: E402
from trialanchor_oid.ors.update import MemoryNameServer  # noqa: E402

KEY = ed25519_key("ledger of the hospital")
ARCS = tuple(map(int, DRUGS.split(".")))
PLAIN = {**DRUG, "labels": []}


@pytest.fixture
def engine(new_engine):  # noqa: F811 - the fixture imported above
    return new_engine("registry")


@pytest.fixture
def registry(engine):
    ledger = EmbeddedLedger(engine, HOSPITAL, FixedSigner(KEY), SystemClock(), [project])
    member = {"oid": HOSPITAL, "roles": ["sponsor"], "roots": [certificate_pem(Member(HOSPITAL).root)]}
    ledger.submit(Transaction("members", "register", HOSPITAL, member))
    return Registry(engine, ledger)


def allocate(registry, request, *entries, prefix=DRUGS):
    return registry.submit("allocate", HOSPITAL, {"prefix": prefix, "entries": list(entries), "request": request})


def test_callers_at_the_same_time_get_numbers_of_their_own(registry):
    with ThreadPoolExecutor(8) as pool:
        given = [oid for oids in pool.map(lambda n: allocate(registry, f"r{n}", KIT), range(64)) for oid in oids]
    assert sorted(given) == [f"{DRUGS}.{100001 + n}" for n in range(64)]


def test_entries_are_found_and_come_in_the_order_of_their_numbers(registry, engine):
    numbers = (100001, 999999, 1000000)
    entries = [{"oid": f"{DRUGS}.{n}", **PLAIN, "names": {"zh": f"阿司匹林 {n}%"}} for n in numbers]
    registry.submit("register", HOSPITAL, {"entries": entries, "request": "r"})
    assert [entry.oid.rpartition(".")[2] for entry in registry.every(RegistryFilter())] == list(map(str, numbers))
    for wanted, count in (
        (RegistryFilter(name="匹林"), 3),
        (RegistryFilter(name="1%"), 1),
        (RegistryFilter(name="_"), 0),
    ):
        assert len(registry.search(wanted)[0]) == count
    assert len(registry.search(RegistryFilter(code=NATIVE["value"], under=DRUGS, limit=2))[0]) == 2
    first = list_children(engine, ARCS, None, 2)
    assert [node.arcs[-1] for node in first.listed] == [100001, 999999]
    assert [node.arcs[-1] for node in list_children(engine, ARCS, first.following, 2).listed] == [1000000]


def test_the_history_is_kept_and_labels_follow_it(registry, engine):
    (oid,) = allocate(registry, "a", DRUG)
    tree = RegistryTree(engine, registry, "https://node.example.org")
    held = MemoryNameServer("ors.example.org")
    publisher = Publisher(engine, tree, held, ("test", "ors.example.org"))
    publisher.publish()
    changed = {**PLAIN, "labels": ["药"]}
    registry.submit("describe", HOSPITAL, {"oid": oid, "version": 1, "description": changed, "request": "d"})
    publisher.publish()
    assert (dict(held.tree.nodes()), set(held.tree.aliases())) == (dict(tree.nodes()), set(tree.aliases()))
    assert [change.entry.version for change in registry.history(oid)] == [1, 2]
    assert [len(change.entry.labels) for change in registry.history(oid)] == [1, 1]


def test_the_check_finds_a_changed_table(registry, engine):
    (oid,) = allocate(registry, "a", DRUG)
    with engine.connect() as connection:
        LedgerCheck(f"embedded:{HOSPITAL}", KEY.public_key()).run(connection)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE registry_nodes SET entry = '{}' WHERE type = 'drug'")
    with engine.connect() as connection, pytest.raises(Exception, match=oid):
        LedgerCheck(f"embedded:{HOSPITAL}", KEY.public_key()).run(connection)
