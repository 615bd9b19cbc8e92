"""Nodes for tests: one template made once, copied for each test, driven in this process.

The member of `material` runs the node. Its file names two roots: the one `init_node` made, which certifies the keys of
the sources, and the fixed one of `material`, whose systems sign the statements of the tests.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from material import AT, KIND, MEMBER, NOW, STRANGER, SUBJECT, FixedSigner, Member, digest, ed25519_key, sign
from sqlalchemy import event
from starlette.testclient import TestClient

from trialanchor.clock import FixedClock
from trialanchor.encoding import digest_text
from trialanchor.keys import certificate_pem
from trialanchor.trust import decode_trust
from trialanchor.verify import Evidence, Verifier
from trialanchor_node.app import create_app
from trialanchor_node.db import migrate, open_engine
from trialanchor_node.initialise import NewNode, init_node
from trialanchor_node.log.fsck import check_log
from trialanchor_node.log.store import LogIdentity, LogStore, Submission
from trialanchor_node.node import Node, read_node_keys
from trialanchor_node.settings import CONFIG_NAME, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from trialanchor.bundles import Bundle
    from trialanchor.report import Report
    from trialanchor.statements import SignedStatement
    from trialanchor_node.log.fsck import FsckReport

PASSPHRASE = "only for tests"
SOURCES = ("edc", "lims")
COSE, SEQUENCE, JSON, PROBLEM = (
    "application/cose",
    "application/cbor-seq",
    "application/json",
    "application/problem+json",
)
UNKNOWN = digest_text(digest("nothing"))
"""A digest under which nothing is registered."""


def numbered(number: int, **changes: Any) -> SignedStatement:
    """Sign a statement about a subject of its own; `system` says with which key."""
    changes = {"subject": f"{SUBJECT}.{number}", "payload": digest(f"evidence {number}"), **changes}
    return sign(**changes)


def amended(before: SignedStatement, label: str, **changes: Any) -> SignedStatement:
    """Sign the version after `before`."""
    old = before.statement
    claims = {
        "subject": old.subject,
        "payload": digest(label),
        "action": "update",
        "version": old.version + 1,
        "prev": before.digest,
        "reason": "correction",
    }
    return sign(**{**claims, **changes})


def record(number: int, **changes: Any) -> dict[str, Any]:
    """Give an item of `POST /v1/records`."""
    usual = {
        "kind": KIND,
        "subject": f"urn:oid:{SUBJECT}.{number}",
        "study": SUBJECT,
        "record": {"LBTESTCD": "ALB", "LBORRES": "41", "VISITNUM": 1, "LBSEQ": number},
    }
    return {**usual, **changes}


@dataclass
class Template:
    """A node folder that was never served, and the tokens of its sources."""

    folder: Path
    tokens: Mapping[str, str]

    def bearer(self, source: str = "edc") -> dict[str, str]:
        """Give the header that names a source."""
        return {"Authorization": f"Bearer {self.tokens[source]}"}


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Template:
    """The node all others are copied from: its member, another one that is a sponsor, and two sources."""
    folder = tmp_path_factory.mktemp("template") / "node"
    tokens = init_node(NewNode(folder, MEMBER, ("study_unit",), SOURCES), PASSPHRASE, FixedClock(NOW))
    path = folder / "members" / f"{MEMBER}.json"
    member = json.loads(path.read_text())
    member["roots"].append(certificate_pem(Member().root))
    path.write_text(json.dumps(member))
    write_member(folder, Member(STRANGER, ("sponsor",)))
    Node(load_settings(folder), PASSPHRASE, FixedClock(NOW)).close()
    return Template(folder, tokens)


def write_member(folder: Path, member: Member, **changes: Any) -> Path:
    """Put a member file into the folder of a node."""
    path = folder / "members" / f"{member.oid}.json"
    path.write_text(json.dumps({"trialanchor_member": 1, **member.to_json(), **changes}))
    return path


@pytest.fixture
def new_folder(template, tmp_path):
    """Factory of node folders: name, and settings to add."""

    def make(name: str = "node", **settings: Any) -> Path:
        folder = tmp_path / name
        shutil.copytree(template.folder, folder)
        path = folder / CONFIG_NAME
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        kept = [line for line in path.read_text().splitlines() if line.split(" = ")[0] not in settings]
        path.write_text("\n".join([*lines, *kept]) + "\n")
        return folder

    return make


@pytest.fixture
def open_node(new_folder, clock):
    """Factory of nodes that do not run: a folder (a new one when not given) or settings to add."""
    with contextlib.ExitStack() as opened:

        def make(folder: Path | None = None, **settings: Any) -> Node:
            folder = folder or new_folder(**settings)
            node = Node(load_settings(folder), PASSPHRASE, clock)
            opened.callback(node.close)
            return node

        yield make


class Site:
    """A node that runs in this process, and what a test does with it."""

    def __init__(self, folder: Path, node: Node, client: TestClient, template: Template) -> None:
        self.folder = folder
        self.node = node
        self.client = client
        self.bearer = template.bearer

    def post(self, *signed: SignedStatement | bytes, **parameters: Any) -> Any:
        """Send one statement, or several as a sequence; give the answer."""
        encoded = [item if isinstance(item, bytes) else item.encode() for item in signed]
        content_type = COSE if len(encoded) == 1 else SEQUENCE
        return self.client.post(
            "/v1/statements", content=b"".join(encoded), headers={"Content-Type": content_type}, params=parameters
        )

    def register(self, *signed: SignedStatement) -> list[dict[str, Any]]:
        """Send statements that must be taken; give the results."""
        answer = self.post(*signed)
        assert answer.status_code in (200, 201), answer.text
        results = answer.json()["results"]
        assert all("index" in result for result in results), results
        return results

    def post_records(self, *records: Any, key: str = "k1", source: str = "edc", **parameters: Any) -> Any:
        """Send plain records of a source; give the answer."""
        headers = {**self.bearer(source), "Idempotency-Key": key, "Content-Type": JSON}
        body = json.dumps({"records": records})
        return self.client.post("/v1/records", content=body, headers=headers, params=parameters)

    def receipt(self, statement: SignedStatement | str, **parameters: Any) -> Any:
        """Ask for the bundle of a statement; give the answer."""
        digest = statement if isinstance(statement, str) else digest_text(statement.digest)
        return self.client.get(f"/v1/receipts/{digest}", params=parameters)

    def anchor(self) -> bool:
        """Anchor now, not at the next interval."""
        return self.node.anchoring.anchor()

    def verify(self, bundle: bytes | Bundle, evidence: Evidence | None = None) -> Report:
        """Verify as an auditor does: with the trust file of the node's folder, offline."""
        data = bundle if isinstance(bundle, bytes) else bundle.encode()
        trust = decode_trust((self.folder / "trust.json").read_bytes())
        return Verifier(trust, self.node.clock.now()).verify(data, evidence)


@contextlib.contextmanager
def serving(folder: Path, template: Template, clock: FixedClock, **options: Any):
    """Run the node of a folder in this process."""
    node = Node(load_settings(folder), PASSPHRASE, clock)
    with TestClient(create_app(node), **options) as client:
        yield Site(folder, node, client, template)


@pytest.fixture
def serve(new_folder, template, clock):
    """Factory of running nodes: a folder (a new one when not given), settings to add; stopped after the test."""
    with contextlib.ExitStack() as running:

        def start(folder: Path | None = None, *, raise_server_exceptions: bool = True, **settings: Any) -> Site:
            folder = folder or new_folder(**{"anchor_interval_s": 3600, "group_commit_ms": 0, **settings})
            options = {"raise_server_exceptions": raise_server_exceptions}
            return running.enter_context(serving(folder, template, clock, **options))

        yield start


@pytest.fixture
def site(serve):
    """A running node."""
    return serve()


def fsck(folder: Path) -> FsckReport:
    """Check the log of a node folder."""
    settings = load_settings(folder)
    return check_log(settings, read_node_keys(settings, PASSPHRASE))


FILLED = 300
"""Entries in the log of `filled_folder` that were sent as statements; records and an amendment follow."""


@pytest.fixture(scope="session")
def _filled(template, tmp_path_factory) -> Path:
    """The folder of a node that registered statements of all kinds, anchored twice, and was stopped."""
    folder = tmp_path_factory.mktemp("filled") / "node"
    shutil.copytree(template.folder, folder)
    path = folder / CONFIG_NAME
    path.write_text("anchor_interval_s = 3600\n" + path.read_text())
    with serving(folder, template, FixedClock(NOW)) as site:
        site.register(*[numbered(number) for number in range(FILLED // 2)])
        site.anchor()
        site.register(*[numbered(number) for number in range(FILLED // 2, FILLED)])
        site.post_records(*[record(FILLED + number) for number in range(5)])
        site.register(amended(numbered(7), "seven again"))
        site.anchor()
    return folder


@pytest.fixture
def filled_folder(_filled, tmp_path) -> Path:
    """A copy of the folder of a stopped node with a log of two tiles, openings and anchors."""
    folder = tmp_path / "filled"
    shutil.copytree(_filled, folder)
    return folder


IDENTITY_KEY = ed25519_key("log of a store")
IDENTITY = LogIdentity(f"{MEMBER}.1", FixedSigner(IDENTITY_KEY), IDENTITY_KEY.public_key().public_bytes_raw())
"""Who the logs of `new_store` are."""


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    """A SQLite file with all tables and nothing in them."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    engine = open_engine(f"sqlite:///{path}", create=True)
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture
def new_engine(empty_database, tmp_path):
    """Factory of engines on a SQLite file with all tables; the same name gives the same file."""
    with contextlib.ExitStack() as opened:

        def make(name: str = "log.db"):
            path = tmp_path / name
            if not path.exists():
                shutil.copyfile(empty_database, path)
            engine = open_engine(f"sqlite:///{path}")
            opened.callback(engine.dispose)
            return engine

        yield make


@pytest.fixture
def new_store(new_engine, clock):
    """Factory of open log stores on a SQLite file; the same name again opens the same log anew."""

    def make(name: str = "log.db", identity: LogIdentity = IDENTITY) -> LogStore:
        store = LogStore(new_engine(name), identity, clock)
        store.open(create=True)
        return store

    return make


def commit(store: LogStore, *batches: Sequence[SignedStatement]) -> list[list[Any]]:
    """Commit submissions as one batch; give the results of each."""
    submissions = [Submission(list(batch), AT) for batch in batches]
    store.commit(submissions)
    return [submission.results for submission in submissions]


def rows(folder: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run SQL on the database of a node folder, behind the node's back; give what it finds."""
    with contextlib.closing(sqlite3.connect(folder / "node.db")) as connection, connection:
        return connection.execute(sql, values).fetchall()


def driver_error(reason: str, dialect: str) -> Exception:
    """Make the error that the driver of a database raises, with its code."""
    if dialect == "postgresql":
        return psycopg.errors.DiskFull(reason) if "disk" in reason else psycopg.OperationalError(reason)
    error = sqlite3.OperationalError(reason)
    codes = {"database or disk is full": sqlite3.SQLITE_FULL, "disk I/O error": sqlite3.SQLITE_IOERR_WRITE}
    error.sqlite_errorcode = codes.get(reason, sqlite3.SQLITE_ERROR)
    return error


class Faults:
    """Makes the database driver fail: at one SQL statement of those that follow, or at a commit."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._dialect = engine.dialect
        self._left: int | None = None
        self.executed = 0
        for name in ("do_execute", "do_execute_no_params", "do_executemany"):
            event.listen(engine, name, self._execute)

    def _execute(self, *_arguments: Any) -> None:
        self.executed += 1
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                self._left = None
                raise driver_error(self._reason, self._dialect.name)

    def at_statement(self, number: int, reason: str) -> None:
        """Fail at the statement of this number, from 0, and not after it."""
        self._left, self._reason = number, reason

    def at_commit(self, reason: str, *, after: bool = False) -> contextlib.AbstractContextManager[None]:
        """Fail each commit; `after` does it first, so the caller cannot know its outcome."""

        @contextlib.contextmanager
        def failing():
            with self._monkeypatch.context() as patch:
                real = self._dialect.do_commit

                def commit_and_fail(connection: Any) -> None:
                    if after:
                        real(connection)
                    raise driver_error(reason, self._dialect.name)

                patch.setattr(self._dialect, "do_commit", commit_and_fail)
                yield

        return failing()

    def calm(self) -> None:
        """Fail no more."""
        self._left = None


@pytest.fixture
def faults(monkeypatch):
    """Factory of faults of an engine."""
    return lambda engine: Faults(engine, monkeypatch)
