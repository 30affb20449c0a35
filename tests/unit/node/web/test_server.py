"""The page on a real port: who connects and does not ask is hung up on."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from node.errors import ConfigError
from node.settings import Web
from node.web import security, server
from node.web.security import BodyLimit, TooSlowError
from node.web.server import Server
from tests.peers import free_port

GET = b"GET / HTTP/1.1\r\nHost: node\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: node\r\nContent-Length: 100\r\n\r\nname=ann"


async def answer(request: Request) -> Response:
    """Answer after a while, when the body is there."""
    await request.body()
    await asyncio.sleep(0.5)
    return PlainTextResponse("here")


async def too_slow(_request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 408)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that waits 0.3 s for headers, and 0.4 s for forms."""
    monkeypatch.setattr(server, "_HEADERS_S", 0.3)
    app = Starlette(
        routes=[Route("/", answer, methods=["GET", "POST"])],
        middleware=[Middleware(BodyLimit, form_s=0.4)],
        exception_handlers={TooSlowError: too_slow},
    )
    found, stop = free_port(), threading.Event()
    running = threading.Thread(target=Server(Web(port=found), app).run, args=(stop,))
    running.start()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", found)) == 0:
                break
    yield found
    stop.set()
    running.join(10)


def said(connection: socket.socket) -> bytes:
    """Read until the server hangs up."""
    connection.settimeout(10)
    heard = b""
    while piece := connection.recv(4096):
        heard += piece
    return heard


@pytest.mark.parametrize("begun", [b"", b"GET / HT", GET[:-2]])
def test_who_does_not_ask_is_hung_up_on(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(begun)
        began = time.monotonic()
        assert said(connection) == b""
        assert time.monotonic() - began < 5


def drip(port: int) -> None:
    """Send a request byte by byte, for ten seconds."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for byte in b"GET / HTTP/1.1\r\nX: ".ljust(200, b"x"):
            connection.sendall(bytes([byte]))
            time.sleep(0.05)


def test_one_byte_now_and_then_is_not_asking(port: int) -> None:
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        drip(port)


def test_who_asks_may_wait_longer_for_the_answer_and_ask_again(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(10)
        for _ in range(2):
            connection.sendall(GET)
            heard = b""
            while b"here" not in heard:
                heard += connection.recv(4096)
        connection.sendall(GET[:9])  # the beginning of a third
        assert said(connection) == b""


def test_a_form_that_does_not_come_is_answered_so(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(POST)
        heard = connection.recv(4096)
    assert b"408" in heard.split(b"\r\n")[0]
    assert security.MAX_FORM_S >= 10  # and not as soon as in this test


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"web.port {number}"):
            Server(Web(port=number), Starlette()).run(threading.Event())
