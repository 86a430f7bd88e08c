"""What deploy/ has for systemd, as far as it can be checked without one that runs."""

import shutil
import subprocess

import pytest

from server import REPOSITORY

UNITS = ['jsd.service', 'jsd.socket']


def test_units_are_what_systemd_understands(tmp_path):
    if not shutil.which('systemd-analyze'):
        pytest.skip('systemd-analyze is not installed')
    for name in UNITS:
        # The program has to exist, and the manual page may not be installed.
        text = (REPOSITORY / 'deploy' / name).read_text().replace('/usr/local/bin/jsd', '/bin/true')
        (tmp_path / name).write_text(text)
    result = subprocess.run(['systemd-analyze', 'verify', '--man=no', *(tmp_path / name for name in UNITS)],
                            capture_output=True, text=True, timeout=60)
    # It speaks of what is wrong with this machine's own units too.
    ours = [line for line in result.stderr.splitlines() if 'jsd' in line]
    assert not ours
