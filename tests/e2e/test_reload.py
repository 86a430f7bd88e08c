"""SIGHUP: another configuration and other scripts without a lost request."""

import os
import pathlib
import re
import signal
import threading

from http_client import wait_for
from server import toml
from service_manager import ALIVE


def version(number, extra=''):
    return f"export default {{ async fetch(request) {{ {extra} return new Response('version {number}'); }} }};"


def reload(server, outcome=r'\breloaded\b'):
    before = len(re.findall(outcome, server.log()))
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: len(re.findall(outcome, server.log())) > before, f'{outcome!r} in the log')


def reload_fails(server, reason):
    server.expect(f'the reload has failed, all stays as it was: .*{reason}')
    reload(server, f'all stays as it was: .*{reason}')


def rewrite(server, settings):
    (server.folder / 'server.toml').write_text(toml({'server.workers': 1, **settings}))


def test_twenty_reloads_under_load_lose_nothing(jsd):
    server = jsd(version(0), workers=2)
    stop = threading.Event()
    problems, counts = [], []

    def client(keep_alive):
        count = 0
        try:
            connection = server.connect()
            while not stop.is_set():
                if not keep_alive:
                    connection.close()
                    connection = server.connect()
                reply = connection.get()
                if reply.status != 200 or not re.fullmatch(r'version \d+', reply.text):
                    problems.append(repr(reply))
                count += 1
            connection.close()
        except (OSError, AssertionError) as error:
            problems.append(repr(error))
        counts.append(count)

    clients = [threading.Thread(target=client, args=(i % 2 == 0,)) for i in range(6)]
    for thread in clients:
        thread.start()
    try:
        for number in range(1, 21):
            (server.folder / 'app.mjs').write_text(version(number))
            reload(server)
            assert server.get().text == f'version {number}'
    finally:
        stop.set()
        for thread in clients:
            thread.join()
    assert not problems, problems[:5]
    assert all(counts), counts


def test_requests_in_flight_end_on_the_script_that_began_them(jsd):
    slow = "if (request.url.endsWith('/slow')) await new Promise((done) => setTimeout(done, 500));"
    server = jsd(version(1, slow) + "\njsd.listen('shutdown', () => console.log('the old one goes'));")
    with server.connect() as waiting, server.connect() as other:
        assert other.get().text == 'version 1'
        waiting.send_request('GET', '/slow')
        assert other.get().text == 'version 1'  # So the first request has been dispatched too.
        (server.folder / 'app.mjs').write_text(version(2))
        reload(server)
        assert other.get().text == 'version 2'
        assert waiting.read_response().text == 'version 1'
        assert waiting.get().text == 'version 2'
    server.wait_for_log('the old one goes')


def test_what_never_ends_is_ended_after_the_drain_time(jsd):
    server = jsd("export default { fetch(r) { return r.url.endsWith('/never') ? new Promise(() => setInterval(() => {}, 50)) "
                 ": new Response('1'); } };", {'server.drain': '300ms'})
    with server.connect() as waiting:
        waiting.send_request('GET', '/never')
        assert server.get().text == '1'
        (server.folder / 'app.mjs').write_text(version(2))
        reload(server)
        assert waiting.read_response().status == 503
        server.expect('server.drain has passed, requests on the script before the reload were cut requests=1')
        assert waiting.get().text == 'version 2'


def test_what_is_broken_leaves_all_as_it_was(jsd):
    server = jsd(version(1), workers=2)
    address = server.address
    (server.folder / 'app.mjs').write_text('let = ;')
    reload_fails(server, 'cannot load .*app.mjs')
    assert server.get().text == 'version 1'
    (server.folder / 'server.toml').write_text('[server\n')
    reload_fails(server, r'server.toml:1:')
    assert server.get().text == 'version 1'
    settings = {'server.listen': ['127.0.0.1:0'], 'server.workers': 2, 'app.script': str(server.folder / 'app.mjs')}
    (server.folder / 'app.mjs').write_text(version(2))
    rewrite(server, {**settings, 'server.supervise': True})
    reload_fails(server, 'server.supervise has changed')
    rewrite(server, {**settings, 'log.level': 'warn'})
    reload_fails(server, 'log has changed')
    assert server.get().text == 'version 1'
    rewrite(server, settings)
    reload(server)
    assert server.get().text == 'version 2' and server.address == address


def test_apps_come_and_go_and_limits_change(jsd, write):
    def app(name, path, **limits):
        script = write(f'{name}.mjs', f"export default {{ fetch() {{ return new Response('{name}'); }} }};")
        return {'name': name, 'script': str(script), 'path': path, **({'limits': limits} if limits else {})}

    server = jsd(None, {'app': [app('a', '/'), app('b', '/b')]})
    assert server.get('/b').text == 'b'
    rewrite(server, {'server.listen': ['127.0.0.1:0'], 'app': [app('a', '/a', body='2B'), app('c', '/c')]})
    with server.connect() as connection:
        assert connection.get('/').text == 'a'
        reload(server)
        assert connection.get('/').status == 404
        assert connection.get('/b').status == 404
        assert connection.get('/a').text == 'a'
        assert connection.get('/c').text == 'c'
        assert connection.request('POST', '/a', body=b'123').status == 413
    rewrite(server, {'server.listen': ['127.0.0.1:0'], 'app': [app('b', '/')]})
    reload(server)
    assert server.get('/').text == 'b'


def test_the_service_manager_is_told(jsd, service_manager, monkeypatch):
    monkeypatch.setenv('WATCHDOG_USEC', '100000')
    server = jsd(version(1))
    assert service_manager.told() == 'READY=1\n'
    assert service_manager.next() == ALIVE
    assert service_manager.next() == ALIVE
    server.send_signal(signal.SIGHUP)
    assert re.fullmatch(r'RELOADING=1\nMONOTONIC_USEC=\d+\n', service_manager.told())
    assert service_manager.told() == 'READY=1\n'
    server.send_signal(signal.SIGTERM)
    assert service_manager.told() == 'STOPPING=1\n'
    assert server.wait() == 0


def test_the_number_of_workers_changes(jsd):
    name = "const worker = String(Math.random()); export default { fetch: () => new Response(worker) };"
    server = jsd(name, workers=1)
    settings = {'server.listen': ['127.0.0.1:0'], 'app.script': str(server.folder / 'app.mjs')}

    def workers_that_answer():
        clients = [server.connect() for _ in range(16)]
        names = {client.get().text for client in clients}
        for each in clients:
            each.close()
        return len(names)

    stop = threading.Event()
    problems = []

    def client(keep_alive):
        try:
            connection = server.connect()
            while not stop.is_set():
                reply = connection.get()
                if reply.status != 200:
                    problems.append(repr(reply))
                if not keep_alive or reply.header('connection') == 'close':
                    connection.close()
                    connection = server.connect()
            connection.close()
        except (OSError, AssertionError) as error:
            problems.append(repr(error))

    assert workers_that_answer() == 1
    clients = [threading.Thread(target=client, args=(i % 2 == 0,)) for i in range(4)]
    for thread in clients:
        thread.start()
    try:
        for count in (4, 2, 3, 1):
            rewrite(server, {**settings, 'server.workers': count})
            reload(server)
            assert workers_that_answer() == count
    finally:
        stop.set()
        for thread in clients:
            thread.join()
    assert not problems, problems[:5]
    server.wait_for_log('changing the number of workers workers=4')
    wait_for(lambda: sum('worker' in name for name in thread_names(server)) == 1, 'the others to end')


def test_a_worker_that_goes_finishes_what_it_has(jsd):
    script = """export default { async fetch(request) {
      if (!request.url.endsWith('/slow')) return new Response('hello');
      console.log('begun');
      await new Promise((done) => setTimeout(done, 1500));
      return new Response('slow');
    } };"""
    server = jsd(script, workers=2)
    with server.connect() as one, server.connect() as other:  # One for each worker.
        for connection in (one, other):
            connection.send_request(target='/slow')
        wait_for(lambda: server.log().count('begun') == 2, 'both requests')
        rewrite(server, {'server.listen': ['127.0.0.1:0'], 'app.script': str(server.folder / 'app.mjs')})
        reload(server)
        assert server.get().text == 'hello'
        replies = [connection.read_response() for connection in (one, other)]
    assert [reply.text for reply in replies] == ['slow', 'slow']
    assert sorted(reply.header('connection') or 'keep' for reply in replies) == ['close', 'keep']


def thread_names(server):
    return [pathlib.Path(f'/proc/{server.pid}/task/{task}/comm').read_text()
            for task in os.listdir(f'/proc/{server.pid}/task')]
