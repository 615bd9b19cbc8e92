"""Bodies of requests: limits of size and time, and room for all of them together."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request

from trialanchor.encoding import OversizeError
from trialanchor.errors import InputError
from trialanchor_node import bodies
from trialanchor_node.bodies import Bodies, SlowBodyError, media_type, oid_parameter
from trialanchor_node.log.sequencer import OverloadedError
from trialanchor_node.problems import UnsupportedMediaTypeError

LIMIT = 1_000


def request(*pieces: bytes, announced: int | str | None = None, content_type: str = "", ends: bool = True) -> Request:
    """Make a request whose body comes in pieces; one that does not end waits for ever."""
    headers = [(b"content-type", content_type.encode())]
    if announced is not None:
        headers.append((b"content-length", str(announced).encode()))
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if ends:
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive():
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_a_body_is_put_together_from_its_pieces():
    assert await Bodies().read(request(b"one ", b"", b"two", announced=7), LIMIT) == b"one two"


async def test_a_body_of_exactly_the_limit_is_read():
    assert len(await Bodies().read(request(bytes(600), bytes(400)), LIMIT)) == LIMIT


@pytest.mark.parametrize("announced", [LIMIT + 1, "9" * 5_000])
async def test_one_announced_too_large_is_not_read_at_all(announced):
    with pytest.raises(OversizeError, match="octets, 1000 are allowed"):
        await Bodies().read(request(announced=announced, ends=False), LIMIT)


@pytest.mark.parametrize("announced", [None, 5, "-1", "x"])
async def test_one_that_turns_out_too_large_is_not_read_on(announced):
    with pytest.raises(OversizeError, match="more than 1000 octets"):
        await Bodies().read(request(bytes(600), bytes(600), announced=announced, ends=False), LIMIT)


async def test_one_that_does_not_come_in_time_is_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "BODY_S", 0.02)
    with pytest.raises(SlowBodyError) as slow:
        await Bodies().read(request(b"the beginning", ends=False), LIMIT)
    assert slow.value.http_status == 408


async def test_there_is_room_for_so_many_at_once_and_again_when_they_are_done(monkeypatch):
    monkeypatch.setattr(bodies, "BUDGET", 1_500)
    room = Bodies()
    waiting = asyncio.create_task(room.read(request(bytes(LIMIT), ends=False), LIMIT))
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError) as refused:
        await room.read(request(bytes(300), bytes(300)), LIMIT)
    assert refused.value.http_status == 503
    assert len(await room.read(request(bytes(500)), LIMIT)) == 500
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(await room.read(request(bytes(LIMIT)), LIMIT)) == LIMIT


@pytest.mark.parametrize("sent", ["a/b", "A/B", "a/b; charset=utf-8", " a/b ;x"])
def test_a_media_type_is_known_without_its_case_and_parameters(sent):
    assert media_type(request(content_type=sent), "a/b", "c/d") == "a/b"


@pytest.mark.parametrize("sent", ["", "a", "a/b/c", "c/d", "a/b,c/d"])
def test_another_media_type_is_refused_with_those_that_are_known(sent):
    with pytest.raises(UnsupportedMediaTypeError, match="a/b or x/y"):
        media_type(request(content_type=sent), "a/b", "x/y")


@pytest.mark.parametrize(("given", "oid"), [(None, None), ("2.999.1", "2.999.1"), ("Urn:OID:2.999.1", "2.999.1")])
def test_an_oid_is_taken_dotted_or_as_a_urn(given, oid):
    assert oid_parameter(given, "subject") == oid


@pytest.mark.parametrize("given", ["", "urn:oid:", "2.999.01", "urn:uuid:x", "2.999.1 ", "\u0662.1"])
def test_what_is_no_oid_is_refused_by_name(given):
    with pytest.raises(InputError, match="subject must be an OID"):
        oid_parameter(given, "subject")
