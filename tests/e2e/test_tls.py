"""TLS as clients see it: openssl s_client, curl, and Python's ssl module."""

import json
import re
import socket
import ssl
import subprocess
import time

import pytest

from certificates import Authority
from http_client import TIMEOUT

HELLO = '''let before;
export default { async fetch(request, env, ctx) {
  const { pathname } = new URL(request.url);
  if (pathname === '/before') return Response.json(before.tls);
  before = ctx;
  if (pathname === '/tls') return Response.json(ctx.tls);
  if (pathname === '/late') { await 0; await new Promise((done) => setTimeout(done, 1)); return Response.json(ctx.tls); }
  if (pathname === '/url') return new Response(request.url);
  if (pathname === '/echo') return new Response(await request.bytes());
  if (pathname === '/own') return new Response('', { headers: { 'Strict-Transport-Security': 'max-age=1' } });
  if (pathname === '/stream') {
    let left = 64;
    return new Response(new ReadableStream({ pull(controller) {
      if (left-- === 0) controller.close(); else controller.enqueue(new Uint8Array(16384).fill(left));
    } }));
  }
  if (pathname === '/large') return new Response(new Uint8Array(3_000_000).fill(7));
  return new Response('hello');
} };
'''


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp('authority'))


@pytest.fixture(scope='module')
def localhost(authority):
    return authority.issue('localhost', 'DNS:localhost', 'IP:127.0.0.1')


@pytest.fixture
def serve(jsd, localhost):
    """serve(option=value, …) starts a server with one TLS listener."""

    def start(script=HELLO, settings=None, listen=(), listeners=1, **tls):
        section = {'listen': ['127.0.0.1:0'], 'certificate': str(localhost[0]), 'key': str(localhost[1]), **tls}
        return jsd(script, {'server.tls': [section], **(settings or {})}, listen=listen, listeners=listeners)

    return start


def context(authority, **options):
    made = ssl.create_default_context(cafile=authority.certificate)
    for name, value in options.items():
        setattr(made, name, value)
    return made


def endpoint(server, number=-1):
    host, port = server.addresses[number].rsplit(':', 1)
    return host, int(port)


def connect(server, context, name='localhost', number=-1, session=None):
    raw = socket.create_connection(endpoint(server, number), TIMEOUT)
    return context.wrap_socket(raw, server_hostname=name, session=session)


def exchange(connection, target='/', headers='', method='GET', body=b''):
    """(status line, head, body) of a request, as many bytes of the body as Content-Length or the end says."""
    connection.sendall(f'{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n'.encode() + body)
    received = b''
    while b'\r\n\r\n' not in received:
        data = connection.recv(65536)
        assert data, received
        received += data
    head, _, content = received.partition(b'\r\n\r\n')
    length = re.search(rb'content-length: (\d+)', head, re.IGNORECASE)
    while length and len(content) < int(length[1]):
        data = connection.recv(65536)
        assert data
        content += data
    return head.decode(), content


def s_client(server, *arguments, text=''):
    host, port = endpoint(server)
    command = ['openssl', 's_client', '-connect', f'{host}:{port}', *map(str, arguments)]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIMEOUT)


@pytest.mark.parametrize('version', ['TLSv1_2', 'TLSv1_3'])
def test_requests_are_served_over_both_versions(serve, authority, version):
    server = serve()
    chosen = getattr(ssl.TLSVersion, version)
    with connect(server, context(authority, minimum_version=chosen, maximum_version=chosen)) as connection:
        assert connection.version() == version.replace('_', '.')
        for _ in range(3):
            head, body = exchange(connection)
            assert head.startswith('HTTP/1.1 200 OK') and body == b'hello'
        assert exchange(connection, '/url')[1] == b'https://localhost/url'
        described = json.loads(exchange(connection, '/tls')[1])
        assert described == {'version': version.replace('_', '.'), 'cipher': connection.cipher()[0],
                             'serverName': 'localhost', 'resumed': False, 'clientCertificate': None}


def test_curl_takes_it(serve, authority):
    server = serve()
    host, port = endpoint(server)
    output = subprocess.run(
        ['curl', '-sS', '--noproxy', '*', '--cacert', authority.certificate, '--max-time', str(TIMEOUT),
         '-w', '%{http_version} %{ssl_verify_result}', f'https://localhost:{port}/', '--resolve',
         f'localhost:{port}:{host}'], check=True, capture_output=True, text=True).stdout
    assert output == 'hello1.1 0'


def test_large_bodies_go_both_ways(serve, authority):
    server = serve()
    with connect(server, context(authority)) as connection:
        assert exchange(connection, '/large')[1] == b'\7' * 3_000_000
        body = bytes(range(256)) * 8192
        _, echoed = exchange(connection, '/echo', f'Content-Length: {len(body)}\r\n', 'POST', body)
        assert echoed == body
        connection.sendall(b'GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
        received = b''
        while data := connection.recv(65536):
            received += data
        assert received.count(b'\r\n4000\r\n') == 64 and received.endswith(b'\r\n0\r\n\r\n')


def test_a_slow_reader_gets_everything(serve, authority):
    server = serve()
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(TIMEOUT)
    raw.connect(endpoint(server))
    with context(authority).wrap_socket(raw, server_hostname='localhost') as connection:
        connection.sendall(b'GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' * 1)
        time.sleep(0.3)
        received = b''
        while data := connection.recv(65536):
            received += data
        assert received.endswith(b'\7' * 3_000_000)


def test_pipelined_requests_in_one_record_and_in_many(serve, authority):
    server = serve()
    request = b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
    last = b'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    for pieces in ([request * 99 + last], [bytes([byte]) for byte in request] + [last]):
        with connect(server, context(authority)) as connection:
            for piece in pieces:
                connection.sendall(piece)
            received = b''
            while data := connection.recv(65536):
                received += data
            assert received.count(b'HTTP/1.1 200 OK') == (100 if len(pieces) == 1 else 2)


def test_a_connection_that_has_rested_goes_on(serve, authority):
    server = serve()
    with connect(server, context(authority)) as connection:
        for _ in range(2):
            assert exchange(connection)[1] == b'hello'
            # Meanwhile it gives its buffers up, within a second.
            time.sleep(1.3)
        assert len(exchange(connection, '/large')[1]) == 3_000_000


def test_the_client_is_told_of_the_end(serve, authority):
    server = serve()
    # suppress_ragged_eofs=False makes an end without close_notify an error.
    raw = socket.create_connection(endpoint(server), TIMEOUT)
    with context(authority).wrap_socket(raw, server_hostname='localhost', suppress_ragged_eofs=False) as connection:
        exchange(connection, headers='Connection: close\r\n')
        assert connection.recv(1) == b''


@pytest.mark.parametrize('version', ['TLSv1_2', 'TLSv1_3'])
def test_sessions_are_resumed_by_any_worker(serve, authority, version):
    server = serve(settings={'server.workers': 3})
    chosen = getattr(ssl.TLSVersion, version)
    client = context(authority, minimum_version=chosen, maximum_version=chosen)
    session = None
    for number in range(6):
        with connect(server, client, session=session) as connection:
            described = json.loads(exchange(connection, '/tls')[1])
            assert described['resumed'] == connection.session_reused == (number > 0)
            session = connection.session


def test_the_certificate_is_chosen_by_name(serve, authority, localhost):
    one = authority.issue('one', 'DNS:one.example', 'DNS:*.wild.example')
    server = serve(certificate=[str(localhost[0]), str(one[0])], key=[str(localhost[1]), str(one[1])])
    client = context(authority, check_hostname=False)
    expected = {'localhost': 'localhost', 'one.example': 'one', 'ONE.EXAMPLE': 'one', 'a.wild.example': 'one',
                'a.b.wild.example': 'localhost', 'wild.example': 'localhost', 'other.example': 'localhost',
                None: 'localhost'}
    for name, common_name in expected.items():
        with connect(server, client, name=name) as connection:
            subject = dict(pair for entry in connection.getpeercert()['subject'] for pair in entry)
            assert subject['commonName'] == common_name, name


def test_the_protocol_is_agreed_on(serve, authority):
    server = serve()
    client = context(authority)
    client.set_alpn_protocols(['h2', 'http/1.1'])
    with connect(server, client) as connection:
        assert connection.selected_alpn_protocol() == 'http/1.1'
    client = context(authority)
    client.set_alpn_protocols(['h2'])
    with pytest.raises(ssl.SSLError, match='(?i)no.application.protocol'):
        connect(server, client)


@pytest.mark.parametrize('arguments', [('-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'),
                                       ('-tls1_2', '-cipher', 'AES128-SHA'),
                                       ('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA')])
def test_what_is_weak_is_refused(serve, arguments):
    server = serve()
    result = s_client(server, *arguments)
    assert result.returncode != 0 and 'alert' in result.stderr, result.stderr


def test_the_minimum_version(serve, authority):
    server = serve(minimum_version='1.3')
    with pytest.raises(ssl.SSLError, match='(?i)protocol.version'):
        connect(server, context(authority, maximum_version=ssl.TLSVersion.TLSv1_2))
    with connect(server, context(authority)) as connection:
        assert exchange(connection)[1] == b'hello'


def test_the_details_outlive_the_connection(serve, authority):
    certificate, key = authority.issue('alice', 'email:alice@example.org', subject='/O=Münster/CN=alice')
    server = serve(client_certificates='optional', client_ca=str(authority.certificate),
                   settings={'server.workers': 1})
    client = context(authority)
    client.load_cert_chain(certificate, key)
    with connect(server, client) as connection:
        assert exchange(connection)[1] == b'hello'
    with connect(server, context(authority)) as connection:
        described = json.loads(exchange(connection, '/before')[1])
    assert described['clientCertificate']['subject'] == 'CN=alice,O=Münster'
    assert described['version'].startswith('TLSv1.')


def test_client_certificates(serve, authority, tmp_path):
    certificate, key = authority.issue('alice', 'email:alice@example.org', subject='/O=Münster/CN=alice')
    stranger = Authority(tmp_path, 'stranger').issue('mallory', 'DNS:mallory')
    server = serve(client_certificates='optional', client_ca=str(authority.certificate))
    with connect(server, context(authority)) as connection:
        assert json.loads(exchange(connection, '/tls')[1])['clientCertificate'] is None
    client = context(authority)
    client.load_cert_chain(certificate, key)
    with connect(server, client) as connection:
        for target in ('/tls', '/late'):
            described = json.loads(exchange(connection, target)[1])['clientCertificate']
            assert described['subject'] == 'CN=alice,O=Münster'
            assert described['issuer'] == 'CN=jsd test authority'
            assert described['subjectAltNames'] == ['email:alice@example.org']
            assert described['pem'] == certificate.read_text()
            assert re.fullmatch('[0-9a-f]{64}', described['fingerprint256'])
            assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', described['validTo'])
    client = context(authority, maximum_version=ssl.TLSVersion.TLSv1_2)
    client.load_cert_chain(*stranger)
    with pytest.raises(ssl.SSLError, match='(?i)unknown.ca'):
        connect(server, client)

    server = serve(client_certificates='required', client_ca=str(authority.certificate))
    with pytest.raises(ssl.SSLError, match='(?i)handshake.failure'):
        connect(server, context(authority, maximum_version=ssl.TLSVersion.TLSv1_2))


def test_plain_http_on_a_tls_port(serve):
    server = serve()
    for request in (b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', b'DELETE /x HTTP/1.0\r\n\r\n',
                    b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n' + b'x' * 100000):
        with socket.create_connection(endpoint(server), TIMEOUT) as connection:
            connection.sendall(request)
            received = b''
            while data := connection.recv(65536):
                received += data
            assert received.startswith(b'HTTP/1.1 400 Bad Request\r\n')
            assert b'Content-Type: text/plain' in received and b'Connection: close' in received
            assert received.endswith(b'\r\n\r\nThis port speaks TLS: use https.\n')


def test_garbage_and_silence_end_the_handshake(serve, authority):
    server = serve(settings={'timeouts.handshake': '300ms'})
    with socket.create_connection(endpoint(server), TIMEOUT) as garbage, \
            socket.create_connection(endpoint(server), TIMEOUT) as silent, \
            socket.create_connection(endpoint(server), TIMEOUT) as partial:
        garbage.sendall(b'\x16\x03\x01\x00\x05hello' * 10)
        partial.sendall(b'\x16\x03\x01')
        for connection in (garbage, silent, partial):
            try:
                while connection.recv(1024):
                    pass
            except ConnectionResetError:
                pass
    with connect(server, context(authority)) as connection:
        assert exchange(connection)[1] == b'hello'


def test_the_handshake_may_come_byte_by_byte(serve, authority):
    server = serve()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context(authority).wrap_bio(incoming, outgoing, server_hostname='localhost')
    with socket.create_connection(endpoint(server), TIMEOUT) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def flush():
            for byte in outgoing.read():
                raw.sendall(bytes([byte]))

        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                flush()
                incoming.write(raw.recv(65536))
        client.write(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
        flush()
        while True:
            incoming.write(raw.recv(65536))
            try:
                assert client.read(100).startswith(b'HTTP/1.1 200 OK')
                break
            except ssl.SSLWantReadError:
                pass


def test_requests_sent_on_to_https(serve, authority):
    server = serve(settings={'server.redirect': ['127.0.0.1:0']}, listeners=2)
    with server.connect() as connection:
        for host, target, location in [('example.org:8080', '/a?b=c', 'https://example.org/a?b=c'),
                                       ('[::1]', '/', 'https://[::1]/'), ('[::1]:80', '/', 'https://[::1]/')]:
            connection.send(f'POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\n\r\nx'.encode())
            response = connection.read_response()
            assert (response.status, response.header('location')) == (308, location)


def test_hsts(serve, authority):
    server = serve(hsts='24h')
    with connect(server, context(authority)) as connection:
        assert '\r\nStrict-Transport-Security: max-age=86400\r\n' in exchange(connection)[0]
        head = exchange(connection, '/own')[0].lower()
        assert head.count('strict-transport-security') == 1 and 'strict-transport-security: max-age=1\r\n' in head
    plain = serve(settings={}, listen=('127.0.0.1:0',), listeners=2, hsts='24h')
    assert plain.get('/').all('strict-transport-security') == []


def test_ocsp_responses_are_stapled(serve, authority, localhost):
    response = authority.ocsp(localhost[0])
    server = serve(ocsp=str(response))
    output = s_client(server, '-status', '-servername', 'localhost').stdout
    assert 'OCSP Response Status: successful' in output and 'Cert Status: good' in output
    # Who does not ask gets none, and is served.
    assert 'OCSP' not in s_client(server, '-servername', 'localhost').stdout


def kernel_encrypts():
    """How many connections the kernel has encrypted for so far; none where it does not have the module."""
    try:
        with open('/proc/net/tls_stat') as counters:
            return sum(int(line.split()[1]) for line in counters if re.match('TlsTx(Sw|Device)\\b', line))
    except FileNotFoundError:
        return None


def test_kernel_tls_changes_nothing_that_a_client_sees(serve, authority):
    server = serve(kernel=True)
    before = kernel_encrypts()
    with connect(server, context(authority)) as connection:
        assert exchange(connection)[1] == b'hello'
        assert exchange(connection, '/large')[1] == b'\7' * 3_000_000
    assert before is None or kernel_encrypts() > before


def test_nothing_is_read_before_the_handshake_is_complete(serve, tmp_path):
    """No 0-RTT: a session that is resumed offers none."""
    server = serve()
    request = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    session, early = tmp_path / 'session', tmp_path / 'early'
    early.write_text(request)
    output = s_client(server, '-tls1_3', '-ign_eof', '-sess_out', session, text=request).stdout
    assert 'hello' in output and 'Max Early Data: 0' in output
    output = s_client(server, '-tls1_3', '-ign_eof', '-sess_in', session, '-early_data', early, text=request).stdout
    assert 'hello' in output and 'Reused, TLSv1.3' in output and 'Early data was not sent' in output


def test_nothing_is_negotiated_again(serve):
    server = serve()
    result = s_client(server, '-tls1_2', text='R\n')
    assert 'RENEGOTIATING' in result.stderr + result.stdout and 'no renegotiation' in result.stderr, result


def test_a_drain_finishes_what_is_in_flight(serve, authority):
    script = '''export default { fetch: () => new Promise((done) => setTimeout(() => done(new Response('late')), 300)) };'''
    server = serve(script)
    with connect(server, context(authority)) as connection:
        connection.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
        time.sleep(0.1)
        server.send_signal()
        received = b''
        while data := connection.recv(65536):
            received += data
        assert received.endswith(b'late')
    assert server.wait() == 0


@pytest.mark.parametrize(('settings', 'message'), [
    ({'certificate': 'absent.pem'}, r'absent\.pem: No such file or directory'),
    ({'key': 'other.key'}, r'other\.key: key values mismatch'),
    ({'key': 'empty'}, r'empty: '),
    ({'certificate': 'empty'}, r'empty: no start line'),
    ({'ocsp': 'empty'}, 'empty: it holds no OCSP response in DER'),
    ({'client_certificates': 'optional', 'client_ca': 'empty'}, r'empty: '),
])
def test_what_cannot_be_used_is_named(start_fails, authority, localhost, tmp_path, settings, message):
    (tmp_path / 'empty').write_text('')
    other = authority.issue('other', 'DNS:other')
    (tmp_path / 'other.key').write_bytes(other[1].read_bytes())
    section = {'listen': ['127.0.0.1:0'], 'certificate': str(localhost[0]), 'key': str(localhost[1]), **settings}
    result = start_fails(HELLO, {'server.tls': [section]})
    assert result.returncode == 2
    assert re.search('^server.tls: .*' + message, result.stderr, re.MULTILINE), result.stderr


def test_an_idle_connection_is_closed_in_order(serve, authority):
    server = serve(settings={'timeouts.idle': '300ms'})
    raw = socket.create_connection(endpoint(server), TIMEOUT)
    with context(authority).wrap_socket(raw, server_hostname='localhost', suppress_ragged_eofs=False) as connection:
        exchange(connection)
        assert connection.recv(1) == b''
