"""Apps beside each other: what one does with its threads does not reach the other's, and no request is lost between."""

import json
import os
import select
import signal
import ssl
import statistics
import struct
import threading
import time

import pytest

from certificates import Authority
from http_client import wait_for
from websocket_client import CLOSE, TEXT, WebSocketClient, frame, handshake

HOSTILE = '''let served = 0;
export default { async fetch(request, env, ctx) {
  const { pathname } = new URL(request.url);
  if (pathname.endsWith('/loop')) for (;;);
  if (pathname.endsWith('/stuck')) Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);
  if (pathname.endsWith('/bomb')) for (const kept = [];;) kept.push({ text: 'x' + kept.length });
  if (pathname.endsWith('/slow')) await new Promise((resolve) => setTimeout(resolve, 500));
  if (pathname.endsWith('/socket')) {
    const { socket, response } = jsd.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(`own ${data}`);
    return response;
  }
  return Response.json(['own', ++served, request.method, request.url, await request.text(), ctx.remoteAddress]);
} };'''
QUIET = '''let served = 0;
export default { async fetch(request) {
  return Response.json(['shared', ++served, request.method, request.url, await request.text()]);
} };'''


@pytest.fixture
def two(jsd, write):
    """two(settings) is a server with a quiet app, and one with workers of its own below /own."""

    def start(settings=None, workers=1, own=1, limits=None, **options):
        apps = [{'name': 'quiet', 'script': str(write('quiet.mjs', QUIET))},
                {'name': 'own', 'script': str(write('own.mjs', HOSTILE)), 'path': '/own', 'workers': own,
                 'limits': {'slice': '3s', **(limits or {})}}]
        return jsd(None, {'app': apps, **(settings or {})}, workers=workers, **options)

    return start


def has_reply(connection):
    return bool(select.select([connection.socket], [], [], 0)[0])


def test_a_connection_goes_where_the_app_of_its_request_runs(two):
    server = two()
    with server.connect() as client:
        for i in range(1, 4):
            assert json.loads(client.get('/').text)[:2] == ['shared', i]
            # It stays there for further ones.
            for j in range(3):
                assert json.loads(client.get('/own/x?y').text)[:2] == ['own', 3 * i - 2 + j]
    with server.connect() as client:
        body = b'b' * 1_000_000
        for path, app in (('/own', 'own'), ('/', 'shared'), ('/own', 'own')):
            reply = json.loads(client.request('POST', path, body=body).text)
            assert (reply[0], reply[2], len(reply[4])) == (app, 'POST', len(body))


def test_bytes_come_to_the_app_as_they_were_sent(two):
    server = two()
    requests = {
        b'GET http://a.example?query HTTP/1.1\r\nHost: b\r\n\r\n': ('shared', 'http://a.example/?query', ''),
        b'GET http://a.example/own?query HTTP/1.1\r\nHost: b\r\n\r\n': ('own', 'http://a.example/own?query', ''),
        b'\r\nPOST /own HTTP/1.2\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n': ('own', 'http://a/own', 'abcde'),
        b'POST /own HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc': ('own', 'http://a/own', 'abc'),
    }
    for request, (app, url, body) in requests.items():
        for step in (len(request), 1, 9):
            with server.connect() as client:
                for at in range(0, len(request), step):
                    client.send(request[at:at + step])
                reply = json.loads(client.read_response().text)
                assert (reply[0], reply[3], reply[4]) == (app, url, body)
    with server.connect() as client:
        client.send(b'POST /own HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n')
        assert client.socket.recv(100).startswith(b'HTTP/1.1 100 ')
        client.send(b'abc')
        assert json.loads(client.read_response().text)[4] == 'abc'


def test_a_pipeline_of_both_is_answered_in_order(two):
    server = two(own=2)
    with server.connect() as client:
        paths = ['/', '/own', '/own/slow', '/', '/', '/own', '/']
        client.send(b''.join(f'GET {path} HTTP/1.1\r\nHost: a\r\n\r\n'.encode() for path in paths))
        for path in paths:
            assert json.loads(client.read_response().text)[3] == f'http://a{path}'
        assert client.get('/').status == 200


def test_tls_goes_along(two, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue('localhost', 'DNS:localhost')
    server = two({'server.tls': [{'listen': ['127.0.0.1:0'], 'certificate': str(certificate), 'key': str(key)}],
                  'proxy.trusted': ['127.0.0.1'], 'proxy.protocol': True}, listeners=2)
    with server.connect(server.addresses[1]) as client:
        client.send(b'PROXY TCP4 192.0.2.7 10.0.0.1 4567 80\r\n')
        context = ssl.create_default_context(cafile=authority.certificate)
        client.socket = context.wrap_socket(client.socket, server_hostname='localhost')
        assert json.loads(client.get('/').text)[0] == 'shared'
        for _ in range(3):
            assert json.loads(client.get('/own').text)[5] == '192.0.2.7'
            assert json.loads(client.get('/').text)[0] == 'shared'


def close_frame(code):
    return frame(CLOSE, struct.pack('>H', code))


def test_websockets_live_on_the_apps_own_threads(two):
    server = two(own=2)
    server.expect(r'limits\.slice')
    sockets = [WebSocketClient(server.address, '/own/socket') for _ in range(20)]
    for i, client in enumerate(sockets):
        client.send_text(f'first {i}')
    for i, client in enumerate(sockets):
        assert client.read_text() == f'own first {i}'
    # Requests before it went to both kinds of threads, and frames come with the handshake.
    with server.connect() as connection:
        for path, app in (('/', 'shared'), ('/own', 'own'), ('/', 'shared')):
            assert json.loads(connection.get(path).text)[0] == app
        connection.send(handshake('/own/socket') + frame(TEXT, b'early'))
        assert connection.read_response().status == 101
        assert connection.receive_some() == b'\x81\x09own early'
        connection.send(close_frame(1000))
        connection.read_rest()
    # What runs away on one of the threads keeps those of the other one and of the shared ones not waiting.
    with server.connect() as looping:
        looping.send_request(target='/own/loop')
        for i, client in enumerate(sockets):
            client.send_text(f'second {i}')
        for _ in range(20):
            assert server.get('/').status == 200
        assert not has_reply(looping)
        assert looping.read_response().status == 503
    for i, client in enumerate(sockets):
        assert client.read_text() == f'own second {i}'
        client.send(close_frame(1000))
        assert client.read_close() == 1000
        client.close()


def test_websockets_on_own_threads_are_drained(two):
    server = two(own=2)
    sockets = [WebSocketClient(server.address, '/own/socket') for _ in range(10)]
    for client in sockets:
        client.send_text('a')
        assert client.read_text() == 'own a'
    with server.connect() as slow:
        slow.send_request(target='/own/slow')
        wait_for(lambda: server.get('/').status == 200, 'an answer')
        server.send_signal()
        for client in sockets:
            first, payload = client.read()
            assert first == 0x80 | CLOSE and payload[:2] == struct.pack('>H', 1001)
        assert server.process.poll() is None
        for client in sockets:
            client.send(close_frame(1001))
            assert client.read() is None
            client.close()
        assert slow.read_response().status == 200
    assert server.wait() == 0


def test_websockets_on_own_threads_and_a_reload(two, write):
    """They stay with their script for `server.drain`, while new ones go to the new script."""
    server = two({'server.drain': '1s'}, own=2)
    server.expect('server.drain has passed')
    with WebSocketClient(server.address, '/own/socket') as old:
        old.send_text('a')
        assert old.read_text() == 'own a'
        write('own.mjs', HOSTILE.replace('`own ${data}`', '`new ${data}`'))
        server.send_signal(signal.SIGHUP)
        server.wait_for_log('reloaded')
        with WebSocketClient(server.address, '/own/socket') as new:
            new.send_text('b')
            assert new.read_text() == 'new b'
            first, payload = old.read()
            assert first == 0x80 | CLOSE and payload[:2] == struct.pack('>H', 1001)
            old.send(close_frame(1001))
            assert old.read() is None
            new.send_text('c')
            assert new.read_text() == 'new c'
            new.send(close_frame(1000))
            assert new.read_close() == 1000


def test_a_lost_worker_of_an_app_closes_its_websockets(two):
    server = two(limits={'slice': '200ms'})
    server.expect('app=own the script cannot be ended')
    with WebSocketClient(server.address, '/own/socket') as client, server.connect() as kept:
        client.send_text('a')
        assert client.read_text() == 'own a'
        assert kept.get('/').status == 200
        assert server.get('/own/stuck').status == 503
        first, payload = client.read()
        assert first == 0x80 | CLOSE and payload[:2] == struct.pack('>H', 1001)
        assert client.read() is None
        assert kept.get('/').status == 200
    with WebSocketClient(server.address, '/own/socket') as client:
        client.send_text('b')
        assert client.read_text() == 'own b'
        client.send(close_frame(1000))
        assert client.read_close() == 1000
    assert server.stop() == 0


def test_a_script_that_keeps_its_own_threads_keeps_nobody_else_waiting(two):
    server = two(own=1)
    server.expect(r'limits\.slice')
    kept = server.connect()
    assert kept.get('/').status == 200
    with server.connect() as looping, server.connect() as behind:
        looping.send_request(target='/own/loop')
        behind.send_request(target='/own')
        for _ in range(50):
            assert json.loads(kept.get('/').text)[0] == 'shared'
            assert json.loads(server.get('/').text)[0] == 'shared'
        # All of that within one slice of the other.
        assert not has_reply(looping) and not has_reply(behind)
        assert looping.read_response().status == 503
        assert json.loads(behind.read_response().text)[0] == 'own'


def test_a_lost_worker_of_an_app_is_replaced_by_one_of_its_own(two):
    server = two(limits={'slice': '200ms'})
    server.expect('app=own the script cannot be ended')
    assert server.get('/own/stuck').status == 503
    for _ in range(10):
        assert json.loads(server.get('/own').text)[0] == 'own'
        assert json.loads(server.get('/').text)[0] == 'shared'
    assert server.stop() == 0


def test_a_heap_bomb_costs_its_own_app_alone(two):
    server = two(limits={'heap': '32MiB', 'slice': '30s'})
    server.expect(r'app=own .*limits\.heap')
    with server.connect() as bomb, server.connect() as kept:
        assert kept.get('/').status == 200
        bomb.send_request(target='/own/bomb')
        for _ in range(50):
            assert kept.get('/').status == 200
        bomb.socket.settimeout(60)
        assert bomb.read_response().status == 503
    wait_for(lambda: server.get('/own').status == 200, 'a fresh isolate')


def test_a_reload_reaches_the_apps_own_workers(two, write):
    server = two(own=2)
    clients = [server.connect() for _ in range(4)]
    for client in clients:
        assert json.loads(client.get('/own').text)[0] == 'own'
    write('own.mjs', HOSTILE.replace("'own', ++served", "'new', ++served"))
    server.send_signal(signal.SIGHUP)
    server.wait_for_log('reloaded')
    for client in clients:
        wait_for(lambda: json.loads(client.get('/own').text)[0] == 'new', 'the new script')
    config = server.folder / 'server.toml'
    config.write_text(config.read_text().replace('workers = 2', 'workers = 3'))
    server.expect('app.workers has changed, which needs a restart')
    server.send_signal(signal.SIGHUP)
    server.wait_for_log('needs a restart')
    assert json.loads(clients[0].get('/own').text)[0] == 'new'


def test_no_request_is_lost_when_the_server_stops(two):
    server = two(own=2)
    clients = [server.connect() for _ in range(50)]
    for client in clients:
        client.send_request(target='/own/slow')
    server.send_signal()
    for client in clients:
        assert json.loads(client.read_response().text)[0] == 'own'
    assert server.wait() == 0


def test_every_app_may_have_its_own(jsd, write):
    apps = [{'name': name, 'script': str(write(f'{name}.mjs', f"export default {{ fetch() {{ return new Response('{name}'); }} }};")),
             'path': f'/{name}', 'workers': 1} for name in ('a', 'b')]
    server = jsd(None, {'app': apps})
    with server.connect() as client:
        for name in ('a', 'b', 'b', 'a'):
            assert client.get(f'/{name}').text == name
        assert client.get('/c').status == 404
        assert client.get('/a').text == 'a'


def test_while_a_worker_is_stuck_new_connections_go_to_others_and_none_is_lost(hostile):
    """Those that live on the stuck worker wait for it."""
    server = hostile('runaway.mjs', {'limits.slice': '4s'}, workers=2)
    server.expect(r'limits\.slice')
    kept = [server.connect() for _ in range(8)]
    for client in kept:
        assert client.get('/').status == 200
    with server.connect() as looping:
        looping.send_request(target='/loop')
        done = []

        def others():
            for _ in range(40):
                done.append(server.get('/').status)

        thread = threading.Thread(target=others)
        thread.start()
        thread.join()
        assert done == [200] * 40 and not has_reply(looping)
        for client in kept:
            client.send_request(target='/')
        assert looping.read_response().status == 503
        assert [client.read_response().status for client in kept] == [200] * 8


def p99(connection, blocks=3, count=1000):
    """Seconds: the median of what each of some blocks of requests has, so that a moment of the machine's does not
    decide."""
    found = []
    for _ in range(blocks):
        taken = []
        for _ in range(count):
            start = time.perf_counter()
            assert connection.get('/').status == 200
            taken.append(time.perf_counter() - start)
        found.append(sorted(taken)[int(count * 0.99)])
    return statistics.median(found)


@pytest.mark.skipif(not os.environ.get('JSD_LONG'), reason='a measurement: only with script/test --long')
@pytest.mark.parametrize('what', ['loop', 'bomb', 'stuck', 'reload'])
def test_the_latency_beside_a_hostile_app(two, what):
    """Of a quiet app on a connection that is kept: at most three times what it is alone, while the other misbehaves without
    end. Both in turn, and the middle one of what comes out; for a machine that has nothing else to do."""
    server = two(limits={'slice': '300ms', 'heap': '64MiB'})
    if what != 'reload':
        server.expect('app=own')

    def misbehave(over):
        while not over.is_set():
            if what == 'reload':
                server.send_signal(signal.SIGHUP)
                time.sleep(0.3)
                continue
            with server.connect() as other:
                other.socket.settimeout(60)
                assert other.get(f'/own/{what}').status == 503
            if what == 'stuck':
                return  # Only so many threads may be lost.

    def beside(client):
        over = threading.Event()
        thread = threading.Thread(target=misbehave, args=(over,))
        thread.start()
        found = p99(client)
        over.set()
        thread.join()
        return found

    with server.connect() as client:
        p99(client, 1)
        measured = [(p99(client), beside(client)) for _ in range(5)]
    ratio = statistics.median(hostile / alone for alone, hostile in measured)
    print(f'p99 alone and beside {what}, us:', [(round(one * 1e6), round(other * 1e6)) for one, other in measured],
          f'{ratio:.2f}')
    assert ratio <= 3
    assert server.stop() == 0
