"""Requests that scripts send, against servers that do exactly what the test says."""

import contextlib
import gzip
import json
import queue
import socket
import threading
import time
import zlib

import pytest

from backend import answering
from http_client import TIMEOUT, wait_for


def hello(peer, request):
    peer.reply('hello', '200 Fine', 'Content-Type: text/plain', 'X-Two: a', 'X-Two: b', 'Set-Cookie: a=1',
               'Set-Cookie: b=2', 'Keep-Alive: timeout=60', 'Connection: keep-alive, X-Hop', 'X-Hop: gone')


def test_a_response_has_what_the_server_sent(backend, script):
    run = script(backend(answering(hello)))
    result = run('''
      const r = await fetch(env.URL + '/path?q#fragment');
      return [r.status, r.statusText, r.ok, r.type, r.redirected, r.url.slice(env.URL.length), [...r.headers],
              r.bodyUsed, await r.text(), r.bodyUsed];''')['value']
    assert result == [200, 'Fine', True, 'basic', False, '/path?q',
                      [['content-length', '5'], ['content-type', 'text/plain'], ['set-cookie', 'a=1'],
                       ['set-cookie', 'b=2'], ['x-two', 'a, b']], False, 'hello', True]
    assert run('''
      const r = await fetch(env.URL);
      try { r.headers.set('a', 'b'); } catch (error) { return error.name; }''')['value'] == 'TypeError'


def test_what_a_request_says(backend, script):
    seen = queue.Queue()

    def answer(peer, request):
        seen.put(request)
        peer.reply()

    server = backend(answering(answer))
    run = script(server)
    run("await fetch(env.URL + '/a?b=1#c')")
    request = seen.get(timeout=TIMEOUT)
    assert (request.method, request.target, request.body) == ('GET', '/a?b=1', b'')
    names = dict(request.fields)
    assert names.pop('user-agent').startswith('jsd/')
    assert names == {'host': server.address, 'accept': '*/*', 'accept-encoding': 'gzip, deflate, br'}

    # What frames the message and concerns the connection is not the script's to say.
    run('''await fetch(env.URL, { method: 'POST', body: 'héllo', headers: {
      Host: 'elsewhere', Connection: 'close, x-hop', 'X-Hop': '1', 'Keep-Alive': '1', TE: 'gzip', Upgrade: 'x',
      'Transfer-Encoding': 'gzip', 'Content-Length': '99', 'Proxy-Connection': 'x', Expect: '100-continue',
      Trailer: 'x', 'X-Mine': '2', 'User-Agent': 'me', Accept: 'text/html', 'Accept-Encoding': 'identity' } })''')
    request = seen.get(timeout=TIMEOUT)
    assert sorted(request.fields) == [
        ('accept', 'text/html'), ('accept-encoding', 'identity'), ('content-length', '6'),
        ('content-type', 'text/plain;charset=UTF-8'), ('host', server.address), ('user-agent', 'me'), ('x-mine', '2')]
    assert request.body == 'héllo'.encode()

    run("await fetch(env.URL, { method: 'POST', body: new Uint8Array([0, 255, 10]) })")
    request = seen.get(timeout=TIMEOUT)
    assert (request.body, request.header('content-length'), request.header('content-type')) == (b'\0\xff\n', '3', None)
    run("await fetch(env.URL, { method: 'POST' })")
    assert seen.get(timeout=TIMEOUT).header('content-length') == '0'
    run("await fetch(env.URL, { method: 'DELETE' })")
    assert seen.get(timeout=TIMEOUT).header('content-length') is None


def test_a_stream_is_sent_as_it_comes(backend, script):
    seen = queue.Queue()

    def answer(peer, request):
        seen.put(request)
        peer.reply()

    run = script(backend(answering(answer)))
    stream = '''new ReadableStream({ async pull(c) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (++count > 3) c.close(); else c.enqueue(new TextEncoder().encode('piece' + count)); } })'''
    run(f"let count = 0; await fetch(env.URL, {{ method: 'POST', duplex: 'half', body: {stream} }})")
    request = seen.get(timeout=TIMEOUT)
    assert (request.body, request.chunked) == (b'piece1piece2piece3', True)
    run(f'''let count = 0; await fetch(env.URL, {{ method: 'POST', duplex: 'half', body: {stream},
        headers: {{ 'content-length': '18' }} }})''')
    request = seen.get(timeout=TIMEOUT)
    assert (request.body, request.header('content-length')) == (b'piece1piece2piece3', '18')
    failed = run('''await fetch(env.URL, { method: 'POST', duplex: 'half',
        body: new ReadableStream({ pull() { throw new RangeError('no more'); } }) })''')
    assert (failed['error'], failed['message']) == ('RangeError', 'no more')


def test_a_large_upload_waits_for_the_server(backend, script):
    go = threading.Event()

    def serve(peer):
        _, _, fields = peer.read_head()
        assert ('transfer-encoding', 'chunked') in fields
        assert go.wait(TIMEOUT)
        total = 0
        while chunk := peer.read_chunk():
            total += len(chunk)
        peer.reply(str(total))

    run = script(backend(serve))
    result = []
    thread = threading.Thread(target=lambda: result.append(run('''
      globalThis.pulled = 0;
      const body = new ReadableStream({ pull(c) {
        if (pulled === 512) return c.close();
        pulled++;
        c.enqueue(new Uint8Array(65536)); } });
      const r = await fetch(env.URL, { method: 'POST', duplex: 'half', body });
      return r.text();''')))
    thread.start()

    def stalled():
        before = run('return globalThis.pulled ?? 0')['value']
        time.sleep(0.2)
        return before > 0 and before == run('return globalThis.pulled ?? 0')['value'] and before
    # Sockets take some megabytes; the rest is not made.
    assert wait_for(stalled, 'the upload to wait') < 400
    go.set()
    thread.join(TIMEOUT)
    assert result == [{'value': str(512 * 65536)}]


@pytest.mark.parametrize('reply, expected', [
    ('Content-Length: 5\r\n\r\nhello', 'hello'),
    ('Transfer-Encoding: chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n', 'hello'),
    ('\r\nhello', 'hello'),
    ('Connection: close\r\n\r\nhéllo', 'héllo'),
    ('Content-Length: 0\r\n\r\n', ''),
], ids=['length', 'chunked', 'end', 'text', 'empty'])
@pytest.mark.parametrize('pace', ['whole', 'bytes'])
def test_bodies_of_every_framing(backend, script, reply, expected, pace):
    def serve(peer):
        peer.read_request()
        data = ('HTTP/1.1 200 OK\r\n' + reply).encode()
        if pace == 'whole':
            peer.send(data)
        else:
            for i in range(len(data)):
                peer.send(data[i:i + 1])
                time.sleep(0.0005)

    run = script(backend(serve))
    assert run("return (await fetch(env.URL)).text()") == {'value': expected}


def test_responses_without_a_body(backend, script):
    def serve(peer):
        while (request := peer.read_request()) is not None:
            status = request.target[1:]
            peer.send(f'HTTP/1.1 {status} X\r\nContent-Length: 10\r\n\r\n')

    server = backend(serve)
    run = script(server)
    assert run('''const results = [];
      for (const [method, status] of [['HEAD', 200], ['GET', 204], ['GET', 304], ['HEAD', 404]]) {
        const r = await fetch(env.URL + '/' + status, { method });
        results.push([r.status, r.body, await r.text()]);
      }
      return results;''')['value'] == [[200, None, ''], [204, None, ''], [304, None, ''], [404, None, '']]
    assert server.connections == 1


def test_interim_responses_are_passed_over(backend, script):
    def serve(peer):
        peer.read_request()
        peer.send('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n')
        peer.reply('after')

    assert script(backend(serve))('const r = await fetch(env.URL); return [r.status, await r.text()]')['value'] == [
        200, 'after']


def test_a_body_is_read_as_it_comes_and_no_faster(backend, script):
    sent = [0]

    def serve(peer):
        peer.read_request()
        peer.send('HTTP/1.1 200 OK\r\n\r\n')
        for _ in range(1024):
            peer.send(b'x' * 65536)
            sent[0] += 65536

    run = script(backend(serve))
    assert run('''
      const r = await fetch(env.URL);
      globalThis.reader = r.body.getReader();
      const { value } = await reader.read();
      return value.length > 0''')['value']

    def stalled():
        before = sent[0]
        time.sleep(0.2)
        return before == sent[0] and before
    assert wait_for(stalled, 'the server to wait') < 48 << 20
    assert run('''
      let total = 0;
      for (let chunk; !(chunk = await reader.read()).done;) total += chunk.value.length;
      return total > 1000 * 65536''')['value']


# ---- Content codings

CODINGS = {
    'gzip': gzip.compress,
    'deflate': zlib.compress,
    'raw deflate': lambda data: zlib.compress(data)[2:-4],
    'two members': lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
}


@pytest.mark.parametrize('coding', CODINGS)
@pytest.mark.parametrize('pieces', [1, 7])
def test_codings_are_taken_off(backend, script, coding, pieces):
    text = 'compressible ' * 10000

    def answer(peer, request):
        data = CODINGS[coding](text.encode())
        name = 'deflate' if 'deflate' in coding else 'gzip'
        peer.send(f'HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\nContent-Length: {len(data)}\r\n\r\n')
        step = len(data) // pieces + 1
        for at in range(0, len(data), step):
            peer.send(data[at:at + step])
            time.sleep(0.01)

    run = script(backend(answering(answer)))
    result = run('''const r = await fetch(env.URL);
      return [await r.text(), r.headers.get('content-encoding'), r.headers.get('content-length')]''')['value']
    assert result == [text, None, None]


def test_codings_that_are_damaged(backend, script):
    data = gzip.compress(b'text ' * 100000)

    def answer(peer, request):
        body = {'/cut': data[:-20], '/bad': data[:50] + b'damage' + data[56:], '/none': b'plain text'}[request.target]
        peer.reply(body, '200 OK', 'Content-Encoding: gzip')

    run = script(backend(answering(answer)))
    for target in ['/cut', '/bad', '/none']:
        result = run(f"return (await fetch(env.URL + '{target}')).text()")
        assert result['error'] == 'TypeError' and 'gzip' in result['message'], result


def test_a_bomb_is_read_piece_by_piece(backend, script):
    data = gzip.compress(bytes(256 << 20), 9)
    run = script(backend(answering(lambda peer, request: peer.reply(data, '200 OK', 'Content-Encoding: gzip'))),
                 {'limits.buffers': '16MiB'})
    assert run('''
      let total = 0, largest = 0;
      for await (const chunk of (await fetch(env.URL)).body) {
        total += chunk.length;
        largest = Math.max(largest, chunk.length);
        if (total > 4 << 20) break;
      }
      return [total > 4 << 20, largest <= 256 << 10]''')['value'] == [True, True]
    for reader in ['arrayBuffer', 'bytes', 'blob', 'text', 'json']:
        result = run(f'return (await fetch(env.URL)).{reader}()')
        assert result['error'] == 'RangeError', (reader, result)
    # A stream that a script has put in front of the body is no way around it.
    result = run("return new Response((await fetch(env.URL)).body.pipeThrough(new TransformStream())).bytes()")
    assert result['error'] == 'RangeError', result
    assert run('const { status, body } = await fetch(env.URL); await body.cancel(); return status')['value'] == 200


def test_unknown_codings_stay(backend, script):
    run = script(backend(answering(lambda peer, request: peer.reply('as it is', '200 OK', 'Content-Encoding: zstd'))))
    assert run("const r = await fetch(env.URL); return [r.headers.get('content-encoding'), await r.text()]")[
        'value'] == ['zstd', 'as it is']


# ---- Redirects

def redirects(peer, request):
    if request.target.startswith('/to/'):
        _, _, status, location = request.target.split('/', 3)
        peer.reply('', f'{status} Moved', f'Location: {location or "/end"}')
    elif request.target == '/loop':
        peer.reply('', '302 Found', 'Location: /loop')
    else:
        peer.reply(json.dumps([request.method, request.target, request.body.decode(),
                               sorted(name for name, _ in request.fields)]))


def test_redirects(backend, script):
    run = script(backend(answering(redirects)))
    code = '''
      const r = await fetch(env.URL + '/to/%s/%s', { method: '%s', body: '%s' || undefined,
          headers: { Authorization: 'secret', 'X-Mine': '1' } });
      return [r.status, r.redirected, r.url.slice(env.URL.length), ...await r.json()]'''
    for status, method, body, expected in [
            (301, 'POST', 'x', ('GET', '')), (302, 'POST', 'x', ('GET', '')), (303, 'POST', 'x', ('GET', '')),
            (303, 'PUT', 'x', ('GET', '')), (307, 'POST', 'x', ('POST', 'x')), (308, 'PUT', 'x', ('PUT', 'x')),
            (301, 'PUT', 'x', ('PUT', 'x')), (302, 'GET', '', ('GET', '')), (303, 'HEAD', '', None)]:
        if method == 'HEAD':
            result = run("const r = await fetch(env.URL + '/to/303/', { method: 'HEAD' });"
                         'return [r.status, r.redirected, r.url.slice(env.URL.length)]')['value']
            assert result == [200, True, '/end']
            continue
        result = run(code % (status, '', method, body))['value']
        assert result[:3] == [200, True, '/end'] and (result[3], result[5]) == expected, (status, method, result)
        assert 'authorization' in result[6] and 'x-mine' in result[6]
        assert ('content-type' in result[6]) == (expected[0] != 'GET')
    result = run("const r = await fetch(env.URL + '/to/302/#new'); return r.url.slice(env.URL.length)")
    assert result['value'] in ('/to/302/', '/end')
    assert run('''const r = await fetch(env.URL + '/to/302/', { redirect: 'manual' });
        return [r.status, r.headers.get('location'), r.redirected]''')['value'] == [302, '/end', False]


def test_redirects_that_fail(backend, script):
    run = script(backend(answering(redirects)))
    for code, expected in [
            ("fetch(env.URL + '/loop')", 'more than 20'),
            ("fetch(env.URL + '/to/302/', { redirect: 'error' })", 'does not allow'),
            ("fetch(env.URL + '/to/302/ftp://host')", 'not fetched by HTTP'),
            ("fetch(env.URL + '/to/302/http://[')", 'no URL'),
            ("""fetch(env.URL + '/to/307/', { method: 'POST', duplex: 'half',
                 body: new Response('x').body.pipeThrough(new TransformStream()) })""", 'stream')]:
        result = run(f'await {code}')
        assert result['error'] == 'TypeError' and expected in result['message'], (code, result)


def test_credentials_stay_with_their_origin(backend, script):
    other = backend(answering(redirects))
    run = script(backend(answering(lambda peer, request: peer.reply('', '302 Found', f'Location: {other.url}/end'))))
    names = run('''
      const r = await fetch(env.URL, { headers: { Authorization: 'a', Cookie: 'b', 'X-Mine': 'c' } });
      return (await r.json())[3]''')['value']
    assert 'x-mine' in names and 'authorization' not in names and 'cookie' not in names


# ---- What goes wrong

def test_errors_say_what_was_wrong(backend, script, tmp_path):
    def serve(peer):
        request = peer.read_request()
        if request is None or request.target == '/closed':
            return
        if request.target == '/reset':
            peer.reset()
        elif request.target == '/short':
            peer.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
        elif request.target == '/garbage':
            peer.send('SSH-2.0-OpenSSH_9\r\n')
        elif request.target == '/both':
            peer.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
        elif request.target == '/lengths':
            peer.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab')
        elif request.target == '/chunk':
            peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n')
        elif request.target == '/header':
            peer.send('HTTP/1.1 200 OK\r\n' + 'X: ' + 'y' * 100000 + '\r\n\r\n')
        elif request.target == '/large':
            peer.reply(b'x' * 200000)

    server = backend(serve)
    run = script(server, {'fetch.max_body': '100KiB'})
    with socket.create_server(('127.0.0.1', 0)) as unused:
        port = unused.getsockname()[1]
    for url, code in [
            (f'http://127.0.0.1:{port}/', 'ECONNREFUSED'), ('http://name.invalid/', 'ENOTFOUND'),
            (f'{server.url}/closed', 'ECONNRESET'), (f'{server.url}/reset', 'ECONNRESET'),
            (f'{server.url}/short', 'ECONNRESET'), (f'{server.url}/garbage', 'ERR_HTTP_RESPONSE'),
            (f'{server.url}/both', 'ERR_HTTP_RESPONSE'), (f'{server.url}/lengths', 'ERR_HTTP_RESPONSE'),
            (f'{server.url}/chunk', 'ERR_HTTP_RESPONSE'), (f'{server.url}/header', 'ERR_HTTP_RESPONSE'),
            (f'{server.url}/large', 'ERR_RESPONSE_TOO_LARGE'), ('http://127.0.0.1:25/', 'ERR_BAD_PORT')]:
        result = run(f"return (await fetch('{url}')).text()")
        assert (result.get('error'), result.get('code')) == ('TypeError', code), (url, result)
        assert result['message'] == f"fetch failed: {result['cause']}"
    for url in ['ftp://host/', 'nothing:x', 'http://user:word@host/', 'not a url']:
        assert run(f"await fetch('{url}')")['error'] == 'TypeError', url


def test_timeouts(backend, script):
    def serve(peer):
        request = peer.read_request()
        if request.target == '/body':
            peer.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
        peer.at_end()

    run = script(backend(serve), {'fetch.response': '300ms', 'fetch.body': '300ms'})
    result = run('await fetch(env.URL)')
    assert result['code'] == 'ETIMEDOUT' and 'fetch.response' in result['message']
    result = run("return (await fetch(env.URL + '/body')).text()")
    assert result['code'] == 'ETIMEDOUT' and 'fetch.body' in result['message']


def test_only_what_the_permissions_list(backend, script):
    server = backend(answering(redirects))
    run = script(server, {'app.permissions.net': [f'127.0.0.1:{server.port}']})
    assert run('return (await fetch(env.URL)).status')['value'] == 200
    for code in ["fetch('http://127.0.0.1:8/')", "fetch('http://localhost/')",
                 "fetch(env.URL + '/to/302/http://example.org/')"]:
        result = run(f'await {code}')
        assert result['error'] == 'NotAllowedError', (code, result)


# ---- Aborts

@pytest.mark.parametrize('moment', ['before', 'headers', 'body', 'stream', 'upload'])
def test_abort(backend, script, moment):
    ended = queue.Queue()

    def serve(peer):
        peer.read_head()
        if moment in ('body', 'stream'):
            peer.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
        ended.put(peer.at_end())

    run = script(backend(serve))
    code = {
        'before': "await fetch(env.URL, { signal: AbortSignal.abort(new RangeError('mine')) })",
        'headers': 'setTimeout(stop, 50); await fetch(env.URL, { signal })',
        'body': 'const r = await fetch(env.URL, { signal }); setTimeout(stop, 50); await r.text()',
        'stream': 'const r = await fetch(env.URL, { signal }); const reader = r.body.getReader();'
                  'await reader.read(); setTimeout(stop, 50); await reader.read()',
        'upload': '''setTimeout(stop, 50);
          const body = new ReadableStream({ cancel(reason) { globalThis.cancelled = reason.message; } });
          await fetch(env.URL, { method: 'POST', duplex: 'half', signal, body })''',
    }[moment]
    result = run(f'''const controller = new AbortController();
        const {{ signal }} = controller;
        const stop = () => controller.abort(new RangeError('mine'));
        {code}''')
    assert (result['error'], result['message']) == ('RangeError', 'mine')
    if moment != 'before':
        assert ended.get(timeout=TIMEOUT)
    if moment == 'upload':
        assert run('return globalThis.cancelled')['value'] == 'mine'


@contextlib.contextmanager
def full_listener():
    """(address, port) that a connection is neither accepted nor refused at: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()


def test_abort_before_there_is_a_connection(backend, script):
    ended = queue.Queue()
    silent = backend(lambda peer: ended.put(peer.at_end()))
    run = script(silent)
    with full_listener() as (host, port):
        # While the name is looked up, while it connects, and in the TLS handshake.
        for url, stop in [('http://name.invalid/', 'stop()'), (f'http://{host}:{port}/', 'setTimeout(stop, 50)'),
                          (f'https://{silent.address}/', 'setTimeout(stop, 50)')]:
            result = run(f"""
              const controller = new AbortController();
              const stop = () => controller.abort(new RangeError('mine'));
              const response = fetch('{url}', {{ signal: controller.signal }});
              {stop};
              await response;""")
            assert (result['error'], result['message']) == ('RangeError', 'mine'), (url, result)
    assert ended.get(timeout=TIMEOUT)


def test_a_connection_that_is_not_made_in_time(script):
    with full_listener() as (host, port):
        result = script('http://unused', {'fetch.connect': '300ms'})(f"await fetch('http://{host}:{port}/')")
    assert result['code'] == 'ETIMEDOUT' and 'fetch.connect' in result['message']


def listen_at_one(host, other):
    """A socket that listens at one of two addresses, and one that holds the same port of the other, for nobody."""
    while True:
        listener = socket.create_server((host, 0), family=socket.AF_INET6 if ':' in host else socket.AF_INET)
        holder = socket.socket(socket.AF_INET6 if ':' in other else socket.AF_INET)
        try:
            holder.bind((other, listener.getsockname()[1]))
            return listener, holder
        except OSError:
            listener.close()
            holder.close()


@pytest.mark.parametrize(('host', 'other'), [('127.0.0.1', '::1'), ('::1', '127.0.0.1')])
def test_a_name_with_several_addresses_is_tried_at_each(script, host, other):
    listener, holder = listen_at_one(host, other)
    with listener, holder:
        def answer():
            peer, _ = listener.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi')

        thread = threading.Thread(target=answer)
        thread.start()
        run = script('http://unused')
        assert run(f"return (await fetch('http://localhost:{listener.getsockname()[1]}/')).text()")['value'] == 'hi'
        thread.join()


def test_a_name_may_not_stand_for_a_private_address(script):
    # DNS rebinding: what is allowed is a name, and what it resolves to is this machine.
    run = script('http://unused', {'app.permissions.net': ['*']})
    result = run("await fetch('http://ip6-localhost:8009/')")
    assert result['code'] in ('EACCES', 'ENOTFOUND'), result


def test_a_client_that_goes_ends_what_was_fetched_for_it(backend, gateway):
    begun, ended = queue.Queue(), queue.Queue()

    def serve(peer):
        begun.put(peer.read_head())
        ended.put(peer.at_end())

    server = gateway(backend(serve))
    connection = server.connect()
    connection.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    assert begun.get(timeout=TIMEOUT)
    connection.close()
    assert ended.get(timeout=TIMEOUT)


def test_a_body_that_nobody_reads_is_let_go(backend, script):
    ended = queue.Queue()

    def serve(peer):
        peer.read_head()
        peer.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
        ended.put(peer.at_end())

    run = script(backend(serve), {'v8.flags': ['--expose-gc']})
    run("await fetch(env.URL); setTimeout(() => gc(), 10);")
    assert ended.get(timeout=TIMEOUT)


def test_resource_timing(backend, script):
    def answer(peer, request):
        if request.target == '/old':
            peer.reply('', '302 Found', 'Location: /new')
        else:
            peer.reply('hello', '200 OK', 'Content-Type: Text/Plain; charset=utf-8')

    server = backend(answering(answer))
    run = script(server)
    entry = run('''
      const seen = [];
      const observer = new PerformanceObserver((list) => seen.push(...list.getEntries()));
      observer.observe({ type: 'resource' });
      await (await fetch(env.URL + '/old')).text();
      await new Promise((resolve) => setTimeout(resolve, 5));
      observer.disconnect();
      const [entry] = performance.getEntriesByType('resource');
      return { same: seen.length === 1 && seen[0] === entry, ...entry.toJSON() };''')['value']
    assert entry['same'] and entry['name'] == server.url + '/old' and entry['entryType'] == 'resource'
    assert [entry[name] for name in ('initiatorType', 'nextHopProtocol', 'responseStatus', 'contentType',
                                     'encodedBodySize', 'decodedBodySize', 'transferSize')] == \
        ['fetch', 'http/1.1', 200, 'text/plain', 5, 5, 305]
    times = [entry[name] for name in ('startTime', 'redirectStart', 'redirectEnd', 'fetchStart', 'responseStart',
                                      'responseEnd')]
    assert 0 < times[0] == times[1] and times == sorted(times)
    assert abs(entry['duration'] - (times[-1] - times[0])) < 0.001

    # A request that fails has an entry too; data: URLs have none.
    assert run('''
      performance.clearResourceTimings();
      await fetch(env.URL + '/old', { redirect: 'error' }).catch(() => {});
      await fetch('data:,x');
      return performance.getEntriesByType('resource').map(({ responseStatus, transferSize }) =>
        [responseStatus, transferSize]);''')['value'] == [[0, 0]]

    # The buffer is bounded, and a script may make room in it.
    assert run('''
      const get = async (path) => (await fetch(env.URL + path)).text();
      const names = () => performance.getEntriesByType('resource').map(({ name }) => name.at(-1)).join('');
      const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
      performance.clearResourceTimings();
      performance.setResourceTimingBufferSize(2);
      for (const path of ['/a', '/b', '/c']) await get(path);
      await turn();
      const full = names();
      performance.onresourcetimingbufferfull = () => performance.setResourceTimingBufferSize(3);
      for (const path of ['/d', '/e']) await get(path);
      await turn();
      let dropped;
      new PerformanceObserver((list, observer, options) => {
        dropped = options.droppedEntriesCount;
        observer.disconnect();
      }).observe({ type: 'resource', buffered: true });
      await turn();
      return [full, names(), dropped];''')['value'] == ['ab', 'abd', 2]
