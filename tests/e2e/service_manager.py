"""What systemd is to the servers that it starts: a socket where they tell of themselves (sd_notify(3))."""

import socket

from http_client import TIMEOUT

ALIVE = 'WATCHDOG=1\n'


class ServiceManager:
    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(str(path))
        self._socket.settimeout(TIMEOUT)

    def next(self, by=None):
        """The next message, which the process `by` must have sent if one is named."""
        text, ancillary, _, _ = self._socket.recvmsg(1000, 1000)
        assert by in (None, int.from_bytes(ancillary[0][2][:4], 'little'))
        return text.decode()

    def told(self, by=None):
        """The next that is not a sign of life; those before it are of the same process too."""
        while True:
            text = self.next(by)
            if text != ALIVE:
                return text

    def close(self):
        self._socket.close()
