"""Sealed allocations: round trips, what a share opens and what not, and every part that may have been changed."""

from __future__ import annotations

import itertools
import json
import sys
import time
from dataclasses import replace
from hashlib import sha256

import pyrage
import pytest
import sealed_list as vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from scenario_stories.consent import INVESTIGATORS
from scenario_stories.randomisation import BY, KITS, prepare_list, seed_lot
from scenario_stories.unblinding import HOLDERS, LOCK, SPONSOR_STATISTICIAN, seed_roles
from trialanchor import sealing
from trialanchor.encoding import json_encode
from trialanchor.errors import ConfigError, InputError, ProofError, TrialAnchorError
from trialanchor.merkle import Tree
from trialanchor.sealing import keys, service, units
from trialanchor_chaincode.rules.sealed_list import SealedUnit, extends, sealed_root
from trialanchor_chaincode.rules.state import encode_value
from worlds import SITE_A, SPONSOR, STATISTICS, WRITTEN, World
from worlds import STUDY as WORLD_STUDY

STUDY = "2.999.3001.1"
ARMS = ("reference_arm", "x", "placebo")
IDENTITIES = [sealing.new_identity() for _ in range(5)]
PERSONS = [sealing.Holder(f"2.999.9.{n}", sealing.recipient_of(identity)) for n, identity in enumerate(IDENTITIES, 1)]

VECTORS = json.loads(vectors.FILE.read_text(encoding="utf-8"))


def some_list(count=4):
    return sealing.allocations(STUDY, [sealing.new_unit(f"{STUDY}.{n}", ARMS[n % 3]) for n in range(1, count + 1)])


def ledger(sealed, *opened, **seal):
    """Give the state of a ledger on which the list is sealed and some units are opened."""
    state = {f"seals/{STUDY}": encode_value(sealed.seal_arguments() | seal)}
    for kit in opened:
        state[f"unblindings/{kit}"] = encode_value({"study": STUDY, "state": "opened"})
    return state


def shares_of(sealed, oid, numbers, state=None):
    state = state or ledger(sealed, oid, disclosed_at=1)
    return [sealing.open_share(sealed, oid, IDENTITIES[n - 1], state) for n in numbers]


@pytest.fixture(scope="module")
def listed():
    return some_list()


@pytest.fixture(scope="module")
def sealed(listed):
    return sealing.seal_list(listed, PERSONS[:3], 2)


@pytest.fixture
def kit(listed):
    return listed.units[1].kit


class TestRoundTrip:
    @pytest.mark.parametrize(("threshold", "count"), [(1, 1), (1, 3), (2, 2), (2, 3), (3, 5), (5, 5)])
    def test_enough_shares_open_a_unit_and_the_list(self, listed, threshold, count):
        sealed = sealing.seal_list(listed, PERSONS[:count], threshold)
        assert sealing.SealedList.decode(sealed.encode()) == sealed
        for numbers in itertools.combinations(range(1, count + 1), threshold):
            unit = listed.units[2]
            opened = sealing.combine_shares(sealed, shares_of(sealed, unit.kit, numbers))
            assert opened.unit == unit
            sealing.verify_opened(opened, sealed.seal_arguments())
        numbers = range(count - threshold + 1, count + 1)
        assert sealing.disclose(sealed, shares_of(sealed, STUDY, numbers)) == listed

    def test_more_shares_than_needed_open_too_in_any_order(self, sealed, listed, kit):
        shares = shares_of(sealed, kit, (3, 1, 2))
        assert sealing.combine_shares(sealed, [*shares, shares[0]]).unit == listed.units[1]

    @settings(max_examples=15, deadline=None)
    @given(
        arms=st.lists(st.from_regex(r"[a-z0-9][a-z0-9_.:-]{0,63}", fullmatch=True), min_size=1, max_size=9),
        threshold=st.integers(1, 3),
        data=st.data(),
    )
    def test_any_list(self, arms, threshold, data):
        units = [sealing.new_unit(f"{STUDY}.{n * 7 % 11}", arm) for n, arm in enumerate(arms)]
        listed = sealing.allocations(STUDY, units)
        sealed = sealing.seal_list(listed, PERSONS[:3], threshold)
        unit = data.draw(st.sampled_from(units))
        opened = sealing.combine_shares(sealed, shares_of(sealed, unit.kit, (3, 1, 2)[:threshold]))
        assert (opened.unit, opened.root, sealed.root) == (unit, listed.root, sealed_root(units))
        assert sealing.OpenedUnit.decode(opened.encode()) == opened
        assert sealing.Allocations.decode(listed.encode()) == listed

    def test_sealed_again_to_others_the_root_stays_and_all_keys_are_new(self, sealed, listed, kit):
        again = sealing.seal_list(sealing.Allocations.decode(listed.encode()), PERSONS[3:], 1)
        assert again.root == sealed.root
        share = sealing.open_share(again, kit, IDENTITIES[3], ledger(again, kit))
        assert sealing.combine_shares(again, [share]).unit == listed.units[1]
        with pytest.raises(sealing.SealHolderError):
            sealing.open_share(again, kit, IDENTITIES[0], ledger(again, kit))
        with pytest.raises(sealing.ShareError):
            sealing.combine_shares(again, shares_of(sealed, kit, (1, 2)))

    def test_a_list_of_ten_thousand_units(self):
        began = time.perf_counter()
        listed = some_list(10_000)
        sealed = sealing.SealedList.decode(sealing.seal_list(listed, PERSONS[:3], 2).encode())
        opened = sealing.combine_shares(sealed, shares_of(sealed, listed.units[-1].kit, (1, 3)))
        assert opened.unit == listed.units[-1]
        assert sealing.disclose(sealed, shares_of(sealed, STUDY, (2, 3))).root == listed.root
        assert time.perf_counter() - began < 120


class TestNoOtherUnit:
    def test_the_key_of_one_unit_opens_no_other_envelope(self, sealed, kit):
        identity = keys.join_identity([(s.number, s.secret) for s in shares_of(sealed, kit, (1, 2))])
        assert keys.decrypt(sealed.envelope(kit).sealed, identity) is not None
        others = [unit.envelope for unit in sealed.units if unit.kit != kit] + [sealed.whole]
        assert len(others) == 4
        for envelope in others:
            assert keys.decrypt(envelope.sealed, identity) is None
            assert [keys.decrypt(share.sealed, identity) for share in envelope.shares] == [None] * 3

    def test_shares_of_one_unit_do_not_combine_for_another(self, sealed, listed, kit):
        mine, other = shares_of(sealed, kit, (1, 2)), shares_of(sealed, listed.units[0].kit, (2,))
        with pytest.raises(sealing.ShareError, match="same unit"):
            sealing.combine_shares(sealed, [mine[0], *other])
        with pytest.raises(sealing.ShareError, match="was sealed"):
            sealing.combine_shares(sealed, [mine[0], replace(other[0], unit=kit)])
        with pytest.raises(sealing.ShareError, match="disclose"):
            sealing.combine_shares(sealed, shares_of(sealed, STUDY, (1, 2)))
        with pytest.raises(sealing.ShareError, match="same unit"):
            sealing.disclose(sealed, mine)

    def test_the_shares_of_too_few_holders_are_of_no_key(self, sealed, kit):
        (share,) = shares_of(sealed, kit, (1,))
        assert keys.join_identity([(1, share.secret)]) is None
        with pytest.raises(sealing.SharesMissingError, match="1 of 2") as caught:
            sealing.combine_shares(sealed, [share, share])
        assert caught.value.exit_code == 3
        with pytest.raises(sealing.SharesMissingError):
            sealing.combine_shares(sealed, [])

    def test_an_opened_unit_says_nothing_of_the_others(self, sealed, listed, kit):
        opened = sealing.combine_shares(sealed, shares_of(sealed, kit, (1, 2))).encode().decode()
        for unit in listed.units:
            assert (unit.salt in opened) == (unit.kit == kit)

    def test_the_length_of_an_entry_does_not_depend_on_the_treatment(self, sealed, listed):
        lengths = set()
        for unit in listed.units[:3]:
            identity = keys.join_identity([(s.number, s.secret) for s in shares_of(sealed, unit.kit, (1, 2))])
            lengths.add(len(keys.decrypt(sealed.envelope(unit.kit).sealed, identity)))
        assert len({len(unit.entry()) for unit in listed.units[:3]}) == 3
        assert len(lengths) == 1

    def test_treatment_and_salt_stand_nowhere_in_the_sealed_file(self, sealed, listed):
        file = sealed.encode().decode()
        for unit in listed.units:
            assert unit.salt not in file
            assert f'"{unit.treatment}"' not in file


class TestOpenShare:
    def refuse(self, error, sealed, oid, state, **more):
        with pytest.raises(error, match=more.get("match")) as caught:
            sealing.open_share(sealed, oid, more.get("identity", IDENTITIES[0]), state)
        return caught.value

    def test_the_ledger_must_say_that_this_unit_was_opened(self, sealed, listed, kit):
        other = listed.units[0].kit
        assert self.refuse(sealing.NotOpenedError, sealed, kit, ledger(sealed, other)).exit_code == 3
        for state in ("requested", "declined"):
            wrong = ledger(sealed) | {f"unblindings/{kit}": encode_value({"study": STUDY, "state": state})}
            self.refuse(sealing.NotOpenedError, sealed, kit, wrong)
        elsewhere = encode_value({"study": f"{STUDY}.9", "state": "opened"})
        self.refuse(sealing.NotOpenedError, sealed, kit, ledger(sealed) | {f"unblindings/{kit}": elsewhere})

    def test_the_whole_list_must_be_disclosed_on_the_ledger(self, sealed, kit):
        self.refuse(sealing.NotOpenedError, sealed, STUDY, ledger(sealed, kit), match="disclosed")

    @pytest.mark.parametrize(
        "change", [{"file": "sha256:" + "0" * 64}, {"root": "x"}, {"units": 3}, {"threshold": 1}, {"holders": []}]
    )
    def test_the_list_must_be_the_one_on_the_ledger(self, sealed, kit, change):
        self.refuse(sealing.SealedListError, sealed, kit, ledger(sealed, kit, **change), match="ledger names")

    def test_a_state_that_says_too_little_is_no_state(self, sealed, kit):
        assert self.refuse(sealing.SealStateError, sealed, kit, {}).exit_code == 4
        self.refuse(sealing.SealStateError, sealed, kit, ledger(sealed) | {f"seals/{STUDY}": "[]"})
        self.refuse(sealing.SealStateError, sealed, kit, ledger(sealed) | {f"unblindings/{kit}": "{}"})
        self.refuse(sealing.SealStateError, sealed, kit, ledger(sealed) | {f"unblindings/{kit}": "[]"})

    def test_a_stranger_opens_nothing(self, sealed, kit):
        self.refuse(sealing.SealHolderError, sealed, kit, ledger(sealed, kit), identity=IDENTITIES[4])
        self.refuse(sealing.SealingError, sealed, kit, ledger(sealed, kit), identity="AGE-SECRET-KEY-1QQ")
        self.refuse(sealing.SealingError, sealed, f"{STUDY}.99", ledger(sealed), match="no such unit")

    def test_the_share_of_another_unit_is_not_handed_out_in_its_place(self, sealed, listed, kit):
        other = sealed.units[0].envelope.shares
        moved = replace(sealed, units=(sealed.units[0], swapped(sealed.units[1], other), *sealed.units[2:]))
        assert moved.units[1].kit == kit
        self.refuse(sealing.ShareError, moved, kit, ledger(moved, kit), match="another unit")

    def test_a_share_that_was_changed_is_not_handed_out(self, sealed, kit):
        shares = sealed.units[1].envelope.shares
        for changed in (shares[0]._replace(digest=bytes(32)), shares[0]._replace(sealed=shares[1].sealed)):
            wrong = replace(
                sealed, units=(sealed.units[0], swapped(sealed.units[1], (changed, *shares[1:])), *sealed.units[2:])
            )
            self.refuse(sealing.ShareError, wrong, kit, ledger(wrong, kit), match="share 1 in")

    def test_what_a_holder_decrypts_with_age_alone_is_the_share_file(self, sealed, kit):
        (share,) = shares_of(sealed, kit, (2,))
        data = pyrage.decrypt(sealed.envelope(kit).shares[1].sealed, [pyrage.x25519.Identity.from_str(IDENTITIES[1])])
        assert data == share.encode()
        assert "sha256:" + sha256(data).hexdigest() == share.digest
        assert sealing.Share.decode(data) == share


def swapped(unit, shares):
    return unit._replace(envelope=unit.envelope._replace(shares=shares))


class TestWhatWasChanged:
    def test_a_share(self, sealed, kit):
        first, second = shares_of(sealed, kit, (1, 2))
        wrong = [
            replace(second, secret=bytes(64)),
            replace(second, holder=first.holder),
            replace(second, number=3),
            replace(second, number=4),
            replace(second, study=f"{STUDY}.9"),
        ]
        for share in wrong:
            with pytest.raises(sealing.ShareError) as caught:
                sealing.combine_shares(sealed, [first, share])
            assert caught.value.exit_code == 1

    def test_an_entry_that_the_keeper_sealed_falsely(self, listed):
        """A keeper whose leaves are not those of its entries is found out by the first opening."""
        other = listed.units[0]._replace(treatment="y")
        sealed = self.sealed_with(listed, units.padded_entry(other))
        with pytest.raises(sealing.SealedListError, match="leaf"):
            sealing.combine_shares(sealed, shares_of(sealed, other.kit, (1,)))

    @pytest.mark.parametrize(
        "entry",
        [
            b"placebo",
            b"[]",
            b'{"kit":1,"salt":"x","treatment":"placebo"}',
            SealedUnit(f"{STUDY}.2", "placebo", "0" * 64).entry(),
            json.dumps(SealedUnit(f"{STUDY}.1", "placebo", "0" * 64)._asdict()).encode(),
            b"[" * 100_000,
        ],
    )
    def test_an_entry_that_is_none(self, listed, entry):
        sealed = self.sealed_with(listed, entry)
        leaf = units.leaf_hash(entry)
        sealed = replace(sealed, units=(sealed.units[0]._replace(leaf=leaf), *sealed.units[1:]))
        with pytest.raises(sealing.SealedListError, match="not an entry") as caught:
            sealing.combine_shares(sealed, shares_of(sealed, f"{STUDY}.1", (1,)))
        assert "placebo" not in str(caught.value)

    def sealed_with(self, listed, entry):
        """Seal a list whose first envelope holds something else."""
        sealed = sealing.seal_list(listed, PERSONS[:1], 1)
        envelope = service._close(STUDY, listed.units[0].kit, entry, PERSONS[:1], 1)
        return replace(sealed, units=(sealed.units[0]._replace(envelope=envelope), *sealed.units[1:]))

    def test_an_envelope_that_does_not_open(self, sealed, kit):
        envelope = sealed.units[1].envelope
        for octets in (b"", sealed.whole.sealed, envelope.sealed[:-1] + bytes([envelope.sealed[-1] ^ 1])):
            unit = sealed.units[1]._replace(envelope=envelope._replace(sealed=octets))
            changed = replace(sealed, units=(sealed.units[0], unit, *sealed.units[2:]))
            with pytest.raises(sealing.SealedListError, match="do not open"):
                sealing.combine_shares(changed, shares_of(sealed, kit, (1, 2)))

    def test_shares_that_are_of_no_key(self, sealed, kit):
        envelope = sealed.units[1].envelope
        made = [sealing.Share(STUDY, kit, PERSONS[n].oid, n + 1, bytes([n]) * 64) for n in (0, 1)]
        digests = [
            share._replace(digest=sha256(made[n].encode()).digest()) for n, share in enumerate(envelope.shares[:2])
        ]
        unit = sealed.units[1]._replace(envelope=envelope._replace(shares=(*digests, envelope.shares[2])))
        changed = replace(sealed, units=(sealed.units[0], unit, *sealed.units[2:]))
        with pytest.raises(sealing.SealedListError, match="do not open"):
            sealing.combine_shares(changed, made)

    def test_the_whole_list(self, sealed, listed):
        short = b"\n".join(units.padded_entry(unit) for unit in listed.units[:-1])
        other = b"\n".join(units.padded_entry(unit._replace(salt="0" * 64)) for unit in listed.units)
        for plain in (short, other):
            changed = replace(sealed, whole=service._close(STUDY, STUDY, plain, sealed.holders, 2))
            with pytest.raises(sealing.SealedListError):
                sealing.disclose(changed, shares_of(changed, STUDY, (1, 2)))


class TestVerify:
    def test_a_list_is_the_sealed_one_and_after_the_disclosure_the_disclosed_file(self, sealed, listed):
        seal = sealed.seal_arguments()
        sealing.verify_disclosed(listed, seal)
        sealing.verify_disclosed(listed, seal | {"disclosed_at": 1, "disclosure": {"list": listed.digest}})
        for disclosure in ({"list": "sha256:" + "0" * 64}, {}, None):
            with pytest.raises(sealing.SealedListError, match="disclosed"):
                sealing.verify_disclosed(listed, seal | {"disclosed_at": 1, "disclosure": disclosure})

    @pytest.mark.parametrize("before", range(1, 10))
    def test_a_list_shows_that_units_were_only_added(self, before):
        grown = some_list(10)
        older = replace(grown, units=grown.units[:before])
        sealed = sealing.seal_list(grown, PERSONS, 2)
        old, new = (before, older.root), (len(grown.units), sealed.root)
        assert extends(old, new, sealed.extension(before))
        assert not extends((before, some_list(before).root), new, sealed.extension(before))

    @pytest.mark.parametrize(
        "change", [{"root": "sha256:" + "0" * 64}, {"units": 5}, {"study": "2.999"}, {"units": True}]
    )
    def test_another_seal(self, sealed, listed, kit, change):
        seal = sealed.seal_arguments() | change
        with pytest.raises(sealing.SealedListError):
            sealing.verify_disclosed(listed, seal)
        with pytest.raises(sealing.SealedListError):
            sealing.verify_opened(sealing.combine_shares(sealed, shares_of(sealed, kit, (1, 2))), seal)
        with pytest.raises(sealing.SealedListError):
            sealing.verify_disclosed(listed, {})

    @pytest.mark.parametrize("change", [{"treatment": "x1"}, {"salt": "f" * 64}, {"kit": f"{STUDY}.77"}])
    def test_a_changed_unit(self, sealed, listed, change):
        changed = sealing.allocations(STUDY, [listed.units[0]._replace(**change), *listed.units[1:]])
        with pytest.raises(sealing.SealedListError):
            sealing.verify_disclosed(changed, sealed.seal_arguments())

    def test_a_changed_proof(self, sealed, listed, kit):
        opened, seal = sealing.combine_shares(sealed, shares_of(sealed, kit, (1, 2))), sealed.seal_arguments()
        wrong = [
            replace(opened, unit=opened.unit._replace(treatment="x1")),
            replace(opened, index=0),
            replace(opened, size=3),
            replace(opened, path=(bytes(32), *opened.path[1:])),
        ]
        for each in wrong:
            with pytest.raises((sealing.SealedListError, ProofError)):
                sealing.verify_opened(each, seal)
        with pytest.raises(ProofError):
            sealing.verify_opened(replace(opened, path=opened.path[1:]), seal)


class TestForms:
    @pytest.mark.parametrize(
        ("units", "says"),
        [
            ([], "1 to 100000"),
            ([SealedUnit("kit 7", "a", "0" * 64)], "unit 1 "),
            ([SealedUnit("2.999.1", "Secret Arm", "0" * 64)], "unit 1 "),
            ([SealedUnit("2.999.1", "secret", "0" * 63)], "unit 1 "),
            ([SealedUnit("2.999.1", "a", "0" * 64), SealedUnit("2.999.1", "b", "1" * 64)], "stands twice in"),
            ([SealedUnit("2.999.1", "a", "0" * 64), SealedUnit("2.999.2", "b", "0" * 64)], "salt stands twice"),
            ([SealedUnit(STUDY, "a", "0" * 64)], "study is no unit"),
        ],
    )
    def test_allocations_are_refused(self, units, says):
        with pytest.raises(sealing.SealingError, match=says) as caught:
            sealing.allocations(STUDY, units)
        assert "ecret" not in str(caught.value)

    def test_too_many_units(self, monkeypatch):
        monkeypatch.setattr(units, "MAX_UNITS", 3)
        with pytest.raises(sealing.SealingError, match="1 to 3"):
            some_list()

    @pytest.mark.parametrize(
        ("holders", "threshold"),
        [
            (PERSONS[:2], 3),
            (PERSONS[:2], 0),
            (PERSONS[:2], True),
            ([], 1),
            ([PERSONS[0], PERSONS[0]], 1),
            ([PERSONS[0], PERSONS[1]._replace(recipient=PERSONS[0].recipient)], 1),
            ([PERSONS[0], PERSONS[1]._replace(oid=PERSONS[0].oid)], 1),
            ([PERSONS[0]._replace(recipient="age1x")], 1),
            ([PERSONS[0]._replace(oid=f"2.999.{n}") for n in range(65)], 1),
        ],
    )
    def test_holders_are_refused(self, listed, holders, threshold):
        with pytest.raises(sealing.SealingError):
            sealing.seal_list(listed, holders, threshold)

    def test_a_recipient_in_capitals_is_the_same_one(self, listed):
        again = PERSONS[1]._replace(recipient=PERSONS[0].recipient.upper())
        with pytest.raises(sealing.SealingError, match="twice"):
            sealing.seal_list(listed, [PERSONS[0], again], 1)

    def test_no_file_with_another_part_or_spelling_is_read(self, sealed, listed, kit):
        shares = shares_of(sealed, kit, (1, 2))
        for file in (listed, sealed, shares[0], sealing.combine_shares(sealed, shares)):
            data = file.encode()
            value = json.loads(data)
            (version,) = (name for name in value if name.startswith("trialanchor_"))
            wrong = [data + b"\n", data[:-1], b"", b"[]\n", json_encode(value | {"more": 1}), b"\xff", b"{" * 99]
            wrong += [json_encode({k: v for k, v in value.items() if k != name}) for name in value]
            wrong += [json_encode(value | {name: other}) for name in value for other in (None, [], {}, "x", -1, True)]
            wrong += [json_encode(value | {version: 2})]
            for each in wrong:
                with pytest.raises(InputError):
                    type(file).decode(each)

    @pytest.mark.parametrize(
        "change",
        [
            lambda value: value["units"].reverse(),
            lambda value: value["units"].append(value["units"][-1]),
            lambda value: value["units"].clear(),
            lambda value: value["units"][0]["shares"].pop(),
            lambda value: value["units"][0].update(leaf="sha256:00"),
            lambda value: value["units"][0].update(sealed="x"),
            lambda value: value["units"][0].update(kit="x"),
            lambda value: value["units"][0]["shares"][0].update(more=1),
            lambda value: value["list"].pop("sealed"),
            lambda value: value["holders"].pop(),
            lambda value: value["holders"][0].update(recipient=1),
            lambda value: value.update(threshold=4),
        ],
    )
    def test_a_sealed_list_of_another_form(self, sealed, change):
        value = json.loads(sealed.encode())
        change(value)
        with pytest.raises(InputError):
            sealing.SealedList.decode(json_encode(value))

    def test_a_list_in_another_order_is_refused(self, listed):
        value = json.loads(listed.encode())
        value["units"].reverse()
        with pytest.raises(sealing.SealingError, match="order"):
            sealing.Allocations.decode(json_encode(value))

    def test_files_that_are_too_long(self):
        for file, limit in ((sealing.Share, sealing.MAX_UNIT_FILE), (sealing.OpenedUnit, sealing.MAX_UNIT_FILE)):
            with pytest.raises(InputError, match="octets"):
                file.decode(b" " * (limit + 1))

    def test_nothing_that_is_printed_names_a_treatment(self, sealed, listed, kit):
        shares = shares_of(sealed, kit, (1, 2))
        opened = sealing.combine_shares(sealed, shares)
        printed = repr([sealed, listed, listed.units, opened, shares, opened.unit])
        for unit in listed.units:
            assert unit.salt not in printed
            assert f"'{unit.treatment}'" not in printed
        assert repr(shares[0].secret) not in printed


class TestKeys:
    def test_an_identity_is_kept_encrypted_and_private(self, tmp_path):
        path = tmp_path / "holder.age"
        sealing.write_identity(path, IDENTITIES[0], "pass phrase")
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"AGE-SECRET-KEY" not in path.read_bytes()
        assert sealing.read_identity(path, "pass phrase") == IDENTITIES[0]
        with pytest.raises(ConfigError, match="decrypted"):
            sealing.read_identity(path, "another")
        with pytest.raises(InputError, match="exists"):
            sealing.write_identity(path, IDENTITIES[1], "pass phrase")
        with pytest.raises(InputError, match="passphrase"):
            sealing.write_identity(tmp_path / "b", IDENTITIES[1], "")

    def test_an_identity_of_age_keygen_is_read_and_others_are_not(self, tmp_path):
        path = tmp_path / "key"
        path.write_bytes(pyrage.passphrase.encrypt(f"# created\n# public key\n{IDENTITIES[0]}\n".encode(), "p"))
        assert sealing.read_identity(path, "p") == IDENTITIES[0]
        path.write_bytes(pyrage.passphrase.encrypt("\n".join(IDENTITIES).encode(), "p"))
        with pytest.raises(ConfigError, match="not one age identity"):
            sealing.read_identity(path, "p")
        path.write_bytes(b"junk")
        with pytest.raises(ConfigError):
            sealing.read_identity(path, "p")
        with pytest.raises(ConfigError, match="cannot be read"):
            sealing.read_identity(tmp_path / "none", "p")

    @pytest.mark.parametrize("module", ["pyrage", "Crypto.Protocol.SecretSharing"])
    def test_without_the_extra_the_error_names_it(self, listed, monkeypatch, module):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ConfigError, match=r"pip install trialanchor\[seal\]"):
            sealing.seal_list(listed, PERSONS[:1], 1)

    @settings(max_examples=15, deadline=None)
    @given(data=st.data())
    def test_any_threshold_of_any_number(self, data):
        count = data.draw(st.integers(1, 12))
        threshold = data.draw(st.integers(1, count))
        shares = keys.split_identity(IDENTITIES[0], threshold, count)
        numbers = data.draw(st.permutations(range(1, count + 1)))[:threshold]
        chosen = [(number, shares[number - 1]) for number in numbers]
        assert keys.join_identity(chosen) == IDENTITIES[0]
        if threshold > 1:
            assert keys.join_identity(chosen[1:]) is None


class TestVectors:
    def test_the_file_is_what_the_rules_say(self):
        assert vectors.build() == vectors.FILE.read_text(encoding="utf-8")

    @pytest.mark.parametrize("row", VECTORS["lists"].values(), ids=VECTORS["lists"])
    def test_lists(self, row):
        listed = sealing.allocations(VECTORS["study"], [SealedUnit(**unit) for unit in row["units"]])
        sealed = sealing.seal_list(listed, PERSONS[:1], 1)
        tree = Tree([bytes.fromhex(leaf) for leaf in row["leaves"]])
        assert [unit.entry().decode() for unit in listed.units] == row["entries"]
        assert [unit.leaf.hex() for unit in sealed.units] == row["leaves"]
        assert {listed.root, sealed.root, sealed.seal_arguments()["root"]} == {row["root"]}
        assert listed.digest == row["file"]
        for place, path in enumerate(row["paths"]):
            assert [node.hex() for node in tree.inclusion_proof(place)] == path
            opened = sealing.OpenedUnit(
                VECTORS["study"],
                listed.units[place],
                place,
                len(row["leaves"]),
                tuple(map(bytes.fromhex, path)),
            )
            assert opened.root == row["root"]

    @pytest.mark.parametrize("row", VECTORS["shares"].values(), ids=VECTORS["shares"])
    def test_shares(self, row):
        shares = [(number, bytes.fromhex(text)) for number, text in enumerate(row["shares"], 1)]
        assert keys.join_identity(shares[-row["threshold"] :]) == VECTORS["identity"]
        first = sealing.Share(VECTORS["study"], f"{VECTORS['study']}.7", "2.999.9.1", *shares[0])
        assert first.digest == row["digest"]


class TestOnTheLedger:
    """From the seal to the disclosure, with the rules of the ledger."""

    def test_the_whole_way(self):
        world = World().seed_members().seed_study()
        seed_lot(world)
        prepare_list(world)
        seed_roles(world)
        identities = dict(zip(HOLDERS, IDENTITIES, strict=False))
        holders = [sealing.Holder(oid, sealing.recipient_of(identities[oid])) for oid in HOLDERS]
        listed = sealing.allocations(WORLD_STUDY, [sealing.new_unit(kit, ARMS[n % 3]) for n, kit in enumerate(KITS)])
        sealed = sealing.seal_list(listed, holders, 2)
        first, second, third = HOLDERS
        opened_kit, closed_kit = KITS[:2]

        def share(oid, kit=opened_kit):
            return sealing.open_share(sealed, kit, identities[oid], world.state)

        def blocked(error, oid, kit=opened_kit):
            with pytest.raises(error):
                share(oid, kit)

        blocked(sealing.SealStateError, first)
        world.do("unblinding/seal", STATISTICS, BY, **sealed.seal_arguments())
        blocked(sealing.NotOpenedError, first)
        asking = {"actor": INVESTIGATORS[SITE_A]}
        for kit in (opened_kit, closed_kit):
            world.do("unblinding/request", SITE_A, asking, kit=kit, reason="serious_adverse_event")
        world.do("unblinding/approve", HOLDERS[first], {"actor": first}, kit=opened_kit)
        blocked(sealing.NotOpenedError, first)
        world.do("unblinding/approve", HOLDERS[third], {"actor": third}, kit=opened_kit)

        released = [share(oid) for oid in (second, third)]
        for each in released:
            envelope = {"actor": each.holder}
            world.do("unblinding/release", HOLDERS[each.holder], envelope, kit=opened_kit, share=each.digest)
        blocked(sealing.NotOpenedError, first, closed_kit)
        blocked(sealing.NotOpenedError, first, WORLD_STUDY)

        recorded = world.get(f"unblindings/{opened_kit}")["releases"]
        assert {(each["holder"], each["share"]) for each in recorded} == {(s.holder, s.digest) for s in released}
        opened = sealing.combine_shares(sealed, released)
        assert opened.unit == next(unit for unit in listed.units if unit.kit == opened_kit)
        sealing.verify_opened(opened, sealing.seal_of(world.state, WORLD_STUDY))

        world.seed(f"locks/{WORLD_STUDY}", WRITTEN | {"study": WORLD_STUDY, "status": "locked", "data": LOCK})
        end = {"study": WORLD_STUDY, "root": sealed.root, "list": listed.digest, "lock": LOCK}
        world.do("unblinding/disclose", STATISTICS, BY, **end)
        blocked(sealing.NotOpenedError, first, WORLD_STUDY)
        world.do("unblinding/disclose", SPONSOR, {"actor": SPONSOR_STATISTICIAN}, **end)
        disclosed = sealing.disclose(sealed, [share(oid, WORLD_STUDY) for oid in (first, second)])
        sealing.verify_disclosed(disclosed, sealing.seal_of(world.state, WORLD_STUDY))
        assert disclosed == listed

    def test_no_error_of_sealing_is_without_its_kind(self):
        errors = [getattr(sealing, name) for name in sealing.__all__ if name.endswith("Error")]
        assert len(errors) == 7
        assert all(issubclass(error, TrialAnchorError) for error in errors)
