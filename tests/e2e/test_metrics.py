"""The page of metrics, read by Prometheus' own parser."""

import signal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from http_client import Connection, wait_for
from server import toml
from websocket_client import WebSocketClient

APP = '''
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === '/loop') for (;;);
    if (pathname === '/bomb') for (const kept = [];;) kept.push(new Array(1000).fill(1.5));
    if (pathname === '/never') return new Promise(() => {});
    if (pathname === '/socket') {
      const { socket, response } = jsd.upgradeWebSocket(request);
      return response;
    }
    return new Response('hello', { status: pathname === '/missing' ? 404 : 200 });
  },
};
'''


class Page:
    """What one look at the page has found."""

    def __init__(self, text):
        self.samples = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                assert key not in self.samples, f'{key} is there twice'
                self.samples[key] = sample.value

    def get(self, name, **labels):
        return self.samples.get((name, tuple(sorted(labels.items()))))

    def requests(self, app='app.mjs'):
        found = {}
        for (name, labels), value in self.samples.items():
            if name == 'jsd_http_requests_total' and dict(labels)['app'] == app:
                found[int(dict(labels)['code'])] = value
        return found


def look(server):
    address = server.addresses[-1]
    with Connection(address) as client:
        reply = client.get('/metrics')
    assert reply.status == 200
    assert reply.header('Content-Type') == 'text/plain; version=0.0.4; charset=utf-8'
    return Page(reply.text)


@pytest.fixture
def measured(jsd):
    """measured(script, settings) starts a server whose last address is that of its metrics."""

    def start(script, settings=None, **options):
        return jsd(script, {'metrics.listen': '127.0.0.1:0', **(settings or {})}, listeners=2, **options)

    return start


def test_requests_by_app_and_status(measured):
    server = measured(APP)
    for target in ['/', '/', '/missing']:
        server.get(target)
    with server.connect() as client:
        client.send_request('GET', '/never')
        wait_for(lambda: look(server).get('jsd_app_requests', app='app.mjs', worker='0') == 1, 'a request in flight')
    page = wait_for(lambda: (page := look(server)).requests().get(499) and page, 'a client that has gone')
    assert page.requests() == {200: 2, 404: 1, 499: 1}
    with server.connect() as client:
        client.send(b'GET / HTTP/1.1\r\n\r\n')
        assert client.read_response().status == 400
    assert look(server).requests('') == {400: 1}
    assert page.get('jsd_http_request_duration_seconds_count', app='app.mjs') == 4
    assert page.get('jsd_http_request_duration_seconds_bucket', app='app.mjs', le='+Inf') == 4
    assert 0 < page.get('jsd_http_request_duration_seconds_sum', app='app.mjs')
    assert page.get('jsd_app_requests', app='app.mjs', worker='0') == 0
    assert page.get('jsd_app_heap_bytes', app='app.mjs', worker='0') > 1 << 20
    assert page.get('jsd_app_heap_limit_bytes', app='app.mjs', worker='0') == 128 << 20
    assert page.get('process_open_fds') > 5
    assert page.get('process_resident_memory_bytes') > 10 << 20


def test_a_websocket_is_a_request_that_was_switched(measured):
    server = measured(APP)
    with WebSocketClient(server.address, '/socket') as client:
        assert client.head.startswith('HTTP/1.1 101 ')
        page = look(server)
        assert page.requests() == {}
        assert page.get('jsd_worker_connections', worker='0') == 1
    page = wait_for(lambda: (page := look(server)).requests() and page, 'its end')
    assert page.requests() == {101: 1}
    assert page.get('jsd_http_request_duration_seconds_count', app='app.mjs') == 0


def test_connections(measured):
    server = measured(APP, {'limits.connections': 1})
    server.expect('connections were closed at once')
    with server.connect() as client:
        client.get('/')
        with server.connect() as refused:
            assert refused.socket.recv(1) == b''
    page = look(server)
    assert page.get('jsd_connections_accepted_total') == 2
    assert page.get('jsd_connections_refused_total') == 1


def test_reloads(measured):
    server = measured(APP)
    page = look(server)
    started = page.get('jsd_config_last_reload_success_timestamp_seconds')
    assert page.get('jsd_reloads_total', result='success') == 0
    server.get('/')

    server.expect('the reload has failed')
    (server.folder / 'app.mjs').write_text('export default {')
    server.send_signal(signal.SIGHUP)
    page = wait_for(lambda: (page := look(server)).get('jsd_reloads_total', result='failure') and page, 'a failure')
    assert page.get('jsd_config_last_reload_successful') == 0
    assert page.get('jsd_config_last_reload_success_timestamp_seconds') == started

    (server.folder / 'app.mjs').write_text(APP)
    server.send_signal(signal.SIGHUP)
    page = wait_for(lambda: (page := look(server)).get('jsd_reloads_total', result='success') and page, 'a success')
    assert page.get('jsd_config_last_reload_successful') == 1
    assert page.get('jsd_config_last_reload_success_timestamp_seconds') > started
    server.get('/')
    assert look(server).requests() == {200: 2}


def test_other_addresses_need_a_restart(measured):
    server = measured(APP)
    server.expect('metrics.listen has changed, which needs a restart')
    (server.folder / 'server.toml').write_text(
        toml({'server.listen': '127.0.0.1:0', 'server.workers': 1, 'app.script': 'app.mjs'}))
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: look(server).get('jsd_reloads_total', result='failure') == 1, 'the reload to fail')


def test_no_script_holds_the_page_up(measured):
    server = measured(APP, {'limits.slice': '2s'})
    server.expect('was terminated')
    with server.connect() as client:
        client.send_request('GET', '/loop')
        page = wait_for(lambda: (page := look(server)).get('jsd_worker_stuck', worker='0') and page, 'a stuck worker')
        # It cannot say itself how it is.
        assert page.get('jsd_app_requests', app='app.mjs', worker='0') is None
        assert client.read_response().status == 503
    page = look(server)
    assert page.get('jsd_script_terminations_total', app='app.mjs', limit='limits.slice') == 1
    assert page.get('jsd_worker_stuck', worker='0') == 0
    assert page.requests() == {503: 1}


def test_renewed_scripts_and_lost_workers(measured):
    lose = "[].includes.call({ length: 2 ** 53 - 1 }, 1)"
    server = measured(APP.replace('for (;;);', f'{lose};'), {'limits.slice': '200ms', 'limits.heap': '32MiB'})
    server.expect('was terminated')
    server.expect('its worker is given up')
    assert server.get('/bomb').status == 503
    page = wait_for(lambda: (page := look(server)).get('jsd_script_renewals_total', app='app.mjs') and page, 'renewal')
    assert page.get('jsd_script_terminations_total', app='app.mjs', limit='limits.heap') == 1
    assert server.get('/').status == 200
    assert server.get('/loop').status == 503
    assert server.get('/').status == 200
    server.descriptors_at_start = server.descriptors()  # The lost thread keeps what it had.
    page = look(server)
    assert page.get('jsd_workers_lost_total') == 1
    # What the worker before has counted stays.
    assert page.requests() == {200: 2, 503: 2}


def test_what_is_not_the_page(measured):
    server = measured(APP)
    with Connection(server.addresses[-1]) as client:
        assert client.get('/').status == 404
        head = client.request('HEAD', '/metrics')
        assert head.status == 200 and head.body == b''
        refused = client.request('POST', '/metrics', body=b'a=b')
        assert (refused.status, refused.header('Allow')) == (405, 'GET, HEAD')
        assert client.get('/metrics?x=1').status == 200
        assert client.request('GET', '/metrics', {'Connection': 'close'}).header('Connection') == 'close'
        assert client.socket.recv(1) == b''
    for request in [b'BAD\r\n\r\n', b'GET /metrics HTTP/1.1\r\nA: ' + b'a' * 10000 + b'\r\n\r\n',
                    b'POST /metrics HTTP/1.1\r\nContent-Length: 100000\r\n\r\n']:
        with Connection(server.addresses[-1]) as client:
            client.send(request)
            assert client.read_response().status == 400
            assert client.socket.recv(1) == b''


def test_a_flood_of_clients_leaves_the_server_alone(measured):
    server = measured(APP)
    clients = [Connection(server.addresses[-1]) for _ in range(60)]
    closed = 0
    for client in clients[32:]:
        client.socket.settimeout(5)
        closed += client.socket.recv(1) == b''
    assert closed == 28
    assert server.get('/').status == 200
    for client in clients:
        client.close()
    wait_for(lambda: look_or_none(server), 'room for another')


def look_or_none(server):
    try:
        return look(server)
    except (AssertionError, OSError):
        return None


def test_unix_socket(jsd, tmp_path):
    server = jsd(APP, {'metrics.listen': 'unix:metrics.sock'}, listeners=2)
    server.get('/')
    assert look(server).requests() == {200: 1}
