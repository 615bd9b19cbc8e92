"""A consortium in memory for tests of the rules: its members, its study, and one call for each signed transition."""

from __future__ import annotations

from hashlib import sha256

import pytest

from trialanchor_chaincode.rules.apply import apply
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.state import Context, Signed, Transaction, encode_value, read
from trialanchor_chaincode.rules.transitions import TRANSITIONS

ROOT = "2.16.156.3016"
SPONSOR = f"{ROOT}.31.6001"
DEPOT = f"{ROOT}.31.6002"
SITE_A = f"{ROOT}.44.2001"
SITE_B = f"{ROOT}.44.2002"
LAB = f"{ROOT}.44.3001"
ETHICS = f"{ROOT}.44.2003"
STATISTICS = f"{ROOT}.44.3002"
REGULATOR_1 = f"{ROOT}.11.1001"
REGULATOR_2 = f"{ROOT}.44.1001"
OUTSIDER = f"{ROOT}.33.2001"
STUDY = f"{SPONSOR}.1.1.1001.100001"
OTHER_STUDY = f"{SPONSOR}.1.1.1001.100002"
LEDGER = "test:consortium"
NOW = 1_750_000_000
DAY = 86_400
WRITTEN = {"by": "sha256:" + "0" * 64, "version": 1}
"""What every object says of the transaction that wrote it."""

MEMBERS = {
    SPONSOR: ["sponsor"],
    DEPOT: ["drug_depot"],
    SITE_A: ["institution", "investigator", "study_unit"],
    SITE_B: ["institution", "investigator", "study_unit"],
    LAB: ["laboratory"],
    ETHICS: ["ethics_committee"],
    STATISTICS: ["third_party"],
    REGULATOR_1: ["administrative_department"],
    REGULATOR_2: ["administrative_department"],
    OUTSIDER: ["sponsor", "study_unit"],
}


def _digest(text):
    return "sha256:" + sha256(text.encode()).hexdigest()


class World:
    """The state of a ledger, and what its members do with it; time stands still unless a test moves it."""

    def __init__(self):
        self.state = {}
        self.at = NOW
        self.events = []
        self.transactions = 0

    def seed(self, key, value):
        """Put a value into the state that other transitions would have written."""
        self.state[key] = encode_value(value)

    def get(self, key):
        return read(self.state, key)

    def seed_members(self):
        for oid, roles in MEMBERS.items():
            self.seed(f"members/{oid}", {"roles": sorted(roles), "roots": ["-"]})
        return self

    def seed_study(self, study=STUDY, **more):
        """Put a running study with all members but the outsider and the regulators as participants."""
        self.seed(
            f"trials/{study}",
            {
                "blinding": "double",
                "by": "sha256:" + "0" * 64,
                "sponsor": SPONSOR,
                "status": "in_progress",
                "version": 1,
            }
            | more,
        )
        for member, roles in MEMBERS.items():
            if member not in {OUTSIDER, REGULATOR_1, REGULATOR_2}:
                self.seed(f"participants/{study}/{member}", {"roles": sorted(roles), "status": "joined"})
        return self

    def seed_oid(self, oid, kind, **more):
        """Put an active entry of a type into the registry."""
        owner = ".".join(oid.split(".")[:6])
        entry = {"owner": owner, "status": "active", "type": kind, "version": 1, "visibility": "private"}
        self.seed(f"oids/{oid}", entry | more)
        return oid

    def seed_person(self, oid, member, *functions):
        """Put an appointment that holds for a year around now."""
        value = {"functions": sorted(functions), "member": member, "since": NOW - DAY, "until": NOW + 365 * DAY}
        self.seed(
            f"persons/{oid}", value | {"by": "sha256:" + "0" * 64, "training": "sha256:" + "1" * 64, "version": 1}
        )
        return oid

    def transaction(self, name, caller, arguments, **envelope):
        """Make a transaction as its signature would have it; `envelope` overrides actor, named, study and so on."""
        contract, _, action = name.partition("/")
        spec = TRANSITIONS[contract, action]
        self.transactions += 1
        given = {
            "actor": caller,
            "named": envelope.get("actor", caller) != caller,
            "subject": arguments.get(spec.subject, caller),
            "study": STUDY if spec.scope == "study" else caller,
            "kind": spec.kind,
            "at": self.at,
            "ledger": LEDGER,
            "request": f"r{self.transactions}",
        } | envelope
        text = encode_value([name, caller, arguments, given])
        body = encode_value([name, arguments, given["ledger"], given["request"]])
        return Transaction(
            contract, action, caller, arguments, Signed(body=_digest(body), digest=_digest(text), text=text, **given)
        )

    def apply(self, transaction):
        outcome = apply(self.state, transaction, Context(LEDGER, self.at, lambda *_: False))
        self.state |= outcome.writes
        self.events += outcome.events
        return outcome

    def do(self, name, caller, /, envelope=None, **arguments):
        """Make a transition, which must be accepted."""
        return self.apply(self.transaction(name, caller, arguments, **(envelope or {})))

    def refuse(self, code, name, caller, /, envelope=None, **arguments):
        """Make a transition, which must be refused with this code and write nothing; gives the error."""
        before = dict(self.state)
        with pytest.raises(TransitionRefusedError) as caught:
            self.apply(self.transaction(name, caller, arguments, **(envelope or {})))
        assert caught.value.code == code, f"{caught.value.code}: {caught.value}"
        assert self.state == before
        assert caught.value.text("zh") != caught.value.text("en")
        return caught.value


@pytest.fixture
def world():
    """Give a consortium whose study runs."""
    return World().seed_members().seed_study()
