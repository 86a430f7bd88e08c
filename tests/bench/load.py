"""The client's side: one verified exchange, and load by wrk."""

import json
import pathlib
import socket
import ssl
import subprocess

CONNECTIONS = 64
_HERE = pathlib.Path(__file__).resolve().parent
WS_LOAD = _HERE.parents[1] / 'bazel-bin/tests/bench/ws_load'


class WrongReply(Exception):
    """The server answered, but not what it was asked for."""


def _read_reply(stream):
    """(status, headers, body, bytes on the wire) of the next reply of a connection (RFC 9112)."""
    size = 0

    def line():
        nonlocal size
        raw = stream.readline()
        if not raw.endswith(b'\r\n'):
            raise ConnectionError('the connection ended within a reply')
        size += len(raw)
        return raw[:-2].decode('latin-1')

    def block(length):
        nonlocal size
        raw = stream.read(length)
        if len(raw) != length:
            raise ConnectionError('the connection ended within a body')
        size += length
        return raw

    status = int(line().split(' ')[1])
    headers = []
    while field := line():
        name, _, value = field.partition(':')
        headers.append((name.lower(), value.strip()))
    fields = dict(headers)
    if fields.get('transfer-encoding', '').lower() == 'chunked':
        body = b''
        while length := int(line().split(';')[0], 16):
            body += block(length)
            block(2)
        while line():
            pass
    else:
        body = block(int(fields['content-length']))
    return status, headers, body, size


def _check(case, status, headers, body):
    expected = case.expected
    fields = dict(headers)
    found = [('status', status, expected.status), ('body', body, expected.body),
             ('content-type', fields.get('content-type', '').split(';')[0], expected.content_type)]
    found += [(name, fields.get(name), value) for name, value in expected.headers]
    for what, got, wanted in found:
        if got != wanted:
            raise WrongReply(f'{what} is {str(got)[:80]!r} instead of {str(wanted)[:80]!r}')


_HANDSHAKE = (b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
              b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')


def _echo(case, stream, send):
    """One message of a WebSocket and its echo, whose size in bytes is returned."""
    send(_HANDSHAKE)
    status = stream.readline()
    if not status.startswith(b'HTTP/1.1 101 '):
        raise WrongReply(f'the handshake is answered by {status!r}')
    while stream.readline() != b'\r\n':
        pass
    mask, text = b'\1\2\3\4', case.websocket
    send(bytes([0x81, 0x80 | len(text)]) + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(text)))
    wanted = bytes([0x81, len(text)]) + text
    got = stream.read(len(wanted))
    if got != wanted:
        raise WrongReply(f'the echo is {got!r} instead of {wanted!r}')
    return len(wanted)


def _connect(case, port):
    connection = socket.create_connection(('127.0.0.1', port), timeout=10)
    if not case.tls:
        return connection
    # As wrk does: the certificate is of this run's own making.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connection:
        return context.wrap_socket(connection)


def exchange(case, port):
    """Sends the case's requests once, in one write, checks every reply, and returns a reply's size in bytes."""
    if case.websocket:
        with _connect(case, port) as connection, connection.makefile('rb') as stream:
            return _echo(case, stream, connection.sendall)
    with _connect(case, port) as connection, connection.makefile('rb') as stream:
        connection.sendall(case.request.bytes_for(f'127.0.0.1:{port}') * case.pipeline)
        for _ in range(case.pipeline):
            status, headers, body, size = _read_reply(stream)
            _check(case, status, headers, body)
    return size


def _wrk_command(case, port, seconds, folder):
    request = folder / 'request'
    request.write_bytes(case.request.bytes_for(f'127.0.0.1:{port}') * case.pipeline)
    url = f'{"https" if case.tls else "http"}://127.0.0.1:{port}/'
    return ['wrk', '-t1', f'-c{CONNECTIONS}', f'-d{seconds}s', '-s', _HERE / 'load.lua', url, '--', request]


def run_wrk(case, port, seconds, cpus, folder):
    """Load for whole `seconds`; wrk's counts as a dict, or ws_load's. `folder` takes a file with the request."""
    if case.websocket:
        load = [WS_LOAD, port, CONNECTIONS, seconds, case.pipeline, case.websocket.decode()]
    else:
        load = _wrk_command(case, port, seconds, folder)
    command = ['taskset', '-c', cpus, *map(str, load)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30)
    for line in done.stdout.splitlines():
        if line.startswith('RESULT '):
            return json.loads(line.removeprefix('RESULT '))
    raise RuntimeError(f'{load[0]} gave no result: {done.stdout}{done.stderr}')


def check_counts(counts, reply_size):
    """Holds wrk's counts against the verified exchange: a reply that is wrong only under load shows in its size."""
    if counts['failures']:
        raise WrongReply(f'{counts["failures"]} of {counts["requests"]} requests failed under load')
    if not counts['requests']:
        raise WrongReply('no request was answered under load')
    # Replies cut by the end of the run count as bytes but not as requests.
    cut = CONNECTIONS * reply_size
    surplus = counts['bytes'] - counts['requests'] * reply_size
    if abs(surplus) > 0.01 * counts['bytes'] + cut:
        average = counts['bytes'] / counts['requests']
        raise WrongReply(f'replies under load are {average:.0f} bytes instead of {reply_size}')
