"""Runs the cases of the TOML files in this folder; README.md says what they hold."""

import pathlib
import socket
import time
import tomllib

import pytest

from http_client import Connection
from server import Server

FOLDER = pathlib.Path(__file__).parent
SETTINGS = {
    'app.script': str(FOLDER / 'app.mjs'),
    'server.listen': ['127.0.0.1:0'],
    'server.workers': 1,
    'limits.target': '256B',
    'limits.headers': '4KiB',
    'limits.body': '4KiB',
}
# Longer ones add nothing but time when they are cut at every byte.
LONGEST_TO_CUT = 120


def load():
    for path in sorted(FOLDER.glob('*.toml')):
        with open(path, 'rb') as file:
            for case in tomllib.load(file)['case']:
                yield pytest.param(case, id=f'{path.stem}: {case["name"]}')


CASES = list(load())
TO_CUT = [case for case in CASES if len(case.values[0]['send']) <= LONGEST_TO_CUT and 'then' not in case.values[0]]


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp('http1'), SETTINGS)
    started.expected.append('on purpose')
    yield started
    started.finish()


class Client(Connection):
    """Sends what a server may refuse before it has all of it."""

    def __init__(self, server):
        super().__init__(server.address)
        server.connections.append(self)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def push(self, data):
        try:
            self.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The replies say why.

    def finish(self, case):
        """After the bytes of `send`."""
        if case.get('half_close'):
            self.socket.shutdown(socket.SHUT_WR)


def check(case, client, in_pieces=False):
    finals = 0
    for index, status in enumerate(case['replies']):
        reply = client.read_response(head=index == 0 and case.get('bodyless', False))
        if in_pieces and reply.status == 100 and status != 100:
            reply = client.read_response()  # Where the body has not come with its header, the client is asked for it.
        assert reply.status == status, reply
        if index == 0:
            check_fields(case, reply)
            client.push(case.get('then', '').encode('latin-1'))
        if status < 200:
            continue
        saw = case.get('saw', [])
        text = saw[finals] if finals < len(saw) else ''
        finals += 1
        if text:
            assert reply.header('x-script') == 'yes', reply
            assert reply.body.decode() == text
        else:
            assert status < 400 or reply.header('x-script') is None, f'the script saw what it should not: {reply}'
    if case['closes']:
        assert client.is_closed(), f'unexpected: {client.buffer!r}'
    else:
        client.push(b'GET /further HTTP/1.1\r\nHost: a\r\n\r\n')
        further = client.read_response()
        assert further.body == b'GET http://a/further {} []', f'not the reply to the next request: {further}'


def check_fields(case, reply):
    for field in case.get('fields', []):
        name, value = field.split(': ', 1)
        assert value in reply.all(name), reply
    for name in case.get('has', []):
        assert reply.header(name), reply
    for name in case.get('without', []):
        assert not reply.all(name), reply


@pytest.mark.parametrize('case', CASES)
def test_case(server, case):
    with Client(server) as client:
        client.push(case['send'].encode('latin-1'))
        client.finish(case)
        check(case, client)


@pytest.mark.parametrize('case', TO_CUT)
def test_a_byte_at_a_time(server, case):
    with Client(server) as client:
        for byte in case['send'].encode('latin-1'):
            client.push(bytes([byte]))
        client.finish(case)
        check(case, client, in_pieces=True)


def test_cut_at_every_byte(server):
    """All the ways to cut the first case of each status in each file, at the same time."""
    representatives = {}
    for case in TO_CUT:
        key = (case.id.split(':')[0], tuple(case.values[0]['replies']), case.values[0].get('half_close', False))
        representatives.setdefault(key, case.values[0])
    for case in representatives.values():
        data = case['send'].encode('latin-1')
        clients = [Client(server) for _ in data]
        for at, client in enumerate(clients):
            client.push(data[:at])
        time.sleep(0.02)  # So that the parts are read one by one. Nothing fails where that does not come about.
        for at, client in enumerate(clients):
            client.push(data[at:])
            client.finish(case)
        for at, client in enumerate(clients):
            try:
                check(case, client, in_pieces=True)
            except AssertionError as error:
                raise AssertionError(f'{case["name"]}, cut at {at} of {len(data)}: {error}') from error
            client.close()
