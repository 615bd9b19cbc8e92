"""The check of a whole log: it is silent on a sound one and names the first thing that is wrong on any other."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from hashlib import sha256

import pytest
from material import MEMBER, STRANGER, FixedSigner, Member, ed25519_key, sign

from nodes import FILLED, PASSPHRASE, SOURCES, fsck, numbered, rows, serving, write_member
from trialanchor.blocks import decode_block
from trialanchor.encoding import digest_text
from trialanchor.errors import ConfigError
from trialanchor.keys import KeySigner, read_key
from trialanchor.notes import parse_checkpoint
from trialanchor_chaincode.rules.anchors import checkpoint_text
from trialanchor_node.log import fsck as fsck_module

SIZE = FILLED + 6


@pytest.fixture
def folder(filled_folder):
    """The folder of a stopped node; its log has two tiles and is anchored at 150 and at its size."""
    return filled_folder


def only_problem(folder) -> str:
    """Check, and give the one problem found."""
    (problem,) = fsck(folder).problems
    return problem


class TestSoundLog:
    def test_nothing_is_found(self, folder):
        report = fsck(folder)
        assert report.problems == []
        assert report.entries == SIZE
        ((note,),) = rows(folder, "SELECT checkpoint FROM log_state")
        assert report.root == digest_text(parse_checkpoint(note).root)

    def test_an_empty_log_is_sound(self, new_folder):
        report = fsck(new_folder())
        assert (report.problems, report.entries, report.root) == ([], 0, digest_text(sha256(b"").digest()))

    def test_the_check_changes_nothing(self, folder):
        before = rows(folder, "SELECT * FROM log_state"), rows(folder, "SELECT * FROM ledger_blocks")
        fsck(folder)
        assert (rows(folder, "SELECT * FROM log_state"), rows(folder, "SELECT * FROM ledger_blocks")) == before

    def test_it_reads_one_moment_of_a_log_that_grows(self, folder, template, clock, monkeypatch):
        with serving(folder, template, clock) as site:
            real = fsck_module.LogCheck._check_entries

            def growing(check, connection, size):
                site.register(*[numbered(1_000 + number) for number in range(300)])
                site.anchor()
                return real(check, connection, size)

            monkeypatch.setattr(fsck_module.LogCheck, "_check_entries", growing)
            report = fsck(folder)
            assert site.node.store.current.size == SIZE + 300
        assert (report.problems, report.entries) == ([], SIZE)

    def test_members_are_those_of_the_time_of_receipt(self, folder, template, clock):
        clock.at = clock.at.replace(hour=12)
        write_member(folder, Member(MEMBER, ("ethics_committee",)))
        with serving(folder, template, clock) as site:
            refused = site.post(numbered(900)).json()
            assert refused["code"] == "role"
        assert fsck(folder).problems == []

    def test_members_are_those_of_their_place_whatever_the_clock_did(self, folder, template, clock):
        clock.at -= timedelta(hours=1)
        write_member(folder, Member("2.999.9", ("study_unit",)))
        with serving(folder, template, clock) as site:
            clock.at -= timedelta(days=1)
            at = int(clock.now().timestamp())
            site.register(sign(Member("2.999.9").system(), issuer="2.999.9", issued_at=at))
            site.anchor()
        write_member(folder, Member("2.999.9", ("ethics_committee",)))
        with serving(folder, template, clock) as site:
            site.register(numbered(900, issued_at=at))
        assert fsck(folder).problems == []

    def test_the_age_limit_of_today_is_not_held_against_entries(self, folder, monkeypatch):
        monkeypatch.setenv("TRIALANCHOR_NODE_STATEMENT_AGE_S", "60")
        assert fsck(folder).problems == []


class TestEntries:
    @pytest.mark.parametrize(
        "column",
        ["digest", "fingerprint", "issuer", "subject", "study", "kind", "version"],
    )
    def test_a_changed_column_is_found(self, folder, column):
        value = "zeroblob(32)" if column in ("digest", "fingerprint") else "9"
        rows(
            folder,
            f"UPDATE log_entries SET {column} = {value} WHERE leaf_index IN (123, 200)" + " AND leaf_index = 123",
        )
        assert only_problem(folder) == "entry 123: the row does not say what the statement says"

    @pytest.mark.parametrize("position", [0, 5, 60, 150, 300, -70, -1])
    def test_a_flipped_byte_of_a_statement_is_found_and_the_first_one_named(self, folder, position):
        for index in (200, 42):
            ((statement,),) = rows(folder, "SELECT statement FROM log_entries WHERE leaf_index = ?", index)
            changed = bytearray(statement)
            changed[position] ^= 1
            rows(folder, "UPDATE log_entries SET statement = ? WHERE leaf_index = ?", bytes(changed), index)
        assert only_problem(folder).startswith("entry 42: ")
        assert fsck(folder).entries == 0

    def test_a_statement_of_nothing_is_found(self, folder):
        rows(folder, "UPDATE log_entries SET statement = x'' WHERE leaf_index = 3")
        assert only_problem(folder).startswith("entry 3: ")

    def test_two_swapped_entries_are_found(self, folder):
        for old, new in ((10, -1), (20, 10), (-1, 20)):
            rows(folder, "UPDATE log_entries SET leaf_index = ? WHERE leaf_index = ?", new, old)
        assert only_problem(folder).startswith("entry 10: tile 0/0 holds another hash")

    @pytest.mark.parametrize("index", [0, 17, 255, 256, SIZE - 1])
    def test_a_deleted_entry_is_found(self, folder, index):
        rows(folder, "DELETE FROM log_entries WHERE leaf_index = ?", index)
        assert only_problem(folder).startswith(f"entry {index} is missing")

    def test_all_entries_deleted(self, folder):
        rows(folder, "DELETE FROM log_entries")
        assert only_problem(folder).startswith("entry 0 is missing")

    def test_an_entry_replaced_by_another_valid_one_is_found(self, folder):
        other = numbered(5_000)
        claims = other.statement
        rows(
            folder,
            "UPDATE log_entries SET statement = ?, digest = ?, fingerprint = ?, subject = ? WHERE leaf_index = 77",
            other.entry,
            other.digest,
            claims.payload,
            claims.subject,
        )
        assert only_problem(folder).startswith("entry 77: tile 0/0 holds another hash")

    def test_a_statement_of_a_stranger_is_found(self, folder):
        other = sign(Member("2.999.9").system(), issuer="2.999.9")
        claims = other.statement
        rows(
            folder,
            "UPDATE log_entries SET statement = ?, digest = ?, fingerprint = ?, subject = ?, issuer = ? "
            "WHERE leaf_index = 77",
            other.entry,
            other.digest,
            claims.payload,
            claims.subject,
            claims.issuer,
        )
        assert only_problem(folder) == "entry 77: the issuer is not a registered member of this node's ledger"

    def test_a_statement_of_a_member_that_was_registered_later_is_found(self, folder, template, clock):
        write_member(folder, Member("2.999.9", ("study_unit",)))
        with serving(folder, template, clock) as site:
            site.register(sign(Member("2.999.9").system(), issuer="2.999.9"))
        rows(folder, "DELETE FROM log_entries WHERE leaf_index = 77")
        rows(folder, "UPDATE log_entries SET leaf_index = 77 WHERE leaf_index = ?", SIZE)
        assert only_problem(folder) == "entry 77: the issuer is not a registered member of this node's ledger"

    def test_a_wrong_chain_of_versions_is_found(self, folder):
        rows(folder, "DELETE FROM log_entries WHERE leaf_index = 7")
        assert only_problem(folder) == "entry 7 is missing"
        rows(folder, "UPDATE log_entries SET leaf_index = 7 WHERE leaf_index = ?", SIZE - 1)
        assert only_problem(folder).startswith("entry 7: version 2 was sent, 1 comes next")

    def test_a_certificate_chain_that_is_gone_or_changed_is_found(self, folder):
        rows(folder, "UPDATE log_chains SET chain = x'80'")
        assert only_problem(folder).startswith("entry 0: a certificate chain of the log is missing or changed")
        rows(folder, "DELETE FROM log_chains")
        assert only_problem(folder).startswith("entry 0: a certificate chain of the log is missing or changed")

    def test_a_time_of_receipt_at_which_the_rules_did_not_hold_is_found(self, folder):
        rows(folder, "UPDATE log_entries SET received_at = received_at - 86400 WHERE leaf_index = 9")
        assert only_problem(folder).startswith("entry 9: ")


class TestTiles:
    @pytest.mark.parametrize(
        ("number", "position", "first"), [(0, 0, 0), (0, 100, 100), (0, 255, 255), (1, 0, 256), (1, 49, 305)]
    )
    def test_a_flipped_byte_names_the_entry(self, folder, number, position, first):
        ((hashes,),) = rows(folder, "SELECT hashes FROM log_tiles WHERE level = 0 AND number = ?", number)
        changed = bytearray(hashes)
        changed[position * 32 + 7] ^= 1
        rows(folder, "UPDATE log_tiles SET hashes = ? WHERE level = 0 AND number = ?", bytes(changed), number)
        assert only_problem(folder).startswith(f"entry {first}: tile 0/{number} holds another hash")

    def test_a_flipped_byte_of_a_higher_tile_is_found(self, folder):
        rows(folder, "UPDATE log_tiles SET hashes = zeroblob(32) WHERE level = 1")
        assert only_problem(folder).startswith("entry 0: tile 1/0 holds another hash")

    @pytest.mark.parametrize("where", ["level = 0 AND number = 0", "level = 0 AND number = 1", "level = 1"])
    def test_a_missing_tile_is_found(self, folder, where):
        rows(folder, f"DELETE FROM log_tiles WHERE {where}")
        assert "tile" in only_problem(folder)

    def test_a_tile_that_goes_on_is_found(self, folder):
        rows(folder, "UPDATE log_tiles SET hashes = CAST(hashes || zeroblob(32) AS BLOB) WHERE number = 1")
        assert only_problem(folder) == "tile 0/1 holds more than the log"

    def test_a_tile_too_many_is_found(self, folder):
        rows(folder, "INSERT INTO log_tiles VALUES (0, 2, zeroblob(32))")
        assert only_problem(folder) == "the log has 3 tiles, the database holds 4"


class TestState:
    @pytest.mark.parametrize(
        ("sql", "reason"),
        [
            pytest.param("root = zeroblob(32)", "another root, origin or key", id="root"),
            pytest.param("origin = 'oid/1.2'", "another root, origin or key", id="origin"),
            pytest.param("public_key = zeroblob(32)", "another root, origin or key", id="key"),
            pytest.param("seal_signature = zeroblob(64)", "the log's state: ", id="seal"),
            pytest.param("seal_header = x'a0'", "the log's state: ", id="seal-header"),
            pytest.param("checkpoint = 'x'", "the log's state: ", id="checkpoint"),
            pytest.param("size = size + 1", f"entry {SIZE} is missing", id="size-larger"),
            pytest.param("size = 0", "entry 0 is not in the log", id="size-nothing"),
        ],
    )
    def test_a_changed_state_is_found(self, folder, sql, reason):
        rows(folder, f"UPDATE log_state SET {sql}")
        assert reason in only_problem(folder)

    @pytest.mark.parametrize("size", [150, 256, SIZE - 1])
    def test_a_state_cut_back_is_found(self, folder, size):
        rows(folder, "UPDATE log_state SET size = ?", size)
        problem = only_problem(folder)
        assert f"entry {size} is not in the log" in problem or "tile 0/" in problem

    def test_a_log_cut_back_altogether_is_found_by_its_anchor(self, folder, new_folder, template, clock):
        """The state of a smaller log is put back with its entries and tiles: everything but the ledger agrees."""
        before = new_folder("before", anchor_interval_s=3600)
        for name in ("keys", "members"):
            shutil.rmtree(before / name)
            shutil.copytree(folder / name, before / name)
        with serving(before, template, clock) as site:
            site.register(*[numbered(number) for number in range(200)])
        for table in ("log_entries", "log_tiles", "log_state"):
            rows(folder, f"DELETE FROM {table}")
            for row in rows(before, f"SELECT * FROM {table}"):
                rows(folder, f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", *row)
        rows(folder, "DELETE FROM intake_openings")
        assert only_problem(folder) == f"entry 200 is missing: block 4 anchors {SIZE} entries"

    def test_a_database_without_a_log_is_not_sound(self, folder):
        rows(folder, "DELETE FROM log_state")
        assert only_problem(folder) == "the database holds no log"


class TestLedger:
    def test_a_forged_block_is_found(self, folder):
        """Whoever has no ledger key cannot anchor another root, not even with the log's key."""
        ((text, transaction),) = rows(folder, 'SELECT block, "transaction" FROM ledger_blocks WHERE number = 3')
        forged = transaction.replace('"size":150', '"size":149')
        block = json.loads(text) | {"transaction": sha256(forged.encode()).hexdigest()}
        text = json.dumps(block, sort_keys=True, separators=(",", ":"))
        signature = FixedSigner(ed25519_key("forger")).sign(text.encode())
        rows(
            folder,
            'UPDATE ledger_blocks SET block = ?, "transaction" = ?, signature = ?, size = 149 WHERE number = 3',
            text,
            forged,
            signature,
        )
        assert only_problem(folder).startswith("block 3 of the embedded ledger: ")

    @pytest.mark.parametrize("number", [0, 3, 4])
    @pytest.mark.parametrize(
        "sql",
        [
            "\"transaction\" = replace(\"transaction\", '{', '{ ')",
            "signature = zeroblob(64)",
            "block = replace(block, '\"time\":1', '\"time\":2')",
            "origin = 'oid/1.2'",
            "size = 7",
        ],
    )
    def test_a_changed_block_is_named(self, folder, number, sql):
        rows(folder, f"UPDATE ledger_blocks SET {sql} WHERE number = ?", number)
        assert only_problem(folder).startswith(f"block {number} of the embedded ledger: ")

    @pytest.mark.parametrize(("number", "named"), [(0, "block 0"), (3, "block 3"), (4, "the embedded ledger's state")])
    def test_a_deleted_block_is_found(self, folder, number, named):
        rows(folder, "DELETE FROM ledger_blocks WHERE number = ?", number)
        assert only_problem(folder).startswith(named)

    @pytest.mark.parametrize(
        "sql",
        [
            f"UPDATE ledger_state SET value = '{{}}' WHERE key = 'members/{STRANGER}'",
            f"DELETE FROM ledger_state WHERE key = 'members/{STRANGER}'",
        ],
    )
    def test_a_changed_state_is_named(self, folder, sql):
        rows(folder, sql)
        assert f"state members/{STRANGER} is not what its 5 blocks make it" in only_problem(folder)

    def test_an_anchor_of_another_log_is_found_even_when_the_ledger_signed_it(self, folder):
        """Both keys of the node were misused to anchor a root that its log never had."""
        ledger_key = KeySigner(read_key(folder / "keys/ledger.key.pem", PASSPHRASE))
        log_key = read_key(folder / "keys/log.key.pem", PASSPHRASE)
        rows(folder, "DELETE FROM ledger_blocks WHERE number = 4")
        ((text, transaction),) = rows(folder, 'SELECT block, "transaction" FROM ledger_blocks WHERE number = 3')
        value = json.loads(transaction)
        root = sha256(b"another log").digest()
        signed = log_key.sign(checkpoint_text(f"oid/{MEMBER}", 150, root))
        value["arguments"] |= {"root": root.hex(), "signature": signed.hex()}
        forged = json.dumps(value, sort_keys=True, separators=(",", ":"))
        block = json.loads(text) | {"transaction": sha256(forged.encode()).hexdigest()}
        encoded = json.dumps(block, sort_keys=True, separators=(",", ":"))
        decode_block(encoded)
        rows(
            folder,
            'UPDATE ledger_blocks SET block = ?, "transaction" = ?, signature = ? WHERE number = 3',
            encoded,
            forged,
            ledger_key.sign(encoded.encode()),
        )
        held = json.dumps({"key": value["arguments"]["key"], "root": root.hex(), "size": 150}, separators=(",", ":"))
        rows(folder, "UPDATE ledger_state SET value = ? WHERE key LIKE 'anchors/%'", held)
        assert only_problem(folder) == "block 3 anchors another log: size 150 has another root"


class TestOpenings:
    def test_a_flipped_byte_names_the_entry(self, folder):
        ((digest, opening),) = rows(
            folder,
            "SELECT o.digest, o.opening FROM intake_openings o JOIN log_entries e ON e.digest = o.digest "
            "WHERE e.leaf_index = 302",
        )
        changed = opening.replace(b'"41"', b'"14"')
        assert changed != opening
        rows(folder, "UPDATE intake_openings SET opening = ? WHERE digest = ?", changed, digest)
        assert only_problem(folder).startswith("entry 302: its opening: ")

    def test_one_of_another_record_names_the_entry(self, folder):
        rows(
            folder,
            "UPDATE intake_openings SET opening = (SELECT opening FROM intake_openings WHERE digest = "
            "(SELECT digest FROM log_entries WHERE leaf_index = 300)) "
            "WHERE digest = (SELECT digest FROM log_entries WHERE leaf_index = 301)",
        )
        assert only_problem(folder) == "entry 301: its opening opens another record"

    def test_one_of_no_entry_is_found(self, folder):
        rows(folder, "INSERT INTO intake_openings VALUES (zeroblob(32), ?, x'')", SOURCES[0])
        assert only_problem(folder).startswith("an opening is kept for sha256:00")


class TestDamagedFile:
    def test_a_database_that_is_none_cannot_be_checked(self, folder):
        (folder / "node.db").write_bytes(b"garbage" * 1_000)
        with pytest.raises(ConfigError, match="the database cannot be used"):
            fsck(folder)

    def test_a_database_that_is_missing_is_not_made(self, folder):
        for path in folder.glob("node.db*"):
            path.unlink()
        with pytest.raises(ConfigError, match="is missing"):
            fsck(folder)
        assert not (folder / "node.db").exists()

    def test_overwritten_pages_are_found(self, folder):
        path = folder / "node.db"
        damaged = bytearray(path.read_bytes())
        for page in range(20, len(damaged) // 4_096, 7):
            damaged[page * 4_096 : page * 4_096 + 512] = b"\xa5" * 512
        path.write_bytes(damaged)
        problems = fsck(folder).problems
        assert "the database is damaged" in problems[0] or "cannot be read" in problems[0]

    def test_a_single_flipped_byte_inside_a_stored_statement_is_found(self, folder):
        path = folder / "node.db"
        ((statement,),) = rows(folder, "SELECT statement FROM log_entries WHERE leaf_index = 50")
        content = path.read_bytes()
        assert content.count(statement) == 1
        position = content.index(statement) + 40
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        assert only_problem(folder).startswith("entry 50: ")
