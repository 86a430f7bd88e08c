"""examples/hostile: what its README invites to try."""

from server import REPOSITORY

EXAMPLE = REPOSITORY / 'examples/hostile/hostile.mjs'
# What the script gets to see as an error.
CAUGHT = {'/buffers', '/wasm', '/recursion', '/error'}


def test_every_bomb_costs_itself_alone(jsd):
    """With the limits of its server.toml, but for the time."""
    server = jsd(EXAMPLE, {'limits.slice': '300ms', 'limits.heap': '64MiB', 'limits.buffers': '64MiB'}, workers=2)
    server.expect(r'limits\.|another takes its place|RangeError|nothing of this reaches the client')
    bombs = server.get('/').text.split()
    assert len(bombs) > 10 and CAUGHT < set(bombs)
    for bomb in bombs:
        with server.connect() as client:
            client.socket.settimeout(60)
            reply = client.get(bomb)
        expected = (500, 'Internal Server Error\n') if bomb in CAUGHT else (503, 'Service Unavailable\n')
        assert (reply.status, reply.text) == expected, bomb
        assert server.get('/').text.split() == bombs
    assert server.get('/none').status == 404
    assert server.stop() == 0
