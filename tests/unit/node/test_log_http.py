"""What the log serves: receipts, the search, and the tiles by which others follow it."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import pytest
from material import AT, KIND, MEMBER, NOW, STRANGER, STUDY, SUBJECT, Member, digest, sign

from nodes import PROBLEM, UNKNOWN, amended, numbered, serving
from trialanchor.bundles import MEDIA_TYPE, decode_bundle
from trialanchor.clock import FixedClock
from trialanchor.encoding import digest_text
from trialanchor.errors import LedgerError
from trialanchor.merkle import leaf_hash, root_of, split_hashes
from trialanchor.notes import VerifierKey, parse_checkpoint
from trialanchor.receipts import decode_receipt
from trialanchor.verify import Evidence

IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def grown(template, tmp_path_factory):
    """A node with two full tiles of entries and a part of a third; its tests only read."""
    folder = tmp_path_factory.mktemp("grown") / "node"
    shutil.copytree(template.folder, folder)
    with serving(folder, template, FixedClock(NOW)) as site:
        site.register(*[numbered(number) for number in range(513)])
        yield site


class TestReceipt:
    def test_the_bundle_of_a_statement(self, site):
        signed = numbered(1)
        site.register(signed)
        answer = site.receipt(signed)
        bundle = decode_bundle(answer.content)
        assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
        assert (bundle.statement, bundle.chain, bundle.anchors) == (signed.entry, signed.chain, ())
        assert bundle.encode() == answer.content

    def test_every_receipt_of_a_log_leads_to_its_checkpoint(self, grown):
        for number in range(0, 513, 32):
            bundle = decode_bundle(grown.receipt(numbered(number)).content)
            receipt = decode_receipt(bundle.receipt)
            assert receipt.index == number
            assert receipt.root(leaf_hash(bundle.statement)) == parse_checkpoint(bundle.checkpoint).root

    def test_an_unknown_statement_is_not_found(self, site):
        answer = site.receipt(UNKNOWN)
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
        assert site.receipt(UNKNOWN, wait="anchored", timeout=5).status_code == 404

    @pytest.mark.parametrize("named", ["x", digest_text(digest("x")).upper(), "sha256:" + "0" * 63])
    def test_what_is_no_digest_is_refused(self, site, named):
        assert site.receipt(named).status_code == 400

    @pytest.mark.parametrize(
        "parameters", [{"wait": "cosigned"}, {"timeout": 31}, {"timeout": -1}, {"timeout": "nan"}, {"timeout": "x"}]
    )
    def test_a_wait_of_no_sense_is_refused(self, site, parameters):
        assert site.receipt(UNKNOWN, **parameters).status_code == 400

    def test_it_is_not_sent_again_while_it_has_not_changed(self, site):
        signed = numbered(1)
        site.register(signed)
        digest_named = digest_text(signed.digest)
        tag = site.receipt(signed).headers["etag"]
        again = site.client.get(f"/v1/receipts/{digest_named}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        site.register(numbered(2))
        changed = site.client.get(f"/v1/receipts/{digest_named}", headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag

    def test_it_is_completed_with_the_oldest_anchor(self, site):
        signed = numbered(1)
        site.register(signed)
        site.anchor()
        site.register(numbered(2))
        site.anchor()
        bundle = decode_bundle(site.receipt(signed).content)
        (anchor,) = bundle.anchors
        assert parse_checkpoint(anchor.checkpoint).size == 1
        assert site.verify(bundle, Evidence(digest=signed.statement.payload)).state == "anchored"

    def test_a_wait_ends_when_it_is_anchored(self, serve):
        site = serve(anchor_interval_s=0.05)
        site.register(numbered(1))
        assert decode_bundle(site.receipt(numbered(1), wait="anchored", timeout=20).content).anchors

    def test_a_wait_gives_what_there_is_when_its_time_is_over(self, site):
        site.register(numbered(1))
        answer = site.receipt(numbered(1), wait="anchored", timeout=0.05)
        assert (answer.status_code, decode_bundle(answer.content).anchors) == (200, ())

    def test_it_is_given_without_the_ledger_too(self, site, monkeypatch):
        def away(*_arguments):
            raise LedgerError("away")

        site.register(numbered(1))
        site.anchor()
        with monkeypatch.context() as patch:
            patch.setattr(site.node.ledger, "anchor_over", away)
            patch.setattr(site.node.ledger, "read", away)
            assert decode_bundle(site.receipt(numbered(1)).content).anchors == ()
            ready = site.client.get("/readyz")
            assert (ready.status_code, ready.json()["code"]) == (503, "ledger")
        assert decode_bundle(site.receipt(numbered(1)).content).anchors

    def test_a_database_that_does_not_answer_is_a_problem_of_the_store(self, site, faults):
        site.register(numbered(1))
        faults(site.node.engine).at_statement(0, "disk I/O error")
        answer = site.receipt(numbered(1))
        assert (answer.status_code, answer.json()["code"]) == (503, "store")
        assert site.receipt(numbered(1)).status_code == 200


class TestSearch:
    @pytest.fixture
    def searched(self, site):
        first = numbered(1)
        sponsor = sign(Member(STRANGER).system(), issuer=STRANGER, subject=f"{SUBJECT}.9", study=f"{STUDY}.2")
        drug = numbered(2, kind="gd44.c3.drug_use")
        site.register(first, amended(first, "second"), sponsor, drug)
        return site

    def found(self, site, **parameters):
        answer = site.client.get("/v1/entries", params=parameters)
        assert answer.status_code == 200, answer.text
        return [entry["index"] for entry in answer.json()["entries"]]

    def test_an_entry_says_what_is_indexed(self, searched):
        (entry,) = searched.client.get("/v1/entries", params={"limit": 1}).json()["entries"]
        signed = numbered(1)
        assert entry == {
            "index": 0,
            "statement": digest_text(signed.digest),
            "fingerprint": digest_text(signed.statement.payload),
            "issuer": f"urn:oid:{MEMBER}",
            "subject": f"urn:oid:{SUBJECT}.1",
            "study": f"urn:oid:{STUDY}",
            "kind": KIND,
            "version": 1,
            "registered_at": AT,
        }

    @pytest.mark.parametrize(
        ("parameters", "indexes"),
        [
            pytest.param({}, [0, 1, 2, 3], id="all"),
            pytest.param({"subject": f"{SUBJECT}.1"}, [0, 1], id="subject"),
            pytest.param({"subject": f"urn:oid:{SUBJECT}.1"}, [0, 1], id="subject-urn"),
            pytest.param({"subject": f"URN:OID:{SUBJECT}.1"}, [0, 1], id="subject-urn-upper-case"),
            pytest.param({"subject": f"{SUBJECT}.9", "issuer": STRANGER}, [2], id="subject-and-issuer"),
            pytest.param({"subject": f"{SUBJECT}.9", "issuer": MEMBER}, [], id="subject-of-another-issuer"),
            pytest.param({"study": f"{STUDY}.2"}, [2], id="study"),
            pytest.param({"kind": "gd44.c3.drug_use"}, [3], id="kind"),
            pytest.param({"fingerprint": digest_text(digest("second"))}, [1], id="fingerprint"),
            pytest.param({"kind": KIND, "study": STUDY}, [0, 1], id="kind-and-study"),
            pytest.param({"subject": f"{SUBJECT}.77"}, [], id="nothing"),
            pytest.param({"kind": "gd44.c3.horoscope"}, [], id="unknown-kind"),
        ],
    )
    def test_what_is_given_counts(self, searched, parameters, indexes):
        assert self.found(searched, **parameters) == indexes

    @pytest.mark.parametrize(
        "parameters",
        [
            {"subject": "me"},
            {"issuer": "urn:uuid:1"},
            {"issuer": MEMBER},
            {"study": "1..2"},
            {"fingerprint": "00"},
            {"kind": "a b"},
            {"kind": "\0"},
            {"limit": 0},
            {"limit": 1_001},
            {"limit": "x"},
            {"cursor": "x"},
            {"cursor": "ZQAAAAAAAAA="},
            {"cursor": "Zf//////////"},
            {"cursor": "é"},
            {"cursor": "x" * 101},
        ],
    )
    def test_a_parameter_of_another_form_is_refused(self, site, parameters):
        answer = site.client.get("/v1/entries", params=parameters)
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)

    @pytest.mark.parametrize("limit", [1, 7, 50, 51, 1_000])
    def test_pages_give_every_entry_once(self, site, limit):
        site.register(*[numbered(number) for number in range(50)])
        url, seen = f"/v1/entries?limit={limit}&study={STUDY}", []
        while url:
            page = site.client.get(url).json()
            assert len(page["entries"]) <= limit
            seen += [entry["index"] for entry in page["entries"]]
            assert (page["next"] is None) == (page["next_url"] is None)
            parts = urlsplit(page["next_url"] or "")
            url = f"{parts.path}?{parts.query}" if page["next_url"] else None
        assert seen == list(range(50))

    def test_a_cursor_stays_good_while_the_log_grows(self, site):
        site.register(*[numbered(number) for number in range(3)])
        page = site.client.get("/v1/entries", params={"limit": 2}).json()
        site.register(numbered(3))
        more = site.client.get("/v1/entries", params={"limit": 2, "cursor": page["next"]}).json()
        assert [entry["index"] for entry in more["entries"]] == [2, 3]


def tile_path(number: int) -> str:
    """Write a tile number as C2SP does."""
    groups = [f"{number % 1_000:03}"]
    while number := number // 1_000:
        groups.append(f"x{number % 1_000:03}")
    return "/".join(reversed(groups))


def fetch_all(site, kind: str, size: int) -> list[bytes]:
    """Fetch the tiles of a level, or the entry bundles, that cover `size` elements."""
    bodies = []
    for number in range(-(-size // 256)):
        width = min(256, size - number * 256)
        partial = "" if width == 256 else f".p/{width}"
        answer = site.client.get(f"/log/tile/{kind}/{tile_path(number)}{partial}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
        bodies.append(answer.content)
    return bodies


def read_bundle(data: bytes) -> list[bytes]:
    """Take an entry bundle apart."""
    found = []
    while data:
        size = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + size])
        assert len(found[-1]) == size
        data = data[2 + size :]
    return found


class TestTiles:
    def test_the_checkpoint_is_a_note_of_the_log(self, grown):
        answer = grown.client.get("/log/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=1"
        checkpoint = parse_checkpoint(answer.content)
        line = grown.client.get("/v1/trust").json()["logs"][0]["verifier_key"]
        checkpoint.verify_log(VerifierKey.decode(line))
        assert (checkpoint.origin, checkpoint.size) == (f"oid/{MEMBER}", 513)

    @pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 513])
    def test_the_root_can_be_rebuilt_from_the_entries_alone(self, site, size):
        for start in range(0, size, 1_000):
            site.register(*[numbered(number) for number in range(start, size)])
        checkpoint = parse_checkpoint(site.client.get("/log/checkpoint").content)
        entries = [entry for body in fetch_all(site, "entries", size) for entry in read_bundle(body)]
        assert checkpoint.size == len(entries) == size
        assert root_of([leaf_hash(entry) for entry in entries]) == checkpoint.root
        assert entries == [numbered(number).entry for number in range(size)]

    def test_tiles_hold_the_hashes_of_the_entries_and_of_full_tiles(self, grown):
        leaves = [leaf_hash(numbered(number).entry) for number in range(513)]
        assert split_hashes(b"".join(fetch_all(grown, "0", 513))) == leaves
        (top,) = fetch_all(grown, "1", 2)
        assert split_hashes(top) == [root_of(leaves[:256]), root_of(leaves[256:512])]

    def test_every_width_of_a_partial_tile_is_its_beginning(self, grown):
        full = grown.client.get("/log/tile/0/001").content
        for width in (1, 2, 128, 255):
            assert grown.client.get(f"/log/tile/0/001.p/{width}").content == full[: width * 32]
            entries = grown.client.get(f"/log/tile/entries/001.p/{width}").content
            assert read_bundle(entries) == [numbered(256 + number).entry for number in range(width)]

    @pytest.mark.parametrize("path", ["0/000", "0/002.p/1", "1/000.p/2", "entries/001", "entries/002.p/1"])
    def test_what_is_served_may_be_kept_for_ever(self, grown, path):
        answer = grown.client.get(f"/log/tile/{path}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, IMMUTABLE)

    @pytest.mark.parametrize(
        "path",
        [
            "0/002",
            "0/002.p/2",
            "0/003.p/1",
            "1/000",
            "1/000.p/3",
            "2/000.p/1",
            "entries/002",
            "entries/002.p/2",
            "entries/x999/999",
            "63/000",
            "64/000",
            "00/000",
            "-1/000",
            "0/0",
            "0/00",
            "0/0000",
            "0/x000/000",
            "0/x000/x001/000",
            "0/001/000",
            "0/x001",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/257",
            "0/000.p/999",
            "0/000.p/01",
            "0/000.p/",
            "0/000.p",
            "0/000/",
            "0/٠٠٠",
            "data/000",
            "entries",
            "",
            "0/x" + "9" * 3 + "/x999" * 5 + "/999",
            "0/x" + "9" * 3 + "/x999" * 6 + "/999",
        ],
    )
    def test_what_the_log_does_not_have_is_not_found(self, grown, path):
        answer = grown.client.get(f"/log/tile/{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
        assert "immutable" not in answer.headers.get("cache-control", "")

    def test_numbers_above_999_are_written_in_groups(self):
        assert [tile_path(number) for number in (0, 67, 1_067, 1_234_067)] == [
            "000",
            "067",
            "x001/067",
            "x001/x234/067",
        ]

    def test_a_tile_above_999_is_found_by_its_groups(self, site, monkeypatch):
        asked = []

        def entry_bundle(number, width):
            asked.append((number, width))
            return b""

        monkeypatch.setattr(site.node.reader, "entry_bundle", entry_bundle)
        for path in ("entries/x001/x234/067", "entries/x001/000.p/9"):
            assert site.client.get(f"/log/tile/{path}").status_code == 200
        assert asked == [(1_234_067, 256), (1_000, 9)]
