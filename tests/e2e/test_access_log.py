"""The access log: what its lines say, that nobody can forge one, and how it is rotated."""

import json
import re
import signal

from http_client import wait_for
from websocket_client import WebSocketClient

APP = '''
export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/stream') return new Response(ReadableStream.from([new Uint8Array(10)]));
    if (pathname === '/never') return new Promise(() => {});
    return new Response('hello', { status: pathname === '/missing' ? 404 : 200 });
  },
};
'''


def lines(path, count):
    return wait_for(lambda: len(found := path.read_text().splitlines()) >= count and found, f'{count} lines in {path}')


def test_combined(jsd, tmp_path):
    path = tmp_path / 'access.log'
    server = jsd(APP, {'log.access': str(path)})
    server.get('/a?b=c', Referer='http://r.example/', User_Agent='test "agent"\\')
    server.get('/missing')
    server.request('HEAD', '/head')
    server.get('/stream')
    time = r'\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]'
    expected = [
        rf'127\.0\.0\.1 - - {time} "GET /a\?b=c HTTP/1\.1" 200 5 "http://r\.example/" "test \\"agent\\"\\\\"',
        rf'127\.0\.0\.1 - - {time} "GET /missing HTTP/1\.1" 404 5 "-" "-"',
        rf'127\.0\.0\.1 - - {time} "HEAD /head HTTP/1\.1" 200 - "-" "-"',
        rf'127\.0\.0\.1 - - {time} "GET /stream HTTP/1\.1" 200 10 "-" "-"',
    ]
    found = lines(path, 4)
    assert len(found) == 4
    for line, pattern in zip(found, expected):
        assert re.fullmatch(pattern, line), line


def test_common_has_no_fields_and_unix_no_address(jsd, tmp_path):
    path = tmp_path / 'access.log'
    server = jsd(APP, {'log.access': str(path), 'log.access_format': 'common'}, listen=('unix:jsd.sock',))
    server.get('/', User_Agent='x')
    assert re.fullmatch(r'- - - \[[^]]+\] "GET / HTTP/1\.1" 200 5', lines(path, 1)[0])


def test_json(jsd, tmp_path):
    path = tmp_path / 'access.log'
    server = jsd(APP, {'log.access': str(path), 'log.access_format': 'json'})
    with server.connect() as client:
        client.send(b'GET /%22?\xe9 HTTP/1.0\r\nHost: a.example\r\nUser-Agent: "x"\xff\r\n\r\n')
        client.read_response()
    entry = json.loads(lines(path, 1)[0])
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', entry.pop('time'))
    assert entry.pop('duration_ms') >= 0
    assert entry == {'remote': '127.0.0.1', 'method': 'GET', 'host': 'a.example', 'target': '/%22?\ufffd',
                     'version': 'HTTP/1.0', 'status': 200, 'bytes': 5, 'referer': '', 'user_agent': '"x"\ufffd'}


def test_a_websocket_has_a_line_when_it_is_closed(jsd, tmp_path):
    path = tmp_path / 'access.log'
    server = jsd('export default { fetch: (request) => jsd.upgradeWebSocket(request).response };',
                 {'log.access': str(path), 'log.access_format': 'common'})
    with WebSocketClient(server.address, '/chat') as client:
        assert client.head.startswith('HTTP/1.1 101 ')
        assert path.read_text() == ''
    assert re.search(r'"GET /chat HTTP/1\.1" 101 ', lines(path, 1)[0])


def test_refused_requests_and_clients_that_went(jsd, tmp_path):
    path = tmp_path / 'access.log'
    server = jsd(APP, {'log.access': str(path), 'log.access_format': 'common'})
    with server.connect() as client:
        client.send(b'GET /x HTTP/1.1\r\n\r\n')
        assert client.read_response().status == 400
    with server.connect() as client:
        client.send(b'nonsense\r\n\r\n')
        assert client.read_response().status == 400
    lines(path, 2)
    with server.connect() as client:
        client.send_request('GET', '/never')
        client.socket.shutdown(2)
    found = [line.split('] ', 1)[1] for line in lines(path, 3)]
    assert found == ['"GET /x HTTP/1.1" 400 12', '"-" 400 12', '"GET /never HTTP/1.1" 499 -']


def test_rotation(jsd, tmp_path):
    path, log = tmp_path / 'access.log', tmp_path / 'jsd.log'
    server = jsd(APP, {'log.access': str(path), 'log.access_format': 'common', 'log.file': str(log)}, log_file=log)
    address = server.address
    server.get('/before')
    assert '/before' in lines(path, 1)[0]
    path.rename(tmp_path / 'access.1')
    log.rename(tmp_path / 'jsd.1')
    server.send_signal(signal.SIGUSR1)
    wait_for(lambda: log.exists() and 'opened again' in log.read_text(), 'the new log')
    server.descriptors_at_start = server.descriptors()
    server.connect(address).get('/after')
    assert '/after' in lines(path, 1)[0]
    assert len((tmp_path / 'access.1').read_text().splitlines()) == 1
    server.log_path = tmp_path / 'jsd.1'
