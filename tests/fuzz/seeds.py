"""Writes the seeds of a fuzz target into a folder: the cases of tests/http1, and configuration files."""

import hashlib
import pathlib
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cases():
    for path in sorted((ROOT / 'tests/http1').glob('*.toml')):
        for case in tomllib.loads(path.read_text())['case']:
            yield case['send'].encode('latin-1')


def seeds(target):
    if target == 'config':
        for path in [*ROOT.glob('config/*.toml'), *ROOT.glob('deploy/*.toml'), *ROOT.glob('examples/*/*.toml')]:
            yield path.read_bytes()
        return
    for data in cases():
        header, end, body = data.partition(b'\r\n\r\n')
        if target == 'request':
            yield b'\x07' + header + end
        elif b'ransfer-' in header and body:
            yield b'\x02' + body


def main():
    target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    for data in seeds(target):
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


main()
