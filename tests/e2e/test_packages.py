"""Packages from npm, served as they are published: docs/modules.md names those that run."""

import concurrent.futures
import gzip
import json
import re
import shutil
import uuid

import pytest

from http_client import wait_for
from npm import installed
from server import REPOSITORY
from websocket_client import WebSocketClient

FOLDER = REPOSITORY / 'tests/packages'


@pytest.fixture(scope='session')
def packages():
    """The apps below the node_modules that they import from: modules are found below app.root only, links resolved."""
    folder = installed(FOLDER) / 'apps'
    shutil.copytree(FOLDER / 'apps', folder, dirs_exist_ok=True)
    return folder


@pytest.fixture
def serve(jsd, packages):
    return lambda name, settings=None, **options: jsd(packages / f'{name}.mjs', settings, **options)


class Client:
    """Requests on one connection."""

    def __init__(self, server):
        self.connection = server.connect()

    def get(self, target, **headers):
        return self.connection.get(target, **headers)

    def json(self, target, **headers):
        reply = self.get(target, **headers)
        assert reply.status == 200, reply
        return json.loads(reply.text)

    def post(self, target, value, method='POST', **headers):
        fields = {'content-type': 'application/json', **headers}
        return self.connection.request(method, target, fields, body=json.dumps(value).encode())

    def post_json(self, target, value, **headers):
        return json.loads(self.post(target, value, **headers).text)


def test_hono(serve):
    client = Client(serve('hono'))
    reply = client.get('/api/items/7?q=x', origin='https://page.example')
    assert json.loads(reply.text) == {'id': 7, 'q': 'x'}
    assert reply.header('access-control-allow-origin') == 'https://page.example'
    again = client.get('/api/items/7?q=x', if_none_match=reply.header('etag'))
    assert again.status == 304 and again.body == b''
    assert client.get('/api/items/x').text == 'nothing here'
    created = client.post('/items', {'name': 'a'})
    assert (created.status, json.loads(created.text)) == (201, {'name': 'a'})
    assert client.post('/items', {'name': 1}).status == 400
    assert client.get('/secret').status == 401
    assert client.get('/secret', authorization='Basic dXNlcjp3b3Jk').text == 'open'
    assert client.get('/token/me').status == 401
    token = client.get('/sign').text
    assert client.json('/token/me', authorization=f'Bearer {token}') == {'sub': 'me'}
    assert client.get('/cookie', cookie='seen=4').header('set-cookie') == 'seen=5; Path=/; HttpOnly'
    assert client.get('/events').text == ''.join(f'data: event {i}\nid: {i}\n\n' for i in range(3))
    form = (b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n--b\r\nContent-Disposition: form-data; '
            b'name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ninside\r\n--b--\r\n')
    reply = client.connection.request('POST', '/form', {'content-type': 'multipart/form-data; boundary=b'}, body=form)
    assert json.loads(reply.text) == {'note': 'hello', 'name': 'a.txt', 'text': 'inside'}
    assert client.get('/broken').text == 'caught on purpose'


def test_hono_and_the_runtime(serve):
    server = serve('hono-runtime', {'app.env': {'NAME': 'given'}})
    client = Client(server)
    assert client.json('/runtime') == ['other', 'given']
    assert client.get('/text').text == 'one two three'
    packed = client.get('/packed', accept_encoding='gzip')
    assert packed.header('content-encoding') == 'gzip' and gzip.decompress(packed.body) == b'text ' * 1000
    with WebSocketClient(server.address, '/socket') as socket:
        socket.send_text('hello')
        assert socket.read_text() == 'got hello'
        socket.finish()
    for path in ('/stream', '/events'):
        with server.connect() as connection:
            connection.send(f'GET {path} HTTP/1.1\r\nHost: a\r\n\r\n'.encode())
            wait_for(lambda: b'begun' in connection.socket.recv(4096), 'the beginning')
    wait_for(lambda: sorted(client.json('/ended')) == ['events', 'socket', 'stream'], 'what had to end')


# The streams of several packages: (app, target, header fields).
STREAMS = [('hono', '/events', {}), ('trpc', '/trpc/count', {'accept': 'text/event-stream'}),
           ('h3', '/stream', {}),
           ('graphql-yoga', '/graphql?query=subscription%7Bcountdown(from%3A2)%7D', {'accept': 'text/event-stream'})]


@pytest.mark.parametrize('name, target, fields', STREAMS, ids=[name for name, _, _ in STREAMS])
def test_streams_by_two_workers(serve, name, target, fields):
    server = serve(name, workers=2)

    def ask(_):
        client = Client(server)
        return [client.get(target, **fields).text for _ in range(3)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        texts = {text for texts in pool.map(ask, range(16)) for text in texts}
    assert len(texts) == 1 and texts != {''}, texts


def test_itty_router(serve):
    client = Client(serve('itty-router'))
    assert client.json('/hello/you?a=1') == {'hello': 'you', 'a': '1'}
    assert client.json('/hello') == {'hello': 'nobody'}
    assert client.post_json('/echo', [1]) == {'got': [1]}
    assert client.get('/teapot').status == 418 and client.get('/throw').status == 409
    assert client.get('/other').status == 404
    preflight = client.connection.request('OPTIONS', '/echo', {'origin': 'https://page.example',
                                                               'access-control-request-method': 'POST'})
    assert preflight.status == 204 and preflight.header('access-control-allow-origin') == 'https://page.example'


def test_h3(serve):
    client = Client(serve('h3'))
    reply = client.get('/hello/you?a=1')
    assert json.loads(reply.text) == {'name': 'you', 'query': {'a': '1'}} and reply.header('x-seen') == 'GET'
    assert client.post_json('/echo', {'a': [1]}) == {'got': {'a': [1]}}
    assert client.get('/cookie').header('set-cookie').startswith('a=b')
    assert client.get('/stream').text == 'one two'
    assert client.get('/teapot').status == 418 and client.get('/other').status == 404


def test_trpc(serve):
    client = Client(serve('trpc'))
    assert client.json('/trpc/hello?input=%22you%22') == {'result': {'data': 'hello you'}}
    assert client.get('/trpc/hello?input=1').status == 400
    assert client.post('/trpc/notes.add', {'text': 'a'}).status == 401
    assert client.post_json('/trpc/notes.add', {'text': 'a'}, **{'x-user': 'me'}) == {'result': {'data': 1}}
    batch = client.json('/trpc/hello,notes.list?batch=1&input=%7B%220%22%3A%22b%22%7D')
    assert batch == [{'result': {'data': 'hello b'}}, {'result': {'data': [{'text': 'a', 'by': 'me'}]}}]
    stream = client.get('/trpc/count', accept='text/event-stream').text
    assert re.findall(r'^data: (\d)$', stream, re.MULTILINE) == ['0', '1', '2']


def test_graphql_yoga(serve):
    client = Client(serve('graphql-yoga'))
    assert client.post_json('/graphql', {'query': '{ books { title author { name } } }'}) == {
        'data': {'books': [{'title': 'Emma', 'author': {'name': 'Austen'}}]}}
    mutation = {'query': 'mutation($t: String!) { add(title: $t, author: "B") { title } }', 'variables': {'t': 'T'}}
    assert client.post_json('/graphql', mutation) == {'data': {'add': {'title': 'T'}}}
    failed = client.post_json('/graphql', {'query': '{ fails }'})
    assert failed['data'] == {'fails': None} and failed['errors'][0]['path'] == ['fails']
    assert client.post('/graphql', {'query': '{ nothing }'}, accept='application/json').status in (200, 400)
    events = client.get('/graphql?query=subscription%7Bcountdown(from%3A2)%7D', accept='text/event-stream').text
    assert re.findall(r'"countdown":(\d)', events) == ['2', '1', '0']


@pytest.mark.parametrize('name', ['zod', 'valibot', 'ajv'])
def test_validation(serve, name):
    client = Client(serve('validation'))
    good = {'name': 'Ada', 'email': 'ada@example.org', 'age': '36'}
    assert client.post_json(f'/{name}', good) == {'data': {**good, 'age': 36, 'tags': []}}
    wrong = client.post_json(f'/{name}', {'name': '', 'email': 'x', 'tags': ['c']})['wrong']
    assert sorted(wrong) == ['email', 'name', 'tags.0']


@pytest.mark.parametrize('algorithm', ['RS256', 'PS384', 'ES256', 'ES512', 'EdDSA'])
def test_jose(serve, algorithm):
    client = Client(serve('jose'))
    assert client.json(f'/{algorithm}') == {'role': 'admin', 'refused': 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'}


def test_jose_encryption(serve):
    assert Client(serve('jose')).json('/jwe') == {'parts': 5, 'payload': {'hidden': True}}


@pytest.mark.parametrize('name, expected', [
    ('date-fns', ['Donnerstag 29 Februar 2024', 29, 'about 3 hours']),
    ('nanoid', [21, 7, True, True]),
    ('uuid', [True, 7, True, str(uuid.uuid5(uuid.NAMESPACE_DNS, 'jsd')), True]),
])
def test_small_packages(serve, name, expected):
    assert Client(serve('small')).json(f'/{name}') == expected


def test_marked(serve):
    html = Client(serve('small')).json('/marked')
    assert '<h1>Title</h1>' in html and '<code>x&lt;y</code>' in html and 'type="checkbox"' in html


def test_preact(serve):
    assert Client(serve('preact')).get('/').text == (
        '<ul class="list" data-count="2"><li>&lt;a></li><li hidden>b &amp; c</li></ul>')


def test_react(serve):
    client = Client(serve('react'))
    assert client.get('/string').text == '<p class="a">x<!-- -->1</p>'
    reply = client.get('/')
    assert reply.header('transfer-encoding') == 'chunked'
    html = reply.text
    assert html.startswith('<!DOCTYPE html>') and '<h1>At &lt;once&gt;</h1>' in html
    # The shell goes first, what was waited for later.
    assert html.index('<i>wait</i>') < html.index('<b>came later</b>') and 'src="/page.js"' in html


def test_drizzle_orm(serve):
    answer = Client(serve('drizzle-orm')).json('/')
    assert answer['rows'] == [{'id': 7, 'name': 'Ada'}]
    query, parameters, method = answer['asked'][0]
    assert query.startswith('select "users"."id", "users"."name" from "users" inner join "posts" on "posts"."author" = '
                            '"users"."id" where ("users"."age" > ? and lower("users"."name") like ?)')
    assert parameters == [30, 'a%', 5] and method == 'all'
    assert answer['asked'][1][1] == ['Bob', 1]


def test_openai(serve):
    backend = serve('openai-server')
    client = Client(serve('openai', {
        'app.env': {'OPENAI_BASE_URL': f'{backend.url}/v1', 'OPENAI_API_KEY': 'secret'},
        'app.permissions.net': [backend.address]}))
    assert client.json('/') == ['hello', 2]
    assert client.json('/stream') == ['hel', 'lo', ' grüße']
    assert client.json('/error') == ['NotFoundError', 404, '404 no such model']
    assert client.json('/upload') == {'id': 'f', 'filename': 'batch.jsonl', 'purpose': 'batch', 'bytes': 2}
