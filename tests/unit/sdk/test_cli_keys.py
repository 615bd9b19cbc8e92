"""`trialanchor keys person`: a key that stands for one person of the member, under the root that is there."""

import pytest
from material import MEMBER
from test_keys import NOW

from trialanchor.certificates import follow_chain, load_certificate, load_pem_certificate
from trialanchor.cli import surroundings
from trialanchor.clock import FixedClock
from trialanchor.keys import read_system_key

PERSON = f"{MEMBER}.1.5.1001.100001"


@pytest.fixture
def person(cli, member_folder, monkeypatch):
    """Make the key of a person; gives what the command left behind."""
    monkeypatch.setattr(surroundings, "clock", lambda: FixedClock(NOW))

    def make(oid=PERSON, folder=member_folder, member=MEMBER):
        return cli("keys", "person", str(folder), "--member-oid", member, "--person-oid", oid)

    return make


def test_the_certificate_names_the_person(person, member_folder):
    done = person()
    assert done.code == 0, done.err
    key, chain = member_folder / "p100001.key.pem", member_folder / "p100001.chain.pem"
    signing = read_system_key(key, chain, "correct horse")
    root = load_pem_certificate((member_folder / "root.cert.pem").read_text())
    assert follow_chain(signing.chain, [root], member=MEMBER).actor == PERSON
    assert load_certificate(signing.chain[0]).issuer == root.subject
    again = person()
    assert (again.code, "never written over" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oid": MEMBER}, "must be below"),
        ({"oid": "2.999.7.1"}, "must be below"),
        ({"oid": "nobody"}, "--person-oid"),
        ({"oid": "2.999.7.1", "member": "2.999.7"}, "is not the root of 2.999.7"),
    ],
)
def test_what_is_not_of_the_member_is_refused(person, change, said):
    done = person(**change)
    assert done.code == 2
    assert said in done.err


def test_without_a_root_nothing_is_made(person, tmp_path):
    assert person(folder=tmp_path).code == 4
    assert list(tmp_path.glob("*.pem")) == []
