"""server.supervise: a process in front that keeps the listening sockets and starts the server again."""

import json
import os
import pathlib
import re
import signal
import time

import pytest

from http_client import wait_for
from server import BINARY
from service_manager import ALIVE

# The process that serves, by its own words; and a way to make it crash that no script has.
APP = "export default { fetch: () => new Response('hello') };"
NAME = re.escape(BINARY.name)


@pytest.fixture
def supervised(jsd):
    """supervised(script, settings={…}, …) starts a server with a supervisor, which is what `pid` is."""

    def start(script, settings=None, listen=('127.0.0.1:0',), **options):
        server = jsd(script, {'server.supervise': True, **(settings or {})}, listen=listen, **options)
        # The server says so before the supervisor has its copies, on a busy machine.
        def has_all():
            return sum(name.startswith('socket:') for name in server.descriptors().values()) > len(listen)

        wait_for(has_all, 'the supervisor to have the sockets')
        server.descriptors_at_start = server.descriptors()
        return server

    return start


def children(pid):
    found = []
    for task in os.listdir(f'/proc/{pid}/task'):
        found += pathlib.Path(f'/proc/{pid}/task/{task}/children').read_text().split()
    return [int(child) for child in found]


def serving(server):
    """The pid of the server, once there is one."""
    return wait_for(lambda: (children(server.pid) or [None])[0], 'the server')


def ready_count(server):
    return server.log().count('jsd is ready')


def crash(server, number=signal.SIGSEGV):
    """The server's pid, which a signal has ended."""
    pid, before = serving(server), ready_count(server)
    os.kill(pid, number)
    wait_for(lambda: ready_count(server) > before, 'the next server')
    assert serving(server) != pid
    server.descriptors_at_start = server.descriptors()  # Another channel.
    return pid


def is_sanitized(server):
    return b'AddressSanitizer' in pathlib.Path(f'/proc/{server.pid}/exe').read_bytes()


def test_a_crash_is_reported_and_the_server_started_again(supervised):
    server = supervised(APP, workers=2)
    address = server.address
    assert server.get().text == 'hello'
    with server.connect() as cut:
        assert cut.get().text == 'hello'
        pid = crash(server)
        assert cut.is_closed()
    assert server.get().text == 'hello'
    assert set(server.addresses) == {address}
    server.expect(fr'the server has ended, starting it again by=SIGSEGV pid={pid} lived_ms=\d+ pause_ms=0')
    if not is_sanitized(server):
        server.expect(fr'the process has crashed: SIGSEGV from process {os.getpid()} thread={NAME} version=\S+')
        # Frames of the program as addr2line takes them, and of the C library.
        report = server.log().split('the process has crashed')[1]
        assert len(re.findall(r'^    \S+\+0x[0-9a-f]+', report, re.MULTILINE)) > 3
        assert re.search(fr'^    {NAME}\+0x', report, re.MULTILINE)
    assert server.stop() == 0


def test_the_report_is_one_line_of_json(supervised):
    server = supervised(APP, {'log.format': 'json'})
    if is_sanitized(server):
        pytest.skip('the sanitizer reports by itself')
    crash(server, signal.SIGABRT)
    entries = [json.loads(line) for line in server.log().splitlines()]
    report = next(entry for entry in entries if 'crashed' in entry['message'])
    assert report['level'] == 'error' and f'{BINARY.name}+0x' in report['stack']
    assert report['message'].startswith('the process has crashed: SIGABRT')
    assert abs(time.mktime(time.strptime(report['time'][:19], '%Y-%m-%dT%H:%M:%S')) - time.timezone - time.time()) < 3600
    server.expect('has crashed', 'starting it again')


def test_what_waits_for_the_next_server_is_served(supervised, tmp_path):
    """Nothing listens but the kernel while the server is away."""
    path = tmp_path / 'jsd.sock'
    server = supervised(APP, listen=['127.0.0.1:0', f'unix:{path}'])
    pid = serving(server)
    os.kill(pid, signal.SIGSTOP)  # It accepts no more.
    clients = [server.connect(address) for address in server.addresses for _ in range(20)]
    for client in clients:
        client.send_request()
    os.kill(pid, signal.SIGKILL)
    for client in clients:
        assert client.read_response().text == 'hello'
    server.expect('starting it again by=SIGKILL')
    assert server.stop() == 0
    assert not path.exists()


def test_the_pause_grows_while_it_keeps_dying(supervised):
    server = supervised(APP)
    for _ in range(3):
        crash(server, signal.SIGKILL)
    server.expect('starting it again')
    pauses = [int(pause) for pause in re.findall(r'pause_ms=(\d+)', server.log())]
    assert pauses == [0, 100, 200]
    assert server.get().text == 'hello'


def test_too_many_lost_workers_make_another_process(supervised):
    script = """export default { fetch(request) {
      if (request.url.endsWith('/stuck')) Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);
      return new Response('hello');
    } };"""
    server = supervised(script, {'limits.slice': '50ms'}, workers=4)
    for _ in range(8):
        with server.connect() as client:
            client.socket.settimeout(60)
            assert client.get('/stuck').status == 503
    wait_for(lambda: ready_count(server) == 2, 'the next server')
    server.descriptors_at_start = server.descriptors()
    assert server.get().text == 'hello'
    server.expect('the script cannot be ended', 'too many workers are lost', 'starting it again by="exit status 75"')


def test_a_server_that_cannot_start_ends_it(start_fails):
    result = start_fails('let = ;', {'server.supervise': True})
    assert result.returncode == 1
    assert 'app.mjs:1' in result.stderr


def test_a_server_that_cannot_start_again_is_tried_again(supervised):
    server = supervised(APP)
    script = server.folder / 'app.mjs'
    script.write_text('let = ;')
    os.kill(serving(server), signal.SIGKILL)
    wait_for(lambda: server.log().count('cannot load') == 2, 'two attempts')
    script.write_text(APP)
    assert server.get().text == 'hello'  # It has waited.
    server.expect('cannot load', 'starting it again by=SIGKILL', 'starting it again by="exit status 1"')
    wait_for(lambda: ready_count(server) == 2, 'the server')
    server.descriptors_at_start = server.descriptors()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize('everyone', [False, True])
def test_requests_in_flight_are_answered_at_the_end(supervised, number, everyone):
    """Also where each process gets the signal, as from a terminal or from systemd."""
    server = supervised("""export default { async fetch() {
      console.log('begun');
      await new Promise((done) => setTimeout(done, 500));
      return new Response('slow');
    } };""")
    with server.connect() as client:
        client.send_request()
        server.wait_for_log('begun')
        pid = serving(server)
        server.send_signal(number)
        if everyone:
            os.kill(pid, number)
        wait_for(lambda: refuses(server), 'the sockets to close')
        assert client.read_response().text == 'slow'
    assert server.wait() == 0
    assert not os.path.exists(f'/proc/{pid}')


def refuses(server):
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # It was in the queue that has gone with the socket.
    return False


def test_requests_that_are_cut_show_in_the_exit_status(supervised):
    server = supervised("export default { fetch() { console.log('begun'); return new Promise(() => setInterval(() => {}, 9)); } };",
                 {'server.drain': '200ms'})
    with server.connect() as client:
        client.send_request()
        server.wait_for_log('begun')
        assert server.stop() == 1
    server.expect('requests were cut')


def test_a_second_signal_ends_all(supervised):
    server = supervised("export default { fetch() { console.log('begun'); return new Promise(() => setInterval(() => {}, 9)); } };",
                 {'server.drain': '60s'})
    with server.connect() as client:
        client.send_request()
        server.wait_for_log('begun')
        server.send_signal()
        server.wait_for_log('draining')
        server.send_signal()
        assert server.wait() == 128 + signal.SIGTERM
    server.expect('exiting at once')


def test_a_server_without_its_supervisor_ends(supervised):
    server = supervised(APP)
    pid = serving(server)
    server.send_signal(signal.SIGKILL)
    assert server.wait() == -signal.SIGKILL
    server.wait_for_log('the supervisor is gone')
    wait_for(lambda: not os.path.exists(f'/proc/{pid}'), 'the server to end')
    server.expect('the supervisor is gone')


def test_signals_are_passed_on(supervised, tmp_path):
    log = tmp_path / 'jsd.log'
    server = supervised(APP, {'log.file': str(log)}, log_file=log)
    (server.folder / 'app.mjs').write_text(APP.replace('hello', 'again'))
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(r'\breloaded\b')
    assert server.get().text == 'again'
    log.rename(tmp_path / 'old.log')
    server.send_signal(signal.SIGUSR1)
    server.wait_for_log('log files were opened again')
    crash(server, signal.SIGKILL)
    server.expect('starting it again')  # Both processes write to the new file.
    assert server.get().text == 'again'


def test_the_service_manager_hears_the_supervisor_alone(supervised, service_manager, monkeypatch):
    def told():
        return service_manager.told(by=server.pid)

    monkeypatch.setenv('WATCHDOG_USEC', '200000')
    server = supervised(APP)
    assert told() == 'READY=1\n'
    assert service_manager.next() == ALIVE
    server.send_signal(signal.SIGHUP)
    assert told().startswith('RELOADING=1\n')
    assert told() == 'READY=1\n'
    crash(server, signal.SIGKILL)
    server.expect('starting it again')
    assert told() == 'READY=1\n'
    server.send_signal(signal.SIGTERM)
    assert told() == 'STOPPING=1\n'
    assert server.wait() == 0
