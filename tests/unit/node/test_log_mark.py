"""The mark of what was anchored: a database behind it is refused, and the mark itself never stops a node."""

from __future__ import annotations

import json
import shutil

import pytest
from material import digest

from nodes import FILLED, PASSPHRASE, commit, numbered, rows
from trialanchor.encoding import digest_text
from trialanchor.errors import ConfigError
from trialanchor_node.log.mark import MARK_FILE, HighWaterMark
from trialanchor_node.node import Node
from trialanchor_node.settings import load_settings

SIZE = FILLED + 6


@pytest.fixture
def mark(tmp_path):
    return HighWaterMark(tmp_path)


@pytest.fixture
def store(new_store):
    """A log of five entries."""
    store = new_store()
    commit(store, [numbered(number) for number in range(5)])
    return store


def held(folder):
    return json.loads((folder / MARK_FILE).read_bytes())


class TestCheck:
    def test_without_a_mark_nothing_is_refused(self, mark, store):
        mark.check(store)

    @pytest.mark.parametrize("size", [1, 4, 5])
    def test_a_log_that_went_on_from_the_mark_is_accepted(self, mark, store, size):
        mark.raise_to(size, store.tiles.edge(size).root)
        mark.check(store)

    def test_an_older_database_is_refused(self, mark, store, new_store):
        before = new_store("before.db")
        commit(before, [numbered(number) for number in range(4)])
        mark.raise_to(5, store.current.edge.root)
        with pytest.raises(ConfigError, match="holds 4 entries, but 5 were anchored"):
            mark.check(before)

    def test_another_log_is_refused_even_when_it_is_longer(self, mark, store, new_store):
        other = new_store("other.db")
        commit(other, [numbered(100 + number) for number in range(9)])
        mark.raise_to(5, store.current.edge.root)
        with pytest.raises(ConfigError, match="another log than the one that was anchored at size 5"):
            mark.check(other)

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"\xff", id="not-utf8"),
            pytest.param(b"[]", id="array"),
            pytest.param(b'{"size":5}', id="no-root"),
            pytest.param(b'{"root":"sha256:00","size":"five"}', id="size-as-word"),
            pytest.param(b'{"root":"sha256:00","size":null}', id="size-null"),
        ],
    )
    def test_one_that_cannot_be_read_is_refused_and_named(self, mark, store, tmp_path, content):
        (tmp_path / MARK_FILE).write_bytes(content)
        with pytest.raises(ConfigError, match=r"anchored\.json cannot be read"):
            mark.check(store)


class TestRaise:
    def test_it_holds_size_and_root(self, mark, tmp_path):
        mark.raise_to(3, digest("three"))
        mark.raise_to(7, digest("seven"))
        assert held(tmp_path) == {"root": digest_text(digest("seven")), "size": 7}

    @pytest.mark.parametrize("step", ["pathlib.Path.open", "os.fsync", "pathlib.Path.replace"])
    def test_one_that_cannot_be_written_stays_where_it_was(self, mark, tmp_path, monkeypatch, step):
        mark.raise_to(3, digest("three"))

        def fail(*_arguments, **_options):
            raise OSError(28, "No space left")

        with monkeypatch.context() as patch:
            patch.setattr(step, fail)
            mark.raise_to(7, digest("seven"))
        assert held(tmp_path)["size"] == 3
        assert [path.name for path in tmp_path.iterdir()] == [MARK_FILE]


class TestNode:
    def test_an_anchor_raises_the_mark(self, serve, new_folder):
        folder = new_folder(anchor_interval_s=3600)
        site = serve(folder)
        assert not (folder / MARK_FILE).exists()
        for size in (1, 2):
            site.register(numbered(size))
            site.anchor()
            assert held(folder) == {"root": digest_text(site.node.store.current.edge.root), "size": size}

    def test_a_database_restored_from_before_the_last_anchor_is_refused(self, filled_folder, new_folder, clock):
        before = new_folder("before")
        shutil.copytree(filled_folder / "keys", before / "keys", dirs_exist_ok=True)
        shutil.copy(filled_folder / MARK_FILE, before)
        with pytest.raises(ConfigError, match=f"holds 0 entries, but {SIZE} were anchored"):
            Node(load_settings(before), PASSPHRASE, clock)
        assert rows(before, "SELECT size FROM log_state") == [(0,)]
