"""What a script can rely on: both kinds of handlers, env, ctx, the console, modules, the web-standard objects."""

import json
import re

import pytest

from http_client import wait_for


def test_default_export(jsd):
    assert jsd("export default { fetch: () => new Response('plain') };").get().text == 'plain'


def test_default_export_async_with_this(jsd):
    server = jsd('''
export default {
  greeting: 'from this',
  async fetch() {
    await null;
    return new Response(this.greeting);
  },
};''')
    assert server.get().text == 'from this'


def test_event_listener(jsd):
    server = jsd('''
addEventListener('fetch', (event) => {
  event.respondWith(new Response(`${event.type} ${new URL(event.request.url).pathname}`));
});''')
    assert server.get('/here').text == 'fetch /here'


def test_event_listener_with_a_promise(jsd):
    server = jsd('''
addEventListener('fetch', (event) => {
  event.waitUntil(Promise.resolve().then(() => console.log('background ran')));
  event.respondWith(new Promise((resolve) => setTimeout(resolve, 10, new Response('later'))));
});''')
    assert server.get().text == 'later'
    server.wait_for_log('background ran')


def test_env(jsd):
    server = jsd('export default { fetch: (request, env) => Response.json(env) };',
                 {'app.env': {'GREETING': 'hallo', 'EMPTY': '', 'UNICODE': 'žluťoučký 🐎'}})
    assert json.loads(server.get().text) == {'GREETING': 'hallo', 'EMPTY': '', 'UNICODE': 'žluťoučký 🐎'}


def test_wait_until_runs_after_the_reply(jsd):
    server = jsd('''
export default {
  fetch(request, env, ctx) {
    ctx.waitUntil((async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      console.log('background ran');
    })());
    return new Response('at once');
  },
};''')
    assert server.get().text == 'at once'
    assert 'background ran' not in server.log()
    server.wait_for_log('background ran')


def test_wait_until_rejection_is_logged(jsd):
    server = jsd('''
export default {
  fetch(request, env, ctx) {
    ctx.waitUntil(Promise.reject(new Error('background failed')));
    return new Response('fine');
  },
};''')
    server.expect('waitUntil: Error: background failed')
    assert server.get().text == 'fine'
    server.wait_for_log('background failed')


CONSOLE = '''
console.log('log %s %d %o', 'text', 42, { nested: { list: [1, 2, 3] } });
console.debug('debug line');
console.info('info line');
console.warn('warn line');
console.error('error line');
export default { fetch: () => new Response('hello') };
'''


def test_console_in_a_text_log(jsd):
    server = jsd(CONSOLE)
    server.expect('warn line', 'error line')
    log = server.log()
    assert re.search(r"log text 42 \{ nested: \{ list: \[ ?1, 2, 3 ?\] \} \}", log), log
    assert 'debug line' not in log
    for line, level in [('info line', 'info'), ('warn line', 'warn'), ('error line', 'error')]:
        assert re.search(rf'^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3,6}}Z +{level}\b.*{line}$', log, re.MULTILINE), log


def test_console_in_a_json_log(jsd):
    server = jsd(CONSOLE, {'log.format': 'json', 'log.level': 'debug'})
    server.expect('warn line', 'error line')
    entries = [json.loads(line) for line in server.log().splitlines()]
    levels = {entry['message']: entry['level'] for entry in entries}
    for level in ['debug', 'info', 'warn', 'error']:
        assert levels[f'{level} line'] == level
    assert all(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z', entry['time']) for entry in entries)


def test_json_log_holds_several_lines_in_one(jsd):
    server = jsd("console.log('one\\ntwo \"quoted\" \\u0007');" + CONSOLE, {'log.format': 'json'})
    server.expect('warn line', 'error line')
    assert 'one\ntwo "quoted" \a' in [json.loads(line)['message'] for line in server.log().splitlines()]


def test_log_level(jsd, tmp_path):
    path = tmp_path / 'jsd.sock'
    server = jsd(CONSOLE, {'log.level': 'error'}, listen=[f'unix:{path}'], listeners=0)
    server.expect('error line')
    server.wait_for_log('error line')
    wait_for(path.exists, 'the socket')
    with server.connect(f'unix:{path}') as client:
        assert client.get().text == 'hello'
    server.descriptors_at_start = server.descriptors()
    assert server.log().count('\n') == 1


def test_log_file(jsd, tmp_path):
    path = tmp_path / 'jsd.log'
    server = jsd("export default { fetch() { console.log('to the file'); return new Response(); } };",
                 {'log.file': str(path)}, log_file=path)
    server.get()
    assert 'to the file' in path.read_text()
    assert 'to the file' not in (server.folder / 'stderr.log').read_text()


def test_modules(jsd, write):
    write('jsd0.d/data.json', '{"answer": 42}')
    write('jsd0.d/counter.mjs', 'export let count = 0; export function increase() { count++; }')
    write('jsd0.d/cycle_a.mjs',
          "import { b } from './cycle_b.mjs'; export const a = 'a'; export const both = () => a + b;")
    write('jsd0.d/cycle_b.mjs', "import { both } from './cycle_a.mjs'; export const b = 'b'; export { both };")
    path = write('jsd0.d/app.mjs', '''
import data from './data.json' with { type: 'json' };
import { count, increase } from './counter.mjs';
import { both } from './cycle_b.mjs';
const awaited = await new Promise((resolve) => setTimeout(resolve, 5, 'awaited'));
increase();
export default {
  async fetch() {
    const lazy = await import('./counter.mjs');
    return Response.json([data.answer, count, lazy.count, both(), awaited, import.meta.filename, import.meta.dirname,
      import.meta.url, import.meta.main]);
  },
};''')
    assert json.loads(jsd(path).get().text) == [
        42, 1, 1, 'ab', 'awaited', str(path), str(path.parent), path.as_uri(), True]


BODIES = {
    "new Response('text')": ('text/plain;charset=UTF-8', b'text'),
    "new Response('é\\u{1F40E}\\uD800')": ('text/plain;charset=UTF-8', 'é🐎\ufffd'.encode()),
    'new Response(new Uint8Array([0, 255, 10]))': (None, b'\x00\xff\n'),
    'new Response(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))': (None, b'\x02\x03'),
    'new Response(new Uint8Array([1, 2]).buffer)': (None, b'\x01\x02'),
    "new Response(new URLSearchParams({ a: '1 2', b: 'é' }))":
        ('application/x-www-form-urlencoded;charset=UTF-8', b'a=1+2&b=%C3%A9'),
    'new Response(null)': (None, b''),
    'new Response()': (None, b''),
    "new Response('x', { headers: { 'content-type': 'text/css' } })": ('text/css', b'x'),
    "Response.json({ a: [1, 'é'] })": ('application/json', '{"a":[1,"é"]}'.encode()),
}


@pytest.mark.parametrize('expression', BODIES)
def test_response_bodies(jsd, expression):
    content_type, body = BODIES[expression]
    reply = jsd(f'export default {{ fetch: () => {expression} }};').get()
    assert (reply.status, reply.header('content-type'), reply.body) == (200, content_type, body)


def test_redirect(jsd):
    reply = jsd("export default { fetch: () => Response.redirect('http://example.org/é', 307) };").get()
    assert (reply.status, reply.header('location'), reply.body) == (307, 'http://example.org/%C3%A9', b'')


@pytest.mark.parametrize('reader, sent, expected', [
    ('text', 'žluť'.encode(), 'žluť'),
    ('json', b'{"a": [1, true, null]}', {'a': [1, True, None]}),
    ('arrayBuffer', b'\x00\xff', {'0': 0, '1': 255}),
    ('bytes', b'\x00\xff', {'0': 0, '1': 255}),
])
def test_request_bodies(jsd, reader, sent, expected):
    server = jsd(f'''
export default {{
  async fetch(request) {{
    const body = await request.{reader}();
    const used = request.bodyUsed;
    const again = await request.text().then(() => 'read twice', (error) => error.name);
    return Response.json([body instanceof ArrayBuffer ? new Uint8Array(body) : body, used, again]);
  }},
}};''')
    assert json.loads(server.request('POST', '/', body=sent).text) == [expected, True, 'TypeError']


def test_reply_later_does_not_hold_others_up(jsd):
    server = jsd('''
let release;
export default {
  async fetch(request) {
    if (new URL(request.url).pathname === '/release') release();
    else await new Promise((resolve) => { release = resolve; });
    return new Response('done');
  },
};''')
    with server.connect() as waiting:
        waiting.send_request('GET', '/wait')
        assert waiting.is_open()
        assert server.get('/release').text == 'done'
        assert waiting.read_response().text == 'done'


STANDARD = r'''
const results = {
  url: new URL('../b?x=ä#h', 'https://Exämple.org:443/a/c').href,
  params: new URLSearchParams('a=1&a=2&b=%20').getAll('a').join(),
  headers: [...new Headers({ B: '2', a: '1' })].join(),
  utf8: new TextDecoder().decode(new TextEncoder().encode('ž🐎')),
  base64: btoa('jsd') + atob('anNk'),
  clone: structuredClone(new Map([['k', new Date(0)]])).get('k').toISOString(),
  abort: (() => { const c = new AbortController(); c.abort(); return c.signal.reason.name; })(),
  event: (() => { const t = new EventTarget(); let n = 0; t.addEventListener('e', () => n++, { once: true });
    t.dispatchEvent(new Event('e')); t.dispatchEvent(new Event('e')); return n; })(),
  exception: new DOMException('m', 'DataCloneError').code,
  intl: new Intl.NumberFormat('de').format(1234.5),
  wasm: new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96,
    2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11])))
    .exports.add(2, 3),
  now: performance.now() > 0,
  order: await new Promise((resolve) => { const seen = []; setTimeout(() => resolve(seen.join()), 5);
    setTimeout(() => seen.push('timer'), 0); queueMicrotask(() => seen.push('microtask')); seen.push('sync'); }),
  hidden: ['core', '__bootstrap', 'print', 'recv'].filter((name) => name in globalThis).join(),
};
export default { fetch: () => Response.json(results) };
'''


def test_standard_objects(jsd):
    assert json.loads(jsd(STANDARD).get().text) == {
        'url': 'https://xn--exmple-cua.org/b?x=%C3%A4#h',
        'params': '1,2',
        'headers': 'a,1,b,2',
        'utf8': 'ž🐎',
        'base64': 'anNkjsd',
        'clone': '1970-01-01T00:00:00.000Z',
        'abort': 'AbortError',
        'event': 1,
        'exception': 25,
        'intl': '1.234,5',
        'wasm': 5,
        'now': True,
        'order': 'sync,microtask,timer',
        'hidden': '',
    }


def test_a_form_that_curl_uploads(jsd, tmp_path):
    server = jsd('''
export default {
  async fetch(request) {
    const entries = [];
    for (const [name, value] of await request.formData()) {
      entries.push(typeof value === 'string' ?
        [name, value] : [name, value.name, value.type, value.size, (await value.bytes()).at(-1)]);
    }
    return Response.json(entries);
  },
};''')
    upload = tmp_path / 'a b.bin'
    upload.write_bytes(bytes(range(256)) * 1000)
    sent = server.curl('/', '-F', 'text=grüß=1', '-F', f'file=@{upload};type=application/x-thing')
    assert json.loads(sent) == [['text', 'grüß=1'], ['file', 'a b.bin', 'application/x-thing', 256_000, 255]]
    sent = server.curl('/', '--data-urlencode', 'a=b c', '--data-urlencode', 'a=ü')
    assert json.loads(sent) == [['a', 'b c'], ['a', 'ü']]
