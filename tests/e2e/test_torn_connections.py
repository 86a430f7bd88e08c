"""Clients that go at any point of a conversation, in any way: nothing of them stays, and others are served as before."""

import socket
import ssl
import struct
import time

import pytest

from certificates import Authority
from http_client import Connection, wait_for
from websocket_client import BINARY, CLOSE, TEXT, frame, handshake

# What each handler leaves open is counted; /open tells how much.
APP = '''
let open = 0;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/open') return new Response(`${open}`);
  if (pathname === '/read') return new Response(await request.text());
  if (pathname === '/echo') return new Response(request.body);
  if (pathname === '/late') { await pause(5); return new Response('late'); }
  if (pathname === '/early') return new Response('early');
  if (pathname === '/socket') {
    const { socket, response } = jsd.upgradeWebSocket(request);
    socket.onopen = () => open++;
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onclose = () => open--;
    return response;
  }
  let timer;
  return new Response(new ReadableStream({
    start(controller) {
      open++;
      timer = setInterval(() => controller.enqueue(new Uint8Array(10000)), 1);
    },
    cancel() {
      open--;
      clearInterval(timer);
    },
  }));
} };
'''
HOST = b' HTTP/1.1\r\nHost: a\r\n'
CHUNKED = HOST + b'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x="y"\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n'
FRAMES = (frame(TEXT, 'größe'.encode(), fin=0) + frame(9, b'ping') + frame(0, b' und mehr') +
          frame(BINARY, bytes(300)) + frame(CLOSE, struct.pack('>H', 1000)))
CONVERSATIONS = {
    'a body that is read': b'POST /read' + HOST + b'Content-Length: 40\r\n\r\n' + b'x' * 40,
    'a body that is not wanted': b'POST /early' + HOST + b'Content-Length: 40\r\n\r\n' + b'x' * 40,
    'a body that is passed on': b'POST /echo' + CHUNKED,
    'a body that is waited for': b'POST /read' + HOST + b'Expect: 100-continue\r\nContent-Length: 9\r\n\r\nbehind it',
    'a pipeline': b'GET /late' + HOST + b'\r\nPOST /echo' + CHUNKED + b'GET /stream' + HOST + b'\r\n',
    'a stream': b'GET /stream' + HOST + b'\r\n',
    'a WebSocket': handshake('/socket') + FRAMES,
    'a WebSocket behind others': b'GET /late' + HOST + b'\r\nGET /early' + HOST + b'\r\n' + handshake('/socket') + FRAMES,
    'a WebSocket that is refused, and a request': handshake('/early') + b'GET /late' + HOST + b'\r\n',
}


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    connection.close()


def close(connection):
    connection.close()


def close_half(connection):
    """Sends the end and reads for a moment, as much as comes."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(0.01)
    try:
        for _ in range(5):
            if not connection.recv(1 << 16):
                break
    except (TimeoutError, ConnectionResetError):
        pass
    connection.close()


ENDS = [reset, close, close_half]


@pytest.fixture
def served(jsd):
    """A server that has to have nothing left over when the test is done."""
    server = jsd(APP, {'timeouts.idle': '5s', 'timeouts.header': '5s', 'timeouts.body': '5s', 'websocket.close': '1s'})
    yield server
    wait_for(lambda: server.request(target='/open').text == '0', 'streams and WebSockets to end')


@pytest.mark.parametrize('pause', [0, 0.002], ids=['at once', 'after a moment'])
@pytest.mark.parametrize('end', ENDS, ids=lambda end: end.__name__)
@pytest.mark.parametrize('name', CONVERSATIONS)
def test_cut_at_every_point(served, name, end, pause):
    data = CONVERSATIONS[name]
    for at in range(0, len(data) + 1, max(1, len(data) // 60)):
        connection = Connection(served.address).socket
        connection.sendall(data[:at])
        time.sleep(pause)
        end(connection)
    connection = Connection(served.address).socket
    connection.sendall(data)
    time.sleep(pause)
    end(connection)
    assert served.request(target='/early').text == 'early'


@pytest.mark.parametrize('end', ENDS, ids=lambda end: end.__name__)
def test_tls_cut_at_every_point(jsd, tmp_path, end):
    authority = Authority(tmp_path)
    certificate, key = authority.issue('localhost', 'DNS:localhost')
    server = jsd(APP, {'server.tls': [{'listen': ['127.0.0.1:0'], 'certificate': str(certificate), 'key': str(key)}],
                       'timeouts.handshake': '5s', 'timeouts.idle': '5s'}, listeners=2)
    secure = server.addresses[1]
    context = ssl.create_default_context(cafile=authority.certificate)

    def talk(at):
        """Sends the first `at` bytes of what a client says; returns how many it would have said."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname='localhost')
        raw = Connection(secure).socket
        said, shaken = 0, False
        while True:
            try:
                if not shaken:
                    client.do_handshake()
                    shaken = True
                    client.write(b'GET /late' + HOST + b'\r\nGET /stream' + HOST + b'\r\n')
                client.read(1000)
                done = True
            except ssl.SSLWantReadError:
                done = False
            flight = outgoing.read()
            raw.sendall(flight[:max(0, at - said)])
            said += len(flight)
            if said >= at or done:
                end(raw)
                return said
            incoming.write(raw.recv(1 << 16))

    length = talk(1 << 20)
    assert length > 300
    for at in range(0, length, length // 60):
        talk(at)
    wait_for(lambda: server.request(target='/open').text == '0', 'streams to end')
