"""Thousands of connections: what each costs while it waits, that those which stall harm nobody else, and that listeners
to events are served for as long as they like. With script/test --long there are more of them, for minutes.
"""

import os
import resource
import select
import socket
import subprocess
import time

import pytest

from http_client import TIMEOUT, Connection, wait_for
from server import BINARY
from websocket_client import frame, handshake

LONG = bool(os.environ.get('JSD_LONG'))
COUNT = 10_000 if LONG else 2000
FIRST = COUNT // 10  # Of them, before memory is looked at: what they share is there then.
BEATS, LISTENING = (300, 3000) if LONG else (5, 300)
KIB = 1024

LISTENERS = '''
const listeners = new Set();
const encoder = new TextEncoder();
export default { fetch(request) {
  if (new URL(request.url).pathname === '/tell') {
    for (const controller of listeners) controller.enqueue(encoder.encode('data: news\\n\\n'));
    return new Response(`${listeners.size}`);
  }
  let mine;
  const body = new ReadableStream({
    start(controller) {
      mine = controller;
      listeners.add(mine);
      mine.enqueue(encoder.encode(': welcome\\n\\n'));
    },
    cancel() {
      listeners.delete(mine);
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
} };
'''

HEARTBEATS = '''
let listening = 0;
const beat = new TextEncoder().encode(': beat\\n\\n');
export default { fetch(request) {
  if (new URL(request.url).pathname === '/count') return new Response(`${listening}`);
  let timer;
  const body = new ReadableStream({
    start(controller) {
      listening++;
      timer = setInterval(() => controller.enqueue(beat), 1000);
    },
    cancel() {
      listening--;
      clearInterval(timer);
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
} };
'''

SOCKETS = '''
export default { fetch(request) {
  const { socket, response } = jsd.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(data);
  return response;
} };
'''

READ = 'export default { fetch: async (request) => new Response(await request.text()) };'


@pytest.fixture(autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = COUNT + 1000
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f'{hard} descriptors are too few for {COUNT} connections')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident(server):
    with open(f'/proc/{server.pid}/status') as status:
        return next(int(line.split()[1]) * KIB for line in status if line.startswith('VmRSS'))


def sanitized():
    return subprocess.run(['grep', '-q', '__asan_init', BINARY]).returncode == 0


def connect(server):
    connection = Connection(server.address).socket
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def receive_until(connection, mark):
    data = b''
    while mark not in data:
        piece = connection.recv(4096)
        assert piece, f'the connection ended after {data!r}'
        data += piece
    return data


def open_all(server, request, mark, count):
    connections = []
    for _ in range(count):
        connection = connect(server)
        connection.sendall(request)
        receive_until(connection, mark)
        connections.append(connection)
    return connections


def cost_of_each(server, request, mark):
    """The connections, and the bytes of memory that one more takes."""
    connections = open_all(server, request, mark, FIRST)
    before = resident(server)
    connections += open_all(server, request, mark, COUNT - FIRST)
    return connections, (resident(server) - before) / (COUNT - FIRST)


def test_listeners_to_events_take_little_memory(jsd):
    server = jsd(LISTENERS)
    request = b'GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n'
    connections, each = cost_of_each(server, request, b': welcome\n\n')
    assert server.get('/tell').body == b'%d' % COUNT
    for connection in connections:
        receive_until(connection, b'data: news\n\n')
        connection.close()
    wait_for(lambda: server.get('/tell').body == b'0', 'the streams to be cancelled')
    if not sanitized():
        assert each < 10 * KIB


def test_listeners_with_heartbeats_are_served_on(jsd):
    """Each listener gets every beat, in memory that does not grow."""
    server = jsd(HEARTBEATS, {'timeouts.idle': '1s', 'limits.request': '1s'})
    connections = open_all(server, b'GET / HTTP/1.1\r\nHost: a\r\n\r\n', b'\r\n\r\n', LISTENING)
    beats = {connection.fileno(): 0 for connection in connections}
    by_number = {connection.fileno(): connection for connection in connections}
    poll = select.poll()
    for number in by_number:
        poll.register(number, select.POLLIN)
    sizes = []
    while min(beats.values()) < BEATS:
        ready = poll.poll(1000 * TIMEOUT)
        assert ready, 'the beats have stopped'
        for number, _ in ready:
            piece = by_number[number].recv(4096)
            assert piece, f'the stream ended after {beats[number]} beats'
            beats[number] += piece.count(b': beat\n\n\r\n')
        if min(beats.values()) > len(sizes):
            sizes.append(resident(server))
    assert max(beats.values()) < 2 * BEATS + TIMEOUT
    assert server.get('/count').body == b'%d' % LISTENING
    for connection in connections:
        connection.close()
    wait_for(lambda: server.get('/count').body == b'0', 'the streams to be cancelled')
    if not sanitized():
        # V8's heap finds its size first.
        assert max(sizes[-BEATS // 4:]) - sizes[len(sizes) // 2] < 16 << 20, sizes


@pytest.mark.parametrize('settings, fields', [
    ({}, {}),
    ({'websocket.compression': 'message'}, {'Sec_WebSocket_Extensions': 'permessage-deflate; server_max_window_bits=14'}),
], ids=['plain', 'compressed with a window of its own'])
def test_websockets_at_rest_take_little_memory(jsd, settings, fields):
    server = jsd(SOCKETS, settings)
    connections, each = cost_of_each(server, handshake(**fields), b'\r\n\r\n')
    for connection in connections:
        connection.sendall(frame(1, b'hello'))
        receive_until(connection, b'\x81\x05hello')
        connection.close()
    if not sanitized():
        assert each < 10 * KIB


def test_connections_that_stall_are_dropped_and_harm_nobody(jsd):
    server = jsd(READ, {'timeouts.header': '5s', 'timeouts.body': '5s'}, workers=2)
    # Half a request line, half a header of either kind, and half a body that is waited for.
    parts = (b'GET /', b'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ',
             b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Cut',
             b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab')
    stalled = []
    for i in range(COUNT):
        connection = connect(server)
        connection.sendall(parts[i % len(parts)])
        stalled.append(connection)
    for _ in range(100):
        assert server.request('POST', '/', body=b'hello').body == b'hello'
    answers = {connection.fileno(): b'' for connection in stalled}
    by_number = {connection.fileno(): connection for connection in stalled}
    poll = select.poll()
    for number in by_number:
        poll.register(number, select.POLLIN)
    end = time.monotonic() + 12 * TIMEOUT
    while by_number and time.monotonic() < end:
        for number, _ in poll.poll(1000):
            piece = by_number[number].recv(4096)
            answers[number] += piece
            if not piece:
                poll.unregister(number)
                by_number.pop(number).close()
        assert server.request('POST', '/', body=b'hello').body == b'hello'
    assert not by_number, f'{len(by_number)} are still open'
    assert {answer.split(b'\r\n')[0] for answer in answers.values()} == {b'HTTP/1.1 408 Request Timeout'}
