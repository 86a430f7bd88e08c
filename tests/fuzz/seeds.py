"""Writes the seeds of a fuzz target into a folder, or keeps what a folder holds.

    seeds.py TARGET FOLDER          writes the corpus, the cases of tests/http1, frames, and configuration files
    seeds.py TARGET --keep FOLDER   makes the files of FOLDER the corpus: a line of tests/fuzz/corpus/TARGET.txt for each
"""

import hashlib
import pathlib
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = pathlib.Path(__file__).parent / 'corpus'


def kept(target):
    path = CORPUS / f'{target}.txt'
    for line in path.read_text().splitlines() if path.exists() else ():
        yield line.encode().decode('unicode_escape').encode('latin-1')


def keep(target, folder):
    inputs = sorted((path.read_bytes() for path in folder.iterdir()), key=lambda data: (len(data), data))
    CORPUS.mkdir(exist_ok=True)
    lines = ''.join(data.decode('latin-1').encode('unicode_escape').decode() + '\n' for data in inputs)
    (CORPUS / f'{target}.txt').write_text(lines)


def cases():
    for path in sorted((ROOT / 'tests/http1').glob('*.toml')):
        for case in tomllib.loads(path.read_text())['case']:
            yield case['send'].encode('latin-1')


def frame(first, payload, mask=b'\x01\x02\x03\x04'):
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b'\xfe' + size.to_bytes(2, 'big')
    return bytes([first]) + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def websocket_seeds():
    hello = 'Grüße'.encode()
    deflated = bytes.fromhex('f248cdc9c90700')  # RFC 7692, section 7.2.3.1.
    yield b'\x03' + frame(0x81, hello) + frame(0x82, bytes(range(256))) + frame(0x88, b'\x03\xe8end')
    yield b'\x00' + frame(0x01, hello[:3]) + frame(0x89, b'ping') + frame(0x00, b'') + frame(0x80, hello[3:])
    yield b'\x05' + frame(0x8A, b'pong') + frame(0x81, b'\xff') + frame(0x81, b'not read')
    yield b'\x82' + frame(0xC1, deflated) + frame(0x41, deflated[:3]) + frame(0x80, deflated[3:])
    yield b'\xc7' + frame(0xC1, deflated) + frame(0xC1, bytes.fromhex('f200110000'))
    yield b'\x01' + frame(0x83, b'') + frame(0x81, hello)


def seeds(target):
    yield from kept(target)
    if target == 'websocket':
        yield from websocket_seeds()
        return
    if target == 'config':
        for path in [*ROOT.glob('config/*.toml'), *ROOT.glob('deploy/*.toml'), *ROOT.glob('examples/*/*.toml')]:
            yield path.read_bytes()
        return
    if target == 'proxies':
        yield b'\0PROXY TCP4 192.0.2.7 10.0.0.1 4567 80\r\nGET'
        yield b'\0PROXY TCP6 2001:db8::7 ::1 4567 80\r\n'
        yield b'\0\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + bytes(12)
        yield b'\0\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24' + bytes(36)
        yield b'\1a192.0.2.7, [2001:db8::1]:99, 10.0.0.1\nbhttps\nca.example:8443'
        yield b'\2dfor=192.0.2.7;proto=https;host="a.example:1", for="[2001:db8::1]:99"\nd, ;for=10.0.0.1'
        return
    for data in cases():
        header, end, body = data.partition(b'\r\n\r\n')
        if target == 'request':
            yield b'\x07' + header + end
        elif b'ransfer-' in header and body:
            yield b'\x02' + body


def main():
    target, *arguments = sys.argv[1:]
    folder = pathlib.Path(arguments[-1])
    if arguments[0] == '--keep':
        keep(target, folder)
        return
    for data in seeds(target):
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


main()
