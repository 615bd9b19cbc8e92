"""Trust files: what they hold, each defect by name, and quorums as nested groups."""

import contextlib
import json
from itertools import combinations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from material import (
    AT,
    LEDGER,
    MEMBER,
    NODE,
    Member,
    TinyLedger,
    TinyLog,
    Witness,
    digest,
    p256,
    trust,
    trust_json,
)

from trialanchor.encoding import digest_text, json_encode
from trialanchor.errors import InputError
from trialanchor.keys import certificate_pem
from trialanchor.notes import COSIGNATURE_KEY, LOG_KEY, VerifierKey
from trialanchor.receipts import key_thumbprint
from trialanchor.trust import Group, Policy, State, TrustFileError, decode_trust, raw_ed25519

MEMBER_ENTRY, LOG_ENTRY, LEDGER_ENTRY = Member().to_json(), TinyLog().to_json(), TinyLedger().to_json()
P256_PEM = certificate_pem(Member().root)
WITNESSES = [Witness(str(n)) for n in range(1, 7)]


def with_policy(groups, quorum, names="123456"):
    entries = [{"name": name, "of": of, "members": list(members)} for name, of, members in groups]
    witnesses = [Witness(name).to_json() for name in names]
    return trust(witnesses=witnesses, policy={"groups": entries, "quorum": quorum}).policy


class TestRead:
    def test_everything_is_found_under_its_name(self):
        found = trust()

        assert found.members[MEMBER].roles == ("study_unit",)
        assert found.members[MEMBER].roots == (Member().root,)
        assert found.logs[f"oid/{NODE}"].node == NODE
        assert found.logs[f"oid/{NODE}"].kid == key_thumbprint(TinyLog().public)
        assert isinstance(found.logs[f"oid/{NODE}"].public_key, Ed25519PublicKey)
        assert found.ledgers[LEDGER].type == "embedded"
        assert found.witnesses["1"] == Witness("1").key
        assert found.policy == Policy()

    def test_an_empty_file_trusts_nothing_and_demands_nothing(self):
        found = decode_trust(b'{"trialanchor_trust": 1, "issued_at": "2026-11-01T00:00:00Z"}')

        assert not found.members
        assert not found.logs
        assert found.policy.satisfied(frozenset())

    def test_it_may_be_written_by_hand(self):
        spaced = json.dumps(trust_json(), indent=4, ensure_ascii=True).encode()

        assert decode_trust(spaced) == trust()

    def test_a_revocation_counts_from_its_second(self):
        entry = {
            **MEMBER_ENTRY,
            "revoked": [{"certificate": digest_text(digest("x")), "at": "2026-11-23T16:00:00+08:00"}],
        }

        assert trust(members=[entry]).members[MEMBER].revoked == {digest("x"): AT}

    @pytest.mark.parametrize("state", ["sequenced", "anchored"])
    def test_a_policy_demands_a_state(self, state):
        assert trust(policy={"state": state}).policy.state is State(state)


class TestRefused:
    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"[]", id="array"),
            pytest.param(b"null", id="null"),
            pytest.param(b"{}", id="no-version"),
            pytest.param(b"\xff", id="not-utf-8"),
            pytest.param(b"[" * 100_000, id="nested-too-deeply"),
            pytest.param(b" " * (4 << 20) + b"1", id="too-large"),
            pytest.param(json_encode(trust_json()).replace(b'"policy":', b'"policy":{},"policy":'), id="key-twice"),
        ],
    )
    def test_what_is_no_trust_file(self, data):
        with pytest.raises(TrustFileError) as caught:
            decode_trust(data)

        assert caught.value.code == "trust-file"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            pytest.param({"trialanchor_trust": 2}, "version 1", id="version-2"),
            pytest.param({"trialanchor_trust": True}, "version 1", id="version-true"),
            pytest.param({"trialanchor_trust": 1.0}, "version 1", id="version-1.0"),
            pytest.param({"trialanchor_trust": "1"}, "version 1", id="version-as-text"),
            pytest.param({"note": ""}, "holds only", id="unknown-part"),
            pytest.param({"issued_at": None}, "issued_at", id="issued-at-null"),
            pytest.param({"issued_at": "2026-11-01"}, "issued_at", id="issued-at-without-offset"),
            pytest.param({"issued_at": "0001-01-01T00:00:00+08:00"}, "issued_at", id="issued-at-before-year-1"),
            pytest.param({"members": {}}, "list of objects", id="members-as-object"),
            pytest.param({"members": ["x"]}, "list of objects", id="member-as-text"),
            pytest.param({"members": [MEMBER_ENTRY] * 2}, "stands twice", id="member-twice"),
            pytest.param({"members": [{**MEMBER_ENTRY, "oid": "hospital"}]}, "OID", id="member-without-oid"),
            pytest.param({"members": [{**MEMBER_ENTRY, "oid": [1]}]}, "OID", id="oid-as-array"),
            pytest.param({"members": [{**MEMBER_ENTRY, "roles": []}]}, "roles", id="no-roles"),
            pytest.param({"members": [{**MEMBER_ENTRY, "roles": ["king"]}]}, "roles", id="unknown-role"),
            pytest.param({"members": [{**MEMBER_ENTRY, "roles": "sponsor"}]}, "roles", id="roles-as-text"),
            pytest.param({"members": [{**MEMBER_ENTRY, "roles": [[]]}]}, "wrong type", id="role-as-array"),
            pytest.param({"members": [{**MEMBER_ENTRY, "roots": []}]}, "root", id="no-roots"),
            pytest.param({"members": [{**MEMBER_ENTRY, "roots": ["x"]}]}, "PEM", id="root-not-pem"),
            pytest.param({"members": [{**MEMBER_ENTRY, "roots": [1]}]}, "wrong type", id="root-as-number"),
            pytest.param({"members": [{"oid": MEMBER}]}, "missing", id="member-incomplete"),
            pytest.param({"members": [{**MEMBER_ENTRY, "revokd": []}]}, "hold only", id="misspelled-revoked"),
            pytest.param({"members": [{**MEMBER_ENTRY, "revoked": [{}]}]}, "missing", id="revocation-incomplete"),
            pytest.param(
                {"members": [{**MEMBER_ENTRY, "revoked": [{"certificate": "x", "at": "2026-01-01T00:00:00Z"}]}]},
                "sha256:",
                id="revoked-certificate-not-a-digest",
            ),
            pytest.param(
                {"members": [{**MEMBER_ENTRY, "revoked": [{"certificate": digest_text(bytes(32)), "at": "now"}]}]},
                "not a time",
                id="revoked-at-no-time",
            ),
            pytest.param({"logs": [LOG_ENTRY] * 2}, "stands twice", id="log-twice"),
            pytest.param({"logs": [{**LOG_ENTRY, "node": "x"}]}, "OID of its node", id="log-without-oid"),
            pytest.param(
                {"logs": [{**LOG_ENTRY, "verifier_key": Witness("1").key.encode()}]},
                "note key",
                id="log-with-witness-key",
            ),
            pytest.param({"logs": [{**LOG_ENTRY, "verifier_key": "x"}]}, "verifier key", id="log-key-malformed"),
            pytest.param({"logs": [{**LOG_ENTRY, "verifier_key": 1}]}, "wrong type", id="log-key-as-number"),
            pytest.param(
                {"logs": [{**LOG_ENTRY, "public_key": TinyLog(label="x").to_json()["public_key"]}]},
                "differ",
                id="two-keys-of-one-log",
            ),
            pytest.param({"logs": [{**LOG_ENTRY, "public_key": P256_PEM}]}, "PEM", id="log-key-as-certificate"),
            pytest.param({"logs": [{**LOG_ENTRY, "url": "https://example.org"}]}, "hold only", id="log-with-url"),
            pytest.param({"ledgers": [LEDGER_ENTRY] * 2}, "stands twice", id="ledger-twice"),
            pytest.param(
                {"ledgers": [{**LEDGER_ENTRY, "type": "fabric"}]}, "type embedded", id="ledger-of-another-type"
            ),
            pytest.param({"ledgers": [{**LEDGER_ENTRY, "name": 5}]}, "name is text", id="ledger-name-as-number"),
            pytest.param({"ledgers": [{**LEDGER_ENTRY, "public_key": None}]}, "PEM", id="ledger-key-null"),
            pytest.param({"witnesses": [Witness("1").to_json()] * 2}, "stands twice", id="witness-twice"),
            pytest.param(
                {"witnesses": [{"name": "1", "verifier_key": TinyLog().key.encode()}]},
                "cosignature key",
                id="witness-with-log-key",
            ),
            pytest.param(
                {"witnesses": [{**Witness("1").to_json(), "name": 1}]}, "name is text", id="witness-name-as-number"
            ),
            pytest.param({"witnesses": [{**Witness("1").to_json(), "name": "none"}]}, "none", id="witness-called-none"),
            pytest.param({"policy": []}, "policy holds", id="policy-as-array"),
            pytest.param({"policy": {"rule": "all"}}, "policy holds", id="policy-with-more"),
            pytest.param({"policy": {"state": "received"}}, "policy.state", id="state-received"),
            pytest.param({"policy": {"state": "cosigned"}}, "policy.state", id="state-cosigned"),
            pytest.param({"policy": {"state": None}}, "policy.state", id="state-null"),
            pytest.param({"policy": {"state": ["anchored"]}}, "policy.state", id="state-as-array"),
            pytest.param({"policy": {"quorum": "nobody"}}, "policy.quorum", id="quorum-undefined"),
            pytest.param({"policy": {"quorum": ["1"]}}, "policy.quorum", id="quorum-as-array"),
            pytest.param({"policy": {"quorum": None}}, "policy.quorum", id="quorum-null"),
            pytest.param({"policy": {"groups": 1}}, "policy.groups", id="groups-as-number"),
            pytest.param({"policy": {"groups": {}}}, "policy.groups", id="groups-as-object"),
        ],
    )
    def test_each_defect_is_named(self, change, message):
        with pytest.raises(TrustFileError, match=message):
            trust(**change)

    @pytest.mark.parametrize(
        ("group", "message"),
        [
            pytest.param({"name": "g", "of": 0, "members": ["1"]}, "1 to 1", id="none-of-one"),
            pytest.param({"name": "g", "of": 2, "members": ["1"]}, "1 to 1", id="two-of-one"),
            pytest.param({"name": "g", "of": -1, "members": ["1"]}, "1 to 1", id="negative"),
            pytest.param({"name": "g", "of": 1.0, "members": ["1"]}, "1 to 1", id="float"),
            pytest.param({"name": "g", "of": True, "members": ["1"]}, "1 to 1", id="true"),
            pytest.param({"name": "g", "of": "most", "members": ["1"]}, "1 to 1", id="another-word"),
            pytest.param({"name": "g", "of": [1], "members": ["1"]}, "1 to 1", id="of-as-array"),
            pytest.param({"name": "g", "of": "all", "members": []}, "at least one member", id="no-members"),
            pytest.param({"name": "g", "of": "all", "members": "12"}, "at least one member", id="members-as-text"),
            pytest.param({"name": "g", "of": "all", "members": [1]}, "at least one member", id="member-as-number"),
            pytest.param({"name": "g", "of": "all", "members": ["1", "1"]}, "one group only", id="member-twice"),
            pytest.param({"name": "g", "of": "all", "members": ["9"]}, "defined before", id="member-undefined"),
            pytest.param({"name": "g", "of": "all", "members": ["g"]}, "defined before", id="member-of-itself"),
            pytest.param({"name": "g", "of": "any", "members": ["none"]}, "defined before", id="member-none"),
            pytest.param({"name": "1", "of": "any", "members": ["2"]}, "stands twice", id="named-as-a-witness"),
            pytest.param({"name": "none", "of": "any", "members": ["1"]}, "called none", id="called-none"),
            pytest.param({"name": 7, "of": "any", "members": ["1"]}, "has a name", id="name-as-number"),
            pytest.param({"name": ["g"], "of": "any", "members": ["1"]}, "has a name", id="name-as-array"),
            pytest.param({"name": "g", "of": "any"}, "has name, of", id="no-member-list"),
            pytest.param({"name": "g", "of": "any", "members": ["1"], "k": 1}, "has name, of", id="more"),
            pytest.param("g", "has name, of", id="group-as-text"),
        ],
    )
    def test_each_malformed_group_is_named(self, group, message):
        with pytest.raises(TrustFileError, match=message):
            trust(policy={"groups": [group], "quorum": "none"})

    def test_a_group_is_defined_before_it_is_used(self):
        with pytest.raises(TrustFileError, match="defined before"):
            with_policy([("outer", "any", ["inner"]), ("inner", "any", "1")], "outer")

    def test_a_name_is_a_member_of_one_group_only(self):
        with pytest.raises(TrustFileError, match="one group only"):
            with_policy([("a", "any", "12"), ("b", "any", "23"), ("both", 2, "ab")], "both")

    def test_one_key_under_two_names_would_count_twice_and_is_refused(self):
        same = {"name": "2", "verifier_key": Witness("1").key.encode()}
        renamed = VerifierKey("oid/2.999.6", COSIGNATURE_KEY, Witness("1").key.public)

        for second in (same, {"name": "2", "verifier_key": renamed.encode()}):
            with pytest.raises(TrustFileError, match="key of its own"):
                trust(witnesses=[Witness("1").to_json(), second])

    @settings(max_examples=150, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=5,
        ),
        st.sampled_from(["issued_at", "members", "logs", "ledgers", "witnesses", "policy"]),
        st.sampled_from(
            [
                None,
                "oid",
                "roles",
                "roots",
                "revoked",
                "verifier_key",
                "name",
                "type",
                "public_key",
                "node",
                "groups",
                "quorum",
            ]
        ),
    )
    def test_hostile_values_raise_the_agreed_error_or_mean_something(self, value, part, field):
        file = trust_json()
        if field is None:
            file[part] = value
        elif part == "policy":
            file[part] = {field: value}
        elif isinstance(file[part], list):
            file[part] = [{**file[part][0], field: value}]

        with contextlib.suppress(TrustFileError):
            decode_trust(json.dumps(file).encode())


class TestQuorum:
    @pytest.mark.parametrize("count", range(7))
    @pytest.mark.parametrize(
        ("of", "needed"),
        [("any", 1), ("all", 6), (1, 1), (2, 2), (4, 4), (6, 6)],
        ids=["any", "all", "1", "2", "4", "6"],
    )
    def test_k_of_n(self, of, needed, count):
        policy = with_policy([("g", of, "123456")], "g")

        for cosigned in combinations("123456", count):
            assert policy.satisfied(frozenset(cosigned)) == (count >= needed)

    @pytest.mark.parametrize(
        ("cosigned", "satisfied"),
        [
            ("", False),
            ("14", False),
            ("12", False),
            ("124", True),
            ("134", True),
            ("235", True),
            ("456", False),
            ("123", False),
            ("123456", True),
        ],
    )
    def test_groups_of_groups(self, cosigned, satisfied):
        groups = [("regulators", 2, "123"), ("sites", "any", "456"), ("both", "all", ["regulators", "sites"])]

        assert with_policy(groups, "both").satisfied(frozenset(cosigned)) == satisfied

    @pytest.mark.parametrize(("cosigned", "satisfied"), [("1", True), ("23", True), ("2", False), ("4", False)])
    def test_witnesses_beside_groups(self, cosigned, satisfied):
        groups = [("pair", "all", "23"), ("outer", "any", ["1", "pair"])]

        assert with_policy(groups, "outer").satisfied(frozenset(cosigned)) == satisfied

    def test_a_single_witness_can_be_the_quorum(self):
        policy = with_policy([], "2")

        assert policy.satisfied(frozenset("2"))
        assert not policy.satisfied(frozenset("13"))

    def test_none_demands_nothing(self):
        policy = with_policy([("g", "all", "123")], "none")

        assert policy.quorum is None
        assert policy.satisfied(frozenset())

    def test_a_name_that_is_in_no_file_counts_for_nothing(self):
        assert not with_policy([("g", 2, "12")], "g").satisfied(frozenset({"1", "stranger", "oid/2.999"}))

    def test_thirty_two_of_each_are_supported(self):
        names = [str(n) for n in range(32)]
        chain = [("g0", "any", ["0"]), *((f"g{n}", "all", [f"g{n - 1}", str(n)]) for n in range(1, 32))]
        policy = with_policy(chain, "g31", names)

        assert policy.satisfied(frozenset(names))
        assert not policy.satisfied(frozenset(names[1:]))
        assert policy.groups["g31"] == Group(2, ("g30", "31"))


class TestPublicKey:
    @pytest.mark.parametrize(
        "pem", ["", "x", P256_PEM, None, 7], ids=["empty", "text", "certificate", "null", "number"]
    )
    def test_what_is_no_public_key_in_pem_is_refused(self, pem):
        with pytest.raises(InputError, match="PEM"):
            raw_ed25519(pem)

    def test_a_key_of_another_kind_is_refused(self):
        pem = p256("a").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

        with pytest.raises(InputError, match="Ed25519"):
            raw_ed25519(pem)

    def test_an_ed25519_key_is_read(self):
        assert raw_ed25519(TinyLog().to_json()["public_key"]) == TinyLog().public
        assert TinyLog().key.kind == LOG_KEY
