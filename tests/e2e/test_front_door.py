"""The scripts that a person starts with, and the counting behind the last line of script/test."""

import os
import shutil
import subprocess
import sys

import pytest

from server import REPOSITORY

SCRIPTS = sorted(path for path in (REPOSITORY / 'script').iterdir() if path.name != 'lib.sh')


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_help_from_any_folder(script, tmp_path):
    result = subprocess.run([script, '--help'], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert result.returncode == 0
    assert result.stdout.startswith(f'usage: script/{script.name}')


@pytest.mark.parametrize('script', ['bootstrap', 'format', 'test'])
def test_unknown_argument(script, tmp_path):
    result = subprocess.run([REPOSITORY / 'script' / script, '--frobnicate'], cwd=tmp_path, capture_output=True,
                            text=True, timeout=20)
    assert result.returncode == 1
    assert '--frobnicate' in result.stderr


@pytest.mark.skipif(not os.environ.get('JSD_LONG'), reason='builds each target anew: only with script/test --long')
@pytest.mark.parametrize('target', ['request', 'chunked', 'websocket', 'config', 'proxies'])
def test_what_fuzzing_has_found_is_still_right(target):
    result = subprocess.run([REPOSITORY / 'script/fuzz', target, '0'], capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr[-4000:]


def test_shellcheck():
    if not shutil.which('shellcheck'):
        pytest.skip('shellcheck is not installed')
    # SC2164: lib.sh makes every script end where a `cd` fails.
    subprocess.run(['shellcheck', '-x', '-P', 'SCRIPTDIR', '-e', 'SC2164', *SCRIPTS, '.ci/run'], cwd=REPOSITORY,
                   check=True)


@pytest.mark.parametrize('cases, status, last', [
    ('<testcase name="a"/><testcase name="b" status="run"/>', 0, '2 passed, 0 failed'),
    ('<testcase name="a"/><testcase name="b"><failure/></testcase>', 1, '1 passed, 1 failed'),
    ('<testcase name="a"/><testcase name="b"><error/></testcase>', 1, '1 passed, 1 failed'),
    ('<testcase name="a"><skipped/></testcase><testcase name="b" status="notrun"/>', 1, '0 passed, 0 failed'),
    ('<testcase name="a"/><testcase name="a"><error/></testcase>', 1, '0 passed, 1 failed'),
    ('', 1, '0 passed, 0 failed'),
])
def test_counting(tmp_path, cases, status, last):
    path = tmp_path / 'results.xml'
    path.write_text(f'<testsuites><testsuite>{cases}</testsuite></testsuites>')
    result = subprocess.run([sys.executable, REPOSITORY / 'tests/count_cases.py', path], capture_output=True, text=True)
    assert result.returncode == status
    assert result.stdout.splitlines()[-1] == last
