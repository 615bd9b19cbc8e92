"""What changed in the registry is brought to a name server once, at once, and until it is taken."""

from __future__ import annotations

import time

import pytest

from hospital import DRUG, DRUGS, HOSPITAL, KIT, KITS
from trialanchor.errors import ConfigError
from trialanchor_node.registry.publishing import Publisher, name_server, zone_settings
from trialanchor_node.settings import OrsSettings
from trialanchor_oid.ors.update import MemoryNameServer, NameServerError

PLAIN = {**DRUG, "labels": []}


class Server(MemoryNameServer):
    """A name server that can be away, and counts what it is sent."""

    def __init__(self):
        super().__init__("ors.example.org")
        self.away = False
        self.sent = 0

    def publish(self, nodes):
        if self.away:
            raise NameServerError("away", refused=False)
        self.sent += len(nodes)
        super().publish(nodes)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def publisher(desk, server):
    return Publisher(desk.node.engine, desk.node.tree, server, ("test", "ors.example.org"))


def held(tree):
    return dict(tree.nodes()), set(tree.aliases())


def assert_same(server, node):
    assert held(server.tree) == held(node.tree)


def test_a_server_that_has_nothing_is_sent_everything(desk, publisher, server):
    desk.write("allocate", entries=[DRUG, PLAIN])
    desk.write("allocate", entries=[KIT])
    publisher.publish()
    assert_same(server, desk.node)


def test_only_what_changed_is_sent_afterwards(desk, publisher, server):
    desk.write("allocate", entries=[PLAIN] * 600)
    publisher.publish()
    before = server.sent
    assert publisher.publish() == 0
    desk.write("allocate", entries=[PLAIN])
    publisher.publish()
    assert server.sent - before == 1
    assert_same(server, desk.node)


def test_a_label_that_is_given_up_is_taken_away(desk, publisher, server):
    (oid,) = desk.write("allocate", entries=[DRUG])
    publisher.publish()
    desk.write("describe", oid=oid, version=1, description={**DRUG, "labels": ["Asp", "药"]})
    publisher.publish()
    labels = {label for parent, label, _ in server.tree.aliases() if len(parent) > 4}
    assert "aspirin" not in labels
    assert "asp" in labels
    assert_same(server, desk.node)


def test_what_was_not_taken_is_sent_again(desk, publisher, server):
    desk.write("allocate", entries=[DRUG])
    server.away = True
    with pytest.raises(NameServerError):
        publisher.publish()
    server.away = False
    publisher.publish()
    assert_same(server, desk.node)


def test_what_dns_has_no_name_for_is_left_out_and_holds_up_nothing(desk, publisher, server):
    long = f"{KITS}.1001.{'9' * 40}"
    desk.write("register", entries=[{"oid": f"{HOSPITAL}.{'8' * 40}.{'8' * 40}.{'8' * 40}.{'9' * 40}", **PLAIN}])
    desk.write("register", entries=[{"oid": long, "type": "kit"}])
    publisher.publish()
    assert server.tree.services(tuple(map(int, long.split("."))))
    assert publisher.publish() == 0


def test_a_new_publisher_goes_on_where_the_last_one_ended(desk, publisher, server):
    desk.write("allocate", entries=[DRUG])
    publisher.publish()
    desk.write("register", entries=[{"oid": f"{HOSPITAL}.2.1.1001.100009", "type": "department", "names": {"en": "d"}}])
    again = Publisher(desk.node.engine, desk.node.tree, server, ("test", "ors.example.org"))
    assert again.publish()
    assert_same(server, desk.node)
    other = Server()
    Publisher(desk.node.engine, desk.node.tree, other, ("another", "ors.example.org")).publish()
    assert_same(other, desk.node)


def test_the_thread_publishes_a_change_at_once_and_outlives_faults(desk, server, monkeypatch):
    monkeypatch.setattr("trialanchor_node.registry.publishing._RETRY_S", 0.01)
    publisher = Publisher(desk.node.engine, desk.node.tree, server, ("test", "ors.example.org"))
    desk.node.registry.on_change(publisher.changed)
    server.away = True
    publisher.start()
    desk.write("allocate", entries=[PLAIN])
    server.away = False
    wait_for(lambda: held(server.tree) == held(desk.node.tree))
    desk.write("allocate", prefix=f"{KITS}.1001", entries=[KIT])
    wait_for(lambda: held(server.tree) == held(desk.node.tree))
    publisher.stop()
    assert server.tree.services(tuple(map(int, f"{DRUGS}.100001".split("."))))


def wait_for(reached):
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    "settings",
    [
        OrsSettings(update_server="127.0.0.1:53"),
        OrsSettings(update_server="127.0.0.1:53", apex="ors.example.org"),
    ],
)
def test_an_update_without_zone_or_key_is_refused(settings, tmp_path):
    with pytest.raises(ConfigError):
        name_server(settings, tmp_path)


@pytest.mark.parametrize("key", ["", "a:b", "md5:a:Zm9v", "hmac-sha256:k:short", "hmac-sha256:k:***"])
def test_a_key_of_another_form_is_refused(key, tmp_path):
    (tmp_path / "ors-update.key").write_text(key)
    with pytest.raises(ConfigError):
        name_server(OrsSettings(update_server="127.0.0.1:53", apex="ors.example.org"), tmp_path)


def test_a_zone_of_the_public_ors_is_refused():
    with pytest.raises(ConfigError):
        zone_settings(OrsSettings(apex="oid-res.org"))
    assert zone_settings(OrsSettings()) is None


def test_the_zone_is_given_as_a_file(desk):
    assert desk.client.get("/ors/zone").status_code == 404
    desk.node.zone = zone_settings(OrsSettings(apex="ors.example.org"))
    desk.write("allocate", entries=[DRUG])
    answer = desk.client.get("/ors/zone")
    assert answer.headers["content-type"].startswith("text/dns")
    assert "ors-dummy.100001.1001.2.1.2001.44.3016.156.16.2" in answer.text.lower()
