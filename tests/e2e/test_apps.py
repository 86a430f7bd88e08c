"""Several apps in one server: who answers which request, and what each has to itself."""

import pytest

from server import toml


@pytest.fixture
def app(write):
    """app(name, body) is the path of a script whose handler's body is given."""

    def make(name, body):
        return str(write(f'{name}.mjs', f'export default {{ async fetch(request, env) {{ {body} }} }};'))

    return make


def answer(server, host, path='/'):
    with server.connect() as connection:
        return connection.request('GET', path, [('Host', host)]).text


def test_requests_go_by_host_and_path(jsd, app):
    def named(name, **settings):
        return {'name': name, 'script': app(name, f"return new Response('{name} ' + new URL(request.url).pathname);"),
                **settings}

    server = jsd(None, {'app': [
        named('exact', host='a.example'),
        named('versioned', host=['A.example', 'b.example'], path='/v1'),
        named('below', host='*.example'),
        named('rest', path='/open'),
    ]})
    assert answer(server, 'a.example') == 'exact /'
    assert answer(server, 'A.Example:80', '/v10') == 'exact /v10'
    assert answer(server, 'a.example', '/v1?q') == 'versioned /v1'
    assert answer(server, 'b.example', '/v1/users') == 'versioned /v1/users'
    assert answer(server, 'b.example', '/') == 'below /'
    assert answer(server, 'x.y.example') == 'below /'
    assert answer(server, 'other.test', '/open/door') == 'rest /open/door'
    with server.connect() as connection:
        reply = connection.request('POST', '/', [('Host', 'other.test')], b'body')
        assert reply.status == 404
        # The connection goes on, with another app's request too.
        assert connection.request('GET', '/open', [('Host', 'other.test')]).text == 'rest /open'
        assert connection.request('GET', '/', [('Host', 'a.example')]).text == 'exact /'


def test_pipelined_requests_of_several_apps_are_answered_in_order(jsd, app):
    slow = app('slow', "await new Promise((done) => setTimeout(done, 50)); return new Response('slow');")
    fast = app('fast', "return new Response('fast');")
    server = jsd(None, {'app': [{'script': slow, 'path': '/slow'}, {'script': fast}]})
    with server.connect() as connection:
        connection.send(b''.join(b'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' % path for path in [b'/slow', b'/', b'/slow', b'/']))
        assert [connection.read_response().text for _ in range(4)] == ['slow', 'fast', 'slow', 'fast']


def test_each_app_has_its_limits_and_its_environment(jsd, app, monkeypatch):
    monkeypatch.setenv('JSD_TEST_TOKEN', 'from outside')
    body = 'return new Response(JSON.stringify([env, (await request.text()).length]));'
    server = jsd(None, {
        'limits.body': '1KiB',
        'app': [
            {'script': app('small', body), 'path': '/small', 'env': {'WHO': 'small'}, 'limits': {'body': '10B'},
             'permissions': {'env': ['JSD_TEST_TOKEN', 'JSD_TEST_UNSET']}},
            {'script': app('large', body), 'env': {'WHO': 'large'}},
        ]})

    def post(path, size, chunked=False):
        with server.connect() as connection:
            if not chunked:
                return connection.request('POST', path, body=b'x' * size)
            connection.send_request('POST', path, {'Transfer-Encoding': 'chunked'})
            connection.send(b'%x\r\n%s\r\n0\r\n\r\n' % (size, b'x' * size))
            return connection.read_response()

    assert post('/small', 10).text == '[{"WHO":"small","JSD_TEST_TOKEN":"from outside"},10]'
    assert post('/', 1024).text == '[{"WHO":"large"},1024]'
    assert post('/', 1025).status == 413
    assert post('/small', 11).status == 413
    assert post('/small', 1025, chunked=True).status == 413
    assert 'from outside' not in server.log()


def test_an_app_that_does_not_load_is_named(run, app, write):
    broken = write('broken.mjs', 'let = ;')
    config = write('server.toml', toml({'server.listen': ['127.0.0.1:0'], 'app': [
        {'script': app('good', 'return new Response();')}, {'script': str(broken), 'path': '/b'}]}))
    result = run('--config', config)
    assert result.returncode == 1
    assert 'cannot load ' + str(broken) in result.stderr
