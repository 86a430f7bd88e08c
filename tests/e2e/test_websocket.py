"""WebSockets as their users see them: the handshake, the objects of the script, limits, and the end."""

import json
import re
import socket
import ssl
import struct
import time

import pytest

from certificates import Authority
from http_client import TIMEOUT, wait_for
from websocket_client import BINARY, CLOSE, PING, PONG, TEXT, WebSocketClient, frame, handshake

SCRIPT = '''
const log = [];
const note = (text) => { log.push(text); };
export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/log') return Response.json(log);
  if (pathname === '/not') {
    try { jsd.upgradeWebSocket(request); } catch (error) { return new Response(String(error)); }
  }
  if (pathname === '/plain') return new Response('plain');
  if (pathname === '/pair') {
    const pair = new WebSocketPair();
    const [client, server] = Object.values(pair);
    server.accept();
    server.send('first');
    server.addEventListener('message', ({ data }) => {
      if (data === 'close') server.close(4001, 'over');
      else server.send(typeof data === 'string' ? data.toUpperCase() : data);
    });
    server.addEventListener('close', ({ code, reason, wasClean }) => note(`pair close ${code} ${reason} ${wasClean}`));
    return new Response(null, { status: 101, webSocket: client, headers: { 'x-a': 'b' } });
  }
  if (pathname === '/late') await new Promise((resolve) => setTimeout(resolve, 20));
  const options = pathname === '/protocol' ? { protocol: 'two' } : {};
  const { socket, response } = jsd.upgradeWebSocket(request, options);
  try { socket.send('too early'); } catch (error) { note(error.name); }
  note(`${socket.readyState} ${socket.binaryType} ${response.status}`);
  socket.onopen = () => {
    note(`open ${socket.readyState} ${socket.url} ${socket.protocol} ${socket.extensions}`);
    if (pathname === '/flood') {
      const chunk = 'x'.repeat(65536);
      for (let i = 0; i < 200; i++) socket.send(chunk);
      note(`buffered ${socket.bufferedAmount} ${socket.readyState}`);
    }
    if (pathname === '/buffered') {
      socket.send('12345');
      socket.send(new Uint8Array(100));
      note(`buffered ${socket.bufferedAmount}`);
      setTimeout(() => note(`later ${socket.bufferedAmount}`), 50);
    }
  };
  socket.onmessage = (event) => {
    const { data } = event;
    if (data === 'throw') throw new Error('on purpose');
    if (data === 'close') return socket.close(3000, 'grüße');
    if (data === 'info') return socket.send(JSON.stringify([event.isTrusted, event.origin, event.constructor.name]));
    if (data === 'view') return socket.send(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
    if (data instanceof ArrayBuffer) note(`binary ${data.byteLength}`);
    socket.send(data);
  };
  socket.onerror = () => note('error');
  socket.onclose = ({ code, reason, wasClean }) => {
    socket.send('lost');
    note(`close ${code} ${reason} ${wasClean} ${socket.readyState} ${socket.bufferedAmount}`);
  };
  return response;
} };
'''


@pytest.fixture
def serve(jsd):
    return lambda settings=None, **options: jsd(SCRIPT, settings, **options)


def log_of(server, last=None):
    """What the script has noted; waits for an entry that matches `last`."""
    def read():
        return json.loads(server.get('/log').text)
    if last:
        wait_for(lambda: any(re.fullmatch(last, entry) for entry in read()), f'{last!r} among {read()}')
    return read()


def test_the_handshake_and_the_events(serve):
    server = serve()
    with WebSocketClient(server.address, '/chat?x=1', Origin='https://example.org') as client:
        assert client.head.startswith('HTTP/1.1 101 Switching Protocols\r\n')
        assert client.header('Upgrade') == 'websocket' and client.header('Connection') == 'Upgrade'
        assert client.header('Sec-WebSocket-Accept') == 'BACScCJPNqyz+UBoqMH89VmURoA='
        assert client.header('Content-Length') is None and client.header('Sec-WebSocket-Protocol') is None
        client.send_text('hé')
        assert client.read_text() == 'hé'
        client.send(frame(BINARY, bytes(range(256))))
        assert client.read() == (0x80 | BINARY, bytes(range(256)))
        client.send_text('info')
        assert json.loads(client.read_text()) == [True, 'ws://localhost', 'MessageEvent']
        client.send_text('view')
        assert client.read() == (0x80 | BINARY, b'\2\3')
        client.send(frame(CLOSE, struct.pack('>H', 4321) + 'grüß'.encode()))
        assert client.read_close() == 4321 and client.read() is None
    assert log_of(server, 'close .*') == [
        'InvalidStateError', '0 arraybuffer 101', 'open 1 ws://localhost/chat?x=1  ', 'binary 256',
        'close 4321 grüß true 3 4']


def test_the_script_closes(serve):
    server = serve()
    with WebSocketClient(server.address) as client:
        client.send_text('close')
        assert client.read() == (0x80 | CLOSE, struct.pack('>H', 3000) + 'grüße'.encode())
        client.send_text('ignored')
        client.send(frame(CLOSE, struct.pack('>H', 3000)))
        assert client.read() is None
    assert log_of(server, 'close .*')[-1] == 'close 3000  true 3 4'


def test_a_client_that_goes_is_an_error(serve):
    server = serve()
    with WebSocketClient(server.address):
        pass
    assert log_of(server, 'close .*')[-2:] == ['error', 'close 1006  false 3 4']


def test_a_listener_that_throws_is_logged(serve):
    server = serve()
    server.expect('event listener: .*on purpose')
    with WebSocketClient(server.address) as client:
        client.send_text('throw')
        client.send_text('after')
        assert client.read_text() == 'after'
        client.finish()


def test_a_reply_may_take_its_time_and_frames_may_come_early(serve):
    server = serve()
    for target in ('/', '/late'):
        with socket.create_connection(server.address.rsplit(':', 1), TIMEOUT) as raw:
            raw.sendall(handshake(target) + frame(TEXT, b'early') + frame(CLOSE, b'\x03\xe8'))
            received = b''
            while data := raw.recv(65536):
                received += data
            assert received.endswith(b'\r\n\r\n\x81\x05early\x88\x02\x03\xe8')


def test_requests_before_it_are_answered_first(serve):
    server = serve()
    with socket.create_connection(server.address.rsplit(':', 1), TIMEOUT) as raw:
        raw.sendall(b'GET /plain HTTP/1.1\r\nHost: a\r\n\r\n' + handshake('/') + frame(TEXT, b'x') + frame(CLOSE, b''))
        received = b''
        while data := raw.recv(65536):
            received += data
        assert received.index(b'plain') < received.index(b' 101 ') and received.endswith(b'\x81\x01x\x88\x00')


def test_a_handler_may_answer_otherwise(serve):
    server = serve()
    with server.connect() as connection:
        connection.send(handshake('/plain') + handshake('/plain'))
        assert [connection.read_response().text for _ in range(2)] == ['plain', 'plain']


@pytest.mark.parametrize(('fields', 'status'), [
    ({'Sec-WebSocket-Version': '8'}, 426), ({'Sec-WebSocket-Version': '13, 8'}, 426),
    ({'Sec-WebSocket-Version': None}, 400), ({'Sec-WebSocket-Key': None}, 400), ({'Sec-WebSocket-Key': 'short'}, 400),
    ({'Origin': 'https://evil.example'}, 403), ({'Sec-WebSocket-Extensions': 'a b'}, 400)])
def test_faulty_handshakes_never_reach_the_script(serve, fields, status):
    server = serve({'websocket.origins': ['https://example.org']})
    with server.connect() as connection:
        connection.send(handshake('/', **fields))
        reply = connection.read_response()
        assert reply.status == status
        if status == 426:
            assert reply.header('sec-websocket-version') == '13' and reply.header('upgrade') == 'websocket'
        connection.send(b'GET /log HTTP/1.1\r\nHost: a\r\n\r\n')
        assert connection.read_response().text == '[]'
    for fields in ({'Origin': 'https://example.org'}, {}):
        with WebSocketClient(server.address, **fields) as client:
            client.finish()


@pytest.mark.parametrize('fields', [{'Upgrade': 'h2c'}, {'Connection': 'keep-alive'}, {'Upgrade': None}])
def test_what_asks_for_no_websocket_is_an_ordinary_request(serve, fields):
    server = serve()
    with server.connect() as connection:
        connection.send(handshake('/not', **fields))
        assert connection.read_response().text.startswith("TypeError: Failed to execute 'upgradeWebSocket'")


def test_subprotocols(serve):
    server = serve()
    with WebSocketClient(server.address, '/protocol', **{'Sec-WebSocket-Protocol': 'one, two'}) as client:
        assert client.header('Sec-WebSocket-Protocol') == 'two'
        client.finish()
    assert 'open 1 ws://localhost/protocol two ' in log_of(server, 'close .*')
    server.expect('request handler: .*does not offer')
    with server.connect() as connection:
        connection.send(handshake('/protocol', **{'Sec-WebSocket-Protocol': 'one'}))
        assert connection.read_response().status == 500


def test_a_pair(serve):
    server = serve()
    with WebSocketClient(server.address, '/pair') as client:
        assert client.header('x-a') == 'b'
        assert client.read_text() == 'first'
        client.send_text('abc')
        assert client.read_text() == 'ABC'
        client.send_text('close')
        assert client.read() == (0x80 | CLOSE, struct.pack('>H', 4001) + b'over')
        client.send(frame(CLOSE, struct.pack('>H', 4001) + b'over'))
        assert client.read() is None
    assert log_of(server, 'pair close .*') == ['pair close 4001 over true']


def test_the_buffered_amount_is_that_of_the_messages(serve):
    server = serve()
    with WebSocketClient(server.address, '/buffered') as client:
        assert client.read_text() == '12345'
        assert client.read()[1] == bytes(100)
        assert 'buffered 105' in log_of(server, 'later 0')
        client.finish()


@pytest.mark.parametrize('overflow', ['close', 'drop'])
def test_a_slow_reader_has_a_bounded_queue(serve, overflow):
    server = serve({'websocket.queue': '256KiB', 'websocket.overflow': overflow})
    with WebSocketClient(server.address, '/flood', receive_buffer=4096) as client:
        buffered, state = next(re.fullmatch(r'buffered (\d+) (\d)', entry) for entry in log_of(server, 'buffered .*')
                               if entry.startswith('buffered')).groups()
        assert int(buffered) <= (256 + 128) * 1024
        if overflow == 'drop':
            client.send(frame(PING, b'still here'))
        count = 0
        while (got := client.read())[0] == 0x80 | TEXT:
            assert len(got[1]) == 65536
            count += 1
        assert 4 <= count < 200
        if overflow == 'drop':
            assert got == (0x80 | PONG, b'still here')
            client.finish()
        else:
            assert got[0] == 0x80 | CLOSE and got[1][:2] == struct.pack('>H', 1013)


def test_drain_says_1001_and_waits(serve):
    server = serve()
    with WebSocketClient(server.address) as client:
        client.send_text('a')
        assert client.read_text() == 'a'
        server.send_signal()
        first, payload = client.read()
        assert first == 0x80 | CLOSE and payload[:2] == struct.pack('>H', 1001)
        time.sleep(0.1)
        assert server.process.poll() is None
        client.send(frame(CLOSE, payload[:2]))
        assert client.read() is None
    assert server.wait() == 0


def test_a_client_that_answers_no_close_is_cut_off(serve):
    server = serve({'websocket.close': '200ms'})
    with WebSocketClient(server.address) as client:
        client.send_text('close')
        assert client.read()[0] == 0x80 | CLOSE
        assert client.read() is None
    assert log_of(server, 'close .*')[-1] == 'close 1006  false 3 4'


def test_pings_find_out_who_is_gone(serve):
    server = serve({'websocket.ping': '200ms'})
    with WebSocketClient(server.address) as alive, WebSocketClient(server.address) as dead:
        for _ in range(4):
            assert alive.read() == (0x80 | PING, b'')
            alive.send(frame(PONG))
        assert dead.read() == (0x80 | PING, b'')
        assert dead.read() is None
        alive.finish()


def test_an_idle_connection_is_closed(serve):
    server = serve({'websocket.idle': '300ms', 'websocket.ping': '100ms'})
    with WebSocketClient(server.address) as client:
        while (got := client.read())[0] == 0x80 | PING:
            client.send(frame(PONG))
        assert got == (0x80 | CLOSE, struct.pack('>H', 1001) + b'idle')
        client.send(frame(CLOSE, got[1][:2]))
        assert client.read() is None


def test_over_tls(jsd, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue('localhost', 'DNS:localhost')
    server = jsd(SCRIPT, {'server.tls': [{'listen': ['127.0.0.1:0'], 'certificate': str(certificate),
                                          'key': str(key)}]}, listeners=2)
    context = ssl.create_default_context(cafile=authority.certificate)
    with WebSocketClient(server.addresses[1], '/tls', context=context) as client:
        body = bytes(range(256)) * 2000
        for _ in range(3):
            client.send(frame(BINARY, body))
            assert client.read() == (0x80 | BINARY, body)
        client.finish()
    assert 'open 1 wss://localhost/tls  ' in log_of(server, 'close .*')


def test_many_at_once(serve):
    server = serve(workers=2)
    clients = [WebSocketClient(server.address, '/pair') for _ in range(200)]
    try:
        for client in clients:
            client.send_text('x')
        for client in clients:
            assert client.read_text() == 'first' and client.read_text() == 'X'
        for client in clients:
            client.finish()
    finally:
        for client in clients:
            client.close()
