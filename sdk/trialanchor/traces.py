"""Trace files: how objects of a study hang together, with every transaction behind it, in one file.

`{"statement": "<base64>", "trace": {…}}` is canonical JSON. The trace holds objects, edges, and each transaction that
they name as it was signed, with its receipt bundle. The statement over the digest of the trace says which member made
it, for whom and when.

Checks of `verify_trace`, in the order of the report:

1. file: canonical JSON of the known form; every object and transaction that is named stands in it.
2. seal: a member of the trust file signed the whole trace, so no byte of it was changed since.
3. transactions: each is the one that its name says, body and statement belong together, and its bundle verifies.
4. edges: their transactions are of the study, and it is counted which edges a transaction states by itself.

What a trace file proves: that each of its transactions was signed by its member, and when it was registered and
anchored; and of an edge that is *stated* that a member signed both of its ends in one transaction. What it leaves to
trust, in the member that sealed the trace: the values shown of objects; of an edge that is *implied* an end that its
transaction does not name, since it follows from the ledger's state; of an edge that is *derived* (what was in force,
which dose a sample measures) the computing; block numbers and times; and that nothing was left out. Who does not trust
that member asks another node for the same trace: all of it follows from the ledger.

Source: R-097, R-099; GD44 6.1; JS4652 8.3; BE 2.6.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from trialanchor.bundles import bundle_from_json
from trialanchor.encoding import OversizeError, base64_decode, base64_encode, json_decode, json_encode
from trialanchor.errors import DigestError, InputError, PolicyError, ProofError, TrialAnchorError, TrustError
from trialanchor.report import Report, Verdict
from trialanchor.signers import Signers
from trialanchor.statements import Action, SignedStatement, Statement, decode_statement, sign_statement
from trialanchor.trace_table import IN_FORCE, KINDS, LABELS, MEASURES
from trialanchor.transactions import SignedTransaction, decode_transaction
from trialanchor.verify import CLOCK_TOLERANCE_S, Evidence
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trialanchor.keys import SystemKey
    from trialanchor.transactions import Requester
    from trialanchor.verify import Verifier

MEDIA_TYPE: Final = "application/vnd.trialanchor.trace+json"
SUFFIX: Final = ".trace.json"
VERSION: Final = 1
MAX_TRACE: Final = 64 << 20
"""Octets of a trace file: some thousand transactions with their bundles."""

KIND: Final = "trialanchor.trace"
"""Kind that the seal states; no log registers it."""

_CONTENT: Final = "application/json"
_FILE: Final = {"statement", "trace"}
_TRACE: Final = {
    "trialanchor_trace",
    "at",
    "direction",
    "edges",
    "ledger",
    "nodes",
    "oid",
    "start",
    "study",
    "transactions",
    "truncated",
}
_NODE: Final = {"id", "key", "kind", "oid", "shows", "version", "versions", "transaction", "block", "at", "made"}
_NODE_MORE: Final = {"code", "corrected", "replaces", "missing"}
_EDGE: Final = {"source", "relation", "target", "transaction", "block", "at", "current"}
_EDGE_MORE: Final = {"holds"}
_PROOF: Final = {"transaction", "bundle"}
_DERIVED: Final = frozenset({MEASURES.name, *(each.name for each in IN_FORCE)})
_BATCH: Final = 100

STATED: Final = "stated"
IMPLIED: Final = "implied"
DERIVED: Final = "derived"
"""How an edge follows from its transaction."""

CHECKS: Final = ("file", "seal", "transactions", "edges")

_WORST: Final = (Verdict.REFUTED, Verdict.UNCHECKED, Verdict.PENDING, Verdict.VERIFIED)


class TraceError(InputError):
    """Not a trace file of the agreed form."""

    code = "trace"
    hint = "Ask the node for it again: `trialanchor trace OID -o FILE`."


@dataclass(frozen=True, slots=True)
class TraceFile:
    """A trace file that was read: what it says, the seal over it, and its transactions by name."""

    trace: dict[str, Any]
    seal: SignedStatement
    transactions: Mapping[str, SignedTransaction]


@dataclass(frozen=True, slots=True)
class TraceCheck:
    """One of the four checks: its name, what became of it, and why."""

    name: str
    verdict: Verdict
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TraceReport:
    """What the verification of a trace file found.

    Attributes:
        checks: The checks that were done, in order; none follows one that was refuted.
        edges: How many edges are `stated`, `implied` and `derived`.
        transactions: How many transactions there are.
        member: OID of the member that sealed the trace, empty unless that was checked.
    """

    checks: tuple[TraceCheck, ...]
    edges: Mapping[str, int]
    transactions: int
    member: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks."""
        found = {check.verdict for check in self.checks}
        return next(verdict for verdict in _WORST if verdict in found)

    @property
    def reason(self) -> str:
        """Why, when it is not verified."""
        return next((check.detail for check in self.checks if check.verdict is self.verdict), "")


def seal_trace(trace: dict[str, Any], requester: Requester, key: SystemKey) -> bytes:
    """Sign a trace with the key of a system, and give the file.

    Raises:
        StatementError: An OID of the requester is not of its form.
        StoreError: The key cannot be reached.
    """
    claims = Statement(
        issuer=requester.member,
        subject=trace["oid"],
        issued_at=requester.at,
        payload=_digest(trace),
        content_type=_CONTENT,
        kind=KIND,
        study=requester.study or requester.member,
        actor=requester.actor,
        action=Action.EXPORT,
    )
    sealed = sign_statement(claims, key.signer, key.chain)
    return json_encode({"statement": base64_encode(sealed.encode()), "trace": trace})


def _digest(trace: dict[str, Any]) -> bytes:
    return sha256(encode_value(trace).encode()).digest()


def read_trace(data: bytes) -> TraceFile:
    """Read a trace file; nothing is verified but its form (check 1).

    Raises:
        OversizeError: More than 64 MiB.
        TrialAnchorError: Not of its form; names the part.
    """
    if len(data) > MAX_TRACE:
        raise OversizeError(f"a trace file has at most {MAX_TRACE} octets")
    value = json_decode(data, "the trace file")
    _need(isinstance(value, dict) and value.keys() == _FILE, "a trace file holds a trace and a statement")
    trace = value["trace"]
    _need(isinstance(trace, dict) and trace.keys() == _TRACE, "the trace has other parts than the known ones")
    _need(trace["trialanchor_trace"] == VERSION, f"only traces of version {VERSION} are known")
    _need(is_dotted(trace["oid"]) and is_dotted(trace["study"]), "object and study of a trace are OIDs")
    seal = decode_statement(base64_decode(value["statement"], "the statement of the trace"))
    transactions = _read_transactions(trace["transactions"])
    _check_nodes(trace, transactions)
    return TraceFile(trace, seal, transactions)


def _need(condition: object, message: str) -> None:
    if not condition:
        raise TraceError(message)


def _read_transactions(proofs: Any) -> dict[str, SignedTransaction]:
    _need(isinstance(proofs, dict), "the transactions of a trace are an object by their names")
    read = {}
    for name, proof in proofs.items():
        _need(isinstance(proof, dict) and proof.keys() == _PROOF, "a transaction of a trace comes with its bundle")
        read[name] = decode_transaction(encode_value(proof["transaction"]).encode())
    return read


def _check_nodes(trace: dict[str, Any], transactions: Mapping[str, SignedTransaction]) -> None:
    """Check that whatever is named stands in the file."""
    _need(isinstance(trace["nodes"], list) and isinstance(trace["edges"], list), "a trace lists nodes and edges")
    for node in trace["nodes"]:
        _need(_is_form(node, _NODE, _NODE_MORE), "an object of the trace is not of its form")
        _need(node["kind"] in KINDS, "the trace holds a kind of objects that this version does not know")
        named = (node["transaction"], node["made"].get("transaction"))
        _need(all(name in transactions for name in named), "the transaction of an object is not in the file")
    known = {node["id"]: node for node in trace["nodes"]}
    _need(len(known) == len(trace["nodes"]), "an object of the trace stands twice")
    for edge in trace["edges"]:
        _need(_is_form(edge, _EDGE, _EDGE_MORE), "an edge of the trace is not of its form")
        _need(edge["relation"] in LABELS, "the trace holds a relation that this version does not know")
        _need({edge["source"], edge["target"]} <= known.keys(), "an edge names an object that is not in the file")
        _need(edge["transaction"] in transactions, "the transaction of an edge is not in the file")


def _is_form(value: Any, needed: set[str], more: set[str]) -> bool:
    if not isinstance(value, dict) or not needed <= value.keys() <= needed | more:
        return False
    return isinstance(value.get("made", {}), dict)


def verify_trace(data: bytes, verifier: Verifier) -> TraceReport:
    """Verify a trace file; see the module for the checks. Never raises on its input."""
    return _Run(verifier).report(data)


class _Run:
    """One verification; each check is a method that returns, or raises what it found."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self.checks: list[TraceCheck] = []
        self.edges: Counter[str] = Counter()
        self.member = ""
        self.file: TraceFile

    def report(self, data: bytes) -> TraceReport:
        """Do the checks, as far as none is refuted, and give the report."""
        works: tuple[Callable[[], TraceCheck | None], ...] = (
            lambda: self._read(data),
            self._check_seal,
            self._check_transactions,
            self._check_edges,
        )
        for name, work in zip(CHECKS, works, strict=True):
            self.checks.append(self._do(name, work))
            if self.checks[-1].verdict is Verdict.REFUTED:
                return TraceReport(tuple(self.checks), {}, 0)
        grades = {grade: self.edges[grade] for grade in (STATED, IMPLIED, DERIVED)}
        return TraceReport(tuple(self.checks), grades, len(self.file.transactions), self.member)

    @staticmethod
    def _do(name: str, work: Callable[[], TraceCheck | None]) -> TraceCheck:
        try:
            return work() or TraceCheck(name, Verdict.VERIFIED)
        except TrustError as error:
            return TraceCheck(name, Verdict.UNCHECKED, str(error))
        except TrialAnchorError as error:
            return TraceCheck(name, Verdict.REFUTED, str(error))
        except Exception as fault:  # noqa: BLE001 - whatever the bytes provoke, the answer is never "fine"
            return TraceCheck(name, Verdict.REFUTED, f"the check met a fault ({type(fault).__name__})")

    def _read(self, data: bytes) -> None:  # (1)
        self.file = read_trace(data)

    def _check_seal(self) -> None:  # (2)
        seal, trace = self.file.seal, self.file.trace
        statement = seal.statement
        if statement.payload != _digest(trace):
            raise DigestError("the trace is not the one that was sealed: it was changed")
        said = (statement.kind, statement.subject, statement.study, statement.action)
        if said != (KIND, trace["oid"], trace["study"], Action.EXPORT):
            raise ProofError("the statement does not seal this trace")
        if statement.issued_at > self.verifier.at + CLOCK_TOLERANCE_S:
            raise PolicyError("the trace was sealed after the reference time")
        member = self.verifier.trust.members.get(statement.issuer)
        if member is None:
            raise TrustError("the trust file does not know the member that sealed the trace")
        signatory = Signers().check(seal, member, statement.issued_at)
        if any(thumbprint in member.revoked for thumbprint in signatory.key.path):
            raise TrustError("the key that sealed the trace has been revoked; ask for the trace again")
        self.member = member.oid

    def _check_transactions(self) -> TraceCheck:  # (3)
        found, checks = list(self.file.transactions.items()), [TraceCheck("transactions", Verdict.VERIFIED)]
        for start in range(0, len(found), _BATCH):
            work = [self._work(name, transaction) for name, transaction in found[start : start + _BATCH]]
            checks += [_check_of(report) for report in self.verifier.verify_many(work)]
        return min(checks, key=lambda check: _WORST.index(check.verdict))

    def _work(self, name: str, transaction: SignedTransaction) -> tuple[bytes, Evidence]:
        """Hold a transaction against its name and its bundle; give what is to be verified."""
        bundle = bundle_from_json(self.file.trace["transactions"][name]["bundle"])
        if transaction.digest != name:
            raise DigestError("a transaction of the trace has another name than it should")
        if transaction.body.ledger != self.file.trace["ledger"]:
            raise ProofError("a transaction of the trace is of another ledger")
        if bundle.statement != transaction.signed.entry:
            raise ProofError("the bundle of a transaction is about another statement")
        return bundle.encode(), Evidence(digest=transaction.body.digest())

    def _check_edges(self) -> None:  # (4)
        oids = {node["id"]: _oids(node["key"]) for node in self.file.trace["nodes"]}
        mentioned = {name: _mentions(transaction) for name, transaction in self.file.transactions.items()}
        if any(self.file.trace["study"] not in said for said in mentioned.values()):
            raise ProofError("a transaction of the trace is of another study")
        for edge in self.file.trace["edges"]:
            said = mentioned[edge["transaction"]]
            named = [not said.isdisjoint(oids[edge[end]]) for end in ("source", "target")]
            self.edges[DERIVED if edge["relation"] in _DERIVED else STATED if all(named) else IMPLIED] += 1


def _check_of(report: Report) -> TraceCheck:
    problem = report.first_problem
    return TraceCheck("transactions", report.verdict, "" if problem is None else f"{problem.name}: {problem.detail}")


def _oids(key: str) -> set[str]:
    return {part for part in key.split("/") if is_dotted(part)}


def _mentions(transaction: SignedTransaction) -> set[str]:
    """Give all text that a transaction says: its subject, its study, its arguments."""
    statement = transaction.signed.statement
    return {statement.subject, statement.study, *_texts(transaction.body.arguments)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
