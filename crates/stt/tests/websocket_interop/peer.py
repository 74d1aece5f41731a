"""Python's `websockets` in the place of one side of a WebSocket.

    probe URL WHAT   asks for an upgrade, does WHAT, prints what came of it
    dial URL         carries datagrams of whoever sends it some to the listener at URL, and back
    listen PORT      takes WebSockets, and carries their messages to this UDP port, and back

`dial` and `listen` print the port they are reached at, and run until their standard input ends.
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

HOST = "127.0.0.1"
LONGEST = 65_535


async def probe(url, what):
    try:
        async with upgraded(url) as socket:
            print(await PROBES[what](socket), flush=True)
    except InvalidStatus as refused:
        answer = refused.response
        headers = sorted(f"{name}: {value}" for name, value in answer.headers.raw_items())
        body = answer.body or b""
        print(f"{answer.status_code} {headers} {len(body)}", flush=True)


async def ping(socket):
    for payload in (b"", b"x", bytes(range(125))):
        # Resolves when a pong has come with the same payload, and no other.
        await asyncio.wait_for(await socket.ping(payload), 10)
    return "answered"


async def text(socket):
    return await closed_after(socket, "text")


async def too_long(socket):
    return await closed_after(socket, bytes(LONGEST + 1))


async def too_long_in_fragments(socket):
    return await closed_after(socket, [bytes(40_000), bytes(LONGEST - 40_000), b"x"])


async def nothing(socket):
    return await closed_after(socket, bytes(LONGEST))


async def leave(socket):
    await socket.close(1000)
    return code_of(socket)


async def closed_after(socket, message):
    try:
        await socket.send(message)
        await asyncio.wait_for(socket.recv(), 20)
    except ConnectionClosed:
        return code_of(socket)
    return "a message came"


def code_of(socket):
    return str(socket.protocol.close_rcvd.code)


PROBES = {
    "ping": ping,
    "text": text,
    "too long": too_long,
    "too long in fragments": too_long_in_fragments,
    "nothing": nothing,
    "leave": leave,
}


async def dial(url):
    datagrams = await Datagrams.bound()
    async with upgraded(url) as socket:
        print(datagrams.port, flush=True)
        await until_input_ends(carry(socket, datagrams))


async def listen(port):
    async def take(socket):
        await carry(socket, await Datagrams.bound(peer=(HOST, int(port))))

    # A dialler that does not answer these is given up.
    lively = {"ping_interval": 0.1, "ping_timeout": 5}
    async with serve(take, HOST, 0, max_size=LONGEST, **lively) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await until_input_ends(server.wait_closed())


def upgraded(url):
    return connect(url, max_size=LONGEST, proxy=None)


async def carry(socket, datagrams):
    async def outward():
        while True:
            datagram = await datagrams.came.get()
            await socket.send([datagram[:1], b"", datagram[1:700], datagram[700:]])

    sending = asyncio.create_task(outward())
    try:
        async for message in socket:
            datagrams.send(message)
    finally:
        sending.cancel()


class Datagrams(asyncio.DatagramProtocol):
    """A UDP port that talks with `peer`, or with whoever sent something last."""

    def __init__(self, peer):
        self.peer = peer
        self.came = asyncio.Queue(1_000)

    @classmethod
    async def bound(cls, peer=None):
        loop = asyncio.get_running_loop()
        _, new = await loop.create_datagram_endpoint(lambda: cls(peer), (HOST, 0))
        return new

    def connection_made(self, transport):
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, address):
        self.peer = address
        if not self.came.full():
            self.came.put_nowait(data)

    def send(self, message):
        if self.peer is not None:
            self.transport.sendto(message, self.peer)


async def until_input_ends(work):
    working = asyncio.ensure_future(work)
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.wait([working, ended], return_when=asyncio.FIRST_COMPLETED)
    working.cancel()


if __name__ == "__main__":
    asyncio.run({"probe": probe, "dial": dial, "listen": listen}[sys.argv[1]](*sys.argv[2:]))
