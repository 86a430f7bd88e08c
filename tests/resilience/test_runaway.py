"""limits.slice and limits.cpu: code that does not return costs its own request, and nothing else."""

import base64
import json
import os
import pathlib
import re
import threading

import pytest

CASES = re.findall(r"^  '(/\w+)':", (pathlib.Path(__file__).parent / 'apps/runaway.mjs').read_text(), re.M)
ENDED = r'error .*limits\.slice'


@pytest.fixture
def runaway(hostile):
    def start(**settings):
        server = hostile('runaway.mjs', {'limits.slice': '150ms', **settings})
        server.expect(ENDED)
        return server

    return start


@pytest.mark.parametrize('path', CASES)
def test_what_does_not_return_is_ended_and_the_isolate_lives_on(runaway, path):
    server = runaway()
    with server.connect() as client:
        if path == '/body':
            # The head of the reply is gone already: the client sees that the body has been cut.
            client.send_request(target=path)
            assert client.socket.recv(16).startswith(b'HTTP/1.1 200')
            while client.socket.recv(4096):
                pass
        else:
            reply = client.get(path)
            assert (reply.status, reply.text) == (503, 'Service Unavailable\n')
    first = server.get('/').text
    assert first.startswith('served 1 ')
    # Timers that the script has started before go on.
    server.wait_for_log(ENDED)
    assert server.get('/slow').text == 'slow'
    assert int(server.get('/').text.split()[-1]) > int(first.split()[-1])
    line = next(line for line in server.log().splitlines() if re.search(ENDED, line))
    assert 'worker=0' in line and 'app=runaway.mjs' in line
    # A long built-in that knows only the last resort leaves no trace.
    if path not in ('/then', '/body', '/microtasks', '/bigint'):
        assert f'path={path}' in line and 'method=GET' in line
        assert re.search(r'runaway\.mjs:\d+:\d+', line), line


def test_others_are_answered_meanwhile(runaway):
    """On the same worker as soon as the slice is over, whether they came before, with it or after."""
    server = runaway()
    with server.connect() as waiting, server.connect() as pipelined, server.connect() as later:
        waiting.send_request(target='/slow')
        pipelined.send(b''.join(b'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' % path for path in (b'/', b'/loop', b'/', b'/slow')))
        later.send_request(target='/')
        assert [pipelined.read_response().status for _ in range(4)] == [200, 503, 200, 200]
        assert waiting.read_response().text == 'slow'
        assert later.read_response().status == 200


def test_a_flood_of_microtasks_fails_at_once_what_it_takes_with_it(runaway):
    """What waits for a timer goes on; what was in V8's queue is told, rather than left to limits.request."""
    server = runaway(**{'limits.request': '1h'})
    with server.connect() as client:
        client.send(b''.join(b'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' % path for path in (b'/slow', b'/microtasks', b'/')))
        assert client.read_response().text == 'slow'
        assert client.read_response().status == 503
        assert client.read_response().status in (200, 503)
    assert server.get('/').status == 200


def test_many_in_a_row(runaway):
    """A hundred, or a thousand with script/test --long."""
    each = 250 if os.environ.get('JSD_LONG') else 25
    server = runaway(**{'limits.slice': '50ms'})

    def client():
        with server.connect() as connection:
            for _ in range(each):
                assert connection.get('/loop').status == 503
                assert connection.get('/').status == 200

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert int(server.get('/').text.split()[1]) == 4 * each + 1


def test_the_stack_is_in_the_authors_file(jsd, write):
    """As far as there is a source map: of a translation, or of a bundler's."""
    script = write('app.ts', """enum Kind { A = 1,
      B }
    export default { fetch(request: Request) {
      if (request.url.endsWith('/loop')) spin();
      return new Response(String(Kind.B));
    } };
    function spin() {
      for (;;);
    }
    """)
    # All of the bundle's only line comes from line 10 of a file beside it.
    source_map = base64.b64encode(json.dumps({'version': 3, 'sources': ['src/author.js'], 'names': [],
                                              'mappings': 'AASA'}).encode()).decode()
    bundle = write('bundle.mjs', 'export default { fetch() { for (;;); } };\n'
                                 f'//# sourceMappingURL=data:application/json;base64,{source_map}\n')
    server = jsd(None, {'app': [{'script': str(script), 'typescript': 'transform', 'limits': {'slice': '2s'}},
                                {'script': str(bundle), 'path': '/bundle', 'limits': {'slice': '150ms'}}]})
    server.expect(ENDED)
    assert server.get('/').text == '2'
    assert server.get('/loop').status == 503
    server.wait_for_log(rf'{ENDED}.*path=/loop.*at spin \({re.escape(str(script))}:8:\d+\).*{re.escape(str(script))}:4:\d+')
    assert server.get('/bundle').status == 503
    server.wait_for_log(rf'{ENDED}.*path=/bundle.*{re.escape(str(bundle.parent / "src/author.js"))}:10:1')
    assert server.get('/').text == '2'


def test_a_script_that_does_not_return_while_it_loads(start_fails):
    result = start_fails('for (;;);', {'limits.slice': '150ms'})
    assert 'the script was terminated while it was loading' in result.stderr


def test_nobody_sleeps_on_a_workers_thread(jsd):
    server = jsd('''export default { fetch() {
      try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); } catch (error) { return new Response(error.name); }
    } };''')
    assert server.get().text == 'TypeError'


def test_the_time_of_a_request_is_added_up(jsd):
    server = jsd('''
      const work = () => { const end = performance.now() + 10; while (performance.now() < end); };
      export default { async fetch(request) {
        if (request.url.endsWith('idle')) { await new Promise((resolve) => setTimeout(resolve, 500)); return new Response('idle'); }
        for (;;) { work(); await 0; work(); await new Promise((resolve) => setTimeout(resolve, 0)); }
      } };''', {'limits.cpu': '200ms'})
    server.expect(r'limits\.cpu.*path=/busy')
    with server.connect() as idle:
        idle.send_request(target='/idle')
        assert server.get('/busy').status == 503
        assert idle.read_response().text == 'idle'
