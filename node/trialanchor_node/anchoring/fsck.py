"""Check the embedded ledger from its blocks: nothing that can be recomputed is believed.

For every block, in order:

1. It follows the one before (number, hash, ledger name), holds its transaction, and the ledger's key signed it.
2. Who signed the transaction was allowed to by what the ledger said then, unless it is one of the operator or of a log.
3. The rules accept it again; an anchor's rule verifies log signature and consistency proof once more.
4. The columns it is found by say what the transaction says.

Then the state that results is the stored one, and the tables that show it are those that the blocks make. The digest of
the state is the same wherever the same transactions were decided in the same order.
"""

from __future__ import annotations

import contextlib
import gc
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import select

from trialanchor import cose
from trialanchor.blocks import decode_block, decode_canonical
from trialanchor.encoding import digest_text
from trialanchor.errors import TrialAnchorError
from trialanchor.merkle import HASH_SIZE, leaf_hash
from trialanchor.signers import Signers, verified_before
from trialanchor.transactions import authenticate
from trialanchor_chaincode.rules.apply import apply
from trialanchor_chaincode.rules.state import Context, Transaction
from trialanchor_node.anchoring.embedded import anchored_checkpoint, verify_ed25519
from trialanchor_node.anchoring.models import ledger_blocks, ledger_state
from trialanchor_node.anchoring.ports import Applied
from trialanchor_node.anchoring.readahead import read_ahead
from trialanchor_node.anchoring.rebuild import Rebuilt
from trialanchor_node.log.errors import FoundError
from trialanchor_node.log.store import chain_digest
from trialanchor_node.log.study_roles import PARTICIPANTS, TRIALS, joined_roles
from trialanchor_node.members import acting_members, changed_members, decode_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from sqlalchemy import Connection, Row

    from trialanchor.blocks import Block
    from trialanchor.transactions import SignedTransaction
    from trialanchor.trust import TrustedMember
    from trialanchor_chaincode.rules.state import Outcome
    from trialanchor_node.anchoring.readahead import ReadTransaction

_CHUNK = 512
"""Blocks read at a time."""


@dataclass(frozen=True, slots=True)
class CheckedAnchor:
    """An anchor on the ledger: block number, log origin, size and root."""

    block: int
    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class CheckedTransaction:
    """A signed transaction on the ledger: its block, the leaf hash of its statement, the digest of its certificates."""

    block: int
    leaf: bytes
    chain: bytes


@dataclass(slots=True)
class LedgerHistory:
    """What a checked ledger says.

    Attributes:
        anchors: All anchors, oldest first.
        memberships: Block number and all members that may act from then on, oldest first.
        studies: Block number from which on the ledger has a study, by its OID.
        participants: Block number and roles of a member in a study from then on, oldest first, by study and member.
        transactions: Every signed transaction, by its digest.
        blocks: Number of blocks.
        state: Digest of the state, `sha256:<hex>`.
    """

    anchors: list[CheckedAnchor] = field(default_factory=list)
    memberships: list[tuple[int, Mapping[str, TrustedMember]]] = field(default_factory=list)
    studies: dict[str, int] = field(default_factory=dict)
    participants: dict[tuple[str, str], list[tuple[int, tuple[str, ...]]]] = field(default_factory=dict)
    transactions: dict[bytes, CheckedTransaction] = field(default_factory=dict)
    blocks: int = 0
    state: str = ""


@contextlib.contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Keep Python from looking for cycles: there are none, and it would go through the whole state again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class LedgerCheck:
    """One check of an embedded ledger."""

    def __init__(self, name: str, key: Ed25519PublicKey) -> None:
        self._name = name
        self._key = key
        self._state: dict[str, str] = {}
        self._history = LedgerHistory()
        self._signers = Signers(verify=verified_before)  # by `read_ahead`
        self._members: dict[str, str] = {}

    def run(self, connection: Connection) -> LedgerHistory:
        """Check all blocks, the state, and the tables that show it.

        Raises:
            FoundError: Names the first block that is wrong.
        """
        with Rebuilt() as rebuilt:
            self.replay(connection, rebuilt.add)
            wrong = rebuilt.first_difference(connection)
        if wrong is not None:
            raise FoundError(f"the table {wrong[0]} does not say of {wrong[1]} what the ledger's blocks say")
        return self._history

    def replay(self, connection: Connection, seen: Callable[[Applied], None] = lambda _: None) -> LedgerHistory:
        """Check all blocks from the first one on, decide on their transactions again, and compare the state.

        Args:
            connection: Where the ledger is read.
            seen: Called with each block and what it did.

        Raises:
            FoundError: Names the first block that is wrong.
        """
        number, previous = 0, bytes(HASH_SIZE)
        query = select(ledger_blocks).order_by(ledger_blocks.c.number).execution_options(yield_per=_CHUNK)
        with _collecting_nothing():
            for row, read in read_ahead(connection.execute(query)):
                try:
                    block = self._check_block(row, number, previous)
                    seen(self._apply(block, row, read))
                except TrialAnchorError as error:
                    raise FoundError(f"block {number} of the embedded ledger: {error}") from error
                number, previous = number + 1, sha256(row.block.encode()).digest()
        self._check_state(connection, number)
        self._history.blocks, self._history.state = number, state_digest(self._state)
        return self._history

    def _check_state(self, connection: Connection, blocks: int) -> None:
        """Compare the state with what the blocks make it."""
        missing = len(self._state)
        with connection.execute(select(ledger_state).execution_options(yield_per=1_000)) as rows:
            for row in rows:
                if self._state.get(row.key) != row.value:
                    raise FoundError(f"the embedded ledger's state {row.key} is not what its {blocks} blocks make it")
                missing -= 1
        if missing:
            stored = set(connection.scalars(select(ledger_state.c.key)))
            key = min(self._state.keys() - stored)
            raise FoundError(f"the embedded ledger's state {key} is not what its {blocks} blocks make it")

    def _check_block(self, row: Row[Any], number: int, previous: bytes) -> Block:
        """Step 1."""
        block = decode_block(row.block)
        if (row.number, block.number, block.previous, block.ledger) != (number, number, previous, self._name):
            raise FoundError("it does not follow the one before")
        if block.transaction != sha256(row.transaction.encode()).digest():
            raise FoundError("it does not hold its transaction")
        cose.check_signature(self._key, cose.EDDSA, row.signature, row.block.encode())
        return block

    def _apply(self, block: Block, row: Row[Any], read: ReadTransaction) -> Applied:
        """Steps 2 to 4; gives what the block did."""
        transaction = Transaction(**decode_canonical(row.transaction)) if read is None else self._admit(read, block)
        outcome = apply(self._state, transaction, Context(self._name, block.at, verify_ed25519))
        self._state |= outcome.writes
        anchored = anchored_checkpoint(transaction)
        if (row.origin, row.size) != anchored:
            raise FoundError("its columns do not say what its transaction says")
        origin, size = anchored
        if origin is not None and size is not None:
            root = bytes.fromhex(transaction.arguments["root"])
            self._history.anchors.append(CheckedAnchor(block.number, origin, size, root))
            return Applied(block, transaction, outcome)
        self._note_participants(block.number, outcome)
        changed = changed_members(outcome)
        if changed:
            self._members |= changed
            self._history.memberships.append((block.number, acting_members(self._members)))
        return Applied(block, transaction, outcome)

    def _note_participants(self, number: int, outcome: Outcome) -> None:
        """Note which studies there are, and who takes part in them."""
        for key, value in outcome.writes.items():
            if key.startswith(TRIALS):
                self._history.studies.setdefault(key[len(TRIALS) :], number)
            elif key.startswith(PARTICIPANTS):
                study, _, member = key[len(PARTICIPANTS) :].partition("/")
                self._history.participants.setdefault((study, member), []).append((number, joined_roles(value)))

    def _admit(self, read: SignedTransaction | str, block: Block) -> Transaction:
        """Step 2."""
        if isinstance(read, str):
            raise FoundError(read)
        signed = read.signed
        checked = CheckedTransaction(block.number, leaf_hash(signed.entry), chain_digest(signed.chain))
        self._history.transactions[signed.digest] = checked
        return authenticate(read, self._member(signed.statement.issuer), self._signers, block.at)

    def _member(self, oid: str) -> TrustedMember:
        """Give a member as the state has it now."""
        value = self._members.get(oid)
        if value is None:
            raise FoundError("its caller is no member")
        return decode_member(oid, value)


def state_digest(state: Mapping[str, str]) -> str:
    """Digest a state: SHA-256 over its keys in order, each with its value, lengths in front (8 octets, big-endian)."""
    digest = sha256()
    for key in sorted(state):
        for text in (key.encode(), state[key].encode()):
            digest.update(len(text).to_bytes(8, "big") + text)
    return digest_text(digest.digest())
