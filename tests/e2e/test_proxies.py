"""What proxies in front say of their clients: who is believed, and what a script and the log make of it."""

import json
import socket
import ssl
import struct

import pytest

from certificates import Authority

SHOW = '''export default { async fetch(request, env, ctx) {
  const { remoteAddress, remoteAddr } = ctx;
  if (request.url.includes('late')) await new Promise((resolve) => setTimeout(resolve, 1));
  return Response.json([remoteAddress, remoteAddr, request.url, ctx.remoteAddress, Object.isFrozen(remoteAddr)]);
} };'''
LOCAL = ['127.0.0.1']


def show(connection, target='/', *fields):
    return json.loads(connection.request('GET', target, [('Host', 'a.example'), *fields]).text)


def version_2(source, port, family=0x11, command=0x21, extensions=b''):
    kind = socket.AF_INET6 if ':' in source else socket.AF_INET
    addresses = socket.inet_pton(kind, source) * 2 + struct.pack('!HH', port, 443) + extensions
    return b'\r\n\r\n\0\r\nQUIT\n' + struct.pack('!BBH', command, 0x21 if ':' in source else family, len(addresses)) + addresses


def test_without_a_proxy_nothing_is_believed(jsd):
    server = jsd(SHOW)
    with server.connect() as client:
        port = client.socket.getsockname()[1]
        for target in ('/', '/late'):
            seen = show(client, target, ('X-Forwarded-For', '192.0.2.7'), ('X-Forwarded-Proto', 'https'),
                        ('X-Forwarded-Host', 'b.example'), ('Forwarded', 'for=192.0.2.7;proto=https'))
            assert seen == ['127.0.0.1', {'transport': 'tcp', 'hostname': '127.0.0.1', 'port': port},
                            f'http://a.example{target}', '127.0.0.1', True]


def test_fields_of_a_trusted_proxy(jsd, tmp_path):
    access = tmp_path / 'access.log'
    server = jsd(SHOW, {'proxy.trusted': ['127.0.0.0/8', '10.0.0.0/8'], 'log.access': str(access)})
    with server.connect() as client:
        for target in ('/', '/late'):
            seen = show(client, target, ('X-Forwarded-For', 'spoofed, 6.6.6.6, 192.0.2.7:4711, 10.0.0.1'),
                        ('X-Forwarded-Proto', 'https'), ('X-Forwarded-Host', 'b.example:8443'),
                        ('Forwarded', 'for=1.1.1.1;proto=http;host=c.example'))
            assert seen == ['192.0.2.7', {'transport': 'tcp', 'hostname': '192.0.2.7', 'port': 4711},
                            f'https://b.example:8443{target}', '192.0.2.7', True]
        # Of the next request of the connection they are other ones, or none.
        assert show(client)[2] == 'http://a.example/'
        assert show(client, '/', ('X-Forwarded-For', 'junk'), ('X-Forwarded-Host', 'a/b'))[0] == '127.0.0.1'
    server.wait_for_log('listening')
    assert server.stop() == 0
    assert [line.split()[0] for line in access.read_text().splitlines()] == ['192.0.2.7', '192.0.2.7', '127.0.0.1', '127.0.0.1']


def test_the_standard_field(jsd):
    server = jsd(SHOW, {'proxy.trusted': LOCAL, 'proxy.fields': 'forwarded'})
    with server.connect() as client:
        seen = show(client, '/', ('Forwarded', 'for=6.6.6.6, for="[2001:db8::7]:99";proto=https;host=b.example'),
                    ('X-Forwarded-For', '1.1.1.1'))
        assert seen[:3] == ['2001:db8::7', {'transport': 'tcp', 'hostname': '2001:db8::7', 'port': 99}, 'https://b.example/']


def test_apps_are_found_by_the_host_that_the_proxy_says(jsd, write):
    apps = [{'script': str(write(f'{name}.mjs', f"export default {{ fetch() {{ return new Response('{name}'); }} }};")),
             'host': f'{name}.example'} for name in ('a', 'b')]
    server = jsd(None, {'app': apps, 'proxy.trusted': LOCAL})
    with server.connect() as client:
        assert client.request('GET', '/', [('Host', 'a.example'), ('X-Forwarded-Host', 'b.example')]).text == 'b'
        assert client.request('GET', '/', [('Host', 'a.example')]).text == 'a'


def test_fields_can_be_left_alone(jsd):
    server = jsd(SHOW, {'proxy.trusted': LOCAL, 'proxy.fields': 'none'})
    with server.connect() as client:
        assert show(client, '/', ('X-Forwarded-For', '1.1.1.1'), ('Forwarded', 'for=1.1.1.1'))[0] == '127.0.0.1'


def test_a_unix_socket_can_be_trusted(jsd, tmp_path):
    path = f'unix:{tmp_path}/s'
    server = jsd(SHOW, {'proxy.trusted': ['unix']}, listen=(path, '127.0.0.1:0'))
    with server.connect(server.addresses[0]) as client:
        assert show(client)[:2] == ['', {'transport': 'unix', 'path': ''}]
        assert show(client, '/', ('X-Forwarded-For', '192.0.2.7'))[0] == '192.0.2.7'
    with server.connect(server.addresses[1]) as client:
        assert show(client, '/', ('X-Forwarded-For', '192.0.2.7'))[0] == '127.0.0.1'


HEADERS = {
    'version 1': (b'PROXY TCP4 192.0.2.7 10.0.0.1 4567 80\r\n', '192.0.2.7', 4567),
    'version 1, IPv6': (b'PROXY TCP6 2001:db8::7 ::1 4567 80\r\n', '2001:db8::7', 4567),
    'version 2': (version_2('192.0.2.7', 4567), '192.0.2.7', 4567),
    'version 2, IPv6': (version_2('2001:db8::7', 4567), '2001:db8::7', 4567),
    'version 2 with extensions': (version_2('192.0.2.7', 4567, extensions=b'\x04\x0b\xb8' + bytes(3000)), '192.0.2.7', 4567),
    'unknown': (b'PROXY UNKNOWN\r\n', '127.0.0.1', None),
    'of the proxy itself': (version_2('192.0.2.7', 4567, command=0x20), '127.0.0.1', None),
}


@pytest.mark.parametrize('name', HEADERS)
@pytest.mark.parametrize('step', [None, 1, 7])
def test_the_proxy_protocol(jsd, name, step):
    header, address, port = HEADERS[name]
    server = jsd(SHOW, {'proxy.trusted': LOCAL, 'proxy.protocol': True})
    with server.connect() as client:
        first = header + b'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'
        own = client.socket.getsockname()[1]
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(first), step or len(first)):
            client.send(first[at:at + (step or len(first))])
        seen = json.loads(client.read_response().text)
        assert seen[:3] == [address, {'transport': 'tcp', 'hostname': address, 'port': port or own}, 'http://a.example/']
        # Of the whole connection. Fields of a client that is no proxy itself are not believed.
        believed = address == '127.0.0.1'
        assert show(client, '/', ('X-Forwarded-For', '1.1.1.1'))[0] == ('1.1.1.1' if believed else address)


def test_the_proxy_protocol_before_tls(jsd, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue('localhost', 'DNS:localhost')
    server = jsd(SHOW, {'proxy.trusted': LOCAL, 'proxy.protocol': True,
                        'server.tls': [{'listen': ['127.0.0.1:0'], 'certificate': str(certificate), 'key': str(key)}]},
                 listen=(), listeners=1)
    for header in (HEADERS['version 1'][0], HEADERS['version 2'][0]):
        with server.connect() as client:
            client.send(header)
            context = ssl.create_default_context(cafile=authority.certificate)
            client.socket = context.wrap_socket(client.socket, server_hostname='localhost')
            assert show(client)[0] == '192.0.2.7'


@pytest.mark.parametrize('sent', [
    b'GET / HTTP/1.1\r\nHost: a\r\n\r\n', b'PROXY TCP4 192.0.2.7\r\n', b'PROXY TCP4 999.0.2.7 10.0.0.1 1 2\r\n',
    b'\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c' + bytes(12), b'\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff' + bytes(5000), b'PROXY' + b' ' * 200,
], ids=['none', 'cut', 'address', 'version', 'length', 'line'])
def test_a_connection_without_the_header_is_closed_unanswered(jsd, sent):
    server = jsd(SHOW, {'proxy.trusted': LOCAL, 'proxy.protocol': True})
    with server.connect() as client:
        client.send(sent)
        try:
            assert client.socket.recv(100) == b''
        except ConnectionResetError:
            pass
    with server.connect() as client:
        client.send(HEADERS['version 1'][0])
        assert show(client)[0] == '192.0.2.7'


def test_a_header_that_does_not_come_ends_with_the_handshakes_time(jsd):
    server = jsd(SHOW, {'proxy.trusted': LOCAL, 'proxy.protocol': True, 'timeouts.handshake': '200ms'})
    with server.connect() as silent, server.connect() as slow:
        slow.send(b'PROXY TCP4 192')
        assert silent.is_closed() and slow.is_closed()


def test_only_trusted_peers_speak_the_proxy_protocol(jsd):
    server = jsd(SHOW, {'proxy.trusted': ['192.0.2.0/24'], 'proxy.protocol': True})
    with server.connect() as client:
        assert show(client)[0] == '127.0.0.1'
    with server.connect() as client:
        client.send(HEADERS['version 1'][0] + b'Host: a\r\n\r\n')
        assert client.read_response().status == 400


def test_a_reload_changes_whom_to_trust(jsd):
    server = jsd(SHOW, {'proxy.trusted': []})
    config = server.folder / 'server.toml'
    with server.connect() as client:
        assert show(client, '/', ('X-Forwarded-For', '192.0.2.7'))[0] == '127.0.0.1'
        config.write_text(config.read_text().replace('trusted = []', 'trusted = ["127.0.0.1"]'))
        server.send_signal(1)
        server.wait_for_log('reloaded')
        # Connections go on with what they began with.
        assert show(client, '/', ('X-Forwarded-For', '192.0.2.7'))[0] == '127.0.0.1'
    with server.connect() as client:
        assert show(client, '/', ('X-Forwarded-For', '192.0.2.7'))[0] == '192.0.2.7'
