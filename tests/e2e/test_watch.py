"""--watch: what is saved is served, without a lost request; and the types that scripts are written against."""

import re
import subprocess
import threading

import pytest

from http_client import wait_for
from npm import installed
from server import BINARY, REPOSITORY
from test_reload import version


def saved(server, path, text, expected):
    """Saves a script until its answer comes: a watch that begins with a new folder may miss what is in it already."""
    (server.folder / path).write_text(text)
    wait_for(lambda: server.get().text == expected, f'the answer {expected!r}')


def test_a_script_that_is_saved_is_served(jsd):
    server = jsd(version(0), workers=2, arguments=['--watch'])
    saved(server, 'app.mjs', version(1), 'version 1')
    (server.folder / 'lib').mkdir()
    saved(server, 'lib/text.ts', "export const text: string = 'unused';", 'version 1')
    saved(server, 'app.mjs', "import { text } from './lib/text.ts'; export default { fetch: () => new Response(text) };",
          'unused')
    saved(server, 'lib/text.ts', "export const text: string = 'changed';", 'changed')


def test_what_is_wrong_leaves_all_as_it_was(jsd):
    server = jsd(version(0), arguments=['--watch'])
    server.expect('the reload has failed, all stays as it was: cannot load .*SyntaxError')
    (server.folder / 'app.mjs').write_text('export default {')
    server.wait_for_log('the reload has failed')
    assert server.get().text == 'version 0'
    saved(server, 'app.mjs', version(1), 'version 1')


BROKEN = {'syntax': ('export default {', 'SyntaxError'), 'throws': ("throw new Error('early');", 'early'),
          'import': ("import './missing.mjs';", 'missing'),
          'await': ('await new Promise(() => {});', 'app.mjs:1:1')}


@pytest.mark.parametrize('name', BROKEN)
def test_a_start_that_fails_waits_for_a_change(jsd, name):
    source, message = BROKEN[name]
    server = jsd(source, workers=2, arguments=['--watch'], listeners=0)
    server.expect('cannot load .*app.mjs')
    server.wait_for_log('waiting for a change')
    assert message in server.log()
    (server.folder / 'app.mjs').write_text("throw new Error('again')")
    server.wait_for_log('Error: again')
    wait_for(lambda: server.log().count('waiting for a change') == 2, 'the second failure')
    assert not server.addresses
    (server.folder / 'app.mjs').write_text(version(1))
    wait_for(lambda: server.addresses, 'a start')
    server.descriptors_at_start = server.descriptors()
    assert server.get().text == 'version 1'
    saved(server, 'app.mjs', version(2), 'version 2')


def test_a_start_that_fails_ends_when_it_is_told_to(jsd):
    server = jsd('export default {', {'server.supervise': True}, arguments=['--watch'], listeners=0)
    server.expect('cannot load .*app.mjs')
    server.wait_for_log('waiting for a change')
    assert server.stop() == 0


@pytest.mark.parametrize('source', ["setTimeout(() => {}, 1e8); console.log('loading'); await new Promise(() => {});",
                                    "console.log('loading'); for (;;);"])
def test_what_is_saved_ends_a_start_that_does_not_end(jsd, source):
    server = jsd(source, {'limits.slice': '600s'}, workers=2, arguments=['--watch'], listeners=0)
    server.wait_for_log('loading')
    if 'for' in source:
        server.expect('the script was terminated while it ran')
    (server.folder / 'app.mjs').write_text(version(1))
    wait_for(lambda: server.addresses, 'a start')
    server.descriptors_at_start = server.descriptors()
    assert server.get().text == 'version 1'


def test_a_start_that_fails_takes_another_configuration(jsd):
    server = jsd("export default { fetch: (_, env) => new Response(env.NAME.length) }; throw 1;", arguments=['--watch'],
                 listeners=0)
    server.expect('cannot load .*app.mjs', 'no section or key|unknown')
    server.wait_for_log('waiting for a change')
    config = server.folder / 'server.toml'
    good = config.read_text()
    (server.folder / 'other.mjs').write_text("export default { fetch: (_, env) => new Response(env.NAME) };")
    config.write_text(good + '\nnonsense = 1\n')
    server.wait_for_log('nonsense')
    config.write_text(good.replace('app.mjs', 'other.mjs') + "\n[app.env]\nNAME = 'given'\n")
    wait_for(lambda: server.addresses, 'a start')
    server.descriptors_at_start = server.descriptors()
    assert server.get().text == 'given'


def test_saving_under_load_loses_nothing(jsd):
    server = jsd(version(0), workers=2, arguments=['--watch'])
    stop, problems = threading.Event(), []

    def client():
        try:
            with server.connect() as connection:
                while not stop.is_set():
                    reply = connection.get()
                    if reply.status != 200 or not re.fullmatch(r'version \d', reply.text):
                        problems.append(repr(reply))
        except (OSError, AssertionError) as error:
            problems.append(repr(error))

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    try:
        for number in range(1, 6):
            saved(server, 'app.mjs', version(number), f'version {number}')
    finally:
        stop.set()
        for thread in clients:
            thread.join()
    assert not problems


def test_the_config_file_counts_too(jsd):
    server = jsd("export default { fetch: (_, env) => new Response(env.NAME ?? 'none') };", arguments=['--watch'])
    config = server.folder / 'server.toml'
    config.write_text(config.read_text() + "\n[app.env]\nNAME = 'given'\n")
    wait_for(lambda: server.get().text == 'given', 'the new configuration')


def test_types_are_what_typescript_takes(tmp_path):
    (tmp_path / 'app.mjs').write_text('export default { fetch: () => new Response() };')
    (tmp_path / 'server.toml').write_text("""
[app]
script = "app.mjs"
env = { GREETING = "hello", "odd-name" = "x" }
permissions = { env = ["HOME"] }
""")
    command = [BINARY, '--config', tmp_path / 'server.toml', 'types']
    types = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (tmp_path / 'jsd.d.ts').write_text(types)
    (tmp_path / 'good.ts').write_text("""
export default {
  async fetch(request, env, ctx) {
    ctx.waitUntil(Promise.resolve());
    const texts: string[] = [env.GREETING, env['odd-name'], env.HOME, ctx.remoteAddress, jsd.version];
    if (request.headers.get('upgrade') === 'websocket') {
      const { socket, response } = jsd.upgradeWebSocket(request, { protocol: 'chat' });
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    }
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    if (ctx.tls?.clientCertificate) return new Response(null, { status: 101, webSocket: client });
    jsd.listen('shutdown', async () => {});
    await scheduler.wait(1, { signal: request.signal });
    return Response.json(texts);
  },
} satisfies jsd.Handler;
""")
    (tmp_path / 'bad.ts').write_text("""
export default {
  fetch(request, env) { return new Response(env.MISSING); },
} satisfies jsd.Handler;
export const text: number = jsd.version;
""")
    compiler = installed(REPOSITORY / 'tests/packages') / 'node_modules/typescript/bin/tsc'
    check = ['node', compiler, '--noEmit', '--strict', '--target', 'esnext', '--module', 'esnext',
             '--lib', 'esnext,webworker,webworker.iterable', 'jsd.d.ts']
    good = subprocess.run([*check, 'good.ts'], cwd=tmp_path, capture_output=True, text=True)
    assert good.returncode == 0, good.stdout
    bad = subprocess.run([*check, 'bad.ts'], cwd=tmp_path, capture_output=True, text=True)
    assert re.findall(r'bad\.ts\((\d+),', bad.stdout) == ['3', '5'], bad.stdout


def test_types_need_no_config():
    types = subprocess.run([BINARY, 'types'], check=True, capture_output=True, text=True).stdout
    assert 'declare namespace jsd {' in types and 'interface Env {\n  }' in types
    broken = subprocess.run([BINARY, 'types', '--config', '/nowhere.toml'], capture_output=True, text=True)
    assert broken.returncode == 2 and '/nowhere.toml' in broken.stderr
