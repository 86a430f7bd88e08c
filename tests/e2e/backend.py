"""Servers that jsd's `fetch` talks to: what they send is exactly what the test says."""

import contextlib
import socket
import threading

from http_client import TIMEOUT


class Request:
    """A request as a backend received it."""

    def __init__(self, method, target, fields, body, chunked):
        self.method = method
        self.target = target
        self.fields = fields  # (name, value) in order, names in lower case.
        self.body = body
        self.chunked = chunked

    def header(self, name):
        values = [value for field, value in self.fields if field == name]
        assert len(values) < 2, self.fields
        return values[0] if values else None


class Peer:
    """One connection that a backend has accepted."""

    def __init__(self, sock, number):
        self.socket = sock
        self.number = number
        self.file = sock.makefile('rb')

    def read_head(self):
        """(method, target, fields) of the next request; None at the end of the connection."""
        line = self.file.readline()
        if not line:
            return None
        method, target, version = line.decode('latin-1').rstrip('\r\n').split(' ')
        assert version == 'HTTP/1.1', line
        fields = []
        while (line := self.file.readline()) not in (b'\r\n', b''):
            name, value = line.decode('latin-1').rstrip('\r\n').split(': ', 1)
            fields.append((name.lower(), value))
        return method, target, fields

    def read_chunk(self):
        size = int(self.file.readline(), 16)
        chunk = self.file.read(size)
        assert self.file.readline() == b'\r\n'
        return chunk

    def read_request(self):
        head = self.read_head()
        if head is None:
            return None
        method, target, fields = head
        names = dict(fields)
        body, chunked = b'', False
        if names.get('transfer-encoding') == 'chunked':
            chunked = True
            while chunk := self.read_chunk():
                body += chunk
        elif 'content-length' in names:
            body = self.file.read(int(names['content-length']))
        return Request(method, target, fields, body, chunked)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self, body=b'', status='200 OK', *fields):
        body = body if isinstance(body, bytes) else body.encode()
        lines = ''.join(f'{field}\r\n' for field in fields)
        self.send(f'HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n'.encode() + body)

    def at_end(self):
        """Waits until jsd closes the connection, whatever it sends before."""
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(65536):
                pass
        return True

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Backend:
    """Listens, and serves each connection by `serve(peer)` on a thread of its own."""

    def __init__(self, serve, tls=None, path=None):
        self.serve = serve
        self.tls = tls
        self.connections = 0
        self.peers = []
        self.errors = []
        if path is not None:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.listener.listen(64)
        else:
            self.listener = socket.create_server(('127.0.0.1', 0), backlog=256)
            self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f'127.0.0.1:{self.port}'

    @property
    def url(self):
        return f'http://{self.address}'

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, sock, number):
        peer = None
        try:
            sock.settimeout(TIMEOUT)
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            peer = Peer(sock, number)
            self.peers.append(peer)
            self.serve(peer)
        except OSError:
            pass  # jsd has gone, or does not like what it got; the test sees that at the other end.
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)
        finally:
            (peer or sock).close()

    def close(self):
        self.listener.close()
        for peer in list(self.peers):
            peer.close()
        assert not self.errors, self.errors


def answering(answer):
    """A `serve` that answers every request of a connection by answer(peer, request)."""

    def serve(peer):
        while (request := peer.read_request()) is not None:
            answer(peer, request)

    return serve
