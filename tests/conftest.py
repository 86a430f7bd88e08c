"""Options and fixtures of the tests in e2e, http1 and resilience: the built jsd, on ports that the kernel chooses.

JSD_BINARY names the binary; bazel-bin/server/jsd is the default. JSD_SET has settings for every server, such as
`hardening.system_calls="refuse"`, to see what becomes of all tests with them.
"""

import json
import pathlib
import subprocess

import pytest

from backend import Backend
from http_client import TIMEOUT
from server import BINARY, Server, toml
from service_manager import ServiceManager

# Runs what the request's body says as the body of an async function and answers with what that returns.
RUN = '''
const AsyncFunction = (async () => {}).constructor;
const describe = (error) => ({
  error: error.name, message: error.message, code: error.cause?.code, cause: error.cause?.message });
export default { async fetch(request, env) {
  const run = new AsyncFunction('request', 'env', await request.text());
  try {
    return Response.json({ value: await run(request, env) ?? null });
  } catch (error) {
    return Response.json(describe(error));
  }
} };
'''
# Connections that a test leaves idle have to be gone before it is over.
IDLE = '500ms'
NET = ['127.0.0.1', 'localhost', 'name.invalid']
PROXY = 'export default { fetch(request, env) { const { pathname, search } = new URL(request.url);' \
        ' return fetch(env.BACKEND + pathname + search, request); } };'


def pytest_addoption(parser):
    parser.addoption('--select', default='', metavar='TEXT', help='only the cases whose file.py::case contains TEXT')


def pytest_collection_modifyitems(config, items):
    text = config.getoption('--select')
    chosen = [item for item in items if text in item.nodeid]
    config.hook.pytest_deselected(items=[item for item in items if text not in item.nodeid])
    items[:] = chosen


@pytest.fixture(scope='session', autouse=True)
def binary():
    if not BINARY.exists():
        pytest.exit(f'{BINARY} is not there: bazel build //server:jsd', returncode=1)


@pytest.fixture
def write(tmp_path):
    """write(name, text) puts a file into the test's folder and returns its path."""

    def write_file(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write_file


@pytest.fixture
def jsd(tmp_path, write):
    """jsd(script, settings={…}, …) starts a server on that script and returns it.

    `script` is the text of the app's module, or the path of one; None where settings['app'] has several. Further
    arguments are those of Server. When the test
    is over, each server is asked to stop and has to have left nothing: no descriptor, process, sanitizer report,
    or complaint in the log that the test did not declare by Server.expect.
    """
    servers = []

    def start(script, settings=None, listen=('127.0.0.1:0',), workers=1, **options):
        folder = tmp_path / f'jsd{len(servers)}'
        folder.mkdir()
        values = {'server.listen': list(listen), 'server.workers': workers}
        if script is not None:
            path = script if isinstance(script, pathlib.Path) else write(f'{folder.name}/app.mjs', script)
            values['app.script'] = str(path)
        values.update(settings or {})
        options.setdefault('listeners', len(listen))
        server = Server(folder, values, **options)
        servers.append(server)
        return server

    yield start
    problems = []
    for server in servers:
        try:
            server.finish()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, '\n'.join(problems)


@pytest.fixture
def run():
    """run(argument, …) runs jsd to its end; the result has returncode, stdout and stderr."""

    def run_jsd(*arguments, wrapper=()):
        return subprocess.run([*wrapper, BINARY, *arguments], capture_output=True, text=True, timeout=TIMEOUT)

    return run_jsd


@pytest.fixture
def start_fails(write, run):
    """start_fails(script, settings) is the result of a start that has to end by itself."""

    def start(script, settings=None, arguments=(), wrapper=()):
        path = script if isinstance(script, pathlib.Path) else write('app.mjs', script)
        values = {'server.listen': ['127.0.0.1:0'], 'server.workers': 1, 'app.script': str(path), **(settings or {})}
        result = run('--config', write('server.toml', toml(values)), *arguments, wrapper=wrapper)
        assert result.returncode != 0, result.stderr
        return result

    return start


@pytest.fixture
def backend():
    """backend(serve) starts a server for jsd to talk to; `serve` gets each connection, a Peer, on its own thread."""
    backends = []

    def start(serve, **options):
        backends.append(Backend(serve, **options))
        return backends[-1]

    yield start
    for server in backends:
        server.close()


@pytest.fixture
def script(jsd):
    """script(backend)(code) runs code in a jsd whose env.URL is the backend's address."""

    def start(backend, settings=None, **options):
        server = jsd(RUN, {'app.env': {'URL': backend if isinstance(backend, str) else backend.url},
                           'app.permissions.net': NET, 'fetch.idle': IDLE, **(settings or {})}, **options)

        def run(code):
            reply = server.request('POST', '/', body=code.encode())
            assert reply.status == 200, reply
            return json.loads(reply.body)

        run.server = server
        return run

    return start


@pytest.fixture
def gateway(jsd):
    """gateway(backend) is a jsd that passes every request on to the backend."""

    def start(backend, settings=None, **options):
        return jsd(PROXY, {'app.env': {'BACKEND': backend.url}, 'app.permissions.net': NET, 'fetch.idle': IDLE,
                           **(settings or {})}, **options)

    return start


@pytest.fixture
def service_manager(tmp_path, monkeypatch):
    """The one that servers started from here on tell of themselves."""
    path = tmp_path / 'notify'
    manager = ServiceManager(path)
    monkeypatch.setenv('NOTIFY_SOCKET', str(path))
    yield manager
    manager.close()
