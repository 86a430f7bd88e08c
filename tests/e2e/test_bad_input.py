"""Bad scripts: what the client sees, what the log says, and that the server goes on."""

import pathlib
import re
import zlib

import pytest


def handler(body, more=''):
    """A module whose handler runs `body` for /bad and answers 'fine' elsewhere."""
    return f'''{more}
export default {{
  async fetch(request, env, ctx) {{
    if (new URL(request.url).pathname !== '/bad') return new Response('fine');
    {body}
  }},
}};
'''


FAILING = {
    'throws': ("throw new TypeError('secret detail');", 'TypeError: secret detail'),
    'rejects later': ("await new Promise((resolve) => setTimeout(resolve, 5)); throw new Error('secret detail');",
                      'Error: secret detail'),
    'throws no error': ("throw 'secret detail';", 'secret detail'),
    'throws null': ('throw null;', 'null'),
    'returns nothing': ('return;', 'Response'),
    'returns a text': ("return 'secret detail';", 'Response'),
    'returns an error response': ('return Response.error();', 'Response'),
    'returns a used body': ("const used = new Response('x'); await used.text(); return used;", 'body'),
    'throws with a throwing stack': (
        "throw Object.defineProperty(new Error('x'), 'stack', { get() { throw new Error('secret detail'); } });", '.'),
    'overflows the stack': ('(function deeper() { deeper(); })();', 'Maximum call stack size exceeded'),
}


@pytest.mark.parametrize('name', FAILING)
def test_failing_handler(jsd, name):
    body, logged = FAILING[name]
    server = jsd(handler(body))
    server.expect(f'request handler: .*{logged}')
    with server.connect() as client:
        reply = client.get('/bad')
        assert reply.status == 500
        assert reply.reason == 'Internal Server Error'
        assert 'secret' not in str(reply)
        assert 'app.mjs' not in str(reply)
        assert client.get().text == 'fine', 'the connection stays usable'


def test_stack_with_source_position_is_in_the_log(jsd):
    server = jsd('''function inner() {
  throw new Error('with a stack');
}
export default { fetch: () => inner() };
''')
    server.expect('with a stack')
    assert server.get().status == 500
    assert re.search(r'Error: with a stack\n(.*\n)*?.*at inner \(\S*app\.mjs:2:9\)', server.log()), server.log()
    assert re.search(r'at Object\.fetch \(\S*app\.mjs:4:', server.log()), server.log()


def test_listener_throws(jsd):
    server = jsd("addEventListener('fetch', () => { throw new Error('listener failed'); });")
    server.expect('listener failed', 'request handler: ')
    assert server.get().status == 500


def test_listener_does_not_respond(jsd):
    server = jsd("addEventListener('fetch', () => {});")
    server.expect('request handler: .*Response')
    assert server.get().status == 500


@pytest.mark.parametrize('expression', [
    "new Response('x', { status: 99 })",
    "new Response('x', { status: 204 })",
    "new Response('x', { headers: { 'bad name': 'x' } })",
    "new Response('x', { headers: { name: 'a\\r\\nInjected: yes' } })",
    "new Response('x', { statusText: 'a\\r\\nInjected: yes' })",
    "new Response('x', { headers: { name: '\\u0100' } })",
])
def test_impossible_replies(jsd, expression):
    server = jsd(handler(f'return {expression};'))
    server.expect('request handler: (Type|Range)Error: ')
    reply = server.get('/bad')
    assert reply.status == 500
    assert 'Injected' not in str(reply)
    assert server.get().text == 'fine'


def test_framing_is_not_the_scripts(jsd):
    server = jsd('''
export default {
  fetch: () => new Response('hello', {
    headers: { 'Transfer-Encoding': 'chunked', 'Content-Length': '3', Connection: 'close', 'Keep-Alive': 'x' },
  }),
};''')
    with server.connect() as client:
        for _ in range(2):
            reply = client.get()
            assert reply.body == b'hello'
            assert reply.header('content-length') == '5'


def test_never_settling_handler(jsd):
    server = jsd('''
export default {
  fetch(request) {
    if (new URL(request.url).pathname !== '/bad') return new Response('fine');
    request.signal.addEventListener('abort', () => console.log('signal:', request.signal.reason.name));
    return new Promise(() => {});
  },
};''', {'limits.request': '400ms'})
    server.expect('warn .*a request has taken longer than limits.request method=GET path=/bad')
    with server.connect() as client:
        reply = client.get('/bad')
        assert (reply.status, reply.reason) == (504, 'Gateway Timeout')
        assert client.get().text == 'fine'
    server.wait_for_log('signal: (TimeoutError|AbortError)')


def test_reply_after_the_time_limit_is_dropped(jsd):
    server = jsd('''
export default {
  async fetch(request) {
    if (new URL(request.url).pathname !== '/bad') return new Response('fine');
    await new Promise((resolve) => setTimeout(resolve, 600));
    return new Response('too late');
  },
};''', {'limits.request': '200ms'})
    server.expect('warn .*a request has taken longer than limits.request method=GET path=/bad')
    with server.connect() as client:
        assert client.get('/bad').status == 504
        assert client.get().text == 'fine'
        assert client.is_open(0.8)
        assert client.get().text == 'fine'


def test_never_settling_handler_in_a_pipeline(jsd):
    server = jsd(handler('await new Promise(() => {});'), {'limits.request': '400ms'})
    server.expect('warn .*a request has taken longer than limits.request method=GET path=/bad')
    with server.connect() as client:
        client.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /bad HTTP/1.1\r\nHost: a\r\n\r\n'
                    b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        assert [client.read_response().status for _ in range(3)] == [200, 504, 200]


UNCAUGHT = {
    'unhandled rejection': "Promise.reject(new Error('nobody cares'));",
    'throwing timer': "setTimeout(() => { throw new Error('nobody cares'); });",
    'throwing microtask': "queueMicrotask(() => { throw new Error('nobody cares'); });",
    'throwing interval': "const id = setInterval(() => { clearInterval(id); throw new Error('nobody cares'); }, 1);",
}


@pytest.mark.parametrize('name', UNCAUGHT)
def test_uncaught_error_is_logged_and_no_more(jsd, name):
    server = jsd(handler(f"{UNCAUGHT[name]} return new Response('odd');"))
    server.expect(': Error: nobody cares')
    with server.connect() as client:
        assert client.get('/bad').text == 'odd'
        server.wait_for_log('nobody cares')
        assert client.get().text == 'fine'
    assert server.log().count('Error: nobody cares') == 1
    assert re.search(r'app\.mjs:\d+:\d+', server.log())


def test_handled_rejection_is_not_logged(jsd):
    server = jsd(handler('''
    const late = Promise.reject(new Error('handled'));
    await null;
    late.catch(() => {});
    return new Response('odd');'''))
    assert server.get('/bad').text == 'odd'
    assert server.get().text == 'fine'


# Source, position, message, the excerpt above the caret.
UNLOADABLE = {
    'syntax error': (
        "const fine = 1;\nexport default { fetch( };\n", r'app\.mjs:2:\d+', 'SyntaxError',
        'export default { fetch( };'),
    'ends too early': ("export default {\n", r'app\.mjs:2:1', 'SyntaxError', ' 2 |'),
    'throws at load': (
        "const fine = 1;\nthrow new Error('at load');\n", r'app\.mjs:2:\d+', 'at load', "throw new Error('at load');"),
    'rejects at load': (
        "await null;\nthrow new Error('at load');\n", r'app\.mjs:2:\d+', 'at load', "throw new Error('at load');"),
    'missing import': (
        "import './missing.mjs';\nexport default {};\n", r'app\.mjs:1:\d+', r'missing\.mjs', "import './missing.mjs';"),
    'broken import': (
        "import './broken.mjs';\nexport default {};\n", r'broken\.mjs:1:\d+', 'SyntaxError', 'let let = 1;'),
    'missing export': (
        "import { none } from './empty.mjs';\n", r'app\.mjs:1:\d+', 'none', "import { none } from './empty.mjs';"),
}


@pytest.mark.parametrize('workers', [1, 2])
@pytest.mark.parametrize('name', UNLOADABLE)
def test_script_that_does_not_load(start_fails, write, name, workers):
    source, position, message, excerpt = UNLOADABLE[name]
    write('broken.mjs', 'let let = 1;\n')
    write('empty.mjs', 'export {};\n')
    result = start_fails(source, {'server.workers': workers})
    assert result.returncode == 1
    assert re.search(position, result.stderr), result.stderr
    assert re.search(message, result.stderr), result.stderr
    assert re.search(re.escape(excerpt) + r'\n[ |]*\^', result.stderr), result.stderr
    assert result.stderr.count(excerpt) == 1, 'said once, however many workers'
    assert 'unhandled rejection' not in result.stderr
    assert 'listening' not in result.stderr


@pytest.mark.parametrize('source', ['', 'export default {};', 'export default 42;', 'export const fetch = 1;',
                                    "export default { fetch: 'no function' };"])
def test_script_without_a_handler(start_fails, source):
    result = start_fails(source)
    assert result.returncode == 1
    assert 'app.mjs' in result.stderr
    assert 'fetch' in result.stderr


def test_script_is_missing(start_fails, tmp_path):
    result = start_fails(tmp_path / 'none.mjs')
    assert result.returncode in (1, 2)
    assert 'none.mjs' in result.stderr


def test_script_is_a_folder(start_fails, tmp_path):
    result = start_fails(tmp_path)
    assert result.returncode in (1, 2)
    assert str(tmp_path) in result.stderr


def test_top_level_await_that_never_settles(start_fails):
    result = start_fails("await new Promise(() => {});\nexport default { fetch: () => new Response() };")
    assert result.returncode == 1
    assert re.search(r'app\.mjs:1', result.stderr), result.stderr


def test_stop_while_the_script_loads(jsd):
    server = jsd("console.log('loading'); await new Promise((resolve) => setTimeout(resolve, 60_000));", listeners=0)
    server.wait_for_log('loading')
    assert server.stop() == 0
    assert 'listening' not in server.log()


BOMBS = """
const readers = {
  bytes: (body) => new Response(body).bytes(),
  text: (body) => new Response(body).text(),
  blob: (body) => new Response(body).blob(),
  json: (body) => new Response(body).json(),
  form: (body) => new Response(body, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }).formData(),
  tee: async (body) => {
    const [one, two] = body.tee();
    await one.pipeTo(new WritableStream());
    return new Response(two).bytes();
  },
  queue: async (body) => {
    const { readable, writable } = new TransformStream({}, undefined, { highWaterMark: Infinity });
    await body.pipeTo(writable);
    return new Response(readable).bytes();
  },
  async pieces(body) {
    let total = 0;
    let largest = 0;
    for await (const chunk of body) {
      largest = Math.max(largest, chunk.length);
      if ((total += chunk.length) > 8 << 20) break;
    }
    return largest <= 65536;
  },
};
export default {
  async fetch(request) {
    const [, reader, format] = new URL(request.url).pathname.split('/');
    try {
      const value = await readers[reader](request.body.pipeThrough(new DecompressionStream(format)));
      return new Response(`${value}`.slice(0, 100));
    } catch (error) {
      return new Response(error.name);
    }
  },
};
"""


@pytest.mark.parametrize('form', ['gzip', 'deflate', 'deflate-raw'])
def test_decompression_bombs(jsd, form):
    server = jsd(BOMBS, {'limits.buffers': '16MiB', 'limits.heap': '64MiB'})
    packer = zlib.compressobj(9, zlib.DEFLATED, {'gzip': 31, 'deflate': 15, 'deflate-raw': -15}[form])
    bomb = packer.compress(bytes(256 << 20)) + packer.flush()
    for reader in ['bytes', 'text', 'blob', 'json', 'form', 'tee', 'queue']:
        assert server.request('POST', f'/{reader}/{form}', body=bomb).text == 'RangeError', reader
    assert server.request('POST', f'/pieces/{form}', body=bomb).text == 'true'
    status = pathlib.Path(f'/proc/{server.pid}/status').read_text()
    assert int(re.search(r'VmHWM:\s+(\d+)', status)[1]) < 400 << 10, status
