"""Limits, timeouts, malformed requests: the right status, the connection closes, and the script sees nothing."""

import time

import pytest

from http_client import wait_for

SEEN = '''
export default {
  async fetch(request) {
    console.log('the script saw', request.method);
    await request.arrayBuffer();
    return new Response('fine');
  },
};
'''

CHUNKED = b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n'

MALFORMED = {
    'no request': b'GARBAGE\r\n\r\n',
    'no version': b'GET /\r\n\r\n',
    'space in the target': b'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n',
    'control character in the target': b'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n',
    'relative target': b'GET a HTTP/1.1\r\nHost: a\r\n\r\n',
    'bad method': b'G(T / HTTP/1.1\r\nHost: a\r\n\r\n',
    'lower case version': b'GET / http/1.1\r\nHost: a\r\n\r\n',
    'no host': b'GET / HTTP/1.1\r\n\r\n',
    'two hosts': b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'bad host': b'GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n',
    'space before the colon': b'GET / HTTP/1.1\r\nHost: a\r\nName : value\r\n\r\n',
    'no colon': b'GET / HTTP/1.1\r\nHost: a\r\nName\r\n\r\n',
    'empty field name': b'GET / HTTP/1.1\r\nHost: a\r\n: value\r\n\r\n',
    'NUL in a value': b'GET / HTTP/1.1\r\nHost: a\r\nName: a\0b\r\n\r\n',
    'length is no number': b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\nhello',
    'negative length': b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello',
    'signed length': b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello',
    'endless length': b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\nhello',
    'two lengths': b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    'length and chunks': CHUNKED + b'Content-Length: 5\r\n\r\n0\r\n\r\n',
    'chunked is not last': b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
    'chunk size is no number': CHUNKED + b'\r\nxyz\r\nabc\r\n0\r\n\r\n',
    'chunk longer than its size': CHUNKED + b'\r\n2\r\nabc\r\n0\r\n\r\n',
    'TLS': bytes.fromhex('160301010001000100fc0303') + bytes(40),
}


@pytest.mark.parametrize('name', MALFORMED)
def test_malformed_request(jsd, name):
    server = jsd(SEEN)
    with server.connect() as client:
        client.send(MALFORMED[name])
        reply = client.read_response()
        # 501 for a coding that is not known (RFC 9112, section 6.1), 505 for a version (RFC 9110, section 15.6.6).
        assert reply.status in (400, 501, 505)
        assert reply.header('connection').lower() == 'close'
        assert client.is_closed()
    assert 'the script saw' not in server.log()
    assert server.get().text == 'fine'


def test_version_2(jsd):
    with jsd(SEEN).connect() as client:
        client.send(b'GET / HTTP/2.0\r\nHost: a\r\n\r\n')
        assert client.read_response().status in (400, 505)
        assert client.is_closed()


def test_good_request_before_a_malformed_one_is_answered(jsd):
    with jsd(SEEN).connect() as client:
        client.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n')
        assert client.read_response().text == 'fine'
        assert client.read_response().status == 400
        assert client.is_closed()


def test_body_limit(jsd):
    server = jsd(SEEN, {'limits.body': '1KiB'})
    assert server.request('POST', '/', body=b'x' * 1024).text == 'fine'
    with server.connect() as client:
        client.send_request('POST', '/', body=b'x' * 1025)
        assert client.read_response().status == 413
        assert client.is_closed()
    assert server.log().count('the script saw') == 1


def test_body_limit_counts_chunks(jsd):
    server = jsd(SEEN, {'limits.body': '1KiB'})
    with server.connect() as client:
        client.send_request('POST', '/', {'Transfer-Encoding': 'chunked'})
        client.send(b'400\r\n' + b'x' * 1024 + b'\r\n')
        client.send(b'1\r\nx\r\n0\r\n\r\n')
        assert client.read_response().status == 413
        assert client.is_closed()


def test_header_limit(jsd):
    server = jsd(SEEN, {'limits.headers': '4KiB'})
    assert server.get('/', X_Long='x' * 3000).text == 'fine'
    with server.connect() as client:
        client.send_request(headers={'X-Long': 'x' * 5000})
        assert client.read_response().status == 431
        assert client.is_closed()
    with server.connect() as client:
        client.send_request(headers=[(f'X-{number}', 'value') for number in range(500)])
        assert client.read_response().status == 431
        assert client.is_closed()
    assert server.log().count('the script saw') == 1


def test_header_limit_without_an_end(jsd):
    server = jsd(SEEN, {'limits.headers': '4KiB'})
    with server.connect() as client:
        client.send(b'GET / HTTP/1.1\r\nHost: a\r\nX-Long: ' + b'x' * 6000)
        assert client.read_response().status == 431
        assert client.is_closed()


def test_target_limit(jsd):
    server = jsd(SEEN, {'limits.target': '1KiB'})
    assert server.get('/' + 'x' * 1000).text == 'fine'
    with server.connect() as client:
        client.send_request('GET', '/' + 'x' * 1100)
        assert client.read_response().status == 414
        assert client.is_closed()
    assert server.log().count('the script saw') == 1


def test_header_timeout(jsd):
    with jsd(SEEN, {'timeouts.header': '300ms'}).connect() as client:
        client.send(b'GET / HTTP/1.1\r\n')
        assert client.read_response().status == 408
        assert client.is_closed()


def test_header_timeout_is_not_put_off_by_a_drip(jsd):
    with jsd(SEEN, {'timeouts.header': '300ms'}).connect() as client:
        started = time.monotonic()
        try:
            while time.monotonic() - started < 5:
                client.send(b'x')
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - started < 4


def test_body_timeout(jsd):
    server = jsd(SEEN, {'timeouts.body': '300ms'})
    with server.connect() as client:
        client.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
        assert client.read_response().status == 408
        assert client.is_closed()


def test_idle_timeout(jsd):
    with jsd(SEEN, {'timeouts.idle': '300ms'}).connect() as client:
        assert client.get().text == 'fine'
        assert client.is_closed()


def test_idle_timeout_of_a_connection_without_a_request(jsd):
    with jsd(SEEN, {'timeouts.idle': '300ms', 'timeouts.header': '300ms'}).connect() as client:
        assert client.is_closed()


def test_idle_timeout_leaves_a_handler_at_work_alone(jsd):
    server = jsd('''
export default {
  async fetch() {
    await new Promise((resolve) => setTimeout(resolve, 700));
    return new Response('fine');
  },
};''', {'timeouts.idle': '200ms', 'timeouts.header': '200ms', 'timeouts.body': '200ms'})
    assert server.get().text == 'fine'


def test_write_timeout(jsd):
    server = jsd("export default { fetch: () => new Response('x'.repeat(32 << 20)) };", {'timeouts.write': '300ms'})
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        assert client.socket.recv(1) == b'H'
        before = len(server.descriptors())
        wait_for(lambda: len(server.descriptors()) < before, 'the connection to be closed', 5)
