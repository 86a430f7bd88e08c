"""Other servers' JavaScript, running the same tests: each file in a process of its own."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'bench'))
import servers  # noqa: E402

NAMES = [server.name for server in servers.SERVERS.values() if server.is_peer]
MARK = 'wpt-runner:'
# Past the end of a test's own time, which lets the harness say what it waited for.
GRACE_SECONDS = 5
ENDLESS = 'the process did not end'


def install():
    servers.install_peers()


def version(name):
    return servers.SERVERS[name].version()


def _node(binary, job, folder):
    return [binary, '--expose-gc', '--no-warnings', HERE / 'peer.mjs', folder / 'job.json']


def _deno(binary, job, folder):
    return [binary, 'run', '--allow-all', '--no-config', '--no-lock', '--v8-flags=--expose-gc', '--location',
            job['location'], HERE / 'peer.mjs', folder / 'job.json']


def _bun(binary, job, folder):
    return [binary, HERE / 'peer.mjs', folder / 'job.json']


def _workerd(binary, job, folder):
    sources = [{'name': 'wpt-prelude.js', 'source': job['prelude']}]
    sources += [{'name': path, 'source': pathlib.Path(path).read_text(encoding='utf-8', errors='replace')} for path in job['scripts']]
    (folder / 'job.json').write_text(json.dumps({'seconds': job['seconds'], 'sources': sources}))
    for file in ('workerd.mjs', 'workerd.capnp'):
        shutil.copy(HERE / file, folder)
    return [binary, 'test', '--experimental', '--directory-path', f'tree={job["root"]}', folder / 'workerd.capnp']


_LONE_SURROGATE = re.compile('[\ud800-\udfff]')

_COMMANDS = {'node': _node, 'deno': _deno, 'bun': _bun, 'workerd': _workerd}


class PeerRunner:
    """Runs tests in one of NAMES, as run.py's Runner does in jsd. A process belongs to one call of `run`."""

    def __init__(self, name, job_of):
        self._name = name
        self._binary = servers.SERVERS[name].binary
        self._job_of = job_of

    def run(self, test):
        job = self._job_of(test)
        for path in job['scripts']:
            if not os.path.exists(path):
                return _outcome(b'', b'', f'cannot read {path}')
        with tempfile.TemporaryDirectory(prefix='jsd-wpt-') as name:
            folder = pathlib.Path(name)
            (folder / 'job.json').write_text(json.dumps(job))
            command = _COMMANDS[self._name](self._binary, job, folder)
            environment = {**os.environ, 'NO_COLOR': '1', 'DENO_DIR': str(folder / 'deno'), 'DENO_NO_UPDATE_CHECK': '1'}
            try:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=folder,
                                      timeout=test.seconds + GRACE_SECONDS, env=environment)
                output, log, end = done.stdout, done.stderr, f'the process ended with status {done.returncode}'
            except subprocess.TimeoutExpired as expired:
                output, log, end = expired.stdout or b'', expired.stderr or b'', ENDLESS
        return _outcome(output, log, end)

    def close(self):
        """There is nothing to end."""


def _outcome(output, log, end):
    outcome = {'status': -1, 'message': end, 'tests': [], 'log': log.decode(errors='replace').splitlines()[-50:]}
    for line in output.decode(errors='replace').splitlines():
        if MARK not in line:
            continue
        try:
            message = json.loads(line[line.index(MARK) + len(MARK):])
        except ValueError:
            continue  # Cut off by the end of the process.
        if message['kind'] == 'result':
            test = message['test']
            # As jsd's console has it.
            outcome['tests'].append(test | {'name': _LONE_SURROGATE.sub('\ufffd', test['name'])})
        elif message['kind'] == 'completion':
            outcome |= message['status']
    return outcome
