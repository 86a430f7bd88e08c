"""HTTP/1.1 as a client sees it (RFC 9110 and 9112)."""

import email.utils
import hashlib
import threading
import time

import pytest

ECHO = '''
export default {
  async fetch(request) {
    return Response.json({
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      body: await request.text(),
    });
  },
};
'''

# The length of a body and a checksum that every byte changes.
SUM = '''
export default {
  async fetch(request) {
    let sum = 0;
    const bytes = await request.bytes();
    for (const byte of bytes) sum = (sum * 31 + byte) % 1000003;
    return new Response(`${bytes.length} ${sum}`);
  },
};
'''

# Each request waits until as many as its query says have arrived; the largest number at once is in every reply.
GATHER = '''
let inside = 0, most = 0, waiting = [];
export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    most = Math.max(most, ++inside);
    const mine = new Promise((resolve) => waiting.push({ wanted: Number(searchParams.get('wanted')), resolve }));
    waiting = waiting.filter(({ wanted, resolve }) => inside < wanted || resolve());
    await mine;
    await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get('delay') ?? 0)));
    inside--;
    return new Response(`${searchParams.get('n')} ${most}`);
  },
};
'''


def checksum(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) % 1000003
    return f'{len(data)} {total}'


@pytest.fixture
def echo(jsd):
    return jsd(ECHO)


@pytest.mark.parametrize('method', ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'x-own.method'])
def test_method_reaches_the_handler(echo, method):
    reply = echo.request(method, '/path?query=1')
    assert reply.status == 200
    assert reply.header('content-type') == 'application/json'
    assert '"method":"%s"' % method in reply.text
    assert f'"url":"{echo.url}/path?query=1"' in reply.text


def test_head_has_the_length_of_get_and_no_body(jsd):
    server = jsd("export default { fetch: (request) => new Response('x'.repeat(1000)) };")
    with server.connect() as client:
        got = client.get()
        head = client.request('HEAD')
        assert head.status == 200
        assert head.header('content-length') == got.header('content-length') == '1000'
        assert client.get().body == b'x' * 1000


def test_reply_says_date_and_length(echo):
    reply = echo.get()
    assert reply.version == 'HTTP/1.1'
    assert reply.reason == 'OK'
    assert reply.header('content-length') == str(len(reply.body))
    date = email.utils.parsedate_to_datetime(reply.header('date'))
    assert reply.header('date') == email.utils.format_datetime(date, usegmt=True)
    assert abs(date.timestamp() - time.time()) < 3


def test_date_goes_on(jsd):
    server = jsd("export default { fetch: () => new Response() };")
    with server.connect() as client:
        first = client.get().header('date')
        time.sleep(2.1)
        assert client.get().header('date') > first or client.get().header('date')[5:] != first[5:]


@pytest.mark.parametrize('size', [0, 1, 1000, 70_000, 8 << 20])
def test_body_with_content_length(jsd, size):
    body = (hashlib.sha256(b'seed').digest() * (size // 32 + 1))[:size]
    assert jsd(SUM).request('POST', '/', body=body).text == checksum(body)


@pytest.mark.parametrize('pieces', [[], [b'one'], [b'a', b'bc', b'd' * 100_000], [bytes(range(256))] * 40])
def test_chunked_body(jsd, pieces):
    with jsd(SUM).connect() as client:
        client.send_request('POST', '/', {'Transfer-Encoding': 'chunked'})
        for piece in pieces:
            client.send(b'%x;extension=1\r\n%b\r\n' % (len(piece), piece))
        client.send(b'0\r\nX-Checksum: 1\r\n\r\n')
        assert client.read_response().text == checksum(b''.join(pieces))
        client.send_request('POST', '/', body=b'next')
        assert client.read_response().text == checksum(b'next')


def test_request_byte_by_byte(jsd):
    with jsd(SUM).connect() as client:
        for byte in b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n':
            client.send(bytes([byte]))
            time.sleep(0.001)
        assert client.read_response().text == checksum(b'abc')


def test_keep_alive(echo):
    with echo.connect() as client:
        for number in range(50):
            assert f'/{number}"' in client.get(f'/{number}').text
        assert client.is_open()


def test_connection_close(echo):
    with echo.connect() as client:
        reply = client.get('/', Connection='close')
        assert reply.status == 200
        assert reply.header('connection').lower() == 'close'
        assert client.is_closed()


def test_http_1_0_closes(echo):
    with echo.connect() as client:
        reply = client.request(version='HTTP/1.0')
        assert reply.status == 200
        assert reply.header('transfer-encoding') is None
        assert client.is_closed()


def test_http_1_0_keep_alive(echo):
    with echo.connect() as client:
        for _ in range(2):
            reply = client.request(version='HTTP/1.0', headers={'Connection': 'keep-alive'})
            assert reply.header('connection').lower() == 'keep-alive'
        assert client.is_open()


def test_http_1_0_needs_no_host(echo):
    with echo.connect() as client:
        client.send(b'GET /old HTTP/1.0\r\n\r\n')
        reply = client.read_response()
        assert reply.status == 200
        assert '/old"' in reply.text


def test_expect_100_continue(jsd):
    with jsd(SUM).connect() as client:
        client.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
        interim = client.read_response()
        assert (interim.status, interim.fields) == (100, [])
        client.send(b'hello')
        assert client.read_response().text == checksum(b'hello')


def test_expect_with_the_body_at_once_needs_no_100(jsd):
    with jsd(SUM).connect() as client:
        client.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello')
        reply = client.read_response()
        if reply.status == 100:  # Allowed as well (RFC 9110, section 10.1.1).
            reply = client.read_response()
        assert reply.text == checksum(b'hello')


def test_expect_with_a_body_that_is_too_large(jsd):
    server = jsd(SUM, {'limits.body': '1KiB'})
    with server.connect() as client:
        client.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n')
        assert client.read_response().status == 413
        assert client.is_closed()


def test_host_makes_the_url(echo):
    assert '"url":"http://shop.example.org:81/a"' in echo.get('/a', Host='shop.example.org:81').text


def test_absolute_form(echo):
    with echo.connect() as client:
        client.send(b'GET http://example.org/a?b HTTP/1.1\r\nHost: example.org\r\n\r\n')
        assert '"url":"http://example.org/a?b"' in client.read_response().text


def test_header_fields_arrive(echo):
    reply = echo.request(headers=[('X-A', '1'), ('x-b', ' spaced '), ('X-a', '2'), ('Cookie', 'c=1; d=2'),
                                  ('X-Latin', 'caf\xe9')])
    for pair in ['["x-a","1, 2"]', '["x-b","spaced"]', '["cookie","c=1; d=2"]', '["x-latin","café"]']:
        assert pair in reply.text


def test_reply_fields(jsd):
    server = jsd('''
export default {
  fetch() {
    const headers = new Headers([['Set-Cookie', 'a=1'], ['set-cookie', 'b=2'], ['X-Latin', 'caf\\xe9'], ['x-two', '1'],
      ['x-two', '2']]);
    return new Response('made', { status: 201, statusText: 'Made Up', headers });
  },
};''')
    reply = server.get()
    assert (reply.status, reply.reason, reply.body) == (201, 'Made Up', b'made')
    assert reply.all('set-cookie') == ['a=1', 'b=2']
    assert reply.header('x-latin') == 'caf\xe9'
    assert ', '.join(reply.all('x-two')) == '1, 2'
    assert reply.header('content-type') == 'text/plain;charset=UTF-8'


@pytest.mark.parametrize('status', [204, 304])
def test_status_without_body(jsd, status):
    server = jsd(f'export default {{ fetch: () => new Response(null, {{ status: {status} }}) }};')
    with server.connect() as client:
        for _ in range(2):
            reply = client.get()
            assert reply.status == status
            assert reply.header('transfer-encoding') is None
        assert client.is_open()


def test_pipelined_requests_are_answered_in_order(echo):
    with echo.connect() as client:
        client.send(b''.join(b'GET /%d HTTP/1.1\r\nHost: a\r\n\r\n' % number for number in range(100)))
        for number in range(100):
            assert f'"url":"http://a/{number}"' in client.read_response().text


def test_pipelined_bodies(jsd):
    with jsd(SUM).connect() as client:
        bodies = [bytes([number]) * number * 50 for number in range(30)]
        client.send(b''.join(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b' % (len(body), body)
                             for body in bodies))
        for body in bodies:
            assert client.read_response().text == checksum(body)


def test_pipelined_handlers_run_concurrently(jsd):
    with jsd(GATHER).connect() as client:
        # Each settles only when all four are inside; the first takes longest.
        client.send(b''.join(b'GET /?wanted=4&n=%d&delay=%d HTTP/1.1\r\nHost: a\r\n\r\n' % (n, 60 - 20 * n)
                             for n in range(4)))
        for number in range(4):
            assert client.read_response().text == f'{number} 4'


def test_pipeline_limit(jsd):
    with jsd(GATHER, {'limits.pipeline': 4}).connect() as client:
        client.send(b''.join(b'GET /?wanted=1&n=%d&delay=20 HTTP/1.1\r\nHost: a\r\n\r\n' % n for n in range(12)))
        replies = [client.read_response().text for _ in range(12)]
    assert [reply.split()[0] for reply in replies] == [str(number) for number in range(12)]
    assert replies[-1].split()[1] == '4'


def test_close_in_the_middle_of_a_pipeline(echo):
    with echo.connect() as client:
        client.send(b'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
                    b'GET /3 HTTP/1.1\r\nHost: a\r\n\r\n')
        assert '/1"' in client.read_response().text
        assert '/2"' in client.read_response().text
        assert client.is_closed()


def test_large_reply_to_a_slow_reader(jsd):
    server = jsd("export default { fetch: () => new Response('0123456789abcdef'.repeat(1 << 19)) };")
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        time.sleep(0.3)  # The socket's buffers fill up meanwhile.
        reply = client.read_response()
        assert reply.body == b'0123456789abcdef' * (1 << 19)
        assert client.get().status == 200


def test_large_requests_and_replies_at_once(jsd):
    server = jsd('export default { fetch: async (request) => new Response(await request.arrayBuffer()) };', workers=2)
    failures = []

    def exchange(number):
        body = hashlib.sha256(b'%d' % number).digest() * 40_000
        try:
            with server.connect() as client:
                for _ in range(3):
                    if client.request('POST', '/', body=body).body != body:
                        failures.append(number)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=exchange, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_client_gone_before_the_reply(jsd):
    server = jsd('''
export default {
  async fetch(request) {
    if (new URL(request.url).pathname !== '/wait') return new Response('fine');
    console.log('waiting');
    await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
    console.log('aborted');
    return new Response('nobody reads this');
  },
};''')
    with server.connect() as client:
        client.send_request('GET', '/wait')
        server.wait_for_log('waiting')
    server.wait_for_log('aborted')
    assert server.get().text == 'fine'


def test_client_gone_in_the_middle_of_a_large_reply(jsd):
    server = jsd("export default { fetch: () => new Response('x'.repeat(32 << 20)) };")
    for _ in range(3):
        with server.connect(receive_buffer=4096) as client:
            client.send_request()
            client.socket.recv(100)
    assert server.request('HEAD').header('content-length') == str(32 << 20)


def test_client_gone_in_the_middle_of_a_request(echo):
    for part in [b'GET / HT', b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc',
                 b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab']:
        with echo.connect() as client:
            client.send(part)
    assert echo.get().status == 200


def test_half_closed_client_gets_its_reply(jsd):
    server = jsd('''
export default {
  async fetch() {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return new Response('late');
  },
};''')
    with server.connect() as client:
        client.send_request()
        client.socket.shutdown(1)
        assert client.read_response().text == 'late'
        assert client.is_closed()


@pytest.mark.parametrize('workers', [1, 2])
def test_many_connections(jsd, workers):
    server = jsd(ECHO, workers=workers)
    clients = [server.connect() for _ in range(100)]
    for _ in range(3):
        for number, client in enumerate(clients):
            client.send_request('GET', f'/{number}')
        for number, client in enumerate(clients):
            assert f'/{number}"' in client.read_response().text


STREAM = '''
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    const headers = pathname === '/declared' ? { 'content-length': '9' } : {};
    let n = 0;
    const body = new ReadableStream({
      async pull(controller) {
        await pause();
        if (n === 3) return controller.close();
        if (n === 2 && pathname === '/fails') throw new Error('the source failed');
        controller.enqueue(new TextEncoder().encode(`(${n++})`));
      },
      cancel: () => console.log('stream cancelled'),
    });
    return new Response(body, { headers });
  },
};
'''


def test_streamed_reply(jsd):
    with jsd(STREAM).connect() as client:
        for _ in range(2):
            reply = client.get()
            assert reply.header('transfer-encoding') == 'chunked'
            assert reply.body == b'(0)(1)(2)'


def test_streamed_reply_with_a_declared_length(jsd):
    with jsd(STREAM).connect() as client:
        for _ in range(2):
            reply = client.get('/declared')
            assert reply.header('content-length') == '9'
            assert reply.body == b'(0)(1)(2)'


def test_streamed_reply_to_http_1_0(jsd):
    with jsd(STREAM).connect() as client:
        reply = client.request(version='HTTP/1.0', headers={'Connection': 'keep-alive'})
        assert reply.header('transfer-encoding') is None
        assert reply.body == b'(0)(1)(2)'
        assert client.is_closed()


def test_streamed_reply_that_fails_is_cut(jsd):
    server = jsd(STREAM)
    server.expect('the source failed')
    with server.connect() as client:
        client.send_request('GET', '/fails')
        rest = client.read_rest()
    assert b'(1)' in rest
    assert not rest.endswith(b'0\r\n\r\n'), 'the client must notice that something is missing'


def test_streamed_replies_in_a_pipeline(jsd):
    with jsd(STREAM).connect() as client:
        client.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n' * 4)
        for _ in range(4):
            assert client.read_response().body == b'(0)(1)(2)'


def test_client_gone_in_the_middle_of_a_stream(jsd):
    server = jsd('''
export default {
  fetch: () => new Response(new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(65536)),
    cancel: () => console.log('stream cancelled'),
  })),
};''')
    with server.connect() as client:
        client.send_request()
        client.socket.recv(100_000)
    server.wait_for_log('stream cancelled')


def test_stream_waits_for_a_slow_client(jsd):
    server = jsd('''
let pulled = 0;
export default {
  fetch(request) {
    if (new URL(request.url).pathname === '/pulled') return new Response(String(pulled));
    return new Response(new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(1 << 20));
        if (++pulled === 200) controller.close();
      },
    }));
  },
};''')
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        time.sleep(0.5)
        assert int(server.get('/pulled').text) < 50, 'it does not wait'
        assert len(client.read_response().body) == 200 << 20


def test_bytes_behind_the_last_request_do_not_cost_its_reply(jsd):
    """A socket that is closed with bytes unread resets the connection and drops what has not left."""
    server = jsd('''
        export default {
          fetch() {
            for (const end = Date.now() + 200; Date.now() < end;);
            return new Response('answered');
          },
        };
    ''')
    with server.connect() as client:
        client.send(b'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab')
        time.sleep(0.05)
        client.send(b'\r\n')  # As old clients end a form.
        assert client.read_response().body == b'answered'
