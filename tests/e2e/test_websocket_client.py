"""WebSockets that scripts connect, against servers that do exactly what the test says, the npm package `ws`, and jsd."""

import queue
import socket
import struct
import subprocess
import threading
import zlib

import pytest

from certificates import Authority, server_context
from http_client import TIMEOUT
from test_websocket_npm import FOLDER, modules  # noqa: F401 pylint: disable=unused-import
from websocket_client import BINARY, CLOSE, PING, PONG, TEXT
from websocket_server import WebSocketServer

# What the tests' scripts begin with: connect() → a socket that notes its events; ended(socket) → when it has closed.
HELP = '''
const notes = [];
const connect = (url, second) => {
  const socket = new WebSocket(url, second);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => notes.push('open');
  socket.onmessage = ({ data }) => notes.push(typeof data === 'string' ? data : data.byteLength);
  socket.onerror = (event) => notes.push(`error ${event.error?.code ?? ''}`.trim());
  socket.onclose = ({ code, reason, wasClean }) => notes.push(`close ${code} ${reason} ${wasClean}`);
  return socket;
};
const event = (socket, type) => new Promise((resolve) => socket.addEventListener(type, resolve));
const url = env.URL.replace('http', 'ws');
'''


@pytest.fixture
def sockets(backend, script):
    """sockets(serve) → run(code), whose `url` leads to serve(WebSocketServer)."""

    def start(serve, settings=None, reply=None, rest=b'', **fields):
        def accept(peer):
            # Empty: it was closed before.
            if peer.file.peek(1):
                serve(WebSocketServer(peer, reply, rest, **fields))

        run_plain = script(backend(accept), settings)
        return lambda code: run_plain(HELP + code)

    return start


def echo(server):
    """Echoes messages, answers a Close and then closes the connection."""
    while (message := server.read()) is not None:
        first, payload = message
        server.send(first & 0x0F, payload)
        if first & 0x0F == CLOSE:
            return


def test_messages_and_the_end(sockets):
    heads = queue.Queue()

    def serve(server):
        heads.put(server)
        echo(server)

    run = sockets(serve)
    assert run('''
      const socket = connect(url + '/chat?a=b');
      const before = [socket.readyState, socket.url === url + '/chat?a=b', socket.bufferedAmount, socket.protocol];
      try { socket.send('early'); } catch (error) { before.push(error.name); }
      await event(socket, 'open');
      before.push(socket.readyState);
      socket.send('');
      socket.send('héé€😀');
      socket.send('x'.repeat(126));
      socket.send(new Uint8Array(70000).subarray(1));
      socket.send(new Blob(['in a blob']));
      while (notes.length < 6) await event(socket, 'message');
      socket.close(4001, 'grüße');
      before.push(socket.readyState);
      await event(socket, 'close');
      socket.send('late');
      before.push(socket.readyState, socket.bufferedAmount);
      return [before, notes];
      ''')['value'] == [
          [0, True, 0, '', 'InvalidStateError', 1, 2, 3, 4],
          ['open', '', 'héé€😀', 'x' * 126, 69999, 9, 'close 4001 grüße true']]
    server = heads.get(timeout=TIMEOUT)
    assert (server.method, server.target) == ('GET', '/chat?a=b')
    names = dict(server.fields)
    assert names['sec-websocket-version'] == '13' and names['user-agent'].startswith('jsd/')
    assert set(names) == {'host', 'connection', 'upgrade', 'sec-websocket-version', 'sec-websocket-key', 'user-agent'}


def test_protocols_and_headers(sockets):
    seen = queue.Queue()

    def serve(server):
        seen.put(server.header('sec-websocket-protocol'))
        seen.put(server.header('authorization'))
        echo(server)

    run = sockets(serve, Sec_WebSocket_Protocol='two')
    code = "await event(socket, 'open'); const { protocol } = socket; socket.close(); await event(socket, 'close');" \
           " return protocol;"
    assert run("const socket = connect(url, ['one', 'two']);" + code)['value'] == 'two'
    assert (seen.get(timeout=TIMEOUT), seen.get(timeout=TIMEOUT)) == ('one, two', None)
    options = "{ protocols: 'two', headers: { Authorization: 'Bearer x' } }"
    assert run(f'const socket = connect(url, {options});' + code)['value'] == 'two'
    assert (seen.get(timeout=TIMEOUT), seen.get(timeout=TIMEOUT)) == ('two', 'Bearer x')
    for second in ["{ headers: { Connection: 'close' } }", "{ headers: { 'Sec-WebSocket-Key': 'x' } }"]:
        assert run(f'connect(url, {second})')['error'] == 'TypeError'


@pytest.mark.parametrize('fields, reply', [
    ({'Sec_WebSocket_Accept': 'wrong'}, None), ({'Sec_WebSocket_Accept': None}, None), ({'Upgrade': 'h2c'}, None),
    ({'Connection': 'keep-alive'}, None), ({'Sec_WebSocket_Protocol': 'unasked'}, None),
    ({'Sec_WebSocket_Extensions': 'permessage-deflate'}, None), ({}, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno'),
    ({}, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000\r\n\r\nx')])
def test_handshakes_that_fail(sockets, fields, reply):
    ended = queue.Queue()
    run = sockets(lambda server: ended.put(server.peer.at_end()), reply=reply, **fields)
    assert run('''const socket = connect(url); await event(socket, 'close'); return [notes, socket.readyState];''')[
        'value'] == [['error ERR_WEBSOCKET_HANDSHAKE', 'close 1006  false'], 3]
    assert ended.get(timeout=TIMEOUT)


def test_a_protocol_that_is_not_chosen(sockets):
    run = sockets(lambda server: server.peer.at_end())
    result = run("const socket = connect(url, ['a', 'b']); await event(socket, 'close'); return notes;")
    assert result['value'] == ['error ERR_WEBSOCKET_HANDSHAKE', 'close 1006  false']


def test_what_cannot_be_connected_to(script):
    run = script('http://unused', {'fetch.connect': '30s'})
    with socket.create_server(('127.0.0.1', 0)) as unused:
        port = unused.getsockname()[1]
    for url, code in [('ws://127.0.0.1:25/', 'ERR_BAD_PORT'), ('ws://name.invalid/', 'ENOTFOUND'),
                      (f'ws://127.0.0.1:{port}/', 'ECONNREFUSED')]:
        result = run(HELP + f"const socket = connect('{url}'); await event(socket, 'close'); return notes;")
        assert result['value'] == [f'error {code}', 'close 1006  false'], url
    assert run("new WebSocket('ws://elsewhere.example/')")['error'] == 'NotAllowedError'
    for arguments in ["'ftp://127.0.0.1/'", "'ws://127.0.0.1/#x'", "'/relative'", "'ws://127.0.0.1/', 'a b'",
                      "'ws://127.0.0.1/', ['a', 'A']", "'ws://127.0.0.1/', ''", "'ws://127.0.0.1/', [\"a,b\"]"]:
        assert run(f'new WebSocket({arguments})')['error'] == 'SyntaxError', arguments
    assert run("return new WebSocket('https://127.0.0.1:1/x').url")['value'] == 'wss://127.0.0.1:1/x'


def test_names_may_not_stand_for_private_addresses(script):
    # "localhost" may; another name for the same address may not, which only the look-up shows.
    run = script('http://unused', {'app.permissions.net': ['*']})
    result = run(HELP + "const socket = connect('ws://ip6-localhost:8009/'); await event(socket, 'close'); return notes;")
    assert result['value'][0] in ('error EACCES', 'error ENOTFOUND')


def test_closing_while_it_connects(sockets):
    ended = queue.Queue()
    run = sockets(lambda server: ended.put(server.peer.at_end()))
    assert run('''
      const socket = connect(url);
      socket.close();
      const state = socket.readyState;
      await event(socket, 'close');
      return [state, notes];''')['value'] == [2, ['error', 'close 1006  false']]


def test_the_server_closes(sockets):
    codes = queue.Queue()

    def serve(server):
        server.send_text('first')
        if server.target != '/none':
            server.close(4002, 'réason'.encode())
        else:
            server.send(CLOSE)
        codes.put(server.read_close())
        # The server ends the connection (RFC 6455 section 7.1.1).

    run = sockets(serve)
    code = "await event(socket, 'close'); return notes;"
    assert run("const socket = connect(url + '/');" + code)['value'] == ['open', 'first', 'close 4002 réason true']
    assert codes.get(timeout=TIMEOUT) == 4002
    assert run("const socket = connect(url + '/none');" + code)['value'] == ['open', 'first', 'close 1005  true']
    assert codes.get(timeout=TIMEOUT) is None


def test_frames_that_come_with_the_handshake(sockets):
    text = bytes([0x81, 5]) + b'quick'
    run = sockets(lambda server: (server.close(), server.peer.at_end()), rest=text + bytes([0x81, 3]) + b'two')
    assert run("const socket = connect(url); await event(socket, 'close'); return notes;")['value'] == [
        'open', 'quick', 'two', 'close 1000  true']


def test_pings_are_answered(sockets):
    def serve(server):
        server.send(PING, b'are you there')
        assert server.read() == (0x80 | PONG, b'are you there')
        server.send(PONG, b'unasked')
        server.send_text('good')
        echo(server)

    run = sockets(serve)
    assert run('''const socket = connect(url); await event(socket, 'message'); socket.close();
      await event(socket, 'close'); return notes;''')['value'] == ['open', 'good', 'close 1005  true']


@pytest.mark.parametrize('send, code', [
    (lambda server: server.peer.send(b'\x81\x81\0\0\0\0x'), 1002),  # Masked.
    (lambda server: server.send(3), 1002), (lambda server: server.send(TEXT, b'x', rsv=4), 1002),
    (lambda server: server.send(PING, b'x' * 126), 1002), (lambda server: server.send(PING, b'', fin=0), 1002),
    (lambda server: server.send(0, b'x'), 1002), (lambda server: server.close(1005), 1002),
    (lambda server: server.send(TEXT, b'\xff'), 1007), (lambda server: server.send(TEXT, b'x' * 2000), 1009)])
def test_servers_that_break_the_protocol(sockets, send, code):
    codes = queue.Queue()

    def serve(server):
        send(server)
        codes.put(server.read_close())

    run = sockets(serve, {'websocket.message': '1KiB', 'websocket.frame': '1KiB'})
    assert run("const socket = connect(url); await event(socket, 'close'); return notes;")['value'] == [
        'open', 'error', 'close 1006  false']
    assert codes.get(timeout=TIMEOUT) == code


def test_a_connection_that_breaks(sockets):
    def serve(server):
        server.send_text('last')
        if server.target == '/reset':
            server.peer.reset()

    run = sockets(serve)
    for path in ['/', '/reset']:
        notes = run(f"const socket = connect(url + '{path}'); await event(socket, 'close'); return notes;")['value']
        assert notes[0] == 'open' and notes[-2:] == ['error', 'close 1006  false'], notes


def test_a_server_that_does_not_close(sockets):
    def serve(server):
        if server.target == '/answers':
            server.close(server.read_close())
        server.peer.at_end()

    run = sockets(serve, {'websocket.close': '200ms'})
    code = "await event(socket, 'open'); socket.close(1000, 'x'); await event(socket, 'close'); return notes;"
    assert run("const socket = connect(url + '/silent');" + code)['value'] == ['open', 'close 1006  false']
    assert run("const socket = connect(url + '/answers');" + code)['value'] == ['open', 'close 1000  true']


def test_a_silent_server_is_asked_for_a_sign_of_life(sockets):
    pings = queue.Queue()

    def serve(server):
        pings.put(server.read())
        server.peer.at_end()

    run = sockets(serve, {'websocket.ping': '200ms'})
    assert run("const socket = connect(url); await event(socket, 'close'); return notes;")['value'] == [
        'open', 'error', 'close 1006  false']
    assert pings.get(timeout=TIMEOUT) == (0x80 | PING, b'')


def test_a_server_that_does_not_read(sockets):
    go = threading.Event()

    def serve(server):
        go.wait(TIMEOUT)
        echo(server)

    run = sockets(serve, {'fetch.queue': '1MiB'})
    try:
        assert run('''
          const socket = connect(url);
          await event(socket, 'open');
          const chunk = 'x'.repeat(65536);
          let buffered = 0;
          for (let i = 0; i < 1000 && socket.readyState === 1; i++) {
            socket.send(chunk);
            buffered = Math.max(buffered, socket.bufferedAmount);
            if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
          }
          if (socket.readyState !== 3) await event(socket, 'close');
          return [buffered > 500000, buffered < 3000000, notes];
          ''')['value'] == [True, True, ['open', 'error', 'close 1006  false']]
    finally:
        go.set()


def test_a_slow_script_slows_the_server_down(sockets):
    """A script that is busy is not sent more than fits the buffers, and then gets all of it in order."""
    def serve(server):
        for i in range(300):
            server.send(BINARY, struct.pack('>I', i) * 16384)
        server.close()
        server.read_close()

    run = sockets(serve)
    assert run('''
      const socket = new WebSocket(url);
      socket.binaryType = 'arraybuffer';
      let next = 0;
      let wrong = 0;
      socket.onmessage = ({ data }) => {
        const view = new DataView(data);
        if (view.getUint32(0) !== next || view.getUint32(data.byteLength - 4) !== next) wrong++;
        next++;
      };
      await event(socket, 'close');
      return [next, wrong];''')['value'] == [300, 0]


def test_blobs(sockets):
    run = sockets(echo)
    assert run('''
      const socket = new WebSocket(url);
      await event(socket, 'open');
      socket.send(new Uint8Array([1, 2, 3]));
      const { data, origin } = await event(socket, 'message');
      socket.close();
      await event(socket, 'close');
      return [socket.binaryType, data instanceof Blob, [...new Uint8Array(await data.arrayBuffer())], origin === url];
      ''')['value'] == ['blob', True, [1, 2, 3], True]


def deflated(data, window=-15):
    compressor = zlib.compressobj(wbits=window)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize('mode, answer', [
    ('message', 'permessage-deflate; server_no_context_takeover'),
    ('connection', 'permessage-deflate; client_max_window_bits=10; client_no_context_takeover'),
    ('connection', 'permessage-deflate; server_max_window_bits=9')])
def test_compression(sockets, mode, answer):
    offers = queue.Queue()

    def serve(server):
        offers.put(server.header('sec-websocket-extensions'))
        first, payload = server.read()
        assert first == 0xC0 | TEXT
        text = zlib.decompressobj(wbits=-15).decompress(payload + b'\0\0\xff\xff')
        assert text == b'abc' * 1000 and len(payload) < 100
        server.send(TEXT, deflated(text, -9), rsv=4)
        echo(server)

    run = sockets(serve, {'websocket.compression': mode}, Sec_WebSocket_Extensions=answer)
    assert run('''const socket = connect(url); await event(socket, 'open'); socket.send('abc'.repeat(1000));
      const { data } = await event(socket, 'message'); socket.close(); await event(socket, 'close');
      return [data === 'abc'.repeat(1000), socket.extensions];''')['value'] == [True, answer]
    assert offers.get(timeout=TIMEOUT).startswith('permessage-deflate')


@pytest.mark.parametrize('mode, answer', [
    ('message', 'permessage-deflate'),  # It would go on with the context of what it has sent before.
    ('message', 'permessage-deflate; server_no_context_takeover; client_max_window_bits=16'),
    ('connection', 'permessage-deflate; client_max_window_bits'), ('connection', 'x-webkit-deflate-frame'),
    ('connection', 'permessage-deflate; client_max_window_bits=8'), ('connection', 'permessage-deflate; what=1'),
    ('connection', 'permessage-deflate, permessage-deflate'), ('connection', ';')])
def test_answers_that_nobody_offered(sockets, mode, answer):
    run = sockets(lambda server: server.peer.at_end(), {'websocket.compression': mode}, Sec_WebSocket_Extensions=answer)
    assert run("const socket = connect(url); await event(socket, 'close'); return notes;")['value'][0] == (
        'error ERR_WEBSOCKET_HANDSHAKE')


def test_a_bomb_is_too_big(sockets):
    codes = queue.Queue()

    def serve(server):
        server.send(BINARY, deflated(bytes(50_000_000)), rsv=4)
        codes.put(server.read_close())

    run = sockets(serve, {'websocket.compression': 'connection'}, Sec_WebSocket_Extensions='permessage-deflate')
    assert run("const socket = connect(url); await event(socket, 'close'); return notes;")['value'][-1] == (
        'close 1006  false')
    assert codes.get(timeout=TIMEOUT) == 1009


def test_wss(backend, script, tmp_path):
    authority = Authority(tmp_path)
    server = backend(lambda peer: echo(WebSocketServer(peer)),
                     tls=server_context(authority.issue('localhost', 'DNS:localhost')))
    code = HELP + '''
      const socket = connect('wss://localhost:%d/');
      socket.addEventListener('open', () => { socket.send('x'.repeat(300000)); socket.send('b'); });
      socket.addEventListener('message', ({ data }) => { if (data === 'b') socket.close(); });
      await event(socket, 'close');
      return notes.map((note) => note.length > 100 ? note.length : note);''' % server.port
    run = script('http://unused', {'fetch.authorities': [str(authority.certificate)],
                                   'websocket.message': '1MiB', 'websocket.frame': '1MiB'})
    assert run(code)['value'] == ['open', 300000, 'b', 'close 1005  true']
    stranger = script('http://unused')
    assert stranger(code)['value'] == ['error UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'close 1006  false']


def test_unix_sockets(backend, script, tmp_path):
    path = tmp_path / 'service.sock'
    backend(lambda peer: echo(WebSocketServer(peer)), path=path)
    run = script('http://unused', {'fetch.unix': {'service': str(path)}, 'app.permissions.net': ['service']})
    assert run(HELP + '''const socket = connect('ws://service/'); await event(socket, 'open'); socket.send('x');
      await event(socket, 'message'); socket.close(); await event(socket, 'close'); return notes;''')['value'] == [
          'open', 'x', 'close 1005  true']


def test_a_proxy_makes_a_tunnel(backend, script):
    heads = queue.Queue()

    def serve(peer):
        heads.put(peer.read_head())
        peer.send('HTTP/1.1 200 OK\r\n\r\n')
        echo(WebSocketServer(peer))

    run = script('http://unused', {'fetch.proxy': backend(serve).url, 'app.permissions.net': ['service.invalid']})
    assert run(HELP + '''const socket = connect('ws://service.invalid/x'); await event(socket, 'open'); socket.send('y');
      await event(socket, 'message'); socket.close(); await event(socket, 'close'); return notes;''')['value'] == [
          'open', 'y', 'close 1005  true']
    assert heads.get(timeout=TIMEOUT)[:2] == ('CONNECT', 'service.invalid:80')


def test_jsd_to_jsd(jsd, script):
    server = jsd('''export default { fetch(request) {
      const { socket, response } = jsd.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => data === 'end' ? socket.close(4321, 'over') : socket.send(data);
      return response;
    } };''', {'websocket.compression': 'connection'})
    run = script(server.url, {'websocket.compression': 'connection'})
    result = run(HELP + '''
      const sockets = Array.from({ length: 20 }, () => connect(url));
      await Promise.all(sockets.map(async (socket, number) => {
        await event(socket, 'open');
        for (let i = 0; i < 50; i++) {
          const text = `${number} ${i} `.repeat(i * 5 + 1);
          socket.send(text);
          const { data } = await event(socket, 'message');
          if (data !== text) throw new Error(`${number} got ${data}`);
        }
        socket.send('end');
        const { code, reason, wasClean } = await event(socket, 'close');
        if (code !== 4321 || reason !== 'over' || !wasClean) throw new Error(`${code} ${reason}`);
      }));
      return [notes.length, sockets[0].extensions];''')
    assert result.get('value') == [20 * 52, 'permessage-deflate'], result


def test_a_drain_does_not_wait_for_them(sockets, backend, script):
    codes = queue.Queue()

    def serve(server):
        codes.put(server.read_close())

    run = script(backend(lambda peer: serve(WebSocketServer(peer))), {'server.drain': '60s'})
    assert run(HELP + "const socket = connect(url); await event(socket, 'open'); globalThis.kept = socket; return 1")['value']
    run.server.send_signal()
    assert run.server.wait() == 0
    assert codes.get(timeout=TIMEOUT) == 1001


@pytest.mark.parametrize('mode', ['off', 'message', 'connection'])
@pytest.mark.parametrize('deflate', ['false', 'true', '{ threshold: 0, serverNoContextTakeover: true }',
                                     '{ threshold: 0, serverMaxWindowBits: 10, clientMaxWindowBits: 10 }'])
def test_against_npm_ws(script, modules, mode, deflate):  # noqa: F811 pylint: disable=redefined-outer-name
    process = subprocess.Popen(['node', FOLDER / 'server.mjs', deflate], cwd=modules, stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline())
        run = script(f'http://127.0.0.1:{port}', {'websocket.compression': mode})
        result = run(HELP + '''
          const messages = ['', 'a', 'héé€😀', 'x'.repeat(126), 'y'.repeat(70000), new Uint8Array(0),
            new Uint8Array([0, 255]), new Uint8Array(200000).fill(7)];
          const socket = connect(url, ['first', 'second']);
          await event(socket, 'open');
          for (const message of messages) socket.send(message);
          let same = 0;
          for (const message of messages) {
            const data = await new Promise((resolve) => { queue.length ? resolve(queue.shift()) : waiting.push(resolve); });
            if (typeof message === 'string' ? data === message :
              new Uint8Array(data).every((byte, i) => byte === message[i]) && data.byteLength === message.length) same++;
          }
          socket.close(4000, 'bye');
          const { code, reason, wasClean } = await event(socket, 'close');
          return [same, socket.protocol, code, reason, wasClean, socket.extensions];'''.replace(
              'await event(socket, \'open\');', '''const queue = [], waiting = [];
          socket.onmessage = ({ data }) => { waiting.length ? waiting.shift()(data) : queue.push(data); };
          await event(socket, 'open');'''))
        value = result.get('value')
        assert value and value[:5] == [8, 'first', 4000, 'bye', True], result
        assert value[5].startswith('permessage-deflate') == (mode != 'off' and deflate != 'false')
    finally:
        process.kill()
        process.wait()


def test_masks_differ(sockets):
    masks = queue.Queue()

    def serve(server):
        for _ in range(8):
            head = server.peer.file.read(2)
            masks.put(server.peer.file.read(4))
            server.peer.file.read(head[1] & 0x7F)
        server.peer.close()

    run = sockets(serve)
    run("const socket = connect(url); await event(socket, 'open'); for (let i = 0; i < 8; i++) socket.send('same');"
        " await event(socket, 'close');")
    assert len({masks.get(timeout=TIMEOUT) for _ in range(8)}) > 6
