"""The registry over HTTP and its tables: written through the ledger, found, exported, and never lost or doubled."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from hospital import DRUG, DRUGS, HOSPITAL, KIT, KITS, NATIVE
from nodes import JSON, PASSPHRASE, PROBLEM, fsck, rows
from trialanchor import registry_files
from trialanchor.errors import InputError, LedgerError, RuleError
from trialanchor_node.anchoring import embedded
from trialanchor_node.node import Node
from trialanchor_node.registry.listing import list_children
from trialanchor_node.registry.service import RegistryFilter
from trialanchor_node.settings import load_settings


def test_an_object_gets_the_next_number_of_its_types_class(desk):
    assert desk.write("allocate", entries=[DRUG]) == [f"{DRUGS}.100001"]
    assert desk.write("allocate", entries=[KIT, KIT]) == [f"{KITS}.1001.100001", f"{KITS}.1001.100002"]


def test_a_repeated_request_registers_nothing_twice(desk):
    first = desk.send("allocate", {"entries": [DRUG]}, key="same")
    again = desk.send("allocate", {"entries": [DRUG]}, key="same")
    assert first.json() == again.json()
    other = desk.send("allocate", {"entries": [KIT]}, key="same")
    assert (other.status_code, other.json()["code"]) == (409, "oid-request-reused")
    assert len(desk.find("edc")["entries"]) == 1


def test_a_department_writes_its_range_and_nothing_else(desk):
    desk.with_pharmacy()
    assert desk.write("allocate", "pharmacy", prefix=f"{KITS}.2001", entries=[KIT]) == [f"{KITS}.2001.100001"]
    for source, prefix in (("pharmacy", DRUGS), ("edc", f"{KITS}.2001")):
        refused = desk.send("allocate", {"prefix": prefix, "entries": [KIT]}, source)
        assert (refused.status_code, refused.json()["code"]) == (409, "oid-not-owner")


@pytest.mark.parametrize(
    ("action", "arguments", "code"),
    [
        ("allocate", {"prefix": "2.16.156.3016.44.6001.1.2.1001", "entries": [DRUG]}, "oid-not-owner"),
        ("register", {"entries": [{"oid": "2.999.1", **DRUG}]}, "oid-refused"),
        ("allocate", {"entries": [{**DRUG, "codes": [{**NATIVE, "value": "86903630000048"}]}]}, "oid-drug-code"),
        ("allocate", {"entries": [{**DRUG, "names": {"zh": "张三13800138000"}}]}, "oid-description"),
        ("describe", {"oid": f"{DRUGS}.100001", "version": 1, "description": DRUG}, "oid-unregistered"),
        ("withdraw", {"prefix": KITS, "first": 2001}, "oid-unregistered"),
    ],
)
def test_a_refusal_has_a_code_and_writes_nothing(desk, action, arguments, code):
    refused = desk.send(action, arguments)
    assert (refused.status_code, refused.headers["content-type"]) == (409, PROBLEM)
    assert refused.json()["code"] == code
    assert desk.find("edc") == {"entries": [], "next": None}


def test_registering_twice_and_below_a_deprecated_node_is_refused(desk):
    node = {"oid": f"{HOSPITAL}.1.2", "type": "class", "names": {"en": "drugs"}}
    desk.write("register", entries=[node])
    assert desk.send("register", {"entries": [node]}).json()["code"] == "oid-taken"
    desk.write("deprecate", oid=node["oid"], reason="discontinued")
    assert desk.send("allocate", {"entries": [DRUG]}).json()["code"] == "oid-deprecated"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"entries": 1, "entries": 2}', 400),
        (b'{"request": "x", "prefix": "2.999", "entries": []}', 400),
        (b'{"entries": [{"type": "class", "names": {"en": "x"}}]}', 400),
        (b'{"entries": [{"type": "drug"}, {"type": "kit"}]}', 400),
        (b'{"entries": [7]}', 400),
        (b'{"prefix": "2.999", "entries": [{"type": "trial", "names": {"en": "\\ud800"}}]}', 409),
        (b'{"prefix": "2.999", "entries": ' + b"[" * 500 + b"]" * 500 + b"}", 409),
    ],
)
def test_a_body_that_is_none_is_refused(desk, body, status):
    answer = desk.send("allocate", body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)


def test_who_has_no_token_writes_nothing(desk):
    assert desk.send("allocate", {"entries": [DRUG]}, source=None).status_code == 401
    headers = {"Authorization": "Bearer wrong"}
    assert desk.client.get("/v1/oids", headers=headers).status_code == 401
    assert desk.client.get("/v1/export/oids", headers=headers).status_code == 401


def test_a_request_needs_a_name(desk):
    answer = desk.send("allocate", {"entries": [DRUG]}, key="not a name")
    assert answer.status_code == 400


def test_everyone_finds_what_is_public_and_the_member_all_of_its_own(desk):
    (drug,) = desk.write("allocate", entries=[DRUG])
    desk.write("allocate", entries=[KIT])
    (public,) = desk.find()["entries"]
    assert (public["oid"], public["names"], public["codes"]) == (drug, DRUG["names"], DRUG["codes"])
    assert [entry["type"] for entry in desk.find("edc")["entries"]] == ["drug", "kit"]
    for where in ({"name": "林缓"}, {"name": "ASPIRIN"}, {"code": NATIVE["value"]}, {"type": "drug"}, {"under": DRUGS}):
        assert [entry["oid"] for entry in desk.find(**where)["entries"]] == [drug], where
    for where in ({"name": "%"}, {"name": "布洛芬"}, {"code": "8690363"}, {"type": "kit"}, {"under": "2.999"}):
        assert desk.find(**where)["entries"] == [], where


def test_entries_come_in_the_order_of_their_numbers_page_by_page(desk):
    desk.write(
        "register", entries=[{"oid": f"{HOSPITAL}.1.2.{n}.100001", **DRUG, "labels": []} for n in (9999, 1001, 10000)]
    )
    found, cursor = [], None
    for _ in range(3):
        page = desk.find(limit=1, **({"cursor": cursor} if cursor else {}))
        found += [entry["oid"].split(".")[8] for entry in page["entries"]]
        cursor = page["next"]
    assert (found, cursor) == (["1001", "9999", "10000"], None)
    assert desk.client.get("/v1/oids?cursor=!").status_code == 400


def test_the_history_keeps_every_version_with_its_block(desk):
    (oid,) = desk.write("allocate", entries=[DRUG])
    changed = {
        **DRUG,
        "names": {"en": "Aspirin 100 mg"},
        "codes": [{**NATIVE, "value": "86900835000018"}],
        "labels": [],
    }
    desk.write("describe", oid=oid, version=1, description=changed)
    desk.write("deprecate", oid=oid, reason="discontinued")
    history = desk.node.registry.history(oid)
    assert [(c.entry.version, c.entry.status, c.entry.names.get("zh")) for c in history] == [
        (1, "active", "阿司匹林缓释片"),
        (2, "active", None),
        (3, "deprecated", None),
    ]
    assert [c.block for c in history] == sorted({c.block for c in history})
    assert desk.find(code=NATIVE["value"])["entries"] == desk.find(name="缓释")["entries"] == []
    assert desk.find(code="86900835000018")["entries"][0]["reason"] == "discontinued"
    assert desk.node.tree.alias((2, 16, 156, 3016, 44, 2001, 1, 2, 1001), "aspirin") is None


def test_the_tree_has_what_lies_above(desk):
    desk.write("allocate", entries=[DRUG])
    registry, arcs = desk.node.registry, tuple(map(int, DRUGS.split(".")))
    assert registry.node((2,)).entry is None
    assert registry.node((2,)).has_children
    assert registry.node((2, 17)) is None
    assert registry.node(()).has_children
    (child,) = list_children(desk.node.engine, arcs, None, 10).listed
    assert (child.arcs, child.has_children) == ((*arcs, 100001), False)
    assert list_children(desk.node.engine, arcs, 100001, 10).listed == ()
    (above,) = list_children(desk.node.engine, (2, 16), None, 10).listed
    assert (above.arcs, above.has_children) == ((2, 16, 156), True)
    assert registry.superior((*arcs, 100001, 5)).arcs == (*arcs, 100001)
    assert registry.superior(arcs) is None
    assert registry.nodes([DRUGS, "2.999"]).keys() == {DRUGS}


def test_every_registered_node_has_the_same_services(desk, tmp_path):
    drug, kit = desk.write("allocate", entries=[DRUG]) + desk.write("allocate", entries=[KIT])
    tree = desk.node.tree
    kinds = [[service.type for service in tree.services(tuple(map(int, oid.split("."))))] for oid in (drug, kit)]
    assert kinds == [["COID"], ["COID"]]
    assert tree.services((2, 999)) is None
    assert [service.information for service in tree.services((2, 16))] == ["/2/16"]
    assert tree.alias((), "country") == (2, 16)
    nodes, aliases = dict(tree.nodes()), set(tree.aliases())
    arcs = tuple(map(int, drug.split(".")))
    assert (arcs[:-1], "aspirin", arcs) in aliases
    assert {arcs, arcs[:3], ()} <= nodes.keys()


def test_a_served_tree_grows_with_the_registry(desk):
    arcs = tuple(map(int, f"{DRUGS}.100001".split(".")))
    before = desk.node.tree.version
    assert desk.node.tree.services(arcs) is None
    desk.write("allocate", entries=[DRUG])
    assert desk.node.tree.version > before
    assert desk.node.tree.services(arcs)


def test_versions_grow_over_a_restart(desk, hospital, clock):
    for _ in range(3):
        desk.write("allocate", entries=[{**DRUG, "labels": []}])
    before = desk.node.registry.version
    desk.node.close()
    again = Node(load_settings(desk.folder), PASSPHRASE, clock)
    assert again.registry.version >= before
    again.close()


def test_numbers_are_given_once_to_callers_at_the_same_time(desk):
    def work(number):
        return desk.node.registry.submit(
            "allocate", HOSPITAL, {"prefix": DRUGS, "entries": [{**DRUG, "labels": []}], "request": f"c{number}"}
        )

    with ThreadPoolExecutor(8) as pool:
        given = [oid for result in pool.map(work, range(64)) for oid in result]
    assert sorted(given) == [f"{DRUGS}.{100001 + n}" for n in range(64)]


def test_one_callers_fault_is_not_the_others_answer(desk):
    def work(number):
        prefix = DRUGS if number % 2 else "2.999"
        try:
            return desk.node.registry.submit(
                "allocate", HOSPITAL, {"prefix": prefix, "entries": [KIT], "request": f"c{number}"}
            )
        except Exception as error:  # noqa: BLE001 - what came of it is what is looked at
            return getattr(error, "code", error)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(40)))
    assert set(results[::2]) == {"oid-refused"}
    assert len(set(results[1::2])) == 20


@pytest.mark.parametrize("label", ["faß", "x" * 64, "１２", "xn--zz--"])
def test_a_label_that_dns_cannot_hold_is_refused_and_one_on_the_ledger_harms_nobody(desk, label):
    entry = {**DRUG, "labels": [label]}
    assert desk.send("allocate", {"entries": [entry]}).status_code in {400, 409}
    with contextlib.suppress(RuleError):
        desk.node.registry.submit("allocate", HOSPITAL, {"prefix": DRUGS, "entries": [entry], "request": "direct"})
    assert desk.write("allocate", entries=[DRUG])
    assert [label for parent, label, _ in desk.node.tree.aliases() if len(parent) > 4] == ["aspirin"]


def test_a_fault_of_a_rule_in_one_transaction_is_not_the_answer_to_others(desk, monkeypatch):
    real = embedded.apply

    def failing(state, transaction, verify):
        if transaction.arguments.get("request", "").startswith("bad"):
            raise RuntimeError("a fault nobody foresaw")
        return real(state, transaction, verify)

    monkeypatch.setattr(embedded, "apply", failing)

    def work(number):
        request = f"bad{number}" if number % 2 else f"good{number}"
        arguments = {"prefix": DRUGS, "entries": [KIT], "request": request}
        try:
            return desk.node.registry.submit("allocate", HOSPITAL, arguments)
        except LedgerError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(40)))
    assert set(results[1::2]) == {"ledger"}
    assert len(set(results[::2])) == 20


def test_the_version_counts_changes_and_not_repeats(desk):
    desk.send("allocate", {"entries": [KIT]}, key="same")
    before = desk.node.registry.version
    for _ in range(5):
        desk.send("allocate", {"entries": [KIT]}, key="same")
    assert desk.node.registry.version == before


def test_a_department_names_its_prefix(desk):
    desk.with_pharmacy()
    answer = desk.send("allocate", {"entries": [KIT]}, "pharmacy")
    assert (answer.status_code, "prefix" in answer.json()["detail"]) == (400, True)


def test_a_number_that_is_too_long_and_a_text_with_nul_are_refused(desk):
    assert desk.send("withdraw", b'{"prefix": "2.999", "first": ' + b"1" * 5000 + b"}").status_code == 400
    lookup = desk.client.post(
        "/v1/oids/lookup", content=b'{"oids": [' + b"1" * 5000 + b"]}", headers={"Content-Type": JSON}
    )
    assert lookup.status_code == 400
    assert desk.client.get("/v1/oids", params={"name": "a\0"}).status_code == 400


def test_a_table_that_was_forged_shows_nothing_of_a_blinded_entry(desk):
    (kit,) = desk.write("allocate", entries=[KIT])
    rows(desk.folder, "UPDATE registry_nodes SET visibility = 'public' WHERE type = 'kit'")
    (entry,) = desk.find(under=kit)["entries"]
    assert entry.keys() <= {"oid", "visibility", "owner", "status", "version"}


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_commit_is_found_by_asking_again(desk, faults, after):
    entry = {"prefix": DRUGS, "entries": [DRUG], "request": "lost"}
    with (
        faults(desk.node.engine).at_commit("disk I/O error", after=after),
        pytest.raises(LedgerError),
    ):
        desk.node.registry.submit("allocate", HOSPITAL, entry)
    assert desk.node.registry.submit("allocate", HOSPITAL, entry) == (f"{DRUGS}.100001",)
    assert len(desk.find()["entries"]) == 1


def test_what_was_written_without_an_answer_is_served_and_published_all_the_same(desk, faults):
    arcs, told = tuple(map(int, f"{DRUGS}.100001".split("."))), []
    desk.node.registry.on_change(lambda: told.append(True))
    assert desk.node.tree.services(arcs) is None
    entry = {"prefix": DRUGS, "entries": [DRUG], "request": "lost"}
    with faults(desk.node.engine).at_commit("disk I/O error", after=True), pytest.raises(LedgerError):
        desk.node.registry.submit("allocate", HOSPITAL, entry)
    assert told == [True]
    assert desk.node.tree.services(arcs)
    desk.node.registry.submit("allocate", HOSPITAL, entry)
    assert told == [True]


def test_a_checked_database_agrees_with_its_ledger(desk):
    desk.with_pharmacy()
    (oid,) = desk.write("allocate", entries=[DRUG])
    desk.write("describe", oid=oid, version=1, description={**DRUG, "names": {"en": "x"}})
    desk.node.close()
    assert fsck(desk.folder).problems == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE registry_nodes SET entry = replace(entry, 'Aspirin', 'Placebo') WHERE type = 'drug'",
        "UPDATE registry_nodes SET visibility = 'private' WHERE type = 'drug'",
        "UPDATE registry_nodes SET registered_at = 1 WHERE type = 'drug'",
        "UPDATE registry_nodes SET parent = '9.9' WHERE type = 'drug'",
        "DELETE FROM registry_nodes WHERE type = 'drug'",
        "DELETE FROM registry_nodes WHERE entry IS NULL",
        "INSERT INTO registry_nodes (oid, parent, sort) VALUES ('2.9', '2', x'00')",
        "UPDATE registry_history SET entry = replace(entry, 'active', 'deprecated')",
        "DELETE FROM registry_history",
        "UPDATE registry_names SET text = 'forged'",
        "DELETE FROM registry_codes",
        "UPDATE registry_labels SET oid = '2.9'",
        "UPDATE ledger_state SET value = replace(value, 'Aspirin', 'Placebo') WHERE key LIKE 'oids/%'",
        "DELETE FROM ledger_state WHERE key LIKE 'numbers/%'",
    ],
)
def test_a_changed_table_is_found(desk, damage):
    desk.write("allocate", entries=[DRUG])
    desk.node.close()
    rows(desk.folder, damage)
    (problem,) = fsck(desk.folder).problems
    assert "2." in problem or NATIVE["value"] in problem


@pytest.mark.parametrize("form", ["json", "csv", "xml"])
def test_what_is_exported_can_be_imported(desk, hospital, tmp_path, clock, form):
    desk.with_pharmacy()
    formula = {**DRUG, "names": {"en": '=cmd|"x" & <b>'}, "labels": ["药", "b"], "parent": f"{DRUGS}.100001"}
    drug, other = desk.write("allocate", entries=[DRUG, formula])
    desk.write("allocate", entries=[KIT])
    desk.write("deprecate", oid=other, reason="superseded", successor=drug)
    answer = desk.client.get(
        "/v1/export/oids", params={"format": form}, headers={"Authorization": f"Bearer {hospital[1]['edc']}"}
    )
    assert answer.headers["content-type"].startswith(registry_files.MEDIA_TYPES[form].partition(";")[0])
    entries = registry_files.decode(form, answer.content)
    expected = [entry.to_json() for entry in desk.node.registry.every(RegistryFilter(insider=HOSPITAL))]
    told = {"owner", "version", "registered_at", "changed_at", "block"}
    assert entries == [{k: v for k, v in entry.items() if k not in told} for entry in expected]
    assert len(desk.client.get("/v1/export/oids").json()["entries"]) == 3


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("json", b"{", "not valid JSON at character 2"),
        ("json", b'{"entries": 7}', "no list"),
        ("json", b'[{"oid": "2.999"}]', "entry 1"),
        ("json", b"\xff", "UTF-8"),
        ("csv", b"name\nx\n", "no column oid"),
        ("csv", b"oid,type\n2.999\n", "line 2"),
        ("csv", b"oid,oid\n2.999,2.998\n", "two columns"),
        ("csv", b"oid,type,status\n2.999,kit,hmm\n", "entry 1"),
        ("json", b'[{"oid": "2.999", "oid": "2.998", "type": "kit"}]', "one key twice"),
        ("csv", b'oid,type\n"2.999', "line"),
        ("csv", b"oid,type,codes\n2.999,drug,native\n", "scheme=value"),
        ("xml", b"<oid-database><oid>", "not XML at line 1"),
        ("xml", b'<!DOCTYPE x [<!ENTITY a "b">]><oid-database/>', "document type"),
        ("xml", b"<oid-database><oid><dot-notation>2.999</dot-notation></oid></oid-database>", "entry 1"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_place(form, content, message):
    with pytest.raises(InputError, match=message):
        registry_files.decode(form, content)


def test_a_name_is_searched_for_as_text_and_tokens_are_not_kept(desk, hospital):
    assert desk.find(name="_")["entries"] == []
    stored = b"".join(path.read_bytes() for path in desk.folder.glob("node.db*"))
    assert hospital[1]["edc"].encode() not in stored
    assert sha256(b"").hexdigest().encode() not in stored
