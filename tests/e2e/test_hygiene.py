"""Connections that are too many, too slow, or never come to the point."""

import ctypes
import os
import subprocess
import time

import pytest

from http_client import wait_for

HELLO = '''
export default { fetch: () => new Response('hello') };
'''

READ = '''
export default { fetch: async (request) => new Response(String((await request.bytes()).length)) };
'''


def test_connections_beyond_the_limit_are_closed(jsd):
    server = jsd(HELLO, {'limits.connections': 3})
    server.expect('connections were closed at once')
    kept = [server.connect() for _ in range(3)]
    assert [client.get().text for client in kept] == ['hello'] * 3
    with server.connect() as refused:
        assert refused.is_closed()
    kept.pop().close()

    def admitted():
        with server.connect() as client:
            client.send_request()
            try:
                return client.read_response().text == 'hello'
            except (AssertionError, ConnectionResetError):
                return False

    wait_for(admitted, 'room for another connection')


def test_connections_of_an_address_are_limited(jsd):
    server = jsd(HELLO, {'limits.connections_per_address': 2}, listen=('127.0.0.1:0', 'unix:jsd.sock'))
    server.expect('connections were closed at once')
    kept = [server.connect() for _ in range(2)]
    assert [client.get().text for client in kept] == ['hello'] * 2
    with server.connect() as refused:
        assert refused.is_closed()
    unix = [server.connect(server.addresses[1]) for _ in range(5)]
    assert [client.get().text for client in unix] == ['hello'] * 5, 'unix sockets have no address'


@pytest.fixture
def own_network():
    """A network of the test's own, in which IPv6 has the addresses that it adds by own_network(address)."""
    libc = ctypes.CDLL(None)
    new_network = 0x40000000  # CLONE_NEWNET of linux/sched.h.
    before = os.open('/proc/self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
    if libc.unshare(new_network) != 0:
        os.close(before)
        pytest.skip('may not make a network namespace')
    try:
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        yield lambda address: subprocess.run(['ip', 'addr', 'add', f'{address}/128', 'dev', 'lo', 'nodad'], check=True)
    finally:
        assert libc.setns(before, new_network) == 0
        os.close(before)


def test_a_network_of_ipv6_counts_as_one_address(own_network, jsd):
    one_network, other = ['2001:db8:0:1::1', '2001:db8:0:1:2::3', '2001:db8:0:1:ffff::'], '2001:db8:0:2::1'
    for address in [*one_network, other]:
        own_network(address)
    server = jsd(HELLO, {'limits.connections_per_address': 2}, listen=('[::]:0',))
    server.expect('connections were closed at once')
    address = f'[::1]:{server.address.rsplit(":", 1)[1]}'
    for source in one_network[:2]:
        assert server.connect(address, source=source).get().text == 'hello'
    assert server.connect(address, source=one_network[2]).is_closed()
    assert server.connect(address, source=other).get().text == 'hello'


def test_requests_of_a_connection_are_limited(jsd):
    server = jsd(HELLO, {'limits.requests_per_connection': 3})
    with server.connect() as client:
        for _ in range(2):
            assert client.get().header('connection') is None
        assert client.get().header('connection') == 'close'
        assert client.is_closed()
    with server.connect() as client:
        client.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n' * 5)
        assert [client.read_response().status for _ in range(3)] == [200] * 3
        assert client.is_closed()


def test_a_body_that_drips_is_given_up(jsd):
    server = jsd(READ, {'limits.rate': '1KiB'})
    with server.connect() as client:
        client.send(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n')
        status = None
        while status is None:
            client.send(b'x')
            time.sleep(0.1)
            client.socket.setblocking(False)
            try:
                client._more()
                client.socket.settimeout(20)
                status = client.read_response().status
            except BlockingIOError:
                client.socket.settimeout(20)
        assert status == 408
        assert client.is_closed()


def test_a_reader_that_sips_is_given_up(jsd):
    server = jsd('''
        export default { fetch: () => new Response('x'.repeat(8 << 20)) };
        ''', {'limits.rate': '1GiB', 'timeouts.write': '1h'})
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        with pytest.raises((ConnectionResetError, AssertionError)):
            while True:
                assert client.receive_some(), 'the end'
                time.sleep(0.05)
