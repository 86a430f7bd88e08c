"""Requests that scripts send through a proxy or to a Unix socket, and what passes through them; files."""

import base64
import os
import queue
import socket
import threading

import pytest

from backend import answering
from certificates import Authority, server_context
from http_client import TIMEOUT


@pytest.fixture
def proxy(backend):
    """proxy(targets) is an HTTP proxy for the hosts in {'host:port': backend}; `heads` has what it was sent."""

    def relay(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def start(targets, connect_reply='200 Connection established', credentials=None):
        heads = queue.Queue()

        def tunnel(peer, target):
            if target not in targets:
                peer.reply(b'', '502 Bad Gateway')
                return
            peer.send(f'HTTP/1.1 {connect_reply}\r\n\r\n')
            if not connect_reply.startswith('2'):
                return
            with socket.create_connection(targets[target].address.split(':'), timeout=TIMEOUT) as upstream:
                back = threading.Thread(target=relay, args=(upstream, peer.socket), daemon=True)
                back.start()
                relay(peer.socket, upstream)
                back.join(TIMEOUT)

        def serve(peer):
            while head := peer.read_head():
                method, target, fields = head
                heads.put(head)
                expected = credentials and 'Basic ' + base64.b64encode(credentials.encode()).decode()
                if dict(fields).get('proxy-authorization') != expected:
                    peer.reply(b'', '407 Proxy Authentication Required')
                    return
                if method == 'CONNECT':
                    tunnel(peer, target)
                    return
                peer.reply(f'by proxy: {target}')

        server = backend(serve)
        server.heads = heads
        return server

    return start


def hello(peer, request):
    peer.reply(f'{request.target} {request.header("host")}')


NOWHERE = 'service.invalid'  # A name that only the proxy knows.


def test_http_goes_through_the_proxy_in_absolute_form(proxy, script):
    via = proxy({}, credentials='user:p@ss')
    run = script('http://unused', {'fetch.proxy': f'http://user:p%40ss@{via.address}', 'app.permissions.net': [NOWHERE]})
    for url in [f'http://{NOWHERE}/a?b=1#c', f'http://{NOWHERE}:8080/']:
        assert run(f"return (await fetch('{url}')).text()")['value'] == 'by proxy: ' + url.split('#')[0]
    _, target, fields = via.heads.get(timeout=TIMEOUT)
    assert target == f'http://{NOWHERE}/a?b=1'
    assert ('host', NOWHERE) in fields
    assert dict(via.heads.get(timeout=TIMEOUT)[2])['host'] == f'{NOWHERE}:8080'
    # The script's own credentials for a proxy are not sent.
    run(f"await fetch('http://{NOWHERE}/', {{ headers: {{ 'Proxy-Authorization': 'mine' }} }})")
    names = [name for name, _ in via.heads.get(timeout=TIMEOUT)[2]]
    assert names.count('proxy-authorization') == 1


def test_the_proxy_refuses(proxy, script):
    via = proxy({}, credentials='user:right')
    run = script('http://unused', {'fetch.proxy': f'http://user:wrong@{via.address}', 'app.permissions.net': [NOWHERE]})
    assert run(f"return (await fetch('http://{NOWHERE}/')).status")['value'] == 407
    result = run(f"await fetch('https://{NOWHERE}/')")
    assert result['code'] == 'ERR_PROXY' and '407' in result['cause'], result


def test_permissions_hold_with_a_proxy(proxy, script):
    via = proxy({})
    run = script('http://unused', {'fetch.proxy': via.url, 'app.permissions.net': ['*']})
    # Addresses that are not public have to be listed though the proxy could reach them; names are the proxy's to look up.
    assert run("await fetch('http://10.0.0.1/')")['error'] == 'NotAllowedError'
    assert run("return (await fetch('http://other.invalid/')).status")['value'] == 200
    listed = script('http://unused', {'fetch.proxy': via.url, 'app.permissions.net': [NOWHERE]})
    assert listed("await fetch('http://other.invalid/')")['error'] == 'NotAllowedError'
    # Nor may the script talk to the proxy itself.
    assert listed(f"await fetch('{via.url}')")['error'] == 'NotAllowedError'


def test_no_proxy_is_connected_to_directly(backend, proxy, script):
    server = backend(answering(hello))
    via = proxy({})
    run = script(server, {'fetch.proxy': via.url, 'fetch.no_proxy': ['127.0.0.0/8', 'localhost'],
                          'app.permissions.net': [NOWHERE, '127.0.0.1', 'localhost']})
    assert run("return (await fetch(env.URL + '/x')).text()")['value'] == f'/x {server.address}'
    local = f'localhost:{server.port}'
    assert run(f"return (await fetch('http://{local}/')).text()")['value'] == f'/ {local}'
    assert via.heads.empty()
    assert run(f"return (await fetch('http://{NOWHERE}/')).text()")['value'].startswith('by proxy')


def test_https_goes_through_a_tunnel(backend, proxy, script, tmp_path):
    authority = Authority(tmp_path)
    server = backend(answering(hello), tls=server_context(authority.issue(NOWHERE, f'DNS:{NOWHERE}')))
    via = proxy({f'{NOWHERE}:443': server}, credentials='user:')
    run = script(server, {'fetch.proxy': f'http://user@{via.address}', 'fetch.authorities': [str(authority.certificate)],
                          'app.permissions.net': [NOWHERE]})
    texts = run(f"""
      const texts = [];
      for (const path of ['/one', '/two']) texts.push(await (await fetch('https://{NOWHERE}' + path)).text());
      return texts;""")['value']
    assert texts == [f'/one {NOWHERE}', f'/two {NOWHERE}']
    method, target, fields = via.heads.get(timeout=TIMEOUT)
    assert (method, target) == ('CONNECT', f'{NOWHERE}:443')
    assert sorted(name for name, _ in fields) == ['host', 'proxy-authorization']
    assert via.heads.empty()  # The second request had the same tunnel.


@pytest.mark.parametrize('reply', ['502 Bad Gateway', 'early', 'closed', 'garbage', 'interim'])
def test_a_tunnel_that_is_not_made(backend, script, reply):
    def serve(peer):
        if peer.read_head() is None or reply == 'closed':
            return
        if reply == 'garbage':
            peer.send('SSH-2.0-OpenSSH_9\r\n\r\n')
        elif reply == 'early':
            peer.send('HTTP/1.1 200 OK\r\n\r\nnot yet asked')
        elif reply == 'interim':
            peer.send('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
        else:
            peer.reply('no', reply)
        peer.at_end()

    run = script('http://unused', {'fetch.proxy': backend(serve).url, 'app.permissions.net': [NOWHERE]})
    result = run(f"await fetch('https://{NOWHERE}/')")
    assert (result['error'], result['code']) == ('TypeError', 'ERR_PROXY'), result
    assert 'proxy' in result['cause']


def test_a_proxy_that_is_silent(backend, script):
    run = script('http://unused', {'fetch.proxy': backend(lambda peer: peer.at_end()).url, 'fetch.connect': '300ms',
                                   'app.permissions.net': [NOWHERE]})
    assert run(f"await fetch('https://{NOWHERE}/')")['code'] == 'ETIMEDOUT'
    assert run(f"""
      const signal = AbortSignal.timeout(50);
      try {{ await fetch('https://{NOWHERE}/', {{ signal }}); }} catch (error) {{ return error.name; }}
      """)['value'] == 'TimeoutError'


def test_unix_sockets(backend, script, tmp_path):
    path = tmp_path / 'service.sock'
    backend(answering(hello), path=path)
    run = script('http://unused', {'fetch.unix': {'service': str(path), 'missing': str(tmp_path / 'missing.sock')},
                                   'fetch.proxy': 'http://127.0.0.1:1',
                                   'app.permissions.net': ['service', 'missing']})
    assert run("return (await fetch('http://service/a')).text()")['value'] == '/a service'
    assert run("return (await fetch('http://SERVICE:8080/b')).text()")['value'] == '/b service:8080'
    result = run("await fetch('http://missing/')")
    assert result['code'] == 'ENOENT' and 'missing.sock' in result['cause'], result
    forbidden = script('http://unused', {'fetch.unix': {'service': str(path)}})
    assert forbidden("await fetch('http://service/')")['error'] == 'NotAllowedError'


@pytest.mark.parametrize('client_takes', [True, False])
@pytest.mark.parametrize('body', [b'small', b'large ' * 100_000, b''], ids=['small', 'large', 'empty'])
def test_trailers_pass_a_gateway(backend, gateway, client_takes, body):
    seen = queue.Queue()

    def answer(peer, request):
        seen.put(request)
        peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n')
        if body:
            peer.send(f'{len(body):x}\r\n'.encode() + body + b'\r\n')
        peer.send('0\r\nX-Sum: 12\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\nX-More: h\xe9\r\n\r\n'.encode('latin-1'))

    server = gateway(backend(answering(answer)))
    with server.connect() as connection:
        te = 'TE: gzip;q=0.5, trailers\r\nConnection: TE\r\n' if client_takes else ''
        connection.send(f'GET / HTTP/1.1\r\nHost: x\r\n{te}\r\n'.encode())
        reply = connection.read_response()
        assert reply.body == body
        assert connection.trailers == ([('x-sum', '12'), ('x-more', 'h\xe9')] if client_takes else [])
        assert connection.get('/').body == body
    request = seen.get(timeout=TIMEOUT)
    assert request.header('te') == ('trailers' if client_takes else None)
    assert request.header('connection') == ('te' if client_takes else None)


def test_files_that_the_permissions_list(script, tmp_path):
    folder = tmp_path / 'shared'
    folder.mkdir()
    (folder / 'a b.json').write_text('{"a": "h\u00e9"}')
    (folder / 'plain').write_bytes(b'\0\xff')
    secret = tmp_path / 'secret.txt'
    secret.write_text('secret')
    (folder / 'link').symlink_to(secret)
    os.mkfifo(folder / 'fifo')
    (folder / 'large').write_bytes(bytes(40 << 20))
    run = script('http://unused', {'app.permissions.read': [str(folder)], 'limits.buffers': '16MiB'})
    assert run(f"""const r = await fetch('file://{folder}/a%20b.json?x#y');
      return [r.status, r.headers.get('content-type'), r.url.startsWith('file:///'), await r.json()];""")['value'] == [
          200, 'application/json', True, {'a': 'h\u00e9'}]
    assert run(f"""const r = await fetch(new URL('file://{folder}/plain'));
      return [r.headers.get('content-type'), [...new Uint8Array(await r.arrayBuffer())]];""")['value'] == [None, [0, 255]]
    for path in [secret, folder / 'link', folder / '../secret.txt', '/etc/passwd', tmp_path]:
        assert run(f"await fetch('file://{path}')")['error'] == 'NotAllowedError', path
    for name, code in [('missing', 'ENOENT'), ('', 'EISDIR'), ('fifo', 'EINVAL'), ('large', 'EFBIG')]:
        result = run(f"await fetch('file://{folder}/{name}')")
        assert (result['error'], result['code']) == ('TypeError', code), result
