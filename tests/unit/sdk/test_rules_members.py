"""Registration of members, the state they live in, and the one entry into the rule set."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import MEMBER, STRANGER

from trialanchor_chaincode.rules.apply import UnknownTransitionError, apply
from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_chaincode.rules.members import MemberRefusedError
from trialanchor_chaincode.rules.state import Context, Outcome, Transaction, encode_value, read

PEM = "-----BEGIN CERTIFICATE-----"


def never(*_):
    pytest.fail("no signature is checked here")


def register(state, caller=MEMBER, **changes):
    values = {"oid": MEMBER, "roles": ["study_unit"], "roots": [PEM], **changes}
    values = {name: value for name, value in values.items() if value is not ...}
    return apply(state, Transaction("members", "register", caller, values), Context("test:ledger", 0, never))


class TestRegister:
    def test_a_member_is_written_under_its_oid(self):
        outcome = register({}, roles=["study_unit", "sponsor", "study_unit"])

        assert json.loads(outcome.writes[f"members/{MEMBER}"]) == {"roles": ["sponsor", "study_unit"], "roots": [PEM]}
        assert outcome.events == (("member:member:registered", MEMBER, ""),)

    def test_the_registration_names_who_made_it(self):
        assert register({}, STRANGER).writes[f"registrars/{MEMBER}"] == f'"{STRANGER}"'

    def test_it_can_be_renewed_by_who_made_it(self):
        state = register({}, STRANGER).writes

        outcome = register(state, STRANGER, roles=["sponsor"])

        assert json.loads(outcome.writes[f"members/{MEMBER}"])["roles"] == ["sponsor"]

    def test_it_cannot_be_taken_over_by_another_caller(self):
        state = register({}).writes

        with pytest.raises(MemberRefusedError, match="replaced only by"):
            register(state, STRANGER, roots=["another root"])

    @pytest.mark.parametrize("role", ROLES)
    def test_every_role_of_the_table_can_be_held(self, role):
        assert json.loads(register({}, roles=[role]).writes[f"members/{MEMBER}"])["roles"] == [role]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            pytest.param({"oid": ...}, "named by its OID", id="no-oid"),
            pytest.param({"oid": "hospital"}, "named by its OID", id="oid-as-word"),
            pytest.param({"oid": f"urn:oid:{MEMBER}"}, "named by its OID", id="oid-as-urn"),
            pytest.param({"oid": 2.999}, "named by its OID", id="oid-as-number"),
            pytest.param({"oid": "2.999/../x"}, "named by its OID", id="oid-with-path"),
            pytest.param({"roles": ...}, "role table", id="no-roles"),
            pytest.param({"roles": []}, "role table", id="empty-roles"),
            pytest.param({"roles": ["king"]}, "role table", id="unknown-role"),
            pytest.param({"roles": "sponsor"}, "role table", id="roles-as-text"),
            pytest.param({"roles": [["sponsor"]]}, "role table", id="role-as-array"),
            pytest.param({"roles": [{}]}, "role table", id="role-as-object"),
            pytest.param({"roles": [None]}, "role table", id="role-null"),
            pytest.param({"name": "a person"}, "holds only", id="another-argument"),
            pytest.param({"roots": ...}, "root certificate", id="no-roots"),
            pytest.param({"roots": []}, "root certificate", id="empty-roots"),
            pytest.param({"roots": PEM}, "root certificate", id="roots-as-text"),
            pytest.param({"roots": [7]}, "root certificate", id="root-as-number"),
            pytest.param({"roots": ["\ud800"]}, "root certificate", id="root-not-unicode"),
        ],
    )
    def test_each_defect_is_refused(self, changes, message):
        with pytest.raises(MemberRefusedError, match=message) as caught:
            register({}, **changes)

        assert caught.value.code == "member-refused"

    @settings(max_examples=100, deadline=None)
    @given(
        st.sampled_from(["oid", "roles", "roots", "revoked"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=4,
        ),
    )
    def test_any_other_value_is_refused_in_the_agreed_way_or_means_something(self, name, value):
        try:
            outcome = register({}, **{name: value})
        except MemberRefusedError:
            return
        assert isinstance(outcome, Outcome)


class TestRevoke:
    FIRST, SECOND = "sha256:" + "0a" * 32, "sha256:" + "0b" * 32

    def revoked(self, state):
        return json.loads(state[f"members/{MEMBER}"]).get("revoked")

    def test_revocations_are_held_with_the_member(self):
        assert self.revoked(register({}, revoked={self.FIRST: 7}).writes) == {self.FIRST: 7}

    def test_a_member_without_any_is_written_as_before(self):
        assert register({}, revoked={}).writes == register({}).writes

    @pytest.mark.parametrize(
        ("later", "held"),
        [
            pytest.param(..., {FIRST: 7}, id="left-out"),
            pytest.param({}, {FIRST: 7}, id="emptied"),
            pytest.param({SECOND: 9}, {FIRST: 7, SECOND: 9}, id="another-one"),
            pytest.param({FIRST: 9}, {FIRST: 7}, id="later-time"),
            pytest.param({FIRST: 5}, {FIRST: 5}, id="earlier-time"),
        ],
    )
    def test_a_later_registration_takes_none_back(self, later, held):
        state = register({}, revoked={self.FIRST: 7}).writes
        assert self.revoked(register(state, revoked=later).writes) == held

    @pytest.mark.parametrize(
        "revoked",
        [
            pytest.param(None, id="null"),
            pytest.param([FIRST], id="list"),
            pytest.param({"sha256:" + "0A" * 32: 7}, id="upper-case"),
            pytest.param({"0a" * 32: 7}, id="bare-hexadecimal"),
            pytest.param({FIRST + "\n": 7}, id="trailing-newline"),
            pytest.param({FIRST: "2026-11-23T08:00:00Z"}, id="time-as-text"),
            pytest.param({FIRST: 7.0}, id="float"),
            pytest.param({FIRST: True}, id="true"),
            pytest.param({FIRST: -1}, id="before-1970"),
            pytest.param({FIRST: 253_402_300_800}, id="year-10000"),
        ],
    )
    def test_what_is_no_revocation_is_refused(self, revoked):
        with pytest.raises(MemberRefusedError, match="a revocation is"):
            register({}, revoked=revoked)


class TestApply:
    @pytest.mark.parametrize(
        ("contract", "action"),
        [("members", "remove"), ("anchors", "register"), ("", ""), ("Members", "register"), ("members", "register ")],
    )
    def test_an_unknown_transition_is_refused(self, contract, action):
        with pytest.raises(UnknownTransitionError) as caught:
            apply({}, Transaction(contract, action, MEMBER, {}), Context("test:ledger", 0, never))

        assert caught.value.code == "transition-unknown"


class TestState:
    @settings(max_examples=80, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=6,
        )
    )
    def test_reading_what_was_written_gives_it_back(self, value):
        assert read({"key": encode_value(value)}, "key") == value

    def test_what_is_not_there_is_none(self):
        assert read({}, "key") is None

    def test_a_value_has_one_spelling(self):
        assert encode_value({"b": 1, "a": ["é", None]}) == '{"a":["é",null],"b":1}'

    def test_a_transaction_is_encoded_with_all_it_says(self):
        transaction = Transaction("members", "register", MEMBER, {"oid": MEMBER})

        assert (
            transaction.encode()
            == (
                f'{{"action":"register","arguments":{{"oid":"{MEMBER}"}},"caller":"{MEMBER}","contract":"members"}}'
            ).encode()
        )
        assert transaction.encode() != Transaction("members", "register", STRANGER, {"oid": MEMBER}).encode()
