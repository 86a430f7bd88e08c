"""Listening sockets: those of systemd, permissions of unix sockets, SO_REUSEPORT."""

import os
import pathlib
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys

import pytest

from http_client import TIMEOUT, Connection, wait_for
from server import BINARY, toml

HELLO = "export default { fetch: () => new Response('hello') };"


@pytest.fixture
def activated(write, tmp_path):
    """activated(names, sockets, settings) starts jsd as systemd does: sockets from descriptor 3 on, and variables."""
    processes = []

    def start(names, sockets, settings):
        script = write('app.mjs', HELLO)
        config = write('server.toml', toml({'server.workers': 1, 'app.script': str(script), **settings}))
        # As a start by systemd, the process that gets the variables is the one that they name.
        launcher = ('import os, sys\n'
                    'numbers = [int(n) for n in sys.argv[1].split(",")]\n'
                    'high = [os.dup(os.dup(os.dup(os.dup(n)))) for n in numbers]\n'
                    'for at, n in enumerate(high): os.dup2(n, 3 + at)\n'
                    'os.closerange(3 + len(high), 100)\n'
                    'os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)))\n'
                    'os.execv(sys.argv[2], sys.argv[2:])\n')
        numbers = [each.fileno() for each in sockets]
        log = tmp_path / 'log'
        with open(log, 'wb') as errors:
            process = subprocess.Popen(
                [sys.executable, '-c', launcher, ','.join(map(str, numbers)), BINARY, '--config', config],
                stderr=errors, pass_fds=numbers, env={**os.environ, 'LISTEN_FDNAMES': ':'.join(names)})
        processes.append(process)
        wait_for(lambda: 'jsd is ready' in log.read_text() or process.poll() is not None, 'the server')
        return process, log

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
            process.wait(TIMEOUT)


def listening(family=socket.AF_INET, address=('127.0.0.1', 0)):
    server = socket.socket(family)
    server.bind(address)
    server.listen(100)
    return server


@pytest.mark.parametrize('supervise', [False, True])
def test_sockets_of_systemd(activated, tmp_path, supervise):
    path = str(tmp_path / 'activated.sock')
    with listening() as web, listening() as also_web, listening(socket.AF_UNIX, path) as local:
        # A client that came before the server.
        early = Connection('127.0.0.1:%d' % web.getsockname()[1])
        early.send_request()
        process, log = activated(['web', 'local', 'web'], [web, local, also_web],
                                 {'server.listen': ['systemd:web', 'systemd:local'], 'server.supervise': supervise})
        assert early.read_response().text == 'hello'
        for address in [web, also_web]:
            with Connection('127.0.0.1:%d' % address.getsockname()[1]) as client:
                assert client.get().text == 'hello'
        with Connection(f'unix:{path}') as client:
            assert client.get().text == 'hello'
        assert set(re.findall(r'listening on (\S+)', log.read_text())) == {
            '127.0.0.1:%d' % web.getsockname()[1], '127.0.0.1:%d' % also_web.getsockname()[1], f'unix:{path}'}
        process.terminate()
        assert process.wait(TIMEOUT) == 0
        assert os.path.exists(path)  # It is systemd's.
        # What comes now waits for the next start.
        with Connection('127.0.0.1:%d' % web.getsockname()[1]):
            pass


def test_a_socket_that_systemd_has_not(activated):
    with listening() as web:
        process, log = activated(['other'], [web], {'server.listen': ['systemd:web']})
        assert process.wait(TIMEOUT) == 1
        assert 'cannot listen on systemd:web: systemd has handed over no socket of this name' in log.read_text()


def test_a_socket_that_does_not_listen(activated):
    with socket.socket() as silent:
        process, log = activated(['web'], [silent], {'server.listen': ['systemd:web']})
        assert process.wait(TIMEOUT) == 1
        assert 'what was handed over is no listening stream socket' in log.read_text()


def test_permissions_of_unix_sockets(jsd, tmp_path):
    path = tmp_path / 'jsd.sock'
    owner = f':{os.getgid()}'
    if os.getuid() == 0:
        owner = f'nobody:{pwd.getpwnam("nobody").pw_gid}'
    server = jsd(HELLO, {'server.unix_mode': '0606', 'server.unix_owner': owner}, listen=[f'unix:{path}'])
    status = path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o606
    if os.getuid() == 0:
        assert (status.st_uid, status.st_gid) == pwd.getpwnam('nobody')[2:4]
    assert server.request().text == 'hello'


def test_an_owner_that_does_not_exist(start_fails, tmp_path):
    path = tmp_path / 'jsd.sock'
    result = start_fails(HELLO, {'server.listen': [f'unix:{path}'], 'server.unix_owner': 'nobody-of-this-name'})
    assert result.returncode == 1
    assert f'cannot listen on unix:{path}: there is no user nobody-of-this-name' in result.stderr
    assert not path.exists()


@pytest.mark.parametrize('key, value', [('unix_mode', '888'), ('unix_mode', '12345'), ('unix_owner', ':'),
                                        ('unix_owner', 'a:b:c')])
def test_values_that_are_refused(start_fails, key, value):
    result = start_fails(HELLO, {f'server.{key}': value})
    assert result.returncode == 2
    assert f'server.{key}: expected' in result.stderr


def test_two_processes_may_share_a_port(jsd, start_fails):
    shared = {'server.reuse_port': True}
    server = jsd(HELLO, shared)
    other = jsd(HELLO, shared, listen=[server.address])
    for each in (server, other):
        assert each.get().text == 'hello'
    assert server.stop() == 0
    assert other.get().text == 'hello'
    assert 'in use' in start_fails(HELLO, {'server.listen': [server.address]}).stderr


@pytest.mark.parametrize('supervise', [False, True])
def test_listeners_come_and_go_by_reload(jsd, tmp_path, supervise):
    first, second = tmp_path / 'first.sock', tmp_path / 'second.sock'
    server = jsd(HELLO, {'server.supervise': supervise}, listen=['127.0.0.1:0', f'unix:{first}'])
    kept = server.address

    def reload(listen, outcome='reloaded'):
        before = server.log().count(outcome)
        settings = {'server.listen': listen, 'server.workers': 1, 'server.supervise': supervise,
                    'app.script': str(server.folder / 'app.mjs')}
        (server.folder / 'server.toml').write_text(toml(settings))
        server.send_signal(signal.SIGHUP)
        wait_for(lambda: server.log().count(outcome) > before, outcome)

    with server.connect(f'unix:{first}') as old:
        assert old.get().text == 'hello'
        reload(['127.0.0.1:0', f'unix:{second}', '127.0.0.1:0'])
        assert old.get().text == 'hello'  # The connection stays.
    added = server.addresses[-1]
    assert added.startswith('127.0.0.1:') and added != kept
    for address in (kept, f'unix:{second}', added):
        with server.connect(address) as client:
            assert client.get().text == 'hello'
    wait_for(lambda: not first.exists(), 'the file to go')
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        reload(['127.0.0.1:0', '127.0.0.1:%d' % taken.getsockname()[1], f'unix:{first}'], 'the port is in use')
        server.expect('the reload has failed, all stays as it was: cannot listen on .*the port is in use')
    wait_for(lambda: not first.exists(), 'the file to go')
    for address in (kept, f'unix:{second}', added):
        with server.connect(address) as client:
            assert client.get().text == 'hello'
    reload(['127.0.0.1:0'])

    def refused():
        try:
            server.connect(added).close()
        except ConnectionRefusedError:
            return True
        return False

    wait_for(refused, 'the added socket to close')
    wait_for(lambda: not second.exists(), 'the file to go')
    assert server.get().text == 'hello'
    reload(['127.0.0.1:0', f'unix:{first}'])  # As many descriptors as at the start.
    with server.connect(f'unix:{first}') as client:
        assert client.get().text == 'hello'
    server.descriptors_at_start = server.descriptors()
    assert server.stop() == 0
    assert not first.exists()
