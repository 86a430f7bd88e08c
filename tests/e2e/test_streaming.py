"""Bodies in both directions: as they come, no faster than the other side reads, in memory that does not grow.

With script/test --long those that are large are of 1 GiB.
"""

import os
import signal
import socket
import threading
import time

import pytest

from http_client import wait_for

MIB = 1 << 20
LARGE = 1024 * MIB if os.environ.get('JSD_LONG') else 384 * MIB

ECHO = '''
export default { fetch: (request) => new Response(request.body) };
'''


def rss(server):
    with open(f'/proc/{server.pid}/status') as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith('VmRSS'))


class Upload(threading.Thread):
    """Sends `size` bytes while another thread reads; what went wrong is in `error`."""

    def __init__(self, client, size, chunked=False):
        super().__init__(daemon=True)
        self.client, self.size, self.chunked, self.error = client, size, chunked, None
        self.start()

    def run(self):
        block = bytes(range(256)) * 256
        try:
            for _ in range(self.size // len(block)):
                self.client.send(b'%x\r\n%b\r\n' % (len(block), block) if self.chunked else block)
            if self.chunked:
                self.client.send(b'0\r\n\r\n')
        except OSError as error:
            self.error = error


def skip(client, size):
    """Reads so much or some more from the raw socket and returns how much: hundreds of megabytes are not kept."""
    read = 0
    while read < size:
        block = client.receive_some()
        assert block, f'the connection ended after {read} bytes'
        read += len(block)
    return read


@pytest.mark.parametrize('chunked', [False, True])
def test_echo_of_a_large_upload_takes_no_memory(jsd, chunked):
    server = jsd(ECHO, {'limits.body': '1GiB', 'server.workers': 1})
    size = LARGE
    with server.connect() as client:
        framing = b'Transfer-Encoding: chunked' if chunked else b'Content-Length: %d' % size
        client.send(b'POST / HTTP/1.1\r\nHost: a\r\n' + framing + b'\r\n\r\n')
        upload = Upload(client, size, chunked)
        # The collector of garbage finds its pace first.
        read = skip(client, 128 * MIB)
        before = rss(server)
        skip(client, size - read)
        upload.join()
        assert upload.error is None
        assert rss(server) - before < 32 * MIB


def test_slow_client_holds_the_source_back(jsd):
    server = jsd('''
        let pulled = 0;
        export default {
          fetch(request) {
            if (new URL(request.url).pathname === '/pulled') return new Response(String(pulled));
            return new Response(new ReadableStream({
              pull(controller) {
                pulled += 65536;
                controller.enqueue(new Uint8Array(65536));
              },
            }));
          },
        };''', {'server.workers': 1})
    with server.connect() as client:
        client.send_request('GET', '/')
        skip(client, MIB)
        pulled = -1

        def rests():
            nonlocal pulled
            last, pulled = pulled, int(server.request('GET', '/pulled').text)
            return pulled == last

        wait_for(rests, 'the source to rest')
        assert pulled < 32 * MIB, 'what the kernel and the server buffer'
        # A MiB at a time, with a pause after each.
        sizes = []
        read = 0
        while read < LARGE:
            read += skip(client, MIB)
            sizes.append(rss(server))
            time.sleep(0.01)
        assert max(sizes) < 224 * MIB, 'more than limits.buffers and the rest of the server'
        if LARGE == 1024 * MIB:
            # The collector of garbage has found its pace in the first half.
            half = len(sizes) // 2
            assert max(sizes[half:]) - max(sizes[:half]) < 32 * MIB, sizes


def test_first_chunk_leaves_at_once(jsd):
    server = jsd('''
        export default {
          fetch() {
            return new Response(new ReadableStream({
              start(controller) {
                controller.enqueue(new TextEncoder().encode('first'));
              },
            }));
          },
        };''')
    with server.connect() as client:
        client.send_request('GET', '/')
        received = b''
        while b'first' not in received:
            block = client.receive_some()
            assert block
            received += block


def test_client_gone_cancels_the_stream_and_aborts_the_signal(jsd):
    server = jsd('''
        export default {
          fetch(request) {
            request.signal.addEventListener('abort', () => console.log('signal:', request.signal.reason.name));
            return new Response(new ReadableStream({
              pull(controller) { controller.enqueue(new Uint8Array(65536)); },
              cancel(reason) { console.log('cancel:', reason.name, reason.message); },
            }));
          },
        };''')
    with server.connect() as client:
        client.send_request('GET', '/')
        skip(client, MIB)
    server.wait_for_log('signal: AbortError')
    server.wait_for_log('cancel: AbortError The client')


def test_client_gone_in_the_body_fails_its_reader(jsd):
    server = jsd('''
        export default {
          async fetch(request) {
            request.signal.addEventListener('abort', () => console.log('signal:', request.signal.reason.name));
            try {
              for await (const chunk of request.body) console.log('chunk of', chunk.length);
            } catch (error) {
              console.log('reader:', error.name);
            }
            return new Response('too late');
          },
        };''')
    with server.connect() as client:
        client.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
        server.wait_for_log('chunk of 3')
    server.wait_for_log('signal: AbortError')
    server.wait_for_log('reader: AbortError')


def test_source_that_fails_cuts_the_connection(jsd):
    server = jsd('''
        export default {
          fetch() {
            let pulls = 0;
            return new Response(new ReadableStream({
              pull(controller) {
                if (++pulls === 3) throw new Error('dry');
                controller.enqueue(new Uint8Array(10));
              },
            }));
          },
        };''')
    server.expect('dry')
    with server.connect() as client:
        client.send_request('GET', '/')
        received = b''
        while block := client.receive_some():
            received += block
        assert not received.endswith(b'0\r\n\r\n')


def test_early_reply_leaves_the_connection_usable(jsd):
    server = jsd('''
        export default { fetch: (request) => new Response(`early ${request.method}`) };
        ''')
    with server.connect() as client:
        client.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
        assert client.read_response().text == 'early POST'
        client.send(b'defghijGET / HTTP/1.1\r\nHost: a\r\n\r\n')
        assert client.read_response().text == 'early GET'


def test_continue_is_sent_when_the_script_reads(jsd):
    server = jsd('''
        export default {
          async fetch(request) {
            if (new URL(request.url).pathname === '/refuse') return new Response('no', { status: 403 });
            return new Response(await request.text());
          },
        };''')
    expecting = b' HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n'
    with server.connect() as client:
        client.send(b'POST /' + expecting)
        received = b''
        while not received.endswith(b'\r\n\r\n'):
            received += client.receive_some()
        assert received == b'HTTP/1.1 100 Continue\r\n\r\n'
        client.send(b'hello')
        assert client.read_response().text == 'hello'
    with server.connect() as client:
        client.send(b'POST /refuse' + expecting)
        assert client.read_response().status == 403
        assert client.is_closed()


def test_every_way_to_read_a_body_that_comes_in_pieces(jsd):
    server = jsd('''
        const ways = {
          text: async (request) => new Response(await request.text()),
          json: async (request) => Response.json(await request.json()),
          arrayBuffer: async (request) => new Response(await request.arrayBuffer()),
          bytes: async (request) => new Response(await request.bytes()),
          tee: async (request) => {
            const [left, right] = request.body.tee();
            const [first, second] = await Promise.all([new Response(left).text(), new Response(right).text()]);
            return new Response(first === second ? first : 'they differ');
          },
          pipeTo: async (request) => {
            const { readable, writable } = new TransformStream();
            const piped = request.body.pipeTo(writable);
            const text = await new Response(readable).text();
            await piped;
            return new Response(text);
          },
        };
        export default { fetch: (request) => ways[new URL(request.url).pathname.slice(1)](request) };
        ''')
    body = b'{"a":"' + b'x' * 100_000 + b'"}'
    for way in ('text', 'json', 'arrayBuffer', 'bytes', 'tee', 'pipeTo'):
        with server.connect() as client:
            client.send(f'POST /{way} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n'.encode())
            for at in range(0, len(body), 30_000):
                client.send(body[at:at + 30_000])
                time.sleep(0.01)
            assert client.read_response().body == body, way


@pytest.mark.parametrize('read', ['none', 'some'])
def test_end_of_the_input_behind_a_body_that_is_not_read(jsd, read):
    server = jsd("""export default { async fetch(request) {
      if (request.url.endsWith('/some')) for await (const chunk of request.body) break;
      return new Response('fine');
    } };""")
    body = bytes(100_000)
    with server.connect() as connection:
        # All of it is there, and reported at once, before the server reads anything.
        server.send_signal(signal.SIGSTOP)
        connection.send_request('POST', f'/{read}', body=body)
        connection.socket.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        server.send_signal(signal.SIGCONT)
        assert connection.read_response().text == 'fine'
        assert connection.socket.recv(1) == b''
