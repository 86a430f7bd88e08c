"""The command line and the configuration file."""

import re
import subprocess

import pytest

from server import BINARY, REPOSITORY, toml

HELLO = "export default { fetch: (request, env) => new Response(env.GREETING ?? 'hello') };"


def config(write, text, script=HELLO):
    write('app.mjs', script)
    return write('server.toml', text)


GOOD = '[server]\nlisten = ["127.0.0.1:0"]\nworkers = 1\n[app]\nscript = "app.mjs"\n'


def test_help(run):
    result = run('--help')
    assert result.returncode == 0
    for option in ['--config', '--check', '--set', '--version', '--help']:
        assert option in result.stdout
    assert result.stderr == ''


def test_man_page_has_every_option(run):
    page = (REPOSITORY / 'docs/jsd.1').read_text()
    documented = re.findall(r'^\.It (Fl .*)$', page, re.MULTILINE)
    named = {'-' + flag for line in documented for flag in re.findall(r'Fl (-?[a-z-]+)', line)}
    listed = re.findall(r'^  (-\S+)', run('--help').stdout, re.MULTILINE)
    assert named == {option for options in listed for option in options.split(',')}


def test_version(run):
    result = run('--version')
    assert result.returncode == 0
    for pattern in [r'jsd \d+\.\d+', r'V8 13\.6\.\d+', r'Boost 1\.8\d', r'OpenSSL 3\.\d+']:
        assert re.search(pattern, result.stdout), result.stdout


def test_check_passes(run, write):
    result = run('--config', config(write, GOOD), '--check')
    assert result.returncode == 0, result.stderr
    assert 'listening' not in result.stderr


def test_check_loads_the_script(run, write):
    result = run('--config', config(write, GOOD, 'export default { fetch( }'), '--check')
    assert result.returncode == 1
    assert 'app.mjs:1:' in result.stderr


def test_default_configuration(run):
    result = run('--config', REPOSITORY / 'config/server.toml', '--check')
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize('name', ['hello', 'rest'])
def test_example_configuration(run, name):
    result = run('--config', REPOSITORY / 'examples' / name / 'server.toml', '--check')
    assert result.returncode == 0, result.stderr


def test_all_errors_at_once(run, write):
    path = config(write, '''[server]
lisen = ["127.0.0.1:0"]
workers = "many"

[app]
script = "app.mjs"

[limits]
body = "lots"
request = -3

[nonsense]
''')
    result = run('--config', path)
    assert result.returncode == 2
    for position, key in [('2:1', 'lisen'), ('3:', 'workers'), ('9:', 'body'), ('10:', 'request'), ('12:', 'nonsense')]:
        assert re.search(rf'server\.toml:{position}\S*: \S*{key}', result.stderr), result.stderr
    assert 'listen' in re.search(r'.*lisen.*', result.stderr)[0].replace('lisen', '')


def test_syntax_error(run, write):
    result = run('--config', config(write, '[server]\nlisten = \n'))
    assert result.returncode == 2
    assert re.search(r'server\.toml:[23]:\d+: ', result.stderr), result.stderr


def test_missing_configuration(run, tmp_path):
    result = run('--config', tmp_path / 'none.toml')
    assert result.returncode == 2
    assert 'none.toml' in result.stderr


def test_configuration_is_a_folder(run, tmp_path):
    result = run('--config', tmp_path)
    assert result.returncode == 2
    assert str(tmp_path) in result.stderr


def test_later_keys_are_not_accepted(run, write):
    result = run('--config', config(write, GOOD + '[[server.tls]]\nlisten = "127.0.0.1:8443"\n'))
    assert result.returncode == 2
    assert re.search(r'server\.toml:\d+:\d+: server\.tls', result.stderr), result.stderr


def test_no_arguments(run):
    result = run()
    assert result.returncode == 2
    assert '--config' in result.stderr


def test_unknown_argument(run, write):
    result = run('--config', config(write, GOOD), '--frobnicate')
    assert result.returncode == 2
    assert '--frobnicate' in result.stderr


def test_set(jsd):
    server = jsd(HELLO, arguments=['--set', 'app.env.GREETING="good morning"', '--set', 'log.format="json"'])
    assert server.get().text == 'good morning'
    assert server.log().startswith('{')


def test_set_takes_plain_words(jsd):
    server = jsd(HELLO, arguments=['--set', 'log.format=json'])
    assert server.log().startswith('{')


@pytest.mark.parametrize('setting', ['server.wrokers=2', 'server.workers=none', 'nonsense'])
def test_set_is_checked(run, write, setting):
    result = run('--config', config(write, GOOD), '--set', setting)
    assert result.returncode == 2
    assert setting.split('=')[0] in result.stderr


def test_relative_script_is_found_from_the_configuration(run, write):
    write('deep/app.mjs', HELLO)
    path = write('deep/server.toml', toml({'server.listen': ['127.0.0.1:0'], 'app.script': 'app.mjs'}))
    assert run('--config', path, '--check').returncode == 0


def test_needs_no_library_beyond_those_of_every_system():
    printed = subprocess.run(['readelf', '--dynamic', BINARY], capture_output=True, text=True, check=True).stdout
    needed = set(re.findall(r'\(NEEDED\).*\[(\w+)', printed))
    sanitizers = {'libasan', 'libubsan'}  # In a build with these.
    assert needed - sanitizers <= {'libc', 'libm', 'libgcc_s', 'libstdc', 'ld'}, needed
