"""limits.heap and limits.buffers: code that wants all memory costs the requests in its isolate at most."""

import pathlib
import re

import pytest

from http_client import wait_for

BOMBS = re.findall(r"^  '(/\w+)':", (pathlib.Path(__file__).parent / 'apps/bombs.mjs').read_text(), re.M)
# What a script sees as an error of its own.
CAUGHT = {'/typed', '/slices', '/recursion', '/bigint', '/wasm', '/decode'}
SETTINGS = {'limits.heap': '64MiB', 'limits.buffers': '32MiB', 'limits.slice': '2s', 'limits.request': '1h'}


def by_worker(server, workers):
    """Connections by the name of the isolate that serves them: eleven for each worker."""
    found = {}

    def complete():
        client = server.connect()
        client.socket.settimeout(60)
        found.setdefault(client.get('/').text, []).append(client)
        return len(found) == workers and all(len(clients) >= 11 for clients in found.values())

    wait_for(complete, 'connections to every worker', 120)
    return [clients[:11] for clients in found.values()]


@pytest.mark.parametrize('bomb', BOMBS)
def test_a_bomb_costs_its_isolate_at_most(hostile, bomb):
    """Ten requests are in flight on the other worker all the while, and a thousand come afterwards."""
    server = hostile('bombs.mjs', SETTINGS, workers=2)
    server.expect('RangeError' if bomb in CAUGHT else r'limits\.(heap|slice)|another takes its place|Error')
    (bombed, *_), (release, *others) = by_worker(server, 2)
    for other in others:
        other.send_request(target='/held')
    bombed.send_request(target=bomb)
    reply = bombed.read_response()
    assert reply.status == 500 if bomb in CAUGHT else reply.status in (500, 503)
    assert reply.text in ('Internal Server Error\n', 'Service Unavailable\n')
    assert release.get('/release').text == 'released'
    for other in others:
        assert other.read_response().text == 'held'
    for _ in range(10):
        with server.connect() as client:
            client.socket.settimeout(60)
            for _ in range(100):
                assert client.get('/').status == 200
    assert server.stop() == 0


def test_the_isolate_is_replaced_and_nothing_that_comes_meanwhile_is_lost(jsd):
    server = jsd('''
      const kept = [];
      export default { async fetch(request) {
        if (request.url.endsWith('bomb')) for (;;) kept.push({ text: 'x' + kept.length });
        if (request.url.endsWith('wait')) return new Promise(() => {});
        return new Response(`kept ${kept.length}`);
      } };''', {**SETTINGS, 'limits.slice': '30s'})
    server.expect(r'limits\.heap.*path=/bomb')
    with server.connect() as bomb, server.connect() as wait, server.connect() as later:
        wait.send_request(target='/wait')
        wait_for(lambda: server.get('/').status == 200, 'an answer')
        # Also those that came with it, as far as the isolate has not begun them.
        bomb.send(b''.join(b'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' % path for path in (b'/bomb', b'/', b'/')))
        later.send_request(target='/')
        for client in (bomb, wait, later):
            client.socket.settimeout(60)
        assert bomb.read_response().status == 503
        assert [bomb.read_response().text for _ in range(2)] == ['kept 0', 'kept 0']
        assert wait.read_response().status == 503
        assert later.read_response().status in (200, 503)
        # The fresh isolate has nothing of the old one.
        assert later.get('/').text == 'kept 0'
    for _ in range(100):
        assert server.get('/').text == 'kept 0'


def test_a_decoder_on_a_gigabyte(jsd):
    """Longer than any string may be, in several encodings; and long ones, one after the other, count as buffers."""
    server = jsd('''
      const attempt = (run) => { try { run(); } catch (error) { return error.name; } return 'done'; };
      export default { fetch(request) {
        const bytes = new Uint8Array(request.url.endsWith('whole') ? 1 << 30 : 1 << 28);
        const decode = (label) => () => new TextDecoder(label).decode(bytes);
        if (request.url.endsWith('whole')) return Response.json(['utf-8', 'windows-1252', 'utf-16le'].map((label) => attempt(decode(label))));
        const kept = [];
        return new Response(attempt(() => { for (;;) kept.push(decode('utf-8')()); }));
      } };''', {'limits.buffers': '1200MiB', 'limits.slice': '60s', 'limits.heap': '256MiB'}, workers=2)
    for path in ('/whole', '/kept', '/whole'):
        with server.connect() as client:
            client.socket.settimeout(120)
            reply = client.get(path)
        if path == '/whole':
            assert (reply.status, reply.text) == (200, '["RangeError","RangeError","RangeError"]')
        elif reply.status == 503:
            # What has no room as a buffer would lie in the heap.
            server.expect(r'limits\.heap|another takes its place')
        else:
            assert (reply.status, reply.text) == (200, 'RangeError')
    assert server.stop() == 0


def test_buffers_of_every_kind_are_limited(jsd):
    server = jsd('''
      const cases = [
        () => new ArrayBuffer(64 << 20),
        () => new SharedArrayBuffer(64 << 20),
        () => new ArrayBuffer(1, { maxByteLength: 1 << 30 }).resize(64 << 20),
        () => new SharedArrayBuffer(1, { maxByteLength: 1 << 30 }).grow(64 << 20),
        () => new WebAssembly.Memory({ initial: 1024 }),
        () => new WebAssembly.Memory({ initial: 1, maximum: 65536 }).grow(1024),
        () => { const all = []; for (;;) all.push(new WebAssembly.Memory({ initial: 16 })); },
      ];
      export default { fetch() {
        return Response.json(cases.map((make) => { try { make(); } catch (error) { return error.name; } return 'made'; }));
      } };''', SETTINGS)
    for _ in range(3):
        assert server.get('/').text == '["RangeError","RangeError","RangeError","RangeError","RangeError","RangeError","RangeError"]'
