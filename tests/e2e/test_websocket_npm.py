"""WebSockets with the npm package `ws` as the client, as its many users have it."""

import json
import subprocess

import pytest

from npm import installed
from server import REPOSITORY

FOLDER = REPOSITORY / 'tests/websocket'
ECHO = '''export default { fetch(request) {
  const { socket, response } = jsd.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(data);
  return response;
} };
'''


@pytest.fixture(scope='session')
def modules():
    return installed(FOLDER)


@pytest.mark.parametrize('mode', ['off', 'message', 'connection'])
@pytest.mark.parametrize('options', [
    {'perMessageDeflate': False}, {'perMessageDeflate': True},
    {'perMessageDeflate': {'threshold': 0, 'serverNoContextTakeover': True, 'clientNoContextTakeover': True}},
    {'perMessageDeflate': {'threshold': 0, 'serverMaxWindowBits': 10, 'clientMaxWindowBits': 10}}])
def test_messages_go_both_ways(jsd, modules, mode, options):
    server = jsd(ECHO, {'websocket.compression': mode})
    done = subprocess.run(['node', FOLDER / 'client.mjs', f'ws://{server.address}/', json.dumps(options)], cwd=modules,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    compressed = mode != 'off' and options['perMessageDeflate']
    assert json.loads(done.stdout) == {'count': 8, 'pongs': ['hi'], 'code': 4000, 'protocol': '',
                                       'extensions': 'permessage-deflate' if compressed else ''}
