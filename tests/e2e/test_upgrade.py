"""SIGUSR2 and `jsd upgrade`: another process in place of the one that serves; the pid file, and `jsd reload`."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from http_client import TIMEOUT, wait_for
from server import BINARY


def version(number):
    return f"export default {{ fetch: () => new Response('version {number}') }};"


@pytest.fixture
def start(jsd, tmp_path):
    """start(settings={…}, …) starts a server with a pid file; those that take over end with the test."""
    servers = []

    def start_server(settings=None, script=version(1), **options):
        pid_file = tmp_path / 'jsd.pid'
        server = jsd(script, {'server.pid_file': str(pid_file), **(settings or {})}, **options)
        server.pid_file = pid_file
        wait_for(pid_file.exists, 'the pid file')
        servers.append(server)
        return server

    yield start_server
    for server in servers:
        if server.pid_file.exists() and pid_of(server) != server.pid:
            end_successor(server)


def pid_of(server):
    return int(server.pid_file.read_text())


def end_successor(server):
    pid = pid_of(server)
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not alive(pid), 'the successor to end')


def alive(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(') ', 1)[1].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return False


def command(server, word, *arguments):
    return subprocess.run([BINARY, word, '--config', server.folder / 'server.toml', *arguments], capture_output=True,
                          text=True, timeout=90)


class Load:
    """Clients that ask without a break, with connections that they keep and with new ones."""

    def __init__(self, address, connect, expected=r'version \d+'):
        self.problems, self.counts = [], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(address, connect, expected, i % 2 == 0))
                        for i in range(6)]

    def run(self, address, connect, expected, keep_alive):
        count = 0
        try:
            connection = connect(address)
            while not self.stop.is_set():
                reply = connection.get()
                if reply.status != 200 or not re.fullmatch(expected, reply.text):
                    self.problems.append(repr(reply))
                count += 1
                # A server that is about to end says so in its last reply.
                if not keep_alive or reply.header('connection') == 'close':
                    connection.close()
                    connection = connect(address)
            connection.close()
        except (OSError, AssertionError) as error:
            self.problems.append(repr(error))
        self.counts.append(count)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_the_pid_file(start):
    server = start()
    assert server.pid_file.read_text() == f'{server.pid}\n'
    control = pathlib.Path(f'{server.pid_file}.sock')
    assert control.stat().st_mode & 0o777 == 0o600
    assert server.stop() == 0
    assert os.listdir(server.pid_file.parent) == ['jsd0']


def test_a_pid_file_that_cannot_be_written(start_fails, tmp_path):
    result = start_fails(version(1), {'server.pid_file': str(tmp_path / 'no/jsd.pid')})
    assert result.returncode == 1
    assert f'cannot write the pid file {tmp_path}/no/jsd.pid: No such file or directory' in result.stderr


def test_a_pid_file_that_another_server_has(start, start_fails):
    server = start()
    result = start_fails(version(1), {'server.pid_file': str(server.pid_file)})
    assert result.returncode == 1
    assert 'another process listens there' in result.stderr
    assert pid_of(server) == server.pid
    assert command(server, 'reload').returncode == 0


@pytest.mark.parametrize('supervise', [False, True])
def test_reload_by_command(start, supervise):
    server = start({'server.supervise': supervise})
    assert pid_of(server) == server.pid
    script = server.folder / 'app.mjs'
    script.write_text(version(2))
    result = command(server, 'reload')
    assert (result.returncode, result.stdout, result.stderr) == (0, '', '')
    assert server.get().text == 'version 2'
    script.write_text('let = ;')
    result = command(server, 'reload')
    assert result.returncode == 1
    assert f'cannot load {script}: SyntaxError' in result.stderr
    server.expect('the reload has failed, all stays as it was: cannot load')
    (server.folder / 'server.toml').write_text('[server\n')
    result = command(server, 'reload')
    assert result.returncode == 1
    assert 'server.toml:1:' in result.stderr
    assert server.get().text == 'version 2'


def test_reload_of_no_server(start, write):
    path = write('server.toml', '[app]\nscript = "app.mjs"\n[server]\npid_file = "jsd.pid"\n')
    result = subprocess.run([BINARY, 'reload', '--config', path], capture_output=True, text=True, timeout=TIMEOUT)
    assert result.returncode == 1
    assert re.match(f'no server answers on {path.parent}/jsd.pid.sock: ', result.stderr)
    path.write_text('[app]\nscript = "app.mjs"\n')
    result = subprocess.run([BINARY, 'reload', '--config', path], capture_output=True, text=True, timeout=TIMEOUT)
    assert result.returncode == 2
    assert 'server.pid_file' in result.stderr


def test_commands_that_come_together(start):
    server = start(workers=2)
    (server.folder / 'app.mjs').write_text(version(2))
    arguments = [BINARY, 'reload', '--config', server.folder / 'server.toml']
    commands = [subprocess.Popen(arguments) for _ in range(8)]
    assert [process.wait(TIMEOUT) for process in commands] == [0] * 8
    assert server.get().text == 'version 2'


def test_an_unknown_command(start):
    server = start()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT)
        client.connect(f'{server.pid_file}.sock')
        client.sendall(b'dance\n')
        assert client.recv(100) == b'failed\nthe server knows no command dance'
        assert client.recv(100) == b''


@pytest.mark.parametrize('by_signal', [False, True])
def test_upgrade_under_load_loses_nothing(start, tmp_path, by_signal):
    path = tmp_path / 'jsd.sock'
    server = start(listen=['127.0.0.1:0', f'unix:{path}'], workers=2)
    before = server.pid
    with Load(server.address, server.connect) as load:
        for number in range(2, 5):
            (server.folder / 'app.mjs').write_text(version(number))
            if by_signal:
                os.kill(before, signal.SIGUSR2)
            else:
                result = command(server, 'upgrade')
                assert (result.returncode, result.stderr) == (0, '')
            after = wait_for(lambda: pid_of(server) if pid_of(server) != before else None, 'the next server')
            if number == 2:
                assert server.wait() == 0
            wait_for(lambda: not alive(before), 'the old server to end')
            assert server.get().text == f'version {number}'
            with server.connect(f'unix:{path}') as client:
                assert client.get().text == f'version {number}'
            before = after
    assert not load.problems, load.problems[:5]
    assert all(load.counts), load.counts
    end_successor(server)
    assert os.listdir(tmp_path) == ['jsd0']


def test_upgrade_with_a_supervisor_loses_nothing(start, tmp_path):
    path = tmp_path / 'jsd.sock'
    server = start({'server.supervise': True}, listen=['127.0.0.1:0', f'unix:{path}'], workers=2)
    with Load(server.address, server.connect) as load:
        for number in range(2, 5):
            (server.folder / 'app.mjs').write_text(version(number))
            if number == 4:
                server.send_signal(signal.SIGUSR2)
                # Nobody tells when the old one has stopped listening, as the command does.
                wait_for(lambda: server.get().text == 'version 4', 'the next server')
            else:
                result = command(server, 'upgrade')
                assert (result.returncode, result.stderr) == (0, '')
            assert server.get().text == f'version {number}'
    assert not load.problems, load.problems[:5]
    assert all(load.counts), load.counts
    assert pid_of(server) == server.pid
    with server.connect(f'unix:{path}') as client:
        assert client.get().text == 'version 4'
    assert server.stop() == 0
    assert os.listdir(tmp_path) == ['jsd0']


class Wrk:
    """wrk, which counts what fails, until the block ends; once with connections that are kept and once with new ones."""

    def __init__(self, url):
        self.outputs = []
        command = ['wrk', '-t1', '-c8', '-d300s', url]
        self.commands = [command, [*command, '-H', 'Connection: close']]

    def __enter__(self):
        self.processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in self.commands]
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGINT)  # It stops and prints its sums.
        self.outputs = [process.communicate(timeout=TIMEOUT)[0] for process in self.processes]

    def check(self):
        for output in self.outputs:
            assert 'Socket errors' not in output and 'Non-2xx' not in output, output
            assert int(re.search(r'(\d+) requests in', output)[1]) > 100, output


@pytest.mark.parametrize('supervise', [False, True])
def test_twenty_reloads_under_wrk(start, supervise):
    server = start({'server.supervise': supervise}, workers=2)
    with Wrk(server.url + '/') as wrk:
        for number in range(2, 22):
            (server.folder / 'app.mjs').write_text(version(number))
            assert command(server, 'reload').returncode == 0
            assert server.get().text == f'version {number}'
    wrk.check()
    server.descriptors_at_start = server.descriptors()


@pytest.mark.parametrize('supervise', [False, True])
def test_upgrades_under_wrk(start, supervise):
    server = start({'server.supervise': supervise}, workers=2)
    with Wrk(server.url + '/') as wrk:
        for number in range(2, 5):
            (server.folder / 'app.mjs').write_text(version(number))
            assert command(server, 'upgrade').returncode == 0
            assert server.get().text == f'version {number}'
    wrk.check()
    if not supervise:
        assert server.wait() == 0
        return
    wait_for(lambda: server.log().count('stopped') == 3, 'the old servers to end')
    assert server.stop() == 0


def test_requests_in_flight_end_on_the_old_server(start):
    server = start(script="""export default { async fetch() {
      console.log('begun');
      await new Promise((done) => setTimeout(done, 1000));
      return new Response('old');
    } };""")
    with server.connect() as client:
        client.send_request()
        server.wait_for_log('begun')
        (server.folder / 'app.mjs').write_text(version(2))
        assert command(server, 'upgrade').returncode == 0
        assert server.get().text == 'version 2'
        assert client.read_response().text == 'old'
    assert server.wait() == 0


@pytest.mark.parametrize('supervise', [False, True])
def test_an_upgrade_that_fails_leaves_the_old_server(start, tmp_path, supervise):
    path = tmp_path / 'jsd.sock'
    server = start({'server.supervise': supervise}, listen=['127.0.0.1:0', f'unix:{path}'])
    server.expect('the upgrade has failed, the server goes on: cannot load')
    script = server.folder / 'app.mjs'
    script.write_text('let = ;')
    result = command(server, 'upgrade')
    assert result.returncode == 1
    assert f'cannot load {script}: SyntaxError' in result.stderr
    server.expect('cannot load .* SyntaxError')  # The new server's own line.
    for address in server.addresses[:2]:
        with server.connect(address) as client:
            assert client.get().text == 'version 1'
    # And it can be tried again.
    script.write_text(version(2))
    assert command(server, 'reload').returncode == 0
    assert server.get().text == 'version 2'
    assert pid_of(server) == server.pid


@pytest.mark.parametrize('supervise', [False, True])
def test_a_program_that_is_none_leaves_the_old_server(start, tmp_path, supervise, monkeypatch):
    program = tmp_path / 'bin/jsd'
    program.parent.mkdir()
    shutil.copy(BINARY, program)
    monkeypatch.setattr('server.BINARY', program)
    # Its interpreter lies elsewhere.
    server = start({'server.supervise': supervise, 'hardening.files': False})
    program.unlink()
    program.write_text('#!/bin/sh\necho new >&2\nexit 3\n')
    program.chmod(0o755)
    result = command(server, 'upgrade')
    assert (result.returncode, result.stderr) == (1, 'the new server has ended: exit status 3\n')
    program.unlink()
    result = command(server, 'upgrade')
    assert (result.returncode, result.stderr) == (1, f'cannot start {program}: No such file or directory\n')
    server.expect('the upgrade has failed, the server goes on: ')
    assert server.get().text == 'version 1'


def test_the_service_manager_is_told_of_the_successor(start, service_manager):
    server = start()
    assert service_manager.next() == 'READY=1\n'
    assert command(server, 'upgrade').returncode == 0
    told = {service_manager.next(), service_manager.next()}
    assert told == {'READY=1\n', f'MAINPID={pid_of(server)}\n'}
    assert server.wait() == 0
    end_successor(server)
    assert service_manager.next() == 'STOPPING=1\n'


@pytest.fixture
def replaceable(start, tmp_path, monkeypatch):
    """replaceable(settings, …) starts a server from a program that replace() puts another file in the place of."""
    program = tmp_path / 'bin/jsd'
    program.parent.mkdir()
    shutil.copy(BINARY, program)
    monkeypatch.setattr('server.BINARY', program)

    def replace():
        fresh = program.with_suffix('.new')
        shutil.copy(BINARY, fresh)
        fresh.rename(program)
        return os.stat(program).st_ino

    def start_server(settings=None, **options):
        server = start({'server.supervise': True, **(settings or {})}, **options)
        server.replace = replace
        return server

    return start_server


def program_of(pid):
    return os.stat(f'/proc/{pid}/exe').st_ino


def children(pid):
    return [int(child) for child in pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def renewed(server, times=1):
    wait_for(lambda: server.log().count('the supervisor is of the new version now') == times, 'the new supervisor')


def test_the_supervisor_is_replaced_too(replaceable, tmp_path):
    """In the same process, with the same sockets and the children that it has."""
    path = tmp_path / 'jsd.sock'
    server = replaceable(listen=['127.0.0.1:0', f'unix:{path}'], workers=2)
    with Load(server.address, server.connect) as load:
        for number in range(2, 5):
            inode = server.replace()
            (server.folder / 'app.mjs').write_text(version(number))
            result = command(server, 'upgrade')
            assert (result.returncode, result.stderr) == (0, '')
            renewed(server, number - 1)
            assert program_of(server.pid) == inode
            wait_for(lambda: len(children(server.pid)) == 1, 'the old server to end')
            assert program_of(children(server.pid)[0]) == inode
            assert server.get().text == f'version {number}'
            with server.connect(f'unix:{path}') as client:
                assert client.get().text == f'version {number}'
    assert not load.problems, load.problems[:5]
    assert all(load.counts), load.counts
    assert pid_of(server) == server.pid
    # It does what a supervisor is for: starts the server again, and passes signals on.
    os.kill(children(server.pid)[0], signal.SIGKILL)
    server.expect('the server has ended, starting it again by=SIGKILL')
    wait_for(lambda: server.log().count('jsd is ready') == 5, 'the next server')
    assert server.get().text == 'version 4'
    (server.folder / 'app.mjs').write_text(version(5))
    assert command(server, 'reload').returncode == 0
    assert server.get().text == 'version 5'
    assert len(server.descriptors()) == len(server.descriptors_at_start)
    assert server.stop() == 0
    assert sorted(os.listdir(tmp_path)) == ['bin', 'jsd0']


def test_a_supervisor_that_is_replaced_waits_for_what_is_in_flight(replaceable):
    server = replaceable(script="""export default { async fetch() {
      console.log('begun');
      await new Promise((done) => setTimeout(done, 1500));
      return new Response('old');
    } };""")
    with server.connect() as client:
        client.send_request()
        server.wait_for_log('begun')
        old = children(server.pid)[0]
        server.replace()
        (server.folder / 'app.mjs').write_text(version(2))
        assert command(server, 'upgrade').returncode == 0
        renewed(server)
        assert server.get().text == 'version 2'
        # The new supervisor ends when all of its children have.
        server.send_signal()
        assert client.read_response().text == 'old'
        assert server.wait() == 0
        assert not alive(old)


def test_signals_while_the_supervisor_is_replaced(replaceable):
    """None is lost, and none ends the process."""
    server = replaceable(workers=1)
    for number in range(2, 6):
        (server.folder / 'app.mjs').write_text(version(number))
        before = server.log().count('the new server has taken over')
        server.send_signal(signal.SIGUSR2)
        while server.log().count('the new server has taken over') == before:
            server.send_signal(signal.SIGUSR1)  # Which the log tells of, and nothing else.
        renewed(server, number - 1)
        (server.folder / 'app.mjs').write_text(version(number * 10))
        server.send_signal(signal.SIGHUP)
        wait_for(lambda: server.get().text == f'version {number * 10}', 'the reload')
    assert server.stop() == 0


def test_what_the_supervisor_needs_may_change_by_an_upgrade(replaceable, tmp_path):
    server = replaceable()
    old_file, new_file, log = server.pid_file, tmp_path / 'other.pid', tmp_path / 'jsd.log'
    config = server.folder / 'server.toml'
    config.write_text(config.read_text().replace(str(old_file), str(new_file)) + f'[log]\nfile = "{log}"\n')
    server.send_signal(signal.SIGUSR2)
    wait_for(lambda: log.exists() and 'the supervisor is of the new version now' in log.read_text(), 'the supervisor')
    server.pid_file = new_file
    assert pid_of(server) == server.pid
    wait_for(lambda: not old_file.exists() and not pathlib.Path(f'{old_file}.sock').exists(), 'the old files to go')
    server.log_path = log
    assert command(server, 'reload').returncode == 0
    os.kill(children(server.pid)[0], signal.SIGKILL)
    server.expect('starting it again')
    wait_for(lambda: log.read_text().count('jsd is ready') == 2, 'the next server')
    assert server.stop() == 0
    assert sorted(os.listdir(tmp_path)) == ['bin', 'jsd.log', 'jsd0']


def test_a_configuration_that_breaks_behind_the_upgrade(replaceable):
    """The supervisor has a server to look after, whatever is in the file now."""
    server = replaceable()
    config = server.folder / 'server.toml'
    text = config.read_text()
    # Between the server's reading it and the supervisor's.
    script = server.folder / 'app.mjs'
    script.write_text('await new Promise((done) => setTimeout(done, 500)); console.log("loaded");' + version(2))
    server.send_signal(signal.SIGUSR2)
    server.wait_for_log('starting another server')
    time.sleep(0.3)
    config.write_text('[server\n')
    renewed(server)
    server.expect('server.toml:1:8: Error')
    assert server.get().text == 'version 2'
    config.write_text(text)
    assert command(server, 'reload').returncode == 0
    assert server.stop() == 0
    assert not server.pid_file.exists()


def test_an_upgrade_to_a_version_that_cannot_take_the_supervisors_place(replaceable, tmp_path):
    """One from before there was that: its server serves, the supervisor stays."""
    server = replaceable()
    program = tmp_path / 'bin/jsd'
    # The same program, but for the word that it says.
    data = BINARY.read_bytes()
    assert data.count(b'inherits-supervision') == 1
    fresh = program.with_suffix('.new')
    fresh.write_bytes(data.replace(b'inherits-supervision', b'knows-nothing-of-it!'))
    fresh.chmod(0o755)
    fresh.rename(program)
    before = program_of(server.pid)
    (server.folder / 'app.mjs').write_text(version(2))
    assert command(server, 'upgrade').returncode == 0
    server.wait_for_log('the supervisor stays of its version')
    assert server.get().text == 'version 2'
    assert program_of(server.pid) == before
    assert server.stop() == 0


def test_the_service_manager_hears_nothing_of_the_supervisors_renewal(replaceable, service_manager):
    def told():
        return service_manager.next(by=server.pid)

    server = replaceable()
    assert told() == 'READY=1\n'
    assert command(server, 'upgrade').returncode == 0
    renewed(server)
    server.send_signal(signal.SIGHUP)
    # The new server may have said that it is ready before it had the word.
    seen = [told()]
    while not seen[-1].startswith('RELOADING=1\n'):
        assert seen[-1] == 'READY=1\n'
        seen.append(told())
    assert told() == 'READY=1\n'
    server.send_signal(signal.SIGTERM)
    assert told() == 'STOPPING=1\n'
    assert server.wait() == 0
