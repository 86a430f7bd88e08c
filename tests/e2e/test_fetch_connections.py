"""The connections that `fetch` uses: kept, shared, passed on from client to server, and secured by TLS."""

import gzip
import queue
import socket
import threading
import time

import pytest

from backend import answering
from certificates import Authority, server_context
from http_client import TIMEOUT, wait_for


# ---- Connections

def test_connections_are_used_again(backend, script):
    server = backend(answering(lambda peer, request: peer.reply(f'{peer.number}')))
    run = script(server)
    for _ in range(5):
        assert run("return (await fetch(env.URL)).text()")['value'] == '1'
    assert sorted(set(run('''return (await Promise.all(Array.from({ length: 20 },
        async () => (await fetch(env.URL)).text())))''')['value'])) != ['1']
    assert server.connections <= 20


def test_idle_connections_are_closed(backend, script):
    ended = queue.Queue()

    def serve(peer):
        peer.read_request()
        peer.reply('x')
        ended.put(peer.at_end())

    run = script(backend(serve), {'fetch.idle': '200ms'})
    run('await fetch(env.URL)')
    assert ended.get(timeout=TIMEOUT)


def test_at_most_so_many_connections(backend, script):
    lock, now, most = threading.Lock(), [0], [0]

    def answer(peer, request):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1
        peer.reply(request.target)

    server = backend(answering(answer))
    run = script(server, {'fetch.connections': 3})
    targets = run('''return Promise.all(Array.from({ length: 12 },
        async (_, i) => (await fetch(`${env.URL}/${i}`)).text()))''')['value']
    assert targets == [f'/{i}' for i in range(12)]
    assert (server.connections, most[0]) == (3, 3)


def test_a_connection_that_died_idle(backend, script):
    requests = []

    def serve(peer):
        first = peer.number == 1
        while (request := peer.read_request()) is not None:
            requests.append((peer.number, request.method))
            if first and len(requests) > 1:
                return  # As if it had been closed just when the request was sent.
            peer.reply('x')

    run = script(backend(serve))
    run('await fetch(env.URL)')
    assert run("return (await fetch(env.URL)).text()") == {'value': 'x'}
    assert requests == [(1, 'GET'), (1, 'GET'), (2, 'GET')]


def test_what_is_not_idempotent_is_sent_once(backend, script):
    requests = []

    def serve(peer):
        while (request := peer.read_request()) is not None:
            requests.append(request.method)
            if len(requests) > 1:
                return
            peer.reply('x')

    run = script(backend(serve))
    run('await fetch(env.URL)')
    assert run("await fetch(env.URL, { method: 'POST', body: 'x' })")['code'] == 'ECONNRESET'
    assert requests == ['GET', 'POST']


def test_more_than_a_response_is_nobodys(backend, script):
    def serve(peer):
        while peer.read_request() is not None:
            peer.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmineHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother')

    server = backend(serve)
    run = script(server)
    for _ in range(3):
        assert run("return (await fetch(env.URL)).text()")['value'] == 'mine'
    assert server.connections == 3


# ---- Passed on

def test_replies_never_mix(backend, gateway):
    def answer(peer, request):
        body = (request.target * 20000)[:100000 if 'large' in request.target else 50]
        peer.send(f'HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nX-Target: {request.target}\r\n\r\n')
        for at in range(0, len(body), 30000):
            peer.send(body[at:at + 30000])

    server = gateway(backend(answering(answer)), workers=2)
    problems = []

    def client(number):
        with server.connect() as connection:
            for i in range(30):
                target = f'/{number}/{i}/{"large" if i % 3 == 0 else "small"}/'
                reply = connection.get(target)
                expected = (target * 20000)[:100000 if 'large' in target else 50]
                if reply.header('x-target') != target or reply.text != expected:
                    problems.append((target, reply))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT * 2)
    assert not problems


def test_a_response_passes_as_it_is(backend, gateway):
    data = gzip.compress(b'text ' * 1000)

    def answer(peer, request):
        if request.target == '/gzip':
            return peer.reply(data, '200 OK', 'Content-Encoding: gzip', 'Vary: Accept-Encoding')
        if request.target == '/status':
            return peer.reply('no', '418 Short And Stout', 'Set-Cookie: a=1', 'Set-Cookie: b=2')
        peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        for _ in range(100):
            peer.send(b'1000\r\n' + b'x' * 4096 + b'\r\n')
        peer.send('0\r\n\r\n')

    server = gateway(backend(answering(answer)))
    reply = server.get('/gzip', **{'Accept-Encoding': 'gzip'})
    assert (reply.body, reply.header('content-encoding'), reply.header('content-length')) == (data, 'gzip',
                                                                                           str(len(data)))
    # This client does not take it.
    reply = server.get('/gzip')
    assert (reply.body, reply.header('content-encoding')) == (b'text ' * 1000, None)
    reply = server.get('/status')
    assert (reply.status, reply.reason, reply.text, reply.all('set-cookie')) == (418, 'Short And Stout', 'no',
                                                                                 ['a=1', 'b=2'])
    assert len(server.get('/chunked').body) == 409600


def test_what_breaks_on_its_way_is_cut(backend, gateway):
    def serve(peer):
        peer.read_request()
        peer.send('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n' + 'x' * 50000)

    server = gateway(backend(serve))
    server.expect('response body: TypeError: fetch failed')
    with server.connect() as connection:
        connection.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        received = connection.read_rest()
    assert received.startswith(b'HTTP/1.1 200') and received.count(b'x') == 50000


def test_a_slow_client_slows_the_server_down(backend, gateway):
    sent = [0]

    def serve(peer):
        peer.read_request()
        peer.send('HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n')
        for _ in range(1024):
            peer.send(b'x' * 65536)
            sent[0] += 65536

    server = gateway(backend(serve))
    with server.connect(receive_buffer=65536) as connection:
        connection.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')

        def stalled():
            before = sent[0]
            time.sleep(0.2)
            return before == sent[0] and before
        assert wait_for(stalled, 'the server to wait') < 48 << 20
        assert len(connection.read_response().body) == 67108864


def test_a_drain_waits_for_what_is_fetched(backend, gateway):
    begun, go = threading.Event(), threading.Event()

    def answer(peer, request):
        begun.set()
        go.wait(TIMEOUT)
        peer.reply('late')

    server = gateway(backend(answering(answer)))
    with server.connect() as connection:
        connection.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        assert begun.wait(TIMEOUT)
        server.send_signal()
        time.sleep(0.1)
        go.set()
        assert connection.read_response().text == 'late'
    assert server.wait() == 0


# ---- TLS

@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp('authority'))


def test_https(backend, script, authority):
    names = []

    def serve(peer):
        names.append((peer.socket.version(), peer.socket.selected_alpn_protocol()))
        answering(lambda p, request: p.reply(request.target + 'x' * 100000))(peer)

    server = backend(serve, tls=server_context(authority.issue('localhost', 'DNS:localhost', 'IP:127.0.0.1')))
    run = script(f'https://localhost:{server.port}', {'fetch.authorities': [str(authority.certificate)]})
    for target in ['/a', '/b']:
        assert run(f"return (await fetch(env.URL + '{target}')).text()")['value'] == target + 'x' * 100000
    assert run(f"return (await fetch('https://127.0.0.1:{server.port}/ip')).text()")['value'].startswith('/ip')
    assert names == [('TLSv1.3', 'http/1.1')] * 2


@pytest.mark.parametrize('case, code', [
    ('other name', 'ERR_TLS_CERT_ALTNAME_INVALID'), ('expired', 'CERT_HAS_EXPIRED'),
    ('unknown', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), ('plain', 'EPROTO'), ('silent', 'ECONNRESET')])
def test_https_that_is_not_to_be_trusted(backend, script, authority, tmp_path, case, code):
    if case == 'plain':
        server = backend(lambda peer: (peer.send('HTTP/1.1 400 No\r\n\r\n'), peer.at_end()))
    elif case == 'silent':
        server = backend(lambda peer: peer.socket.recv(1))
    else:
        issuer = Authority(tmp_path, 'stranger') if case == 'unknown' else authority
        names = ['DNS:example.org'] if case == 'other name' else ['DNS:localhost']
        files = issuer.issue(case.replace(' ', '-'), *names, days=-1 if case == 'expired' else 1)
        server = backend(answering(lambda peer, request: peer.reply('hello')), tls=server_context(files))
    run = script(f'https://localhost:{server.port}', {'fetch.authorities': [str(authority.certificate)]})
    result = run('await fetch(env.URL)')
    assert (result['error'], result['code']) == ('TypeError', code), result


def test_a_tls_body_without_an_end_is_not_whole(backend, script, authority):
    def serve(peer):
        peer.read_request()
        peer.send('HTTP/1.1 200 OK\r\n\r\nhalf')
        # The connection ends without the alert that says so.
        socket.socket(fileno=peer.socket.detach()).close()

    server = backend(serve, tls=server_context(authority.issue('localhost', 'DNS:localhost')))
    run = script(f'https://localhost:{server.port}', {'fetch.authorities': [str(authority.certificate)]})
    assert run('return (await fetch(env.URL)).text()').get('code') == 'ECONNRESET'
