"""Notices on a node: who is told, what is delivered and in which order, and that no crash or receiver loses one."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from material import MEMBER, NOW, STRANGER, Member

import worlds
from nodes import rows
from scenario_stories import unblinding as unblinding_story
from trialanchor.clock import FixedClock
from trialanchor.errors import LedgerError, RuleError
from trialanchor.keys import certificate_pem
from trialanchor.trust import decode_trust
from trialanchor.webhooks import Message, verify
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_node.anchoring.models import ledger_state
from trialanchor_node.app import create_app
from trialanchor_node.db import insert_many, writing
from trialanchor_node.notices import courier as couriers
from trialanchor_node.notices import streams
from trialanchor_node.notices.courier import Courier, Desk
from trialanchor_node.transactions.reading import Reader
from trialanchor_oid.ors.fetch import Fetcher, FetchPolicy
from worlds import LAB, SITE_A, SPONSOR, STUDY, World

OTHER = worlds.OTHER_STUDY
URL = "https://hook.example.org/notices"
WEBHOOK = {"name": "safety", "url": URL, "member": MEMBER}
READER = Reader(MEMBER, MEMBER)


class LedgerWorld(World):
    """The world of the rule tests, on the ledger of a node."""

    def __init__(self, node):
        super().__init__()
        self.node = node

    def seed(self, key, value):
        if key.startswith("members/"):
            value = value | {"roots": [certificate_pem(Member().root)]}
        with writing(self.node.engine) as connection:
            replace = "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            insert_many(connection, ledger_state, [(key, encode_value(value))], replace)

    def get(self, key):
        return json.loads(self.node.ledger.read(key) or "null")

    def transaction(self, name, caller, arguments, **envelope):
        return super().transaction(name, caller, arguments, **{"ledger": self.node.ledger.name, **envelope})

    def apply(self, transaction):
        self.node.clock.at = datetime.fromtimestamp(self.at, UTC)
        return self.node.ledger.submit(transaction)


@pytest.fixture
def clock():
    """The worlds of the rule tests have their own time."""
    return FixedClock(datetime.fromtimestamp(worlds.NOW, UTC))


def consortium(node, *studies):
    """Put the consortium into a node, and its member as the sponsor of studies with the other member in them."""
    world = LedgerWorld(node).seed_members()
    for study in studies or (STUDY,):
        world.seed_study(study, sponsor=MEMBER)
        for member, role in ((MEMBER, "sponsor"), (STRANGER, "study_unit")):
            world.seed(f"participants/{study}/{member}", {"roles": [role], "status": "joined"})
    return world


def happen(world, *kinds, study=STUDY):
    """Let one event of the study happen for each kind, which its sponsor must know of."""
    for kind in kinds:
        world.do("grants/subscribe", STRANGER, study=study, classes=[kind])


class Hook:
    """A receiver: answers as told, and keeps what came."""

    def __init__(self, node, *answers, addresses=("93.184.215.14",)):
        self.node = node
        self.answers = list(answers)
        self.messages = []
        transport = httpx2.MockTransport(self._answer)
        self.fetcher = Fetcher(FetchPolicy(), transport=transport, addresses=lambda *_: addresses)

    def _answer(self, request):
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        self.messages.append(Message(request.method, URL, dict(request.headers), request.content))
        return httpx2.Response(answer)

    def courier(self, **changes):
        """Make a courier for the first webhook of the node, which waits the longest."""
        (webhook,) = self.node.settings.webhooks
        identity = self.node.store.identity
        key = identity.origin, identity.signer
        desk = Desk(self.node.engine, self.node.reading, self.node.ledger.name, key, self.node.clock, lambda: 1.0)
        return Courier(webhook.model_copy(update=changes), desk, self.fetcher)

    @property
    def places(self):
        return [json.loads(message.body)["id"] for message in self.messages]


@pytest.fixture
def node(new_folder, open_node):
    folder = new_folder()
    add_webhook(folder)
    return open_node(folder)


def add_webhook(folder, **changes):
    path = folder / "trialanchor.toml"
    lines = ["", "[[webhooks]]", *(f"{name} = {json.dumps(value)}" for name, value in {**WEBHOOK, **changes}.items())]
    path.write_text(path.read_text() + "\n".join(lines) + "\n")


def told(node, member=MEMBER):
    return [each["name"] for each in node.notices.open(Reader(member, member), None, 1_000)]


class TestNotices:
    def test_who_must_know_has_a_notice_with_the_block(self, node):
        happen(consortium(node), "ip")
        (notice,) = node.notices.open(READER, None, 10)
        assert notice == {
            "id": "3.0",
            "name": "grant:study:subscribed",
            "subject": STUDY,
            "study": STUDY,
            "at": worlds.NOW,
            "must_acknowledge": False,
        }
        assert told(node, STRANGER) == []

    def test_an_unblinding_is_told_and_the_ledger_takes_the_acknowledgement(self, node):
        world = LedgerWorld(node).seed_members().seed_study()
        unblinding_story.story(world)
        assert "unblinding:kit:opened" in told(node, SITE_A)
        assert "unblinding:kit:opened" not in told(node, LAB)
        assert "unblinding:kit:opened" not in told(node, SPONSOR), "it acknowledged on the ledger"
        assert "unblinding:kit:requested" in told(node, SPONSOR), "that needs no acknowledgement, so it was not given"
        assert "unblinding:list:disclosed" in told(node, LAB)

    def test_a_notice_is_acknowledged_once(self, node, clock):
        happen(consortium(node), "ip", "sample")
        first = node.notices.acknowledge(READER, "3.0")
        clock.at += timedelta(hours=1)
        again = node.notices.acknowledge(Reader(f"{MEMBER}.5", MEMBER), "3.0")
        assert first == again == {"id": "3.0", "acknowledged_at": worlds.NOW, "by": MEMBER}
        assert [each["id"] for each in node.notices.open(READER, None, 10)] == ["4.0"]

    def test_pages_follow_each_other(self, node):
        happen(consortium(node), "ip", "sample", "trial")
        first = node.notices.open(READER, None, 2)
        rest = node.notices.open(READER, first[-1]["id"], 2)
        assert [each["id"] for each in (*first, *rest)] == ["3.0", "4.0", "5.0"]

    def test_what_is_refused_leaves_no_notice(self, node):
        world = consortium(node)
        with pytest.raises(RuleError, match="at least one class"):
            world.do("grants/subscribe", STRANGER, study=STUDY, classes=["none"])
        assert told(node) == []

    def test_a_commit_that_fails_leaves_no_notice(self, node, faults):
        world, fault = consortium(node), faults(node.engine)
        with fault.at_commit("disk I/O error"), pytest.raises(LedgerError):
            happen(world, "ip")
        assert told(node) == []
        assert rows(node.settings.folder, "SELECT count(*) FROM notices_outbox") == [(0,)]


class TestDelivery:
    def test_a_notice_arrives_signed_and_is_delivered_once(self, node):
        hook = Hook(node)
        happen(consortium(node), "ip")
        assert hook.courier().deliver() is None
        assert hook.courier().deliver() is None
        (message,) = hook.messages
        notice = verify(message, decode_trust(node.trust_file), node.clock.now())
        assert (notice.id, notice.event, notice.member) == ("3.0", "grant:study:subscribed", MEMBER)
        assert (notice.must_know, notice.must_acknowledge) == (True, False)
        assert notice.ledger == node.ledger.name

    def test_they_arrive_in_the_order_of_the_ledger(self, node):
        hook = Hook(node, 204, 500)
        happen(consortium(node), "ip", "sample", "trial")
        courier = hook.courier()
        courier.deliver()
        assert hook.places == ["3.0", "4.0"], "the second was not taken, so the third waits"
        node.clock.at += timedelta(seconds=couriers.FIRST_S)
        courier.deliver()
        assert hook.places == ["3.0", "4.0", "4.0", "5.0"]

    def test_waits_grow_and_are_shortened_by_chance(self, node):
        hook = Hook(node, *[500] * 14)
        happen(consortium(node), "ip")
        courier, waits = hook.courier(), []
        for _ in range(14):
            waits.append(courier.deliver())
            node.clock.at += timedelta(seconds=waits[-1])
        assert waits[:4] == [5, 10, 20, 40]
        assert waits[-1] == couriers.LONGEST_S
        courier._desk = Desk(**{name: getattr(courier._desk, name) for name in Desk.__slots__} | {"chance": lambda: 0})
        hook.answers = [500]
        assert courier.deliver() == couriers.LONGEST_S // 2

    def test_a_clock_that_is_set_back_does_not_hold_notices_up(self, node):
        hook = Hook(node, 500)
        happen(consortium(node), "ip")
        courier = hook.courier()
        assert courier.deliver() == 5
        node.clock.at -= timedelta(days=30)
        courier.deliver()
        assert hook.places == ["3.0", "3.0"]

    def test_before_its_time_nothing_is_tried(self, node):
        hook = Hook(node, 500)
        happen(consortium(node), "ip")
        courier = hook.courier()
        assert courier.deliver() == 5
        node.clock.at += timedelta(seconds=2)
        assert courier.deliver() == 3
        assert len(hook.messages) == 1

    @pytest.mark.parametrize("answer", [302, 400, 410, 500, httpx2.ReadTimeout("slow"), httpx2.ConnectError("no")])
    def test_only_a_2xx_is_a_delivery(self, node, answer):
        hook = Hook(node, answer)
        happen(consortium(node), "ip")
        courier = hook.courier()
        assert courier.deliver() == 5
        assert courier.outbox.state().waiting == 1
        assert courier.outbox.state().failure

    def test_one_that_is_never_taken_is_given_up_and_the_next_one_goes(self, node):
        hook = Hook(node, 400, 400, 204)
        happen(consortium(node), "ip", "sample")
        courier = hook.courier(give_up_s=60)
        courier.deliver()
        node.clock.at += timedelta(seconds=60)
        assert courier.deliver() is None
        assert hook.places == ["3.0", "3.0", "4.0"]
        state = courier.outbox.state()
        assert (state.waiting, state.dead) == (0, 1)
        assert [each["id"] for each in node.notices.open(READER, None, 9)] == ["3.0", "4.0"], "still to be known"

    def test_nothing_goes_to_a_private_address(self, node):
        hook = Hook(node, addresses=("10.0.0.1",))
        happen(consortium(node), "ip")
        courier = hook.courier()
        assert courier.deliver() == 5
        assert hook.messages == []
        assert "not a public address" in courier.outbox.state().failure

    def test_what_was_not_delivered_is_after_a_restart(self, node, open_node):
        hook = Hook(node, 500)
        happen(consortium(node), "ip", "sample")
        hook.courier().deliver()
        node.close()
        rows(node.settings.folder, "DELETE FROM ledger_pending")  # these transactions have no statement to register
        again = Hook(open_node(node.settings.folder))
        again.node.clock.at += timedelta(seconds=5)
        again.courier().deliver()
        assert again.places == ["3.0", "4.0"]

    def test_a_crash_after_the_delivery_delivers_again(self, node, faults):
        hook, fault = Hook(node), None
        happen(consortium(node), "ip")
        fault = faults(node.engine)
        with fault.at_commit("disk I/O error"), pytest.raises(Exception, match="disk"):
            hook.courier().deliver()
        hook.courier().deliver()
        assert hook.places == ["3.0", "3.0"]
        assert hook.courier().outbox.state().waiting == 0

    def test_a_suspended_member_is_told_nothing_more(self, node):
        hook, world = Hook(node), consortium(node)
        happen(world, "ip")
        member = world.get(f"members/{MEMBER}")
        world.seed(f"members/{MEMBER}", member | {"suspended": True})
        assert hook.courier().deliver() is None
        assert (hook.messages, hook.courier().outbox.state().waiting) == ([], 0)


class TestSubscribers:
    """The webhook of the other member, which subscribed to `grant`."""

    @pytest.fixture
    def node(self, new_folder, open_node):
        folder = new_folder()
        add_webhook(folder, member=STRANGER, classes=["grant"])
        return open_node(folder)

    def test_what_it_subscribed_to_is_sent(self, node):
        hook, world = Hook(node), consortium(node)
        happen(world, "grant")
        world.do("grants/subscribe", LAB, study=STUDY, classes=["ip"])
        hook.courier().deliver()
        assert hook.places == ["3.0", "4.0"]
        assert json.loads(hook.messages[0].body)["must_know"] is False

    def test_other_classes_are_not(self, node):
        hook, world = Hook(node), consortium(node)
        happen(world, "ip")
        world.do("grants/subscribe", LAB, study=STUDY, classes=["ip"])
        hook.courier().deliver()
        assert hook.places == []

    def test_it_is_asked_again_at_delivery(self, node):
        hook, world = Hook(node), consortium(node)
        happen(world, "grant")
        world.do("grants/subscribe", LAB, study=STUDY, classes=["ip"])
        world.seed(f"participants/{STUDY}/{STRANGER}", {"roles": ["study_unit"], "status": "left"})
        assert hook.courier().deliver() is None
        assert (hook.places, hook.courier().outbox.state().waiting) == ([], 0)


class TestThread:
    def test_a_commit_wakes_the_courier(self, node, monkeypatch):
        arrived = threading.Event()
        (courier,) = node.couriers

        class Receiver:
            def post(self, url, content, headers):
                arrived.set()
                return 204

        courier._post = Receiver()
        courier.start()
        happen(consortium(node), "ip")
        assert arrived.wait(10)
        courier.stop()
        assert not courier._thread.is_alive()
        assert courier.outbox.state().waiting == 0

    def test_a_fault_does_not_end_it(self, node, monkeypatch):
        arrived = threading.Event()
        (courier,) = node.couriers
        monkeypatch.setattr(couriers, "_AGAIN_S", 0.01)
        answers = [RuntimeError("unforeseen"), LedgerError("away"), 204]

        class Receiver:
            def post(self, url, content, headers):
                answer = answers.pop(0)
                if isinstance(answer, Exception):
                    node.clock.at += timedelta(seconds=5)
                    raise answer
                arrived.set()
                return answer

        courier._post = Receiver()
        happen(consortium(node), "ip")
        courier.start()
        for _ in range(200):
            courier.ring()
            if arrived.wait(0.05):
                break
        courier.stop()
        assert answers == []


class TestRoutes:
    def test_a_source_sees_and_acknowledges_what_its_member_must_know(self, site):
        happen(consortium(site.node), "ip")
        seen = site.client.get("/v1/notices", headers=site.bearer()).json()
        assert ([each["id"] for each in seen["notices"]], seen["next"]) == (["3.0"], None)
        answer = site.client.post("/v1/notices/3.0/acknowledge", headers=site.bearer())
        assert (answer.status_code, answer.json()["by"]) == (200, MEMBER)
        assert site.client.get("/v1/notices", headers=site.bearer()).json()["notices"] == []

    @pytest.mark.parametrize(("notice", "status"), [("9.9", 404), ("nine", 400), ("3.1", 404)])
    def test_a_notice_that_is_not_there_is_not_acknowledged(self, site, notice, status):
        happen(consortium(site.node), "ip")
        answer = site.client.post(f"/v1/notices/{notice}/acknowledge", headers=site.bearer())
        assert answer.status_code == status

    def test_the_page_has_a_next_one(self, site):
        happen(consortium(site.node), "ip", "sample")
        seen = site.client.get("/v1/notices", params={"limit": 1}, headers=site.bearer()).json()
        assert seen["next"] == "3.0"

    @pytest.mark.parametrize("path", ["/v1/notices", "/v1/webhooks", "/v1/events/stream"])
    def test_nobody_is_told_without_a_token(self, site, path):
        assert site.client.get(path).status_code == 401

    def test_webhooks_and_metrics_say_how_they_stand(self, new_folder, serve):
        folder = new_folder()
        add_webhook(folder)
        site = serve(folder)
        (courier,) = site.node.couriers
        courier.stop()
        happen(consortium(site.node), "ip")
        site.node.clock.at += timedelta(seconds=30)
        (shown,) = site.client.get("/v1/webhooks", headers=site.bearer()).json()["webhooks"]
        wanted = {"name": "safety", "waiting": 1, "oldest_at": worlds.NOW, "dead": 0, "failure": None}
        assert shown == wanted
        metrics = site.client.get("/metrics").text
        assert 'trialanchor_webhook_waiting{webhook="safety"} 1.0' in metrics
        assert 'trialanchor_webhook_oldest_seconds{webhook="safety"} 30.0' in metrics
        assert 'trialanchor_webhook_dead{webhook="safety"} 0.0' in metrics


class Client:
    """Reads a stream as an ASGI server would carry it."""

    def __init__(self, app, path="/v1/events/stream", query="", headers=()):
        self.frames = asyncio.Queue()
        self.status = None
        self._gone = asyncio.Event()
        self._stuck = asyncio.Event()
        raw = [(name.lower().encode(), value.encode()) for name, value in dict(headers).items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": raw,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if self._stuck.is_set():
            await asyncio.sleep(3_600)
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["body"]:
            await self.frames.put(message["body"].decode())

    async def next(self):
        return await asyncio.wait_for(self.frames.get(), 10)

    async def events(self, count):
        """Give the ids of the next events, whatever else comes."""
        found = []
        while len(found) < count:
            frame = await self.next()
            found += [line[4:] for line in frame.splitlines() if line.startswith("id: ")]
        return found

    def leave(self):
        self._gone.set()

    def stick(self):
        self._stuck.set()


@pytest.fixture
async def stream(open_node, template):
    """Factory of clients of one running node; the node is `stream.node`."""
    node = open_node(anchor_interval_s=3600, streams_limit=2)
    app, clients = create_app(node), []

    def connect(query=f"study={STUDY}", **headers):
        clients.append(Client(app, query=query, headers={**template.bearer(), **headers}))
        return clients[-1]

    connect.node = node
    async with node.running():
        yield connect
        for client in clients:
            client.leave()
    for client in clients:
        await asyncio.wait_for(asyncio.gather(client.task, return_exceptions=True), 10)


class TestStreams:
    async def test_what_happened_comes_first_and_then_what_happens(self, stream):
        world = consortium(stream.node)
        await asyncio.to_thread(happen, world, "ip")
        client = stream()
        assert await client.next() == "retry: 2000\n: trialanchor events\n\n"
        event = {"id": "3.0", "name": "grant:study:subscribed", "subject": STUDY, "study": STUDY, "at": worlds.NOW}
        data = json.dumps(event, separators=(",", ":"))
        assert await client.next() == f"id: 3.0\nevent: grant:study:subscribed\ndata: {data}\n\n"
        await asyncio.to_thread(happen, world, "sample")
        assert await client.events(1) == ["4.0"], "long before the heartbeat: the commit rang"

    async def test_it_goes_on_after_the_last_event_known(self, stream):
        world = consortium(stream.node)
        await asyncio.to_thread(happen, world, "ip", "sample", "trial")
        assert await stream(f"study={STUDY}&after=3.0").events(2) == ["4.0", "5.0"]
        assert await stream(f"study={STUDY}&after=3.0", **{"Last-Event-ID": "4.0"}).events(1) == ["5.0"]

    async def test_events_beyond_a_page_all_come(self, stream, monkeypatch):
        monkeypatch.setattr(streams, "_PAGE", 2)
        world = consortium(stream.node)
        await asyncio.to_thread(happen, world, "ip", "sample", "trial", "random", "record")
        assert await stream().events(5) == ["3.0", "4.0", "5.0", "6.0", "7.0"]

    async def test_a_silent_stream_says_that_it_is_there(self, stream, monkeypatch):
        monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)
        consortium(stream.node)
        client = stream()
        assert [await client.next() for _ in range(3)][1:] == [": here\n\n"] * 2

    async def test_other_studies_are_not_shown(self, stream):
        world = consortium(stream.node, STUDY, OTHER)
        await asyncio.to_thread(happen, world, "ip", study=OTHER)
        await asyncio.to_thread(happen, world, "ip")
        assert await stream().events(1) == ["4.0"]

    async def test_who_may_not_read_gets_no_stream(self, stream):
        LedgerWorld(stream.node).seed_members().seed_study()
        client = stream()
        await asyncio.wait_for(client.task, 10)
        assert client.status == 403
        assert json.loads(await client.next())["code"] == "not-readable"

    async def test_who_may_read_no_longer_is_cut_off(self, stream):
        world = consortium(stream.node)
        client = stream()
        await client.next()
        world.seed(f"participants/{STUDY}/{MEMBER}", {"roles": ["sponsor"], "status": "left"})
        stream.node.streams.ring()
        await asyncio.wait_for(client.task, 10)
        assert stream.node.streams.count == 0

    async def test_a_place_that_is_none_is_refused(self, stream):
        consortium(stream.node)
        client = stream(f"study={STUDY}&after=soon")
        await asyncio.wait_for(client.task, 10)
        assert client.status == 400

    async def test_there_are_no_more_than_the_setting_allows(self, stream):
        consortium(stream.node)
        first, _second = stream(), stream()
        await first.next()
        await _second.next()
        third = stream()
        await asyncio.wait_for(third.task, 10)
        assert third.status == 503
        first.leave()
        await asyncio.wait_for(first.task, 10)
        fourth = stream()
        await fourth.next()
        assert fourth.status == 200

    async def test_a_client_that_takes_nothing_is_dropped(self, stream, monkeypatch):
        monkeypatch.setattr(streams, "SEND_S", 0.05)
        world = consortium(stream.node)
        client = stream()
        await client.next()
        client.stick()
        await asyncio.to_thread(happen, world, "ip")
        await asyncio.wait_for(client.task, 10)
        assert stream.node.streams.count == 0

    async def test_streams_end_when_the_node_stops(self, stream):
        consortium(stream.node)
        client = stream()
        await client.next()
        stream.node.streams.stop()
        await asyncio.wait_for(client.task, 10)
        late = stream()
        await asyncio.wait_for(late.task, 10)
        assert late.status == 503


class TestGroups:
    """A node that serves one study of two."""

    @pytest.fixture
    def site(self, serve):
        site = serve(studies=[STUDY])
        self.world = consortium(site.node, STUDY, OTHER)
        return site

    def test_the_other_study_is_not_shown(self, site):
        happen(self.world, "ip")
        happen(self.world, "ip", study=OTHER)
        get = site.client.get
        assert len(get("/v1/events", params={"study": STUDY}, headers=site.bearer()).json()["events"]) == 1
        for path in (f"/v1/events?study={OTHER}", f"/v1/events/stream?study={OTHER}", f"/v1/objects/trials/{OTHER}"):
            answer = get(path, headers=site.bearer())
            assert (answer.status_code, answer.json()["code"]) == (403, "study-not-served"), path
        assert told(site.node) == ["grant:study:subscribed"]

    def test_what_belongs_to_no_study_is_shown(self, site):
        assert site.client.get("/v1/events", headers=site.bearer()).status_code == 200
        assert site.client.get(f"/v1/objects/members/{MEMBER}", headers=site.bearer()).status_code == 200

    @pytest.mark.parametrize(("study", "status"), [(STUDY, 201), (OTHER, 403)])
    def test_transactions_of_the_other_study_are_refused(self, site, study, status):
        headers = {**site.bearer(), "Idempotency-Key": "k", "Content-Type": "application/json"}
        body = json.dumps({"arguments": {"study": study, "classes": ["ip"]}})
        site.node.clock.at = NOW  # when the key of the source is valid
        answer = site.client.post("/v1/contracts/grants/subscribe", content=body, headers=headers)
        code = answer.json().get("code")
        assert (answer.status_code, code) == (status, None if status == 201 else "study-not-served")
