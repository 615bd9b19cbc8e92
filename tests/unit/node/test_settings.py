"""Settings: every value that is wrong is named, and the environment wins."""

from __future__ import annotations

import json

import pytest
from material import MEMBER, NODE

from trialanchor.errors import ConfigError
from trialanchor_node.settings import CONFIG_NAME, load_settings

BASE = f'node_oid = "{NODE}"\nmember_oid = "{MEMBER}"\n'
DIGEST = "ab" * 32


@pytest.fixture
def written(tmp_path):
    """Factory of settings folders with a text as the file."""

    def write(text: str | bytes):
        (tmp_path / CONFIG_NAME).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return write


def test_what_is_not_said_has_its_default(written):
    settings = load_settings(written(BASE))
    assert (settings.node_oid, settings.member_oid) == (NODE, MEMBER)
    assert (settings.host, settings.port, settings.group_commit_ms) == ("127.0.0.1", 8470, 10)
    assert settings.database_url == f"sqlite:///{settings.folder.resolve()}/node.db"
    assert settings.keys == settings.folder / "keys"
    assert settings.sources == ()


def test_sources_are_tables(written):
    source = f'[[sources]]\nname = "edc"\nactor = "{MEMBER}.9"\ntoken_sha256 = "{DIGEST}"\n'
    (edc,) = load_settings(written(BASE + source)).sources
    assert (edc.name, edc.actor, edc.token_sha256) == ("edc", f"{MEMBER}.9", DIGEST)


def test_the_environment_wins_over_the_file(written, monkeypatch):
    monkeypatch.setenv("TRIALANCHOR_NODE_PORT", "9001")
    monkeypatch.setenv("TRIALANCHOR_NODE_DATABASE", "postgresql://elsewhere/log")
    settings = load_settings(written(BASE + 'port = 9000\ndatabase = "sqlite:////here.db"\n'))
    assert settings.port == 9001
    assert settings.database_url == "postgresql://elsewhere/log"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        pytest.param("port = 70000", "port", id="port-too-high"),
        pytest.param("port = -1", "port", id="port-negative"),
        pytest.param('port = "http"', "port", id="port-text"),
        pytest.param("group_commit_ms = 1001", "group_commit_ms", id="group-commit"),
        pytest.param("batch_limit = 0", "batch_limit", id="batch"),
        pytest.param("queue_limit = 0", "queue_limit", id="queue"),
        pytest.param("body_limit = 10", "body_limit", id="body"),
        pytest.param("items_limit = 10001", "items_limit", id="items"),
        pytest.param("statement_age_s = 59", "statement_age_s", id="age"),
        pytest.param("anchor_interval_s = 0", "anchor_interval_s", id="anchor-interval"),
        pytest.param("anchor_interval_s = nan", "anchor_interval_s", id="anchor-interval-nan"),
        pytest.param("host = 1", "host", id="host"),
        pytest.param("database = 1", "database", id="database"),
        pytest.param("prot = 8470", "prot", id="unknown"),
        pytest.param('sources = "edc"', "sources", id="sources-text"),
        pytest.param('[[sources]]\nname = "edc"', "sources.0.actor", id="source-incomplete"),
        pytest.param(
            f'[[sources]]\nname = "EDC"\nactor = "{MEMBER}"\ntoken_sha256 = "{DIGEST}"',
            "sources.0.name",
            id="source-name",
        ),
        pytest.param(
            f'[[sources]]\nname = "edc"\nactor = "me"\ntoken_sha256 = "{DIGEST}"', "sources.0.actor", id="source-actor"
        ),
        pytest.param(
            f'[[sources]]\nname = "edc"\nactor = "{MEMBER}"\ntoken_sha256 = "secret"',
            "sources.0.token_sha256",
            id="source-token",
        ),
        pytest.param(
            f'[[sources]]\nname = "edc"\nactor = "{MEMBER}"\ntoken_sha256 = "{DIGEST}"\ntoken = "x"',
            "sources.0.token",
            id="source-unknown",
        ),
    ],
)
def test_a_value_out_of_its_range_is_named_and_not_repeated(written, line, name):
    with pytest.raises(ConfigError, match=rf"^setting {name}: ") as refused:
        load_settings(written(BASE + line + "\n"))
    assert refused.value.exit_code == 2
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(f'member_oid = "{MEMBER}"', "node_oid", id="node-missing"),
        pytest.param(f'node_oid = "{NODE}"', "member_oid", id="member-missing"),
        pytest.param(f'node_oid = "1..2"\nmember_oid = "{MEMBER}"', "node_oid", id="node-no-oid"),
        pytest.param(f'node_oid = "{NODE}"\nmember_oid = "urn:oid:{MEMBER}"', "member_oid", id="member-as-urn"),
        pytest.param(f'node_oid = "{MEMBER}1"\nmember_oid = "{MEMBER}"', "node_oid", id="node-of-another"),
    ],
)
def test_the_oids_are_checked(written, text, name):
    with pytest.raises(ConfigError, match=rf"^setting {name}: "):
        load_settings(written(text))


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("TRIALANCHOR_NODE_PORT", "http", "setting port: "),
        ("TRIALANCHOR_NODE_SOURCES", "edc", '"sources"'),
        ("TRIALANCHOR_NODE_ANCHOR_INTERVAL_S", "soon", "setting anchor_interval_s: "),
    ],
)
def test_a_wrong_value_of_the_environment_is_named(written, monkeypatch, variable, value, named):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=named):
        load_settings(written(BASE))


@pytest.mark.parametrize("text", [b"port 8470", b"\xff\xfe", b"port = 1\nport = 2"])
def test_a_file_that_is_not_toml_is_refused(written, text):
    with pytest.raises(ConfigError, match=r"trialanchor\.toml is not TOML"):
        load_settings(written(text))


def test_a_folder_without_settings_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="trialanchor node init"):
        load_settings(tmp_path)


class TestWebhooks:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            pytest.param({"url": "http://hook.example.org/x"}, "loopback", id="plain http elsewhere"),
            pytest.param({"url": "http://localhost:9000/x"}, "loopback", id="a name that may lead elsewhere"),
            pytest.param({"url": "http://127.0.0.1.example.org/x"}, "loopback", id="a name like an address"),
            pytest.param({"url": "http://user@127.0.0.1@example.org/"}, "loopback", id="two at signs"),
            pytest.param({"url": "ftp://127.0.0.1/x"}, "pattern", id="another scheme"),
            pytest.param({"classes": ["kits"]}, "some of consent", id="an unknown class"),
            pytest.param({"member": "2.16.x"}, "dotted", id="no OID"),
            pytest.param({"give_up_s": 1}, "60", id="given up at once"),
            pytest.param({"secret": "x"}, "not permitted", id="an unknown setting"),
        ],
    )
    def test_what_is_wrong_is_named(self, written, changes, reason):
        with pytest.raises(ConfigError, match=reason):
            load_settings(written(BASE + webhook(**changes)))

    @pytest.mark.parametrize("url", ["https://hook.example.org/x", "http://127.0.0.1:9000/x", "http://[::1]:9000/"])
    def test_https_and_loopback_are_taken(self, written, url):
        (found,) = load_settings(written(BASE + webhook(url=url))).webhooks
        assert (found.url, found.give_up_s, found.allow_private) == (url, 259_200, False)

    def test_each_has_a_name_of_its_own(self, written):
        with pytest.raises(ConfigError, match="name of its own"):
            load_settings(written(BASE + webhook() + webhook()))


def webhook(**changes):
    """Give the table of a webhook."""
    values = {"name": "safety", "url": "https://hook.example.org/x", "member": MEMBER, **changes}
    return "[[webhooks]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def test_studies_are_oids(written):
    assert load_settings(written(f'studies = ["{MEMBER}.7"]\n' + BASE)).studies == (f"{MEMBER}.7",)
    with pytest.raises(ConfigError, match=r"studies\.0"):
        load_settings(written('studies = ["trial A"]\n' + BASE))
