"""Code that V8 cannot end: its worker is given up, what it held is answered, and another takes its place."""

import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest

from certificates import Authority
from http_client import TIMEOUT, wait_for
from server import BINARY

CASES = re.findall(r"^  '(/\w+)':", (pathlib.Path(__file__).parent / 'apps/beyond.mjs').read_text(), re.M)
# Those that may come to their end by themselves.
MAY_END = {'/localeCompare'}
LOST = 'the script cannot be ended'


@pytest.fixture
def beyond(hostile):
    def start(workers=2, lost=True, **settings):
        server = hostile('beyond.mjs', {'limits.slice': '200ms', 'limits.request': '1h', **settings}, workers=workers)
        if lost:
            server.expect(LOST)
        return server

    return start


def lost_workers(server):
    return server.log().count(LOST)


def threads(server):
    return [pathlib.Path(f'/proc/{server.pid}/task/{task}/comm').read_text().strip()
            for task in os.listdir(f'/proc/{server.pid}/task')]


def is_at_rest(server):
    """Whether the process computes nothing any more: its lost threads are parked."""
    before = server.cpu_seconds()
    time.sleep(0.5)
    return server.cpu_seconds() - before < 0.1


@pytest.mark.parametrize('cases', [CASES[i:i + 4] for i in range(0, len(CASES), 4)], ids='-'.join)
def test_what_cannot_be_ended_costs_its_request_alone(beyond, cases):
    server = beyond(workers=4, **{'limits.buffers': '1GiB'})
    # A connection of its own for each, and so a worker.
    clients = [server.connect() for _ in cases]
    for client, case in zip(clients, cases):
        client.send_request(target=case)
    for client, case in zip(clients, cases):
        client.socket.settimeout(60)
        reply = client.read_response()
        assert reply.status == 503, case
        if case in MAY_END:
            server.expected = [rf'{LOST}|limits\.(slice|heap)']
        else:
            assert reply.header('connection') == 'close', case
            assert client.is_closed()
    # The log hears of it behind the client.
    certain = len(set(cases) - MAY_END)
    wait_for(lambda: certain <= lost_workers(server) <= len(cases), 'the log to name each lost worker')
    for _ in range(20):
        assert server.get('/').text.startswith('count ')
    wait_for(lambda: is_at_rest(server), 'lost threads to be parked')
    assert server.stop() == 0


def test_all_that_the_worker_holds_is_answered_or_closed(beyond):
    server = beyond(workers=1)
    with server.connect() as lost, server.connect() as slow, server.connect() as stream, server.connect() as idle:
        assert idle.get('/').status == 200
        slow.send_request(target='/slow')
        stream.send_request(target='/stream')
        assert b'200 OK' in stream.socket.recv(4096)
        # Pipelined: what was answered before is sent, what comes behind is answered too.
        lost.send(b''.join(b'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' % path for path in (b'/', b'/includes', b'/', b'/slow')))
        assert [lost.read_response().status for _ in range(4)] == [200, 503, 503, 503]
        assert lost.is_closed()
        assert slow.read_response().status == 503
        assert idle.is_closed()
        try:
            while stream.socket.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert server.get('/').text == 'count 1'
    assert server.stop() == 0


def test_a_request_that_the_worker_had_not_read_is_answered(beyond):
    server = beyond(workers=1)
    with server.connect() as lost, server.connect() as idle:
        assert idle.get('/').status == 200
        lost.send_request(target='/includes')
        wait_for(lambda: server.cpu_seconds() > 0.3, 'the loop to run')
        idle.send_request(target='/')
        assert lost.read_response().status == 503
        assert idle.read_response().status == 503
        assert idle.is_closed()
    assert server.stop() == 0


def test_a_request_over_tls_that_the_worker_had_not_read_is_answered(beyond, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue('localhost', 'DNS:localhost')
    section = {'listen': ['127.0.0.1:0'], 'certificate': str(certificate), 'key': str(key)}
    server = beyond(workers=1, **{'server.tls': [section]})
    wait_for(lambda: len(server.addresses) == 2, 'both listeners')
    host, port = server.addresses[1].rsplit(':', 1)
    context = ssl.create_default_context(cafile=authority.certificate)
    with server.connect() as lost, \
            context.wrap_socket(socket.create_connection((host, int(port)), TIMEOUT), server_hostname='localhost') as idle:
        request = b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
        idle.sendall(request)
        assert idle.recv(4096).startswith(b'HTTP/1.1 200 ')
        lost.send_request(target='/includes')
        wait_for(lambda: server.cpu_seconds() > 0.3, 'the loop to run')
        idle.sendall(request)
        assert lost.read_response().status == 503
        assert idle.recv(4096).startswith(b'HTTP/1.1 503 ')
        while idle.recv(4096):
            pass
    assert server.stop() == 0


def test_connections_go_to_workers_that_respond(beyond):
    server = beyond(workers=2, **{'limits.slice': '3s'})
    with server.connect() as lost:
        lost.send_request(target='/includes')
        wait_for(lambda: server.cpu_seconds() > 0.5, 'the loop to run')
        for _ in range(20):
            assert server.get('/').status == 200
        assert lost_workers(server) == 0
        lost.socket.settimeout(60)
        assert lost.read_response().status == 503
    assert server.stop() == 0


def test_a_connection_that_waits_behind_a_stuck_script_is_served(beyond):
    """With one worker alone it waits for the next one, and is not lost."""
    server = beyond(workers=1)
    with server.connect() as lost:
        lost.send_request(target='/includes')
        wait_for(lambda: server.cpu_seconds() > 0.3, 'the loop to run')
        with server.connect() as later:
            later.send_request(target='/')
            assert lost.read_response().status == 503
            assert later.read_response().status == 200
    assert server.stop() == 0


def test_a_thread_that_comes_back_is_torn_down(beyond):
    """On a busy machine it may be parked before; it is one of the two."""
    server = beyond(workers=1, **{'limits.slice': '50ms'})
    with server.connect() as lost:
        lost.send_request(target='/comesBack')
        lost.socket.settimeout(60)
        assert lost.read_response().status == 503
    assert server.get('/').text == 'count 1'

    def gone():
        return threads(server).count('jsd-worker-0') == 1

    wait_for(lambda: gone() or is_at_rest(server), 'the thread to come back or to be parked')
    assert server.get('/').text == 'count 2'
    assert server.stop() == 0


def test_while_the_script_loads(start_fails):
    result = start_fails('Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);', {'limits.slice': '100ms'})
    assert result.returncode == 1
    assert 'the script does not end while it loads' in result.stderr


AT_LOAD = {
    'beyond': 'Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);',
    'behind an await': 'await null; Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);',
    'abort': "'a'.repeat(2 ** 28).split('');",
    'loop': 'for (;;);',
    'bomb': 'for (const kept = [];;) kept.push({ text: `x${kept.length}` });',
}


@pytest.mark.parametrize('what', AT_LOAD)
def test_a_reload_of_what_does_not_end_while_it_loads_costs_one_thread(jsd, write, what):
    """Of those that serve none: no connection closes, no request waits for it. And the reason is told."""
    fine = "export default { fetch() { return new Response('fine'); } };"
    good, bad, own = write('good.mjs', fine), write('bad.mjs', fine), write('own.mjs', fine)
    limits = {'slice': '500ms', 'heap': '32MiB'}
    server = jsd(None, {'server.pid_file': 'jsd.pid', 'app': [
        {'script': str(good)}, {'script': str(bad), 'path': '/bad', 'limits': limits},
        {'script': str(own), 'path': '/own', 'workers': 2, 'limits': limits}]}, workers=2)
    lost = what in ('beyond', 'behind an await', 'abort')

    def reload():
        return subprocess.Popen([BINARY, 'reload', '--config', server.folder / 'server.toml'], cwd=server.folder,
                                stderr=subprocess.PIPE, text=True)

    clients = [server.connect() for _ in range(8)]

    def serve(text):
        for client in clients:
            for path in ('/', '/bad', '/own'):
                reply = client.get(path)
                assert (reply.status, reply.text) == (200, text)

    serve('fine')
    for script in (bad, own):
        before = lost_workers(server)
        script.write_text(AT_LOAD[what] + fine)
        command = reload()
        while command.poll() is None:
            serve('fine')
        assert command.returncode == 1
        said = command.stderr.read()
        assert f'cannot load {script}' in said, said
        assert lost_workers(server) - before == (1 if lost else 0)
        serve('fine')
        script.write_text(fine)
    server.expect(rf'app=(bad|own)\.mjs {LOST}' if lost else r'limits\.(slice|heap)', 'the reload has failed')
    for script in (good, bad, own):
        script.write_text(fine.replace('fine', 'mended'))
    command = reload()
    assert command.wait(60) == 0, command.stderr.read()
    serve('mended')
    if lost:
        wait_for(lambda: is_at_rest(server), 'lost threads to be parked')
    assert server.stop() == 0


def test_reloads_of_what_cannot_be_ended_make_room_for_another_process(beyond):
    """As lost workers do: the memory of their threads is not to be had again."""
    server = beyond(workers=1, **{'limits.slice': '50ms'})
    server.expect('the reload has failed', 'too many workers are lost')
    (server.folder / 'app.mjs').write_text(AT_LOAD['beyond'])
    config = server.folder / 'server.toml'
    config.write_text(re.sub('script = .*', 'script = "app.mjs"', config.read_text()))
    for count in range(8):
        server.send_signal(signal.SIGHUP)
        wait_for(lambda: lost_workers(server) > count, 'the thread to be lost')
    assert server.wait(60) == 75


def test_too_many_make_room_for_another_process(beyond):
    """The exit status says that the process should be started again."""
    server = beyond(workers=4, **{'limits.slice': '50ms'})
    server.expect('too many workers are lost')

    for _ in range(8):
        with server.connect() as client:
            client.socket.settimeout(60)
            assert client.get('/includes').status == 503
    assert server.wait(60) == 75
    assert lost_workers(server) == 8
