"""The frames of tests/websocket/cases.jsonl, sent to a handler that echoes.

A case sends frames and expects frames. `close` is the code of the Close that has to follow, null for one without a code;
without it the test closes the connection in good order. `offer` is the client's Sec-WebSocket-Extensions.
"""

import json
import pathlib
import zlib

import pytest

from websocket_client import WebSocketClient, frame

CASES = [json.loads(line) for line in
         (pathlib.Path(__file__).parents[1] / 'websocket' / 'cases.jsonl').read_text().splitlines()]

ECHO = '''export default { fetch(request) {
  const { socket, response } = jsd.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(data);
  return response;
} };
'''


def payload_of(item):
    if 'text' in item:
        data = item['text'].encode()
    elif 'repeat' in item:
        data = bytes.fromhex(item['repeat'][0]) * item['repeat'][1]
    else:
        data = bytes.fromhex(item.get('hex', ''))
    if item.get('deflate'):
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    return data


def bytes_of(item):
    options = {name: item[name] for name in ('fin', 'rsv', 'masked', 'form', 'declared') if name in item}
    if 'mask' in item:
        options['mask'] = bytes.fromhex(item['mask'])
    return frame(item['op'], payload_of(item), **options)


def pieces_of(case):
    frames = [(bytes_of(item), item.get('chop')) for item in case['send']]
    if case.get('together'):
        return [b''.join(data for data, _ in frames)]
    return [data[i:i + (chop or len(data))] for data, chop in frames for i in range(0, len(data), chop or len(data))]


def test_there_are_enough():
    assert len(CASES) >= 190 and len({case['case'] for case in CASES}) == len(CASES)


@pytest.fixture(scope='module')
def echo(tmp_path_factory):
    """echo(mode) is the address of an echo server with that compression."""
    from server import Server
    servers = {}

    def start(mode):
        if mode not in servers:
            folder = tmp_path_factory.mktemp(mode)
            (folder / 'echo.mjs').write_text(ECHO)
            servers[mode] = Server(folder, {'server.listen': ['127.0.0.1:0'], 'server.workers': 1,
                                            'app.script': 'echo.mjs', 'websocket.compression': mode})
        return servers[mode].address

    yield start
    for server in servers.values():
        server.finish()


@pytest.mark.parametrize('case', CASES, ids=lambda case: case['case'])
def test_frames(echo, case):
    mode = case.get('mode', 'message')
    with WebSocketClient(echo(mode), **({'Sec-WebSocket-Extensions': case['offer']} if 'offer' in case else {})) as client:
        assert client.head.startswith('HTTP/1.1 101 ')
        agreed = client.header('Sec-WebSocket-Extensions')
        assert (agreed is not None) == ('offer' in case)
        window = case.get('window', 15)
        if window != 15:
            assert f'server_max_window_bits={window}' in agreed
        inflate = None
        try:
            for piece in pieces_of(case):
                client.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            assert 'close' in case
        for expected in case['expect']:
            first, payload = client.read()
            compressed = first & 0x40
            assert first & ~0x40 == 0x80 | expected['op']
            if compressed:
                assert agreed and expected['op'] < 8
                if inflate is None or 'server_no_context_takeover' in agreed:
                    inflate = zlib.decompressobj(-window)
                payload = inflate.decompress(payload + b'\x00\x00\xff\xff')
            assert payload == payload_of(expected)
        if 'close' in case:
            assert client.read_close() == case['close']
            assert client.read() is None
        else:
            client.finish()
