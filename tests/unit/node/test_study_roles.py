"""Who may register evidence of a study that the ledger has: those that joined it, in the roles in which they joined."""

from __future__ import annotations

from datetime import timedelta

import pytest
from material import AT, MEMBER, Member, statement

from nodes import fsck, numbered, record, write_member
from trialanchor.transactions import Requester, TransactionBody, sign_transaction
from trialanchor.trust import TrustedMember
from trialanchor_chaincode.rules.state import Transaction
from trialanchor_node.log.rules import RoleError, check_study_role
from trialanchor_node.log.study_roles import LedgerStudyRoles, joined_roles
from worlds import SPONSOR, STUDY

ANY = "sha256:" + "0" * 64
DRUG = f"{SPONSOR}.1.2.1001.100001"
REGULATOR = "2.999.1.2009"
TYPE = "application/vnd.trialanchor.transaction+json"


class Sponsor:
    """A node, and a sponsor that registers a study on its ledger and invites the node's member."""

    def __init__(self, site, clock):
        self.site = site
        self.clock = clock
        self.requests = 0
        self.sent = 0

    def do(self, member, name, /, **arguments):
        self.requests += 1
        contract, _, action = name.rpartition("/")
        body = TransactionBody(
            ledger=f"embedded:{MEMBER}",
            request=f"r-{self.requests}",
            contract=contract or "trials",
            action=action,
            arguments=arguments if contract else {"study": STUDY, **arguments},
        )
        at = int(self.clock.now().timestamp())
        signed = sign_transaction(
            body, Requester(member=member, actor=member, study=None, at=at), Member(member).system()
        )
        answer = self.site.client.post("/v1/transactions", content=signed.encode(), headers={"Content-Type": TYPE})
        assert answer.status_code == 201, answer.text
        return self

    def registered(self):
        entries = [
            {"oid": STUDY, "type": "trial", "names": {"en": "Trial"}},
            {"oid": DRUG, "type": "drug", "names": {"en": "Drug"}, "no_code": "unapproved"},
        ]
        self.site.node.ledger.submit(Transaction("oids", "register", SPONSOR, {"request": "o-1", "entries": entries}))
        given = {"phase": "iii", "design": "parallel", "blinding": "open", "protocol": ANY, "drugs": [DRUG]}
        return self.do(SPONSOR, "register", **given)

    def invited(self, roles=("study_unit",)):
        return self.do(SPONSOR, "invite", member=MEMBER, roles=list(roles), contract=ANY)

    def joined(self, roles=("study_unit",)):
        return self.invited(roles).do(MEMBER, "join")

    def send(self, **changes):
        """Send evidence of the study; gives the code of the refusal, empty when it was registered."""
        self.sent += 1
        answer = self.site.post(numbered(self.sent, study=STUDY, **changes)).json()
        return answer.get("code", "")


@pytest.fixture
def sponsor(serve, new_folder, clock):
    folder = new_folder(anchor_interval_s=3600, group_commit_ms=0)
    write_member(folder, Member(SPONSOR, ("sponsor",)))
    write_member(folder, Member(REGULATOR, ("administrative_department",)))
    return Sponsor(serve(folder), clock)


class TestAdmission:
    def test_a_study_that_the_ledger_does_not_have_is_open_to_the_roles_of_the_consortium(self, sponsor):
        assert sponsor.send() == ""

    def test_only_who_has_joined_registers_evidence_of_it(self, sponsor):
        sponsor.registered()
        assert sponsor.send() == "role"
        sponsor.invited()
        assert sponsor.send() == "role"
        sponsor.do(MEMBER, "join")
        assert sponsor.send() == ""
        sponsor.do(MEMBER, "leave", reason="closed")
        assert sponsor.send() == "role"

    def test_the_sponsor_provides_what_it_provides_as_one(self, sponsor):
        sponsor.registered()
        changes = {"system": Member(SPONSOR).system(), "issuer": SPONSOR}
        assert sponsor.send(kind="gd44.c1.protocol_and_agreement", **changes) == ""
        sponsor.joined()
        assert sponsor.send(kind="gd44.c1.protocol_and_agreement") == ""
        sponsor.do(MEMBER, "leave", reason="closed")
        assert sponsor.send(kind="gd44.c1.protocol_and_agreement") == "role"

    def test_a_regulator_takes_part_in_every_study(self, sponsor):
        sponsor.registered()
        changes = {"system": Member(REGULATOR).system(), "issuer": REGULATOR}
        assert sponsor.send(kind="js4652.7_10_3.inspection_report_digest", **changes) == ""
        assert sponsor.send(kind="gd44.c1.protocol_and_agreement", **changes) == "role"

    def test_records_that_the_node_signs_are_held_to_it_too(self, sponsor):
        sponsor.registered()
        told = sponsor.site.post_records(record(1, study=f"urn:oid:{STUDY}")).json()
        assert told["results"][0]["problem"]["code"] == "role" if "results" in told else told["code"] == "role"

    def test_what_is_registered_keeps_its_place(self, sponsor):
        sponsor.registered().joined()
        signed = numbered(1, study=STUDY)
        (first,) = sponsor.site.register(signed)
        sponsor.do(MEMBER, "leave", reason="closed")
        (again,) = sponsor.site.register(signed)
        assert (again["index"], again["new"]) == (first["index"], False)

    def test_an_administrator_makes_none(self, sponsor):
        person = f"{MEMBER}.1.5.1001.100001"
        given = {"person": person, "since": AT - 10, "until": AT + 1_000, "training": ANY}
        assert sponsor.send(actor=person) == ""
        for function, code in (("administrator", "role"), ("pharmacist", "")):
            sponsor.do(MEMBER, "members/appoint", functions=[function], **given)
            assert sponsor.send(actor=person) == code

    def test_other_studies_are_not_touched(self, sponsor):
        sponsor.registered()
        sponsor.site.register(numbered(1))


class TestRule:
    """A member that is sponsor and laboratory in the consortium."""

    member = TrustedMember(MEMBER, ("laboratory", "sponsor"), ())

    @pytest.mark.parametrize(
        ("held", "kind", "reason"),
        [
            ((), "gd44.c1.protocol_and_agreement", "has not joined this study in any role"),
            (("laboratory",), "gd44.c1.protocol_and_agreement", "roles laboratory in this study do not provide"),
            (("sponsor",), "js4652.7_3_3.subject_basics", "roles sponsor in this study do not provide"),
        ],
    )
    def test_a_role_that_it_has_elsewhere_does_not_count(self, held, kind, reason):
        with pytest.raises(RoleError, match=reason):
            check_study_role(statement(kind=kind), self.member, held)

    @pytest.mark.parametrize("held", [("sponsor",), ("laboratory", "sponsor")])
    def test_one_role_in_the_study_is_enough(self, held):
        check_study_role(statement(kind="gd44.c1.protocol_and_agreement"), self.member, held)


class TestFsck:
    def test_a_log_over_joins_and_leaves_is_sound(self, sponsor):
        for step in (sponsor.registered, sponsor.joined):
            sponsor.send()
            sponsor.site.anchor()
            step()
        for _ in range(2):
            assert sponsor.send() == ""
            sponsor.site.anchor()
            sponsor.clock.at += timedelta(seconds=1)
        assert sponsor.send() == ""
        sponsor.do(MEMBER, "leave", reason="closed")
        sponsor.site.anchor()
        sponsor.joined()
        assert sponsor.send() == ""
        assert fsck(sponsor.site.folder).problems == []

    def test_what_a_member_without_a_role_in_the_study_registered_is_found(self, sponsor, monkeypatch):
        sponsor.registered()
        sponsor.site.register(numbered(900))
        sponsor.site.anchor()
        monkeypatch.setattr(LedgerStudyRoles, "roles", lambda *_: None)
        assert sponsor.send() == ""
        (problem,) = fsck(sponsor.site.folder).problems
        assert problem == "entry 2: the member has not joined this study in any role"

    def test_what_came_before_the_study_was_registered_is_sound(self, sponsor):
        assert sponsor.send() == ""
        sponsor.site.anchor()
        sponsor.registered()
        sponsor.site.register(numbered(900))
        sponsor.site.anchor()
        assert fsck(sponsor.site.folder).problems == []


class _Ledger:
    """A state that counts what it is asked, and can change while it answers."""

    def __init__(self, state):
        self.state = state
        self.asked = 0
        self.meanwhile = lambda: None

    def read(self, key):
        self.asked += 1
        found = self.state.get(key)
        self.meanwhile()
        return found


JOINED = '{"roles":["sponsor"],"status":"joined"}'


class TestCache:
    def test_an_answer_is_kept_until_a_commit(self):
        ledger = _Ledger({f"trials/{STUDY}": "{}", f"participants/{STUDY}/{MEMBER}": JOINED})
        held = LedgerStudyRoles(ledger)
        assert not held.administers(MEMBER)
        assert not held.knows(STUDY, MEMBER, MEMBER)
        assert held.roles(STUDY, MEMBER) == held.roles(STUDY, MEMBER) == ("sponsor",)
        assert not held.administers(MEMBER)
        assert (ledger.asked, held.knows(STUDY, MEMBER, MEMBER)) == (3, True)
        ledger.state[f"participants/{STUDY}/{MEMBER}"] = JOINED.replace("joined", "left")
        held.forget()
        assert held.roles(STUDY, MEMBER) == ()

    def test_what_was_read_while_a_commit_went_on_is_not_kept(self):
        ledger = _Ledger({f"trials/{STUDY}": "{}", f"participants/{STUDY}/{MEMBER}": JOINED})
        held = LedgerStudyRoles(ledger)
        ledger.meanwhile = held.forget
        assert held.roles(STUDY, MEMBER) == ("sponsor",)
        assert not held.administers(MEMBER)
        assert not held.knows(STUDY, MEMBER, MEMBER)

    def test_it_does_not_grow_without_end(self):
        held = LedgerStudyRoles(_Ledger({}))
        for number in range(5_000):
            assert held.roles(f"2.999.{number}", MEMBER) is None
            assert not held.administers(f"2.999.{number}")
        assert not held.knows("2.999.0", MEMBER, "2.999.0")
        assert held.knows("2.999.4999", MEMBER, "2.999.4999")

    @pytest.mark.parametrize("value", [None, JOINED.replace("joined", "invited"), JOINED.replace("joined", "left")])
    def test_who_has_not_joined_has_no_roles(self, value):
        assert joined_roles(value) == ()
