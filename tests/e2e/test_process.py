"""The process: listening sockets, signals, drain, and what happens when descriptors run out."""

import os
import pathlib
import signal
import socket
import stat
import subprocess
import time

import pytest

from http_client import wait_for

HELLO = "export default { fetch: () => new Response('hello') };"

# /slow answers when its time is over; the log tells where it is.
SLOW = '''
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== '/slow') return new Response('hello');
    console.log('slow: begun');
    await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get('ms'))));
    return new Response('slow');
  },
};
jsd.listen('shutdown', () => console.log('shutdown listener ran'));
'''


def test_all_kinds_of_listeners(jsd, tmp_path):
    path = tmp_path / 'jsd.sock'
    server = jsd(HELLO, listen=['127.0.0.1:0', '[::1]:0', f'unix:{path}'])
    assert len(server.addresses) == 3
    for address in server.addresses:
        with server.connect(address) as client:
            assert client.get().text == 'hello'
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert 'hello' == subprocess.run(['curl', '-sS', '--unix-socket', path, 'http://localhost/'], check=True,
                                     capture_output=True, text=True).stdout
    assert server.stop() == 0
    assert not path.exists()


def test_unix_path_of_a_server_that_is_gone(jsd, tmp_path):
    path = tmp_path / 'jsd.sock'
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    server = jsd(HELLO, listen=[f'unix:{path}'])
    assert server.request().text == 'hello'


def test_unix_path_taken_by_a_server(jsd, start_fails, tmp_path):
    path = tmp_path / 'jsd.sock'
    server = jsd(HELLO, listen=[f'unix:{path}'])
    result = start_fails(HELLO, {'server.listen': [f'unix:{path}']})
    assert result.returncode == 1
    assert str(path) in result.stderr
    assert server.request().text == 'hello'


def test_unix_path_taken_by_a_file(start_fails, tmp_path):
    path = tmp_path / 'precious'
    path.write_text('keep me')
    result = start_fails(HELLO, {'server.listen': [f'unix:{path}']})
    assert result.returncode == 1
    assert str(path) in result.stderr
    assert path.read_text() == 'keep me'


@pytest.mark.parametrize('host', ['127.0.0.1', '[::1]'])
def test_port_in_use(jsd, start_fails, host):
    server = jsd(HELLO, listen=[f'{host}:0'])
    result = start_fails(HELLO, {'server.listen': [server.address]})
    assert result.returncode == 1
    assert server.address in result.stderr
    assert 'in use' in result.stderr


def test_privileged_port(start_fails):
    if int(pathlib.Path('/proc/sys/net/ipv4/ip_unprivileged_port_start').read_text()) <= 80:
        pytest.skip('no port is privileged on this machine')
    drop = ['setpriv', '--bounding-set', '-net_bind_service', '--inh-caps', '-net_bind_service']
    result = start_fails(HELLO, {'server.listen': ['127.0.0.1:80']}, wrapper=drop if os.getuid() == 0 else [])
    assert result.returncode == 1
    assert '127.0.0.1:80' in result.stderr
    assert 'ermission denied' in result.stderr


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize('workers', [1, 2])
def test_signal_ends_the_process(jsd, number, workers):
    server = jsd(SLOW, workers=workers)
    assert server.get().text == 'hello'
    assert server.stop(number) == 0
    assert server.log().count('shutdown listener ran') == workers


def test_requests_in_flight_are_answered(jsd):
    server = jsd(SLOW)
    idle, busy = server.connect(), server.connect()
    assert idle.get().text == 'hello'
    busy.send_request('GET', '/slow?ms=500')
    server.wait_for_log('slow: begun')
    server.send_signal()
    assert idle.is_closed()
    with pytest.raises(ConnectionRefusedError):
        server.connect()
    reply = busy.read_response()
    assert reply.text == 'slow'
    assert reply.header('connection').lower() == 'close'
    assert busy.is_closed()
    assert server.wait() == 0


def test_pipelined_requests_in_flight_are_answered(jsd):
    server = jsd(SLOW)
    client = server.connect()
    client.send(b'GET /slow?ms=300 HTTP/1.1\r\nHost: a\r\n\r\n' * 3)
    wait_for(lambda: server.log().count('slow: begun') == 3, 'three requests')
    server.send_signal()
    for _ in range(3):
        assert client.read_response().text == 'slow'
    assert client.is_closed()
    assert server.wait() == 0


def test_drain_time_is_over(jsd):
    server = jsd(SLOW, {'server.drain': '500ms'})
    server.expect('requests were cut')
    client = server.connect()
    client.send_request('GET', '/slow?ms=20000')
    server.wait_for_log('slow: begun')
    started = time.monotonic()
    server.send_signal()
    assert client.read_response().status == 503
    assert client.is_closed()
    assert server.wait() == 1
    assert 0.4 < time.monotonic() - started < 5


def test_second_signal_ends_at_once(jsd):
    server = jsd(SLOW, {'server.drain': '60s'})
    client = server.connect()
    client.send_request('GET', '/slow?ms=20000')
    server.wait_for_log('slow: begun')
    server.send_signal()
    assert client.is_open(0.5)
    server.expect('exiting at once')
    started = time.monotonic()
    server.send_signal(signal.SIGINT)
    assert server.wait() == 128 + signal.SIGINT
    assert time.monotonic() - started < 3


def test_background_work_is_waited_for(jsd):
    server = jsd('''
export default {
  fetch(request, env, ctx) {
    ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 400)).then(() => console.log('work is done')));
    return new Response('accepted');
  },
};''')
    assert server.get().text == 'accepted'
    assert server.stop() == 0
    assert 'work is done' in server.log()


def test_connections_are_spread_over_the_workers(jsd):
    server = jsd('''
const worker = String(Math.random());
export default { fetch: () => new Response(worker) };
''', workers=3)
    clients = [server.connect() for _ in range(6)]
    names = [client.get().text for client in clients]
    assert len(set(names)) == 3
    assert all(names.count(name) == 2 for name in names)
    for client in clients[:2]:
        client.close()
    assert [client.get().text for client in clients[2:]] == names[2:]


def test_descriptors_run_out(jsd):
    server = jsd(HELLO, nofile=48)
    server.expect('accept')
    clients = []
    for _ in range(60):
        clients.append(server.connect())  # The kernel's backlog takes those that jsd cannot.
    assert clients[0].get().text == 'hello'
    server.wait_for_log('accept')
    before = server.cpu_seconds()
    time.sleep(1)
    assert server.cpu_seconds() - before < 0.3, 'it spins'
    assert server.log().count('\n') < 30, 'it floods the log'
    clients[-1].send_request()
    for client in clients[:-1]:
        client.close()
    assert clients[-1].read_response().text == 'hello'
    assert server.get().text == 'hello'


def test_nothing_is_inherited_by_accident(jsd):
    # A descriptor above stderr that is not close-on-exec would go to whatever the process may start one day.
    server = jsd(HELLO)
    with server.connect() as client:
        client.get()
        for number in server.descriptors():
            if int(number) <= 2:
                continue
            flags = pathlib.Path(f'/proc/{server.pid}/fdinfo/{number}').read_text().split('flags:')[1].split()[0]
            assert int(flags, 8) & os.O_CLOEXEC, server.descriptors()[number]


def test_connection_made_before_the_drain_is_served(jsd):
    server = jsd(SLOW)
    client = server.connect()
    # The worker has the connection, and no request of it.
    with server.connect() as other:
        assert other.get('/slow?ms=1').text == 'slow'
    server.send_signal()
    server.wait_for_log('draining')
    client.send_request('GET', '/slow?ms=1')
    reply = client.read_response()
    assert (reply.text, reply.header('connection')) == ('slow', 'close')
    assert server.wait() == 0


def test_endless_loop_at_the_end_of_the_drain(jsd):
    server = jsd('''
export default {
  fetch(request) {
    console.log('begun');
    for (;;) new Array(1000);
  },
};''', {'server.drain': '500ms'})
    server.expect('the script was terminated while it ran', 'requests were cut requests=2')
    client, other = server.connect(), server.connect()
    client.send_request()
    server.wait_for_log('begun')
    other.send_request()
    server.send_signal()
    assert client.read_response().status == 503
    assert server.wait() == 1
