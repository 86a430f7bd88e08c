"""SIGQUIT: the log says how each worker is, also where one is stuck."""

import re
import signal

import pytest

from http_client import wait_for

APP = """
export default { async fetch(request, env, ctx) {
  const { pathname } = new URL(request.url);
  if (pathname === '/loop') spin();
  if (pathname === '/builtin') Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);
  if (pathname === '/slow') {
    ctx.waitUntil(new Promise((done) => setTimeout(done, 700)));
    console.log('slow: begun');
    await new Promise((done) => setTimeout(done, 600));
  }
  return new Response('hello');
} };
function spin() { for (;;) new Array(1000); }
"""


def state(server, lines=1):
    """The fields of the lines that a SIGQUIT brings, by their messages."""
    before = len(server.log())
    server.send_signal(signal.SIGQUIT)

    def found():
        new = server.log()[before:]
        return new if new.count('state of a worker') == lines else None

    return lambda: server.log()[before:] if found() else None


def fields(line):
    return dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line))


def line_of(text, message):
    return next((fields(line) for line in text.splitlines() if message in line), None)


@pytest.mark.parametrize('supervise', [False, True])
def test_what_workers_have_in_hand(jsd, supervise):
    server = jsd(APP, {'server.supervise': supervise})
    with server.connect() as slow, server.connect() as idle:
        assert idle.get('/').text == 'hello'
        slow.send_request(target='/slow')
        server.wait_for_log('slow: begun')
        told = state(server)
        text = wait_for(lambda: told() if told() and 'state of a script' in told() else None, 'the state')
        server_line, worker, script = (line_of(text, f'state of {what}') for what in ('the server', 'a worker', 'a script'))
        assert server_line['workers'] == '1' and server_line['lost'] == '0'
        assert worker['runs'] == '"no JavaScript"' and worker['connections'] == '2' and worker['queue'] == '0'
        assert script['app'] == 'app.mjs' and script['script'] == 'serving'
        assert (script['requests'], script['background']) == ('1', '1')
        assert 100_000 < int(script['heap']) < 100_000_000
        assert slow.read_response().text == 'hello'


def test_a_script_that_loops_says_where(jsd):
    server = jsd(APP, {'limits.slice': '5s'}, workers=2)
    server.expect('did not return in time')
    with server.connect() as looping:
        looping.send_request(target='/loop?secret=1')
        wait_for(lambda: server.cpu_seconds() > 0.5, 'the loop to run')
        told = state(server, 2)
        def both():
            text = told()
            return text if text and 'what runs' in text and 'state of a script' in text else None

        text = wait_for(both, 'what runs, and the state of what does not')
        runs = line_of(text, 'what runs')
        assert (runs['method'], runs['path']) == ('GET', '/loop')
        assert re.search(r'at spin \(.*app.mjs:13:', runs['stack'])
        busy = next(fields(line) for line in text.splitlines() if '=JavaScript' in line)
        assert int(busy['since_ms']) > 100
        assert text.count('state of a script') == 1  # That of the other worker.
        assert server.get('/').text == 'hello'
        assert looping.read_response().status == 503


def test_a_script_that_cannot_be_interrupted_holds_nobody_up(jsd):
    server = jsd(APP, {'limits.slice': '2s'}, workers=2)
    server.expect('the script cannot be ended')
    with server.connect() as stuck:
        stuck.send_request(target='/builtin')
        wait_for(lambda: server.cpu_seconds() > 0.5, 'the loop to run')
        told = state(server, 2)
        text = wait_for(lambda: told() if told() and 'state of a script' in told() else None, 'the state')
        assert 'what runs' not in text
        assert server.get('/').text == 'hello'
        stuck.socket.settimeout(60)
        assert stuck.read_response().status == 503
    before = len(server.log())
    server.send_signal(signal.SIGQUIT)
    # The worker in its place may still be loading, and says nothing then.
    assert wait_for(lambda: line_of(server.log()[before:], 'state of the server'), 'the state')['lost'] == '1'
    assert server.stop() == 0  # What the lost thread held stays until then.
