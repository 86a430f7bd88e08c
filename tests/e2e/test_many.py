"""Thousands of connections: what each costs while it waits, and that those which stall harm nobody else."""

import resource
import select
import socket
import subprocess
import time

import pytest

from http_client import TIMEOUT, wait_for
from server import BINARY
from websocket_client import frame, handshake

COUNT = 2000
FIRST = 200  # Of them, before memory is looked at: what they share is there then.
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

SOCKETS = '''
export default { fetch(request) {
  const { socket, response } = jsd.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(data);
  return response;
} };
'''

HELLO = 'export default { fetch: () => new Response("hello") };'


@pytest.fixture(autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3 * COUNT:
        pytest.skip(f'{hard} descriptors are too few for {COUNT} connections')
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * COUNT), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident(server):
    with open(f'/proc/{server.pid}/status') as status:
        return next(int(line.split()[1]) * KIB for line in status if line.startswith('VmRSS'))


def sanitized():
    return subprocess.run(['grep', '-q', '__asan_init', BINARY]).returncode == 0


def connect(server):
    host, port = server.address.rsplit(':', 1)
    connection = socket.create_connection((host, int(port)), TIMEOUT)
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


def test_websockets_at_rest_take_little_memory(jsd):
    server = jsd(SOCKETS)
    connections, each = cost_of_each(server, handshake(), b'\r\n\r\n')
    for connection in connections:
        connection.sendall(frame(1, b'hello'))
        receive_until(connection, b'\x81\x05hello')
        connection.close()
    if not sanitized():
        assert each < 10 * KIB


def test_connections_that_stall_are_dropped_and_harm_nobody(jsd):
    server = jsd(HELLO, {'timeouts.header': '5s', 'timeouts.body': '5s'}, workers=2)
    parts = (b'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ',
             b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Cut')
    stalled = []
    for i in range(COUNT):
        connection = connect(server)
        connection.sendall(parts[i % len(parts)])
        stalled.append(connection)
    for _ in range(100):
        assert server.get('/').body == b'hello'
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
        assert server.get('/').body == b'hello'
    assert not by_number, f'{len(by_number)} are still open'
    assert {answer.split(b'\r\n')[0] for answer in answers.values()} == {b'HTTP/1.1 408 Request Timeout'}
