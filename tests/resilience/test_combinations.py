"""Code that runs away while something else happens: a reload, an upgrade, a drain; in callbacks of every kind."""

import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from certificates import Authority
from http_client import TIMEOUT, wait_for
from server import BINARY
from websocket_client import CLOSE, WebSocketClient, frame

APP = '''
const forever = () => { for (;;); };
const beyond = () => Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);
const bomb = () => { for (const kept = [];;) kept.push({ text: 'x' + kept.length }); };
const acts = { forever, beyond, bomb };
const encoder = new TextEncoder();

export default { async fetch(request, env, ctx) {
  const { pathname, searchParams } = new URL(request.url);
  const act = acts[searchParams.get('act')];
  switch (pathname) {
    case '/now': act(); break;
    case '/slow': console.log('begun'); await new Promise((done) => setTimeout(done, 800)); return new Response('slow');
    case '/socket': {
      const { socket, response } = jsd.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => { if (data in acts) acts[data](); socket.send(data); };
      socket.onclose = ({ code }) => { console.log(`closed ${code}`); if (act) act(); };
      return response;
    }
    case '/pull': return new Response(new ReadableStream({ pull(controller) {
      if (this.pulled) act();
      this.pulled = true;
      controller.enqueue(encoder.encode('begun'));
    } }, { highWaterMark: 0 }));
    case '/cancel': return new Response(new ReadableStream({
      start(controller) { controller.enqueue(encoder.encode('begun')); }, cancel() { console.log('cancelled'); act(); } }));
    case '/transform': return new Response(request.body.pipeThrough(new TransformStream({ transform() { act(); } })));
    case '/background': ctx.waitUntil(new Promise((done) => setTimeout(() => { act(); done(); }, 20))); return new Response('later');
    case '/abort': request.signal.addEventListener('abort', () => { console.log('aborted'); act(); });
      await new Promise(() => {}); break;
  }
  return new Response('fine');
} };
'''
SETTINGS = {'limits.slice': '200ms', 'limits.heap': '32MiB', 'limits.request': '1h', 'server.drain': '10s'}
ENDED = r'limits\.slice|limits\.heap|cannot be ended'
ACTS = ['forever', 'bomb', 'beyond']


@pytest.fixture
def serve(jsd):
    def start(settings=None, workers=2, **options):
        server = jsd(APP, {**SETTINGS, **(settings or {})}, workers=workers, **options)
        server.expect(f'{ENDED}|requests were cut')
        return server

    return start


def still_serves(server, address=None):
    """Once what falls with the isolate has fallen."""
    wait_for(lambda: server.get('/').status == 200, 'an answer', 60)
    for _ in range(20):
        with server.connect(address) as client:
            client.socket.settimeout(60)
            assert client.get('/').text == 'fine'


def ended(server, count=1):
    wait_for(lambda: len(re.findall(f'error .*({ENDED})', server.log())) >= count, 'the end of what ran away', 60)


def read_all(connection):
    """Until the end of the connection, in order or not."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass


@pytest.mark.parametrize('act', ACTS)
def test_in_a_callback_of_a_websocket(serve, act):
    """The others of its isolate live on where that does."""
    server = serve(workers=1)
    with WebSocketClient(server.address, '/socket') as client, WebSocketClient(server.address, '/socket') as other:
        other.send_text('a')
        assert other.read_text() == 'a'
        client.send_text(act)
        client.socket.settimeout(60)
        ended(server)
        if act == 'forever':
            # An error of the script, to this one.
            first, payload = client.read()
            assert first == 0x80 | CLOSE and payload[:2] == b'\x03\xf3'
            other.send_text('b')
            assert other.read_text() == 'b'
            for each in (client, other):
                each.send(frame(CLOSE, b'\x03\xe8'))
                read_all(each.socket)
        else:
            read_all(client.socket)
            other.socket.settimeout(60)
            read_all(other.socket)
    still_serves(server)
    assert server.stop() == 0


@pytest.mark.parametrize('act', ACTS)
def test_when_a_websocket_closes(serve, act):
    server = serve(workers=1)
    with WebSocketClient(server.address, f'/socket?act={act}') as client:
        client.send_text('a')
        assert client.read_text() == 'a'
        client.send(frame(CLOSE, b'\x03\xe8'))
        client.socket.settimeout(60)
        read_all(client.socket)
    ended(server)
    still_serves(server)
    assert server.stop() == 0


@pytest.mark.parametrize('act', ACTS)
@pytest.mark.parametrize('where', ['pull', 'cancel', 'abort', 'background', 'transform'])
def test_in_a_callback_of_a_request(serve, where, act):
    server = serve()
    with server.connect() as client:
        client.socket.settimeout(60)
        if where == 'transform':
            client.send_request('POST', '/transform?act=' + act, body=b'x' * 1000)
            read_all(client.socket)
        elif where == 'background':
            assert client.get('/background?act=' + act).text == 'later'
        else:
            client.send_request(target=f'/{where}?act={act}')
            if where == 'abort':
                time.sleep(0.3)
            else:
                assert client.receive_some().startswith(b'HTTP/1.1 200')
            if where == 'pull':
                read_all(client.socket)
    ended(server)
    still_serves(server)
    assert server.stop() == 0


@pytest.mark.parametrize('act', ACTS)
def test_during_a_reload(serve, act):
    """It is done, whatever the old script is at; the new one serves."""
    server = serve()
    with server.connect() as client, server.connect() as slow:
        client.socket.settimeout(60)
        slow.socket.settimeout(60)
        slow.send_request(target='/slow')
        server.wait_for_log('begun')
        (server.folder / 'app.mjs').write_text(APP.replace("'fine'", "'new'"))
        client.send_request(target='/now?act=' + act)
        server.send_signal(signal.SIGHUP)
        assert client.read_response().status == 503
        assert slow.read_response().status in (200, 503)
    wait_for(lambda: ' reloaded' in server.log(), 'the reload', 60)
    for _ in range(20):
        assert server.get('/').text == 'new'
    assert server.stop() == 0


@pytest.mark.parametrize('act', ACTS)
def test_ten_reloads_under_what_runs_away(serve, act):
    server = serve(workers=2)
    stop, problems = threading.Event(), []

    def misbehave():
        for _ in range(4 if act == 'beyond' else 1000):
            if stop.is_set():
                break
            try:
                with server.connect() as client:
                    client.socket.settimeout(60)
                    status = client.get('/now?act=' + act).status
                    if status != 503:
                        problems.append(status)
            except (OSError, AssertionError) as error:
                problems.append(repr(error))

    thread = threading.Thread(target=misbehave)
    thread.start()
    try:
        for number in range(10):
            (server.folder / 'app.mjs').write_text(APP.replace("'fine'", f"'fine {number}'"))
            before = server.log().count(' reloaded')
            server.send_signal(signal.SIGHUP)
            wait_for(lambda: server.log().count(' reloaded') > before, 'the reload', 60)
            with server.connect() as client:
                client.socket.settimeout(60)
                reply = client.get('/')
                # One that came to the bomb's isolate falls with it.
                assert reply.text == f'fine {number}' or (act != 'forever' and reply.status == 503), reply
    finally:
        stop.set()
        thread.join()
    assert not problems, problems[:5]
    assert server.stop() == 0


@pytest.mark.parametrize('act', ACTS)
def test_while_the_server_stops(serve, act):
    """What is in flight elsewhere is answered all the same."""
    server = serve(workers=2)
    with server.connect() as one, server.connect() as other, server.connect() as bad:
        for client in (one, other):
            client.socket.settimeout(60)
            client.send_request(target='/slow')
        wait_for(lambda: server.log().count('begun') == 2, 'both requests')
        bad.socket.settimeout(60)
        bad.send_request(target='/now?act=' + act)
        server.send_signal()
        assert bad.read_response().status == 503
        replies = [client.read_response().status for client in (one, other)]
        # One of them shares the worker.
        assert 200 in replies and set(replies) <= {200, 503}
        if act == 'forever':
            assert replies == [200, 200]
    # A lost worker's requests are cut, as those are that server.drain is too short for.
    assert server.wait(60) == (1 if act == 'beyond' else 0)


@pytest.mark.parametrize('act', ACTS)
def test_while_another_process_takes_over(serve, tmp_path, act):
    server = serve({'server.pid_file': str(tmp_path / 'jsd.pid')})
    with server.connect() as bad, server.connect() as slow:
        slow.send_request(target='/slow')
        server.wait_for_log('begun')
        bad.socket.settimeout(60)
        bad.send_request(target='/now?act=' + act)
        upgrade = subprocess.run([BINARY, 'upgrade', '--config', server.folder / 'server.toml'], capture_output=True,
                                 text=True, timeout=90)
        assert (upgrade.returncode, upgrade.stderr) == (0, '')
        assert bad.read_response().status == 503
        slow.socket.settimeout(60)
        assert slow.read_response().status in (200, 503)
    try:
        assert server.wait(60) in ((0, 1) if act == 'beyond' else (0,))
        still_serves(server)
    finally:
        successor = int((tmp_path / 'jsd.pid').read_text())
        os.kill(successor, signal.SIGTERM)
        wait_for(lambda: not pathlib.Path(f'/proc/{successor}/exe').exists(), 'the successor to end')


def test_a_lost_worker_closes_its_websockets(serve):
    server = serve(workers=1)
    with WebSocketClient(server.address, '/socket') as one, WebSocketClient(server.address, '/socket') as other:
        other.send_text('a')
        assert other.read_text() == 'a'
        one.send_text('beyond')
        for client in (one, other):
            client.socket.settimeout(60)
            read_all(client.socket)
    still_serves(server)
    with WebSocketClient(server.address, '/socket') as client:
        client.send_text('a')
        assert client.read_text() == 'a'
    assert server.stop() == 0


def test_a_lost_worker_of_a_unix_socket(serve, tmp_path):
    path = tmp_path / 'jsd.sock'
    server = serve(workers=1, listen=['127.0.0.1:0', f'unix:{path}'])
    with server.connect(f'unix:{path}') as bad, server.connect(f'unix:{path}') as slow:
        slow.send_request(target='/slow')
        server.wait_for_log('begun')
        bad.socket.settimeout(60)
        slow.socket.settimeout(60)
        bad.send_request(target='/now?act=beyond')
        assert bad.read_response().status == 503
        assert slow.read_response().status in (200, 503)
    still_serves(server, f'unix:{path}')
    assert server.stop() == 0


@pytest.mark.parametrize('act', ACTS)
def test_over_tls_on_threads_of_its_own(jsd, write, tmp_path, act):
    authority = Authority(tmp_path)
    certificate, key = authority.issue('localhost', 'DNS:localhost')
    apps = [{'name': 'quiet', 'script': str(write('quiet.mjs', "export default { fetch: () => new Response('fine') };"))},
            {'name': 'own', 'script': str(write('own.mjs', APP.replace('{ pathname, searchParams } = new URL(request.url)',
                                                                       '{ pathname, searchParams } = new URL(request.url.replace("/own", ""))'))),
             'path': '/own', 'workers': 1, 'limits': {'slice': '200ms', 'heap': '32MiB'}}]
    server = jsd(None, {'app': apps, 'server.tls': [
        {'listen': ['127.0.0.1:0'], 'certificate': str(certificate), 'key': str(key)}]}, listeners=2)
    server.expect(ENDED)
    context = ssl.create_default_context(cafile=authority.certificate)
    host, port = server.addresses[1].rsplit(':', 1)

    def connect():
        return context.wrap_socket(socket.create_connection((host, int(port)), 60), server_hostname='localhost')

    def ask(connection, target):
        connection.sendall(f'GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        return connection.recv(65536)

    with connect() as bad, connect() as kept:
        assert ask(kept, '/').startswith(b'HTTP/1.1 200 ')
        assert ask(bad, '/own/').startswith(b'HTTP/1.1 200 ')
        bad.sendall(f'GET /own/now?act={act} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        for _ in range(20):
            assert ask(kept, '/').startswith(b'HTTP/1.1 200 ')
        assert bad.recv(65536).startswith(b'HTTP/1.1 503 ')
    for _ in range(5):
        with connect() as client:
            assert ask(client, '/own/').startswith(b'HTTP/1.1 200 ')
    assert server.stop() == 0


def test_nothing_is_lost_when_too_many_workers_are(serve):
    """The process ends in order; what comes meanwhile waits for the next one."""
    server = serve({'server.supervise': True, 'limits.slice': '200ms'}, workers=4)
    server.expect('too many workers are lost', 'starting it again by="exit status 75"')
    stop, statuses, problems = threading.Event(), [], []

    def ask():
        while not stop.is_set():
            try:
                with server.connect() as client:
                    client.socket.settimeout(60)
                    statuses.append(client.get('/').status)
            except (OSError, AssertionError) as error:
                problems.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for thread in clients:
        thread.start()
    try:
        for _ in range(8):
            with server.connect() as client:
                client.socket.settimeout(60)
                assert client.get('/now?act=beyond').status == 503
        wait_for(lambda: server.log().count('jsd is ready') == 2, 'the next server', 60)
    finally:
        stop.set()
        for thread in clients:
            thread.join()
    assert not problems, problems[:5]
    assert len(statuses) > 8 and set(statuses) <= {200, 503}
    server.descriptors_at_start = server.descriptors()
    still_serves(server)
    assert server.stop() == 0
