"""The anchor rule: only the owner, only its key, only a larger tree that begins with the one before."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import MEMBER, NODE, STRANGER, TinyLog, digest, ed25519_key, filler

from trialanchor.errors import RuleError
from trialanchor_chaincode.rules.anchors import (
    MAX_SIZE,
    AnchorRefusedError,
    AnchorStaleError,
    checkpoint_text,
    log_origin,
)
from trialanchor_chaincode.rules.apply import apply
from trialanchor_chaincode.rules.merkle import EMPTY_ROOT
from trialanchor_chaincode.rules.state import Context, Transaction, encode_value

LOG = TinyLog(entries=filler(9))
ORIGIN = log_origin(NODE)


def verify(public_key, signature, data):
    """Verify with the key of the log above, or say no."""
    return public_key == LOG.public and signature == LOG.private.sign(data)


def consistency(old, new):
    """Give the proof of RFC 9162 §2.1.4.1 by its recursion, over the leaves of the log above."""

    def subproof(m, leaves, *, whole):
        if m == len(leaves):
            return [] if whole else [TinyLog(entries=leaves).tree().root]
        k = 1 << (len(leaves) - 1).bit_length() - 1
        if m <= k:
            return [*subproof(m, leaves[:k], whole=whole), TinyLog(entries=leaves[k:]).tree().root]
        return [*subproof(m - k, leaves[k:], whole=False), TinyLog(entries=leaves[:k]).tree().root]

    return subproof(old, LOG.entries[:new], whole=True) if old else []


def arguments(size, old=0, /, **changes):
    root = LOG.tree(size).root
    usual = {
        "key": LOG.public.hex(),
        "node": NODE,
        "proof": [h.hex() for h in consistency(old, size)],
        "root": root.hex(),
        "signature": LOG.private.sign(checkpoint_text(ORIGIN, size, root)).hex(),
        "size": size,
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def anchored(size):
    """Give the state after a checkpoint of this size; 0 for none."""
    state = {f"members/{MEMBER}": encode_value({"roles": ["study_unit"], "roots": ["PEM"]})}
    if size:
        value = {"key": LOG.public.hex(), "root": LOG.tree(size).root.hex(), "size": size}
        state[f"anchors/{ORIGIN}"] = encode_value(value)
    return state


def anchor(state, values, caller=MEMBER):
    return apply(state, Transaction("anchors", "anchor", caller, values), Context("test:ledger", 0, verify))


class TestAccepted:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 8).flatmap(lambda old: st.tuples(st.just(old), st.integers(old + 1, 9))))
    def test_a_larger_tree_that_begins_with_the_one_before(self, sizes):
        old, new = sizes
        outcome = anchor(anchored(old), arguments(new, old))

        assert outcome.writes == {
            f"anchors/{ORIGIN}": anchored(new)[f"anchors/{ORIGIN}"],
        }
        assert outcome.events == (("log:checkpoint:anchored", ORIGIN, ""),)

    @pytest.mark.parametrize("node", [MEMBER, NODE, NODE + ".7"])
    def test_a_member_owns_its_own_oid_and_those_below(self, node):
        log = TinyLog(node, entries=filler(1))
        root = log.tree().root
        signature = log.private.sign(checkpoint_text(log.origin, 1, root))
        values = {
            "node": node,
            "size": 1,
            "root": root.hex(),
            "key": log.public.hex(),
            "signature": signature.hex(),
            "proof": [],
        }

        transaction = Transaction("anchors", "anchor", MEMBER, values)

        assert apply(anchored(0), transaction, Context("test:ledger", 0, lambda *_: True)).writes.keys() == {
            f"anchors/{log.origin}"
        }

    def test_the_state_is_not_touched(self):
        state = anchored(3)
        before = dict(state)

        anchor(state, arguments(5, 3))

        assert state == before


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            pytest.param({"node": ...}, "and nothing else", id="no-node"),
            pytest.param({"node": 7}, "names its node", id="node-as-number"),
            pytest.param({"node": "site one"}, "names its node", id="node-no-oid"),
            pytest.param({"node": NODE + "\n9\nroot"}, "names its node", id="node-with-lines"),
            pytest.param({"node": MEMBER + "9"}, "owns a log", id="node-beside-the-member"),
            pytest.param({"node": STRANGER}, "owns a log", id="node-of-another-member"),
            pytest.param({"size": 0}, "size of at least 1", id="size-0"),
            pytest.param({"size": -1}, "size of at least 1", id="negative-size"),
            pytest.param({"size": True}, "size of at least 1", id="size-true"),
            pytest.param({"size": 5.0}, "size of at least 1", id="size-as-float"),
            pytest.param({"size": "5"}, "size of at least 1", id="size-as-text"),
            pytest.param({"size": MAX_SIZE}, "size of at least 1", id="size-too-large"),
            pytest.param({"size": ...}, "and nothing else", id="no-size"),
            pytest.param({"size": 6}, "did not sign", id="another-size"),
            pytest.param({"root": ...}, "and nothing else", id="no-root"),
            pytest.param({"root": "00" * 31}, "root must be", id="short-root"),
            pytest.param({"root": "xy" * 32}, "root must be", id="root-not-hexadecimal"),
            pytest.param({"root": 7}, "root must be", id="root-as-number"),
            pytest.param({"root": digest("x").hex()}, "did not sign", id="another-root"),
            pytest.param({"key": "00" * 33}, "key must be", id="long-key"),
            pytest.param({"key": None}, "key must be", id="key-null"),
            pytest.param(
                {"key": ed25519_key("x").public_key().public_bytes_raw().hex()}, "another key", id="another-key"
            ),
            pytest.param({"signature": "00" * 64}, "did not sign", id="wrong-signature"),
            pytest.param({"signature": "00" * 63}, "signature must be", id="short-signature"),
            pytest.param({"signature": ...}, "and nothing else", id="no-signature"),
            pytest.param({"proof": ...}, "and nothing else", id="no-proof"),
            pytest.param({"proof": "00" * 32}, "list of hashes", id="proof-as-text"),
            pytest.param({"proof": ["00" * 31]}, "proof must be", id="short-hash"),
            pytest.param({"proof": [7]}, "proof must be", id="hash-as-number"),
            pytest.param({"proof": []}, "rewritten or forked", id="empty-proof"),
            pytest.param({"proof": ["00" * 32]}, "rewritten or forked", id="wrong-proof"),
            pytest.param({"prof": []}, "and nothing else", id="one-more"),
        ],
    )
    def test_each_defect(self, changes, message):
        with pytest.raises(AnchorRefusedError, match=message) as caught:
            anchor(anchored(3), arguments(5, 3, **changes))

        assert caught.value.code == "anchor-refused"

    @pytest.mark.parametrize("size", [1, 2, 3])
    def test_a_checkpoint_that_is_not_larger_is_stale(self, size):
        with pytest.raises(AnchorStaleError) as caught:
            anchor(anchored(3), arguments(size, 0))

        assert caught.value.code == "anchor-stale"
        assert isinstance(caught.value, RuleError)

    def test_a_member_that_is_not_registered_is_refused(self):
        with pytest.raises(AnchorRefusedError, match="registered member"):
            anchor({}, arguments(5))

    def test_another_caller_is_refused(self):
        state = {**anchored(0), f"members/{STRANGER}": "{}"}

        with pytest.raises(AnchorRefusedError, match="owns a log"):
            anchor(state, arguments(5), STRANGER)

    def test_a_fork_is_refused_though_the_key_signed_it(self):
        forked = TinyLog(entries=[*filler(2), digest("rewritten"), *filler(9)[3:]])
        root = forked.tree(5).root
        signature = LOG.private.sign(checkpoint_text(ORIGIN, 5, root))
        changes = {"root": root.hex(), "signature": signature.hex()}

        with pytest.raises(AnchorRefusedError, match="rewritten or forked"):
            anchor(anchored(3), arguments(5, 3, **changes))

    def test_a_needless_proof_for_the_first_checkpoint_is_refused(self):
        with pytest.raises(AnchorRefusedError, match="rewritten or forked"):
            anchor(anchored(0), arguments(5, proof=["00" * 32]))

    @settings(max_examples=150, deadline=None)
    @given(
        st.sampled_from(["node", "size", "root", "key", "signature", "proof"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70) | st.lists(st.text(max_size=70)),
    )
    def test_any_other_value_is_refused_in_the_agreed_way(self, name, value):
        with pytest.raises(AnchorRefusedError):
            anchor(anchored(3), arguments(5, 3, **{name: value}))


def test_the_text_of_a_checkpoint_is_origin_size_and_root():
    assert checkpoint_text("oid/2.999", 0, EMPTY_ROOT) == (
        b"oid/2.999\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    )
    assert json.loads(anchored(1)[f"anchors/{ORIGIN}"])["size"] == 1
