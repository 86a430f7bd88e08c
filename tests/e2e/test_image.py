"""The image that script/image builds: it runs as nobody in particular, answers, calls itself healthy, and stops."""

import json
import os
import re
import shutil
import subprocess

import pytest

from http_client import Connection, wait_for
from server import REPOSITORY

IMAGE = os.environ.get('JSD_IMAGE', 'jsd:latest')
ENTRY = ['/usr/local/bin/jsd', '--config', '/etc/jsd/server.toml']


def output(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else None


@pytest.fixture(scope='module')
def tool():
    if shutil.which('docker') and output('docker', 'info'):
        tool = 'docker'
    elif shutil.which('buildah'):
        tool = 'buildah'
    else:
        pytest.skip('needs docker or buildah')
    if not output(tool, 'inspect', *(['--type', 'image'] if tool == 'buildah' else []), IMAGE):
        pytest.skip(f'{tool} has no image {IMAGE}: script/image builds it')
    return tool


@pytest.fixture
def container(tool):
    if tool == 'docker':
        name = output('docker', 'create', '--read-only', '--publish', '127.0.0.1::8080', IMAGE)
        yield name
        output('docker', 'rm', '--force', name)
    else:
        name = output('buildah', 'from', '--pull-never', IMAGE)
        yield name
        output('buildah', 'rm', name)


def test_image_answers(tool, container, tmp_path):
    if tool == 'docker':
        output('docker', 'start', container)
        address = wait_for(lambda: output('docker', 'port', container, '8080/tcp'), 'the published port')
        wait_for(lambda: 'listening on' in output('docker', 'logs', container), 'the log')
        with Connection(address.splitlines()[0]) as client:
            assert client.get().text == 'hello from jsd\n'
        output('docker', 'stop', container)
        assert output('docker', 'inspect', '--format', '{{.State.ExitCode}}', container) == '0'
        return
    # buildah runs the command in the container's files; its network may be this machine's own, so the port is not the
    # image's but one that the kernel chooses.
    log = tmp_path / 'log'
    with open(log, 'wb') as errors:
        process = subprocess.Popen(
            ['buildah', 'run', container, '--', *ENTRY, '--set', 'server.listen=["127.0.0.1:0"]'], stderr=errors,
            env={'BUILDAH_ISOLATION': 'chroot', **os.environ})
    try:
        address = wait_for(lambda: re.search(r'listening on ([0-9.:]+)', log.read_text()), 'the listening socket')[1]
        with Connection(address) as client:
            assert client.get().text == 'hello from jsd\n'
        pid = wait_for(lambda: _pid_of_jsd_under(process.pid), 'the process')
        with open(f'/proc/{pid}/status') as status:
            assert re.search(r'^Uid:\s+10001\s+10001', status.read(), re.MULTILINE)
        os.kill(pid, 15)
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


def test_health_check(jsd):
    """The command of the Dockerfile's HEALTHCHECK, run against servers that do and do not answer."""
    dockerfile = (REPOSITORY / 'deploy/Dockerfile').read_text().replace('\\\n', '')
    command = json.loads(re.search(r'^HEALTHCHECK .*CMD (\[.*\])$', dockerfile, re.MULTILINE)[1])
    good = jsd("export default { fetch: () => new Response('x', { status: 404 }) };")
    bad = jsd("export default { fetch: () => new Response('x', { status: 503 }) };")

    def check(address):
        host, port = address.split(':')
        here = [part.replace('127.0.0.1/8080', f'{host}/{port}') for part in command]
        return subprocess.run(here, capture_output=True, timeout=20).returncode

    assert check(good.address) == 0
    assert check(bad.address) != 0
    assert check('127.0.0.1:1') != 0


def _pid_of_jsd_under(ancestor):
    parents = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open(f'/proc/{entry}/stat') as stat:
                    name, rest = stat.read().split('(', 1)[1].rsplit(') ', 1)
                parents[int(entry)] = (name, int(rest.split()[1]))
            except (FileNotFoundError, ProcessLookupError):
                pass
    for pid, (name, parent) in parents.items():
        if parents.get(parent, ('',))[0] == 'jsd':
            continue  # A server; its supervisor is the one.
        while name == 'jsd' and parent in parents and parent != ancestor:
            parent = parents[parent][1]
        if name == 'jsd' and parent == ancestor:
            return pid
    return None
