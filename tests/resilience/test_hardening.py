"""What the process denies itself: rights, system calls, files, core dumps, code from text."""

import json
import os
import pathlib
import re
import signal

import pytest

from http_client import wait_for

HELLO = "export default { fetch() { return new Response('hello'); } };"


def statuses(server):
    """The fields of /proc/PID/status of every thread."""
    found = []
    for task in os.listdir(f'/proc/{server.pid}/task'):
        text = pathlib.Path(f'/proc/{server.pid}/task/{task}/status').read_text()
        found.append(dict(line.split(':\t', 1) for line in text.splitlines() if ':\t' in line))
    return found


def hardened(server):
    """What the line in the log says."""
    line = server.wait_for_log(r'hardened (.*)').group(1)
    return {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|(\S+))', line)}


def reload(server, outcome):
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(outcome)


def test_it_is_on_by_default_and_reported(jsd):
    server = jsd(HELLO, workers=2)
    assert server.get().text == 'hello'
    said = hardened(server)
    assert said['files'].startswith(('Landlock ', 'unavailable: ')) and said['system_calls'] == 'off'
    assert server.log().index('hardened') < server.log().index('listening on')
    assert said['user'] == str(os.getuid()) and said['no_new_privs'] == 'yes' and said['core_dumps'] == 'off'
    kept = sum(1 << capability for capability in (0, 1, 2, 3, 10))  # Files and ports.
    for status in statuses(server):
        assert status['NoNewPrivs'] == '1'
        assert not any(int(status[name], 16) & ~kept for name in ('CapPrm', 'CapEff', 'CapInh', 'CapBnd'))
    limits = pathlib.Path(f'/proc/{server.pid}/limits').read_text()
    # The kernel takes a limit of one byte for never.
    assert re.search(r'Max core file size +1 +1 ', limits)


@pytest.mark.parametrize('choice, said', [('refuse', 'refused'), ('kill', 'killed')])
def test_system_calls_are_filtered_in_every_thread(hostile, choice, said):
    """And what a server needs is left: threads, timers, sockets, a worker that is given up and replaced."""
    server = hostile('beyond.mjs', {'limits.slice': '200ms', 'hardening.system_calls': choice}, workers=2)
    server.expect('the script cannot be ended')
    state = hardened(server)['system_calls']
    if state.startswith('unavailable'):
        pytest.skip(state)
    assert state == said
    assert server.get('/includes').status == 503
    for _ in range(5):
        assert server.get('/').status == 200
    assert len(statuses(server)) > 4 and all(status['Seccomp'] == '2' for status in statuses(server))
    assert server.stop() == 0


def test_it_can_be_off(jsd):
    server = jsd(HELLO, {'hardening.files': False, 'hardening.core_dumps': True})
    said = hardened(server)
    assert (said['system_calls'], said['files'], said['core_dumps']) == ('off', 'off', 'as the system has it')
    assert all(status['Seccomp'] == '0' for status in statuses(server))


@pytest.mark.skipif(os.getuid() != 0, reason='root alone can become another user')
def test_root_becomes_another_user(jsd, tmp_path):
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and str(parent).startswith('/tmp/'):
            parent.chmod(parent.stat().st_mode | 0o055)
    logs = tmp_path / 'logs'
    logs.mkdir()
    os.chown(logs, 65534, 65534)
    server = jsd(HELLO, {'server.user': 'nobody', 'server.group': '12345', 'log.file': str(logs / 'jsd.log'),
                         'log.access': str(logs / 'access.log')}, log_file=logs / 'jsd.log')
    client = server.connect()
    assert client.get('/').text == 'hello'
    for status in statuses(server):
        assert status['Uid'].split() == ['65534'] * 4
        assert status['Gid'].split() == ['12345'] * 4
        assert not any(int(status[name], 16) for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'))
        assert '0' not in status['Groups'].split()
    # It opens its logs again, which it could not if they were root's.
    for name in ('jsd.log', 'access.log'):
        assert (logs / name).stat().st_uid == 65534
        (logs / name).rename(logs / f'{name}.1')
    server.send_signal(signal.SIGUSR1)
    wait_for(lambda: 'opened again' in server.log(), 'the new log')
    reload(server, 'reloaded')
    assert client.get('/').text == 'hello'
    client.close()
    assert server.stop() == 0


def test_a_user_that_is_not_there_ends_the_start(start_fails):
    result = start_fails(HELLO, {'server.user': 'no-such-user'})
    assert result.returncode == 2
    assert result.stderr == 'server.user: there is no user no-such-user\n'


def test_a_reload_finds_what_was_replaced(jsd, write):
    """Files that were written anew and renamed, in the folders that the process has kept."""
    server = jsd(HELLO)
    for name, text in (('app.mjs', "import { answer } from './new/lib.mjs'; export default { fetch() { return new Response(answer); } };"),
                       ('server.toml', None)):
        path = server.folder / name
        replacement = write(f'{server.folder.name}/{name}.new', path.read_text() if text is None else text)
        replacement.rename(path)
    write(f'{server.folder.name}/new/lib.mjs', "export const answer = 'anew';")
    reload(server, 'reloaded')
    wait_for(lambda: server.get().text == 'anew', 'the new script')


def test_a_link_that_is_turned_to_another_release(jsd, write, tmp_path):
    for release in ('1', '2'):
        write(f'releases/{release}/app.mjs', f"export default {{ fetch() {{ return new Response('{release}'); }} }};")
    current = tmp_path / 'current'
    current.symlink_to('releases/1')
    server = jsd(current / 'app.mjs')
    assert server.get().text == '1'
    current.unlink()
    current.symlink_to('releases/2')
    reload(server, 'reloaded')
    wait_for(lambda: server.get().text == '2', 'the new release')


@pytest.mark.parametrize('listed', [False, True])
def test_a_reload_to_another_folder(jsd, write, tmp_path, listed):
    elsewhere = write('elsewhere/app.mjs', "export default { fetch() { return new Response('elsewhere'); } };")
    server = jsd(HELLO, {'hardening.folders': [str(elsewhere.parent)] if listed else []})
    confined = hardened(server)['files'].startswith('Landlock')
    config = server.folder / 'server.toml'
    config.write_text(config.read_text().replace(str(server.folder / 'app.mjs'), str(elsewhere)))
    if confined and not listed:
        server.expect('elsewhere cannot be read by this process, which hardening.files confines')
        reload(server, 'the reload has failed')
        assert server.get().text == 'hello'
    else:
        reload(server, 'reloaded')
        wait_for(lambda: server.get().text == 'elsewhere', 'the new script')


def test_code_from_text_can_be_switched_off(jsd, write):
    body = '''export default { async fetch() {
      const attempts = [
        () => eval('1'), () => (0, eval)('1'), () => new Function('return 1')(), () => Reflect.construct(Function, ['return 1'])(),
        () => Object.getPrototypeOf(async function () {}).constructor('return 1')(),
        () => (function* () {}).constructor('yield 1')(),
      ];
      const seen = attempts.map((attempt) => { try { attempt(); return 'made'; } catch (error) { return `${error.name}: ${error.message}`; } });
      const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
      seen.push(new WebAssembly.Module(bytes) instanceof WebAssembly.Module);
      seen.push((0, eval)({}) !== undefined, typeof (await import('./lib.mjs')).default);
      return Response.json(seen);
    } };'''
    write('lib.mjs', 'export default 1;')
    server = jsd(None, {'app': [{'script': str(write('closed.mjs', body)), 'eval': False, 'path': '/closed'},
                                {'script': str(write('open.mjs', body))}]})
    closed, opened = json.loads(server.get('/closed').text), json.loads(server.get('/').text)
    assert len(set(closed[:6])) == 1
    assert closed[0] == 'EvalError: Code generation from strings is disallowed for this app: [app] eval = true would allow it'
    assert opened[:6] == ['made'] * 6
    assert closed[6:] == opened[6:] == [True, True, 'number']


def test_typescript_and_commonjs_need_no_code_from_text(jsd, write):
    write('lib.cjs', 'module.exports = { answer: 42 };')
    write('lib.ts', 'export enum Kind { A = 1 } export const kind: Kind = Kind.A;')
    script = write('app.mjs', "import lib from './lib.cjs'; import { kind } from './lib.ts';"
                              "export default { fetch() { return new Response(`${lib.answer} ${kind}`); } };")
    server = jsd(script, {'app.eval': False, 'app.typescript': 'transform'})
    assert server.get().text == '42 1'


def test_values_of_env_are_in_no_message(start_fails, jsd, tmp_path):
    for settings in ({'app.env': {'TOKEN': 71429}}, {'app.env': '71429'}, {'app.env': {'TOKEN': ['71429']}}):
        result = start_fails(HELLO, settings)
        assert result.returncode == 2
        assert '71429' not in result.stderr and 'app.env' in result.stderr
    server = jsd(HELLO, {'app.env': {'TOKEN': 'secret-71429'}, 'log.level': 'debug'})
    assert server.get().text == 'hello'
    server.send_signal(signal.SIGHUP)
    server.wait_for_log('reloaded')
    assert 'secret-71429' not in server.log()
