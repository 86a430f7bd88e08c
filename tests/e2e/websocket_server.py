"""The server's end of WebSockets that scripts connect: it sends any frame, right or wrong."""

import base64
import hashlib
import struct

from websocket_client import CLOSE, TEXT, frame

GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


class WebSocketServer:
    """A connection after its handshake; `fields` are further ones of the reply, and a name of the usual ones replaces it."""

    def __init__(self, peer, reply=None, rest=b'', **fields):
        self.peer = peer
        self.method, self.target, self.fields = peer.read_head()
        names = dict(self.fields)
        values = {'Upgrade': 'websocket', 'Connection': 'Upgrade',
                  'Sec-WebSocket-Accept': accept_key(names['sec-websocket-key'])}
        values.update({name.replace('_', '-'): value for name, value in fields.items()})
        lines = ''.join(f'{name}: {value}\r\n' for name, value in values.items() if value is not None)
        peer.send((reply or f'HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n').encode() + rest)

    def header(self, name):
        return dict(self.fields).get(name)

    def send(self, op, payload=b'', **options):
        self.peer.send(frame(op, payload, masked=False, **options))

    def send_text(self, text):
        self.send(TEXT, text.encode())

    def read(self):
        """(first byte, payload) of the next frame; None at the end of the connection."""
        head = self.peer.file.read(2)
        if len(head) < 2:
            return None
        assert head[1] & 0x80, 'a client masks everything'
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack('>H', self.peer.file.read(2))[0]
            assert size > 125
        elif size == 127:
            size = struct.unpack('>Q', self.peer.file.read(8))[0]
            assert size > 0xFFFF
        mask = self.peer.file.read(4)
        payload = self.peer.file.read(size)
        repeated = (mask * (size // 4 + 1))[:size]
        return head[0], (int.from_bytes(payload, 'big') ^ int.from_bytes(repeated, 'big')).to_bytes(size, 'big')

    def read_close(self):
        """The code of a Close, None without one."""
        first, payload = self.read()
        assert first == 0x80 | CLOSE, (first, payload)
        return struct.unpack('>H', payload[:2])[0] if payload else None

    def close(self, code=1000, reason=b''):
        self.send(CLOSE, struct.pack('>H', code) + reason)
