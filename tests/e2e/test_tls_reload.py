"""Certificates and TLS listeners that change by SIGHUP, under connections that stay open."""

import json
import signal
import socket
import ssl
import threading

import pytest

from certificates import Authority
from http_client import TIMEOUT, wait_for
from server import toml

APP = '''export default { async fetch(request, env, ctx) {
  if (request.url.endsWith('/slow')) {
    console.log('begun');
    await new Promise((done) => setTimeout(done, 700));
  }
  return Response.json(ctx.tls?.version ?? null);
} };'''


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp('authority'))


@pytest.fixture(scope='module')
def pairs(authority):
    """Two (certificate, key) for the same name."""
    made = []
    for number in range(2):
        folder = authority.folder / str(number)
        folder.mkdir()
        pair = [path.rename(folder / path.name) for path in authority.issue('localhost', 'DNS:localhost')]
        made.append(tuple(pair))
    return made


class Client:
    """A connection over TLS that is kept."""

    def __init__(self, address, authority, maximum=None):
        context = ssl.create_default_context(cafile=authority.certificate)
        if maximum:
            context.maximum_version = maximum
        host, port = address.rsplit(':', 1)
        raw = socket.create_connection((host, int(port)), TIMEOUT)
        self.socket = context.wrap_socket(raw, server_hostname='localhost')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, target='/'):
        self.socket.sendall(f'GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())

    def read(self):
        data = b''
        while b'\r\n\r\n' not in data or not data.endswith((b'"', b'null')):
            more = self.socket.recv(4096)
            assert more, data
            data += more
        assert data.startswith(b'HTTP/1.1 200 '), data
        return json.loads(data.partition(b'\r\n\r\n')[2])

    def get(self, target='/'):
        self.send(target)
        return self.read()

    @property
    def certificate(self):
        return self.socket.getpeercert(binary_form=True)


def der(certificate):
    return ssl.PEM_cert_to_DER_cert(certificate.read_text())


def tls(pair, **options):
    return {'listen': ['127.0.0.1:0'], 'certificate': str(pair[0]), 'key': str(pair[1]), **options}


@pytest.fixture(params=[False, True], ids=['alone', 'supervised'])
def serve(jsd, request, authority):
    """serve(sections) starts a server; reload(sections) gives it others."""
    # Certificates that come later have to be where the process may read.
    common = {'server.supervise': request.param, 'hardening.folders': [str(authority.folder)]}

    def settings(server_folder, sections):
        return {'server.listen': ['127.0.0.1:0'], 'server.workers': 2, **common, 'server.tls': sections,
                'app.script': str(server_folder / 'app.mjs')}

    def start(sections):
        server = jsd(APP, {**common, 'server.tls': sections}, workers=2, listeners=1 + len(sections))

        def reload(sections, outcome=r'reloaded'):
            before = server.log().count(outcome)
            (server.folder / 'server.toml').write_text(toml(settings(server.folder, sections)))
            server.send_signal(signal.SIGHUP)
            wait_for(lambda: server.log().count(outcome) > before, outcome)

        server.reload = reload
        return server

    return start


def refuses(address):
    host, port = address.rsplit(':', 1)
    try:
        socket.create_connection((host, int(port)), TIMEOUT).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


def finish(server):
    server.descriptors_at_start = server.descriptors()  # Other listeners than at the start.
    assert server.stop() == 0


def test_another_certificate_is_for_new_connections(serve, authority, pairs):
    server = serve([tls(pairs[0])])
    address = server.addresses[1]
    with Client(address, authority) as kept, Client(address, authority) as slow:
        assert kept.get() == 'TLSv1.3' and kept.certificate == der(pairs[0][0])
        slow.send('/slow')
        server.wait_for_log('begun')
        server.reload([tls(pairs[1])])
        with Client(address, authority) as new:
            assert new.get() == 'TLSv1.3' and new.certificate == der(pairs[1][0])
        assert slow.read() == 'TLSv1.3'
        # On the same connection, with what it agreed on at its start.
        assert kept.get() == 'TLSv1.3' and slow.get() == 'TLSv1.3'
    finish(server)


def test_a_certificate_renewed_in_place(serve, authority, pairs, tmp_path):
    """As certbot does it: the same names, other contents."""
    files = tmp_path / 'live.pem', tmp_path / 'live.key'
    for path, source in zip(files, pairs[0]):
        path.write_bytes(source.read_bytes())
    server = serve([tls(files)])
    with Client(server.addresses[1], authority) as kept:
        assert kept.get() == 'TLSv1.3'
        for path, source in zip(files, pairs[1]):
            path.write_bytes(source.read_bytes())
        server.reload([tls(files)])
        with Client(server.addresses[1], authority) as new:
            assert new.get() == 'TLSv1.3' and new.certificate == der(pairs[1][0])
        assert kept.get() == 'TLSv1.3'
    finish(server)


def test_a_listener_with_tls_comes_and_goes(serve, authority, pairs):
    server = serve([])
    assert server.get().text == 'null'
    server.reload([tls(pairs[0])])
    added = server.addresses[-1]
    with Client(added, authority) as kept, Client(added, authority) as slow:
        assert kept.get() == 'TLSv1.3'
        # A second one beside it, of its own kind; what is open stays.
        server.reload([tls(pairs[0]), tls(pairs[1])])
        second = server.addresses[-1]
        assert second != added
        with Client(second, authority, ssl.TLSVersion.TLSv1_2) as other:
            assert other.get() == 'TLSv1.2' and other.certificate == der(pairs[1][0])
            assert kept.get() == 'TLSv1.3'
            slow.send('/slow')
            server.wait_for_log('begun')
            server.reload([])
            wait_for(lambda: refuses(added) and refuses(second), 'the sockets to close')
            assert slow.read() == 'TLSv1.3'
            assert kept.get() == 'TLSv1.3' and other.get() == 'TLSv1.2'
    assert server.get().text == 'null'
    finish(server)


def test_what_cannot_be_used_leaves_all_as_it_was(serve, authority, pairs):
    server = serve([tls(pairs[0])])
    with Client(server.addresses[1], authority) as kept:
        assert kept.get() == 'TLSv1.3'
        # The key of the other, and a listener that would have come with it.
        server.reload([tls((pairs[1][0], pairs[0][1])), tls(pairs[0])], 'all stays as it was')
        server.expect('the reload has failed, all stays as it was: ')
        assert kept.get() == 'TLSv1.3'
        with Client(server.addresses[1], authority) as new:
            assert new.get() == 'TLSv1.3' and new.certificate == der(pairs[0][0])
    assert server.stop() == 0


def test_handshakes_under_reloads_lose_nothing(serve, authority, pairs):
    server = serve([tls(pairs[0])])
    address = server.addresses[1]
    stop, problems, counts = threading.Event(), [], []

    def client(keep_alive):
        count, connection = 0, None
        try:
            connection = Client(address, authority)
            while not stop.is_set():
                if not keep_alive:
                    connection.socket.close()
                    connection = Client(address, authority)
                assert connection.get() == 'TLSv1.3'
                count += 1
        except (OSError, AssertionError) as error:
            problems.append(repr(error))
        finally:
            if connection:
                connection.socket.close()
        counts.append(count)

    threads = [threading.Thread(target=client, args=(i % 2 == 0,)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(10):
            server.reload([tls(pairs[(number + 1) % 2])])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not problems, problems[:5]
    assert all(counts), counts
    finish(server)
