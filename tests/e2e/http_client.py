"""A raw HTTP/1.1 client: what is sent is exactly what the test says, what comes back is parsed strictly."""

import re
import socket
import time

TIMEOUT = 20  # Seconds for anything that should happen at once; generous, for builds with sanitizers.


class Response:
    """A reply as it was received."""

    def __init__(self, version, status, reason, fields, body):
        self.version = version
        self.status = status
        self.reason = reason
        self.fields = fields  # (name, value) in order, names in the server's case.
        self.body = body

    def __repr__(self):
        return f'<{self.status} {self.fields} {self.body[:200]!r}>'

    def all(self, name):
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def header(self, name):
        """The only value of a field; None where it is missing."""
        values = self.all(name)
        assert len(values) < 2, f'{name} appears {len(values)} times in {self}'
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode()


class Connection:
    """One client connection; `address` is what jsd says it listens on."""

    def __init__(self, address, receive_buffer=None, source=None):
        if address.startswith('unix:'):
            family, target = socket.AF_UNIX, address[len('unix:'):]
        else:
            host, port = address.rsplit(':', 1)
            family = socket.AF_INET6 if host.startswith('[') else socket.AF_INET
            target = (host.strip('[]'), int(port))
        self.host = 'localhost' if family == socket.AF_UNIX else address
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(target)
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_request(self, method='GET', target='/', headers=(), body=None, version='HTTP/1.1'):
        lines = [f'{method} {target} {version}']
        fields = list(headers.items()) if isinstance(headers, dict) else list(headers)
        if not any(name.lower() == 'host' for name, _ in fields):
            fields.insert(0, ('Host', self.host))
        if body is not None:
            fields.append(('Content-Length', str(len(body))))
        lines += [f'{name}: {value}' for name, value in fields]
        self.send('\r\n'.join(lines).encode('latin-1') + b'\r\n\r\n' + (body or b''))

    def request(self, method='GET', target='/', headers=(), body=None, version='HTTP/1.1'):
        self.send_request(method, target, headers, body, version)
        return self.read_response(head=method == 'HEAD')

    def get(self, target='/', **headers):
        return self.request('GET', target, [(name.replace('_', '-'), value) for name, value in headers.items()])

    def read_response(self, head=False):
        """The next reply; an interim one (1xx) counts as one."""
        block = self._until(b'\r\n\r\n').decode('latin-1')
        status_line, *lines = block.split('\r\n')
        match = re.fullmatch(r'(HTTP/1\.[01]) (\d{3}) ([ -~]*)', status_line)
        assert match, f'bad status line {status_line!r}'
        fields = []
        for line in lines:
            field = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", line)
            assert field, f'bad header line {line!r}'
            fields.append(field.groups())
        reply = Response(match[1], int(match[2]), match[3], fields, b'')
        length = reply.header('content-length')
        coding = reply.header('transfer-encoding')
        assert not (length and coding), f'both framings in {reply}'
        if head or reply.status < 200 or reply.status in (204, 304):
            return reply
        if coding:
            assert coding == 'chunked', f'unknown coding in {reply}'
            reply.body = self._chunks()
        elif length is not None:
            reply.body = self._exactly(int(length))
        else:
            assert reply.header('connection') == 'close', f'no framing in {reply}'
            reply.body = self.read_rest()
        return reply

    def read_rest(self):
        """Everything until the server closes the connection."""
        while self._more():
            pass
        rest, self.buffer = self.buffer, b''
        return rest

    def is_closed(self):
        """Waits for the server's end of the connection: true where nothing more comes before it."""
        try:
            return self.read_rest() == b''
        except ConnectionResetError:
            return True

    def is_open(self, seconds=0.2):
        """Whether the server keeps the connection for this long without a word."""
        assert self.buffer == b'', f'unread: {self.buffer!r}'
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) != b''
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(TIMEOUT)

    def receive_some(self):
        """What has come, or comes next; empty at the end of the connection."""
        if not self.buffer:
            self._more()
        data, self.buffer = self.buffer, b''
        return data

    def _more(self):
        data = self.socket.recv(1 << 20)
        self.buffer += data
        return data != b''

    def _until(self, mark):
        while mark not in self.buffer:
            assert self._more(), f'connection closed after {self.buffer!r}'
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def _exactly(self, size):
        parts, missing = [self.buffer[:size]], size - min(size, len(self.buffer))
        self.buffer = self.buffer[size:]
        while missing > 0:
            data = self.socket.recv(min(missing, 1 << 20))
            assert data, f'connection closed with {missing} bytes missing'
            parts.append(data)
            missing -= len(data)
        return b''.join(parts)

    def _chunks(self):
        """A chunked body; what follows it is in `trailers`, (name in lower case, value) in order."""
        body = b''
        self.trailers = []
        while size := int(self._until(b'\r\n'), 16):
            body += self._exactly(size)
            assert self._exactly(2) == b'\r\n', 'a chunk does not end in CRLF'
        while line := self._until(b'\r\n').decode('latin-1'):
            name, _, value = line.partition(': ')
            self.trailers.append((name.lower(), value))
        return body


def wait_for(condition, what, timeout=TIMEOUT):
    """Polls until `condition()` holds and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f'waited {timeout} s in vain for {what}'
        time.sleep(0.01)
