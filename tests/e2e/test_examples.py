"""The examples, by curl and by raw sockets, on one worker and on two."""

import base64
import json
import re
import socket
import threading

import pytest

from backend import answering
from http_client import TIMEOUT
from server import BINARY, REPOSITORY
from websocket_client import WebSocketClient

EXAMPLES = REPOSITORY / 'examples'
HONO = BINARY.parents[1] / 'examples/hono/hono.mjs'
JSON = {'Content-Type': 'application/json'}
WORKERS = pytest.mark.parametrize('workers', [1, 2])


@WORKERS
def test_hello(jsd, workers):
    server = jsd(EXAMPLES / 'hello/hello.mjs', {'app.env': {'GREETING': 'bonjour'}}, workers=workers)
    assert server.curl() == 'bonjour from jsd\n'
    assert server.get().text == 'bonjour from jsd\n'


@pytest.fixture(params=[1, 2], ids=['1 worker', '2 workers'])
def rest(jsd, request):
    return jsd(EXAMPLES / 'rest/rest.mjs', workers=request.param)


def test_rest_notes(rest):
    with rest.connect() as client:  # One connection stays on one worker, and so with one list of notes.
        made = client.request('POST', '/notes', JSON, b'{"title": "milk", "text": "two"}')
        assert (made.status, made.header('location')) == (201, '/notes/1')
        assert client.request('POST', '/notes', JSON, b'{"title": "bread"}').status == 201
        assert [note['title'] for note in json.loads(client.get('/notes').text)] == ['milk', 'bread']
        assert [note['id'] for note in json.loads(client.get('/notes?q=TWO').text)] == [1]
        assert json.loads(client.get('/notes/1').text)['text'] == 'two'
        replaced = client.request('PUT', '/notes/1', JSON, '{"title": "Käse"}'.encode())
        assert json.loads(replaced.text)['title'] == 'Käse'
        assert json.loads(client.get('/notes/1').text) | {'changed': ''} == {
            'id': 1, 'title': 'Käse', 'text': '', 'changed': ''}
        assert client.request('HEAD', '/notes/1').header('content-length') == str(len(client.get('/notes/1').body))
        assert client.request('DELETE', '/notes/1').status == 204
        assert client.get('/notes/1').status == 404


@pytest.mark.parametrize('method, path, headers, body, status, detail', [
    ('POST', '/notes', JSON, b'{', 400, 'JSON'),
    ('POST', '/notes', JSON, b'[]', 400, 'body'),
    ('POST', '/notes', JSON, b'{"title": " ", "color": 1}', 400, 'color'),
    ('POST', '/notes', JSON, b'{"title": "%s"}' % (b'x' * 101), 400, '100'),
    ('POST', '/notes', {'Content-Type': 'text/plain'}, b'{"title": "x"}', 415, 'application/json'),
    ('POST', '/notes', {}, b'{"title": "x"}', 415, 'application/json'),
    ('GET', '/notes/77', {}, None, 404, '/notes/77'),
    ('GET', '/elsewhere', {}, None, 404, '/elsewhere'),
    ('PATCH', '/notes', JSON, b'{}', 405, 'PATCH'),
])
def test_rest_problems(rest, method, path, headers, body, status, detail):
    reply = rest.request(method, path, headers, body)
    assert reply.status == status
    assert reply.header('content-type') == 'application/problem+json'
    assert json.loads(reply.text)['status'] == status
    assert detail in reply.text
    if status == 405:
        assert reply.header('allow') == 'HEAD, GET, POST'


def test_rest_by_curl(rest):
    answer = rest.curl('/notes', '-H', 'Content-Type: application/json', '-d', '{"title": "by curl"}')
    assert json.loads(answer)['title'] == 'by curl'


@pytest.fixture(params=[1, 2], ids=['1 worker', '2 workers'])
def hono(jsd, request):
    env = {'ADMIN_NAME': 'librarian', 'ADMIN_PASSWORD': 'päss:word'}
    return jsd(HONO, {'app.env': env}, workers=request.param)


def basic(name, password):
    return {'Authorization': 'Basic ' + base64.b64encode(f'{name}:{password}'.encode()).decode()}


ODYSSEY = {'isbn': '0140449132', 'title': 'The Odyssey', 'author': 'Homer'}


def test_hono_text(hono):
    reply = hono.get()
    assert reply.status == 200
    assert reply.header('content-type').lower().replace(' ', '') == 'text/plain;charset=utf-8'
    assert reply.text.startswith('Books:')


def test_hono_params_and_query(hono):
    assert json.loads(hono.get('/books/0140449132').text) == ODYSSEY
    assert json.loads(hono.get('/books?author=Homer').text) == [ODYSSEY]
    assert json.loads(hono.get('/books?author=Nobody').text) == []


def test_hono_pretty_json(hono):
    assert hono.get('/books/0140449132?pretty').text == json.dumps(ODYSSEY, indent=2)


def test_hono_json_in_and_out(hono):
    book = {'isbn': '080442957X', 'title': 'Žert', 'author': 'Kundera'}
    with hono.connect() as client:
        made = client.request('POST', '/books', JSON, json.dumps(book).encode())
        assert (made.status, made.header('location')) == (201, '/books/080442957X')
        assert json.loads(client.get('/books/080442957X').text) == book
        again = client.request('POST', '/books', JSON, json.dumps(book).encode())
        assert (again.status, json.loads(again.text)) == (409, {'error': '080442957X is there already'})


def test_hono_validation(hono):
    reply = hono.request('POST', '/books', JSON, b'{"isbn": "1", "title": "x"}')
    assert reply.status == 400
    assert json.loads(reply.text) == {'problems': ['isbn must have ten digits', 'author must be a text']}
    broken = hono.request('POST', '/books', JSON, b'{"isbn":')
    assert (broken.status, json.loads(broken.text)) == (400, {'error': 'Malformed JSON in request body'})


def test_hono_etag(hono):
    with hono.connect() as client:
        first = client.get('/books/0140449132')
        tag = first.header('etag')
        assert tag
        same = client.get('/books/0140449132', If_None_Match=tag)
        assert (same.status, same.header('etag'), same.body) == (304, tag, b'')
        assert client.get('/books/0140447946').header('etag') != tag
        assert client.get('/books/0140449132', If_None_Match='"other"').status == 200


def test_hono_cors(hono):
    preflight = hono.request('OPTIONS', '/books', {'Origin': 'https://shop.example.org',
                                                   'Access-Control-Request-Method': 'POST'})
    assert preflight.status == 204
    assert preflight.header('access-control-allow-origin') == 'https://shop.example.org'
    assert preflight.header('access-control-max-age') == '600'
    assert 'POST' in preflight.header('access-control-allow-methods')
    assert hono.get('/books', Origin='https://shop.example.org').header('access-control-allow-origin')
    assert hono.get('/books', Origin='https://evil.example.org').header('access-control-allow-origin') is None


def test_hono_basic_auth(hono):
    path = '/admin/books/0140447946'
    with hono.connect() as client:
        for headers in [{}, basic('librarian', 'wrong'), basic('other', 'päss:word'), {'Authorization': 'Basic !'}]:
            refused = client.request('DELETE', path, headers)
            assert refused.status == 401
            assert refused.header('www-authenticate') == 'Basic realm="Secure Area"'
        assert client.request('DELETE', path, basic('librarian', 'päss:word')).status == 204
        assert client.request('DELETE', path, basic('librarian', 'päss:word')).status == 404


def test_hono_errors(hono):
    assert json.loads(hono.get('/nowhere').text) == {'error': 'nothing at /nowhere'}
    missing = hono.get('/books/0000000000')
    assert (missing.status, json.loads(missing.text)) == (404, {'error': 'no book has the number 0000000000'})


def test_hono_by_curl(hono):
    assert json.loads(hono.curl('/books?author=Virgil'))[0]['title'] == 'The Aeneid'
    assert hono.curl('/admin/books/1', '-u', 'librarian:päss:word', '-X', 'DELETE', '-o', '/dev/null',
                     '-w', '%{http_code}') == '404'


def test_chat(jsd):
    # A connection goes to the worker that has the fewest, so these two are on different ones.
    server = jsd(EXAMPLES / 'chat/chat.mjs', workers=2)
    assert 'new WebSocket(' in server.get('/').text
    assert server.get('/room').status == 426 and server.get('/other').status == 404

    def arrival(client):
        message = json.loads(client.read_text())
        assert message['from'] == 'room'
        return re.fullmatch(r'(guest [0-9a-f]{4}) is here', message['text'])[1]

    with WebSocketClient(server.address, '/room') as one:
        arrival(one)
        with WebSocketClient(server.address, '/room') as two:
            name = arrival(two)
            assert arrival(one) == name
            two.send_text('grüß')
            for client in (one, two):
                assert json.loads(client.read_text()) == {'from': name, 'text': 'grüß'}
            two.send_text('x' * 1001)
            assert two.read_close() == 1008
        assert json.loads(one.read_text()) == {'from': 'room', 'text': f'{name} has gone'}
        one.finish()


def test_events(jsd):
    server = jsd(EXAMPLES / 'events/events.mjs')
    assert 'new EventSource(' in server.get('/').text
    with server.connect() as client:
        client.send(b'GET /events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 41\r\n\r\n')
        received = b''
        while received.count(b'event: time\n') < 2:
            received += client.socket.recv(4096)
        assert b'Content-Type: text/event-stream' in received or b'content-type: text/event-stream' in received
        assert b'id: 42\nevent: time\ndata: 20' in received and b'id: 43\n' in received


@WORKERS
def test_gateway_never_mixes_replies(jsd, backend, workers):
    """Clients of every kind at the same time: small and large replies, uploads, and some that go in the midst."""
    def answer(peer, request):
        size = 150_000 if 'large' in request.target else 30
        body = (f'{request.target} {len(request.body)} ' * (size // len(request.target)))[:size]
        if 'chunked' in request.target:
            peer.send(f'HTTP/1.1 200 OK\r\nX-Target: {request.target}\r\nTransfer-Encoding: chunked\r\n\r\n')
            for at in range(0, len(body), 40_000):
                piece = body[at:at + 40_000]
                peer.send(f'{len(piece):x}\r\n{piece}\r\n')
            peer.send('0\r\n\r\n')
        else:
            peer.reply(body, '200 OK', f'X-Target: {request.target}')

    service = backend(answering(answer))
    gateway = jsd(EXAMPLES / 'gateway/gateway.mjs', {
        'app.env': {'BACKEND': service.url}, 'app.permissions.net': [service.address], 'fetch.idle': '500ms',
        'fetch.connections': 8}, workers=workers)
    problems = []

    def client(number):
        for i in range(30):
            kind = ['small', 'large', 'large/chunked', 'small/chunked'][(number + i) % 4]
            target = f'/{number}/{i}/{kind}'
            upload = bytes(i * 5000) if i % 3 == 0 else None
            with gateway.connect() as connection:
                if i % 5 == 4:  # Gone before the reply, or within it.
                    connection.send(f'GET {target} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
                    continue
                reply = connection.request('GET' if upload is None else 'POST', target, {}, upload)
            size = 150_000 if 'large' in target else 30
            wanted = (f'{target} {len(upload or b"")} ' * (size // len(target)))[:size]
            if reply.status != 200 or reply.header('x-target') != target or reply.text != wanted:
                problems.append((target, reply))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT * 4)
        assert not thread.is_alive()
    assert not problems


def test_gateway_says_what_its_service_does_not(jsd, backend):
    service = backend(lambda peer: peer.at_end())
    with socket.create_server(('127.0.0.1', 0)) as unused:
        port = unused.getsockname()[1]

    def status_of(url, message):
        gateway = jsd(EXAMPLES / 'gateway/gateway.mjs', {
            'app.env': {'BACKEND': url}, 'app.permissions.net': ['127.0.0.1'], 'fetch.response': '100ms'})
        gateway.expect(f'GET /: fetch failed: .* {message}')
        return gateway.get().status

    assert status_of(service.url, 'sent no response within') == 504
    assert status_of(f'http://127.0.0.1:{port}', 'was refused') == 502
