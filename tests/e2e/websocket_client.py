"""A WebSocket client that sends any frame, right or wrong."""

import base64
import os
import socket
import struct

from http_client import Connection

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(op, payload=b'', fin=1, rsv=0, mask=None, masked=True, form=0, declared=None):
    """The bytes of a frame. `form` forces a length of 16 or 64 bits, `declared` another length than the payload's."""
    size = len(payload) if declared is None else declared
    if form == 64 or size > 0xFFFF:
        length = bytes([127]) + struct.pack('>Q', size)
    elif form == 16 or size > 125:
        length = bytes([126]) + struct.pack('>H', size)
    else:
        length = bytes([size])
    head = bytes([fin << 7 | rsv << 4 | op, length[0] | (0x80 if masked else 0)]) + length[1:]
    if not masked:
        return head + payload
    mask = os.urandom(4) if mask is None else mask
    repeated = (mask * (len(payload) // 4 + 1))[:len(payload)]
    mixed = int.from_bytes(payload, 'big') ^ int.from_bytes(repeated, 'big')
    return head + mask + mixed.to_bytes(len(payload), 'big')


def handshake(target='/', host='localhost', **fields):
    """A request for a WebSocket; a field of None is left out."""
    values = {'Host': host, 'Upgrade': 'websocket', 'Connection': 'Upgrade',
              'Sec-WebSocket-Key': base64.b64encode(b'0123456789abcdef').decode(), 'Sec-WebSocket-Version': '13'}
    values.update({name.replace('_', '-'): value for name, value in fields.items()})
    lines = ''.join(f'{name}: {value}\r\n' for name, value in values.items() if value is not None)
    return f'GET {target} HTTP/1.1\r\n{lines}\r\n'.encode()


class WebSocketClient(Connection):
    """A connection after its handshake."""

    def __init__(self, address, target='/', context=None, receive_buffer=None, **fields):
        super().__init__(address, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname='localhost')
        self.send(handshake(target, **fields))
        self.head = self._until(b'\r\n\r\n').decode('latin-1')

    def header(self, name):
        values = [line.split(':', 1)[1].strip() for line in self.head.split('\r\n')[1:]
                  if line.lower().startswith(name.lower() + ':')]
        assert len(values) < 2, self.head
        return values[0] if values else None

    def send_text(self, text):
        self.send(frame(TEXT, text.encode()))

    def read(self):
        """(first byte, payload) of the next frame; None at the end of the connection."""
        if not self.buffer and not self._more():
            return None
        head = self._exactly(2)
        assert head[1] & 0x80 == 0, 'a server masks nothing'
        size = head[1]
        if size == 126:
            size = struct.unpack('>H', self._exactly(2))[0]
            assert size > 125
        elif size == 127:
            size = struct.unpack('>Q', self._exactly(8))[0]
            assert size > 0xFFFF
        return head[0], self._exactly(size)

    def read_text(self):
        first, payload = self.read()
        assert first == 0x80 | TEXT, (first, payload)
        return payload.decode()

    def read_close(self):
        """The code of a Close, None without one, and then the end of the connection."""
        first, payload = self.read()
        assert first == 0x80 | CLOSE, (first, payload)
        return struct.unpack('>H', payload[:2])[0] if payload else None

    def finish(self, code=1000):
        """Closes in good order."""
        self.send(frame(CLOSE, struct.pack('>H', code)))
        assert self.read_close() == code
        assert self.read() is None

    def _more(self):
        try:
            return super()._more()
        except ConnectionResetError:
            return False
