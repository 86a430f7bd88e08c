"""One jsd process under test, and what must hold when it ends."""

import json
import os
import pathlib
import re
import resource
import signal
import subprocess

from http_client import TIMEOUT, Connection, wait_for

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get('JSD_BINARY', REPOSITORY / 'bazel-bin/server/jsd')).absolute()

# What every server under test is to have beside its own settings.
EVERYWHERE = [word for setting in os.environ.get('JSD_SET', '').split() for word in ('--set', setting)]

_LISTENING = re.compile(r'listening on ([^\s"]+)')
_COMPLAINT = re.compile(r'^\S+ +(warn|error)\b|"level" ?: ?"(warn|error)"', re.IGNORECASE)
# AddressSanitizer keeps freed memory for a while, 256 MiB of it by default, which tests of memory would take for a leak.
ENVIRONMENT = {'ASAN_OPTIONS': 'quarantine_size_mb=8'}
_SANITIZER = re.compile(r'AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:')


def toml(settings):
    """A configuration file from {'section.key': value}; 'app': [{…}, …] are several apps."""
    top = ''
    sections = {}
    for name, value in settings.items():
        section, _, key = name.rpartition('.')
        line = f'{key} = {_toml_value(value)}'
        if section:
            sections.setdefault(section, []).append(line)
        else:
            top += line + '\n'
    return top + '\n'.join(f'[{section}]\n' + '\n'.join(lines) + '\n' for section, lines in sections.items())


def _toml_value(value):
    if isinstance(value, dict):
        return '{ ' + ', '.join(f'{key} = {_toml_value(item)}' for key, item in value.items()) + ' }'
    if isinstance(value, list):
        return '[' + ', '.join(map(_toml_value, value)) + ']'
    return json.dumps(value, ensure_ascii=False)  # Texts, numbers and booleans are written as in JSON.


class Server:
    """A running jsd. Made by the fixture `jsd`, which also ends and examines it."""

    def __init__(self, folder, settings, arguments=(), listeners=1, nofile=None, log_file=None):
        self.folder = folder
        self.expected = []
        self.exit_status = None
        self.connections = []
        self.stderr_path = folder / 'stderr.log'
        self.log_path = log_file or self.stderr_path
        config = folder / 'server.toml'
        config.write_text(toml(settings))

        def limit_files():
            if nofile:
                resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))

        with open(self.stderr_path, 'wb') as errors, open(folder / 'stdout.log', 'wb') as out:
            self.process = subprocess.Popen([BINARY, '--config', config, *EVERYWHERE, *arguments],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=folder, start_new_session=True,
                                            preexec_fn=limit_files, env={**ENVIRONMENT, **os.environ})
        self.pid = self.process.pid
        try:
            wait_for(lambda: len(self.addresses) >= listeners or self.process.poll() is not None, 'listening sockets')
            assert self.process.poll() is None, f'jsd ended with status {self.process.returncode}:\n{self.log()}'
        except AssertionError:
            self.kill()
            raise
        self.descriptors_at_start = self.descriptors()

    # What it says.

    def log(self):
        return self.log_path.read_text(errors='replace') if self.log_path.exists() else ''

    @property
    def addresses(self):
        return _LISTENING.findall(self.log())

    @property
    def address(self):
        return self.addresses[0]

    @property
    def url(self):
        return f'http://{self.address}'

    def expect(self, *patterns):
        """Declares warnings and errors that the log has to hold; all others fail the test."""
        self.expected += patterns

    def wait_for_log(self, pattern):
        return wait_for(lambda: re.search(pattern, self.log()), f'{pattern!r} in the log')

    # Clients.

    def connect(self, address=None, **options):
        connection = Connection(address or self.address, **options)
        self.connections.append(connection)
        return connection

    def request(self, *arguments, **options):
        with self.connect() as connection:
            return connection.request(*arguments, **options)

    def get(self, target='/', **headers):
        with self.connect() as connection:
            return connection.get(target, **headers)

    def curl(self, path='/', *arguments):
        """What curl prints for a path of this server."""
        command = ['curl', '-sS', '--max-time', str(TIMEOUT), '--noproxy', '*', *arguments, self.url + path]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    # The process.

    def descriptors(self):
        folder = f'/proc/{self.pid}/fd'
        found = {}
        for number in os.listdir(folder):
            try:
                found[number] = os.readlink(f'{folder}/{number}')
            except FileNotFoundError:
                pass  # Closed meanwhile.
        return found

    def cpu_seconds(self):
        fields = pathlib.Path(f'/proc/{self.pid}/stat').read_text().rsplit(') ', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def send_signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, timeout=TIMEOUT):
        """The exit status; negative where a signal ended the process."""
        self.exit_status = self.process.wait(timeout)
        return self.exit_status

    def stop(self, number=signal.SIGTERM):
        self.send_signal(number)
        return self.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def finish(self):
        """Ends the process and raises if it left anything behind or said anything that nobody expected."""
        for connection in self.connections:
            connection.close()
        try:
            if self.exit_status is None:
                assert self.process.poll() is None, f'jsd ended by itself: {self.process.returncode}\n{self.log()}'
                self._check_descriptors()
                assert self.stop() == 0, f'exit status {self.exit_status}\n{self.log()}'
        finally:
            if self.process.poll() is None:
                self.kill()
        strays = [pid for pid in os.listdir('/proc') if pid.isdigit() and _session_of(pid) == self.pid]
        assert not strays, f'processes left: {strays}'
        self._check_log()

    def _check_descriptors(self):
        def leaked():
            return {number: name for number, name in self.descriptors().items()
                    if self.descriptors_at_start.get(number, '').split(':')[0] != name.split(':')[0]}

        try:
            wait_for(lambda: not leaked(), 'descriptors to close')
        except AssertionError:
            raise AssertionError(f'leaked descriptors: {leaked()}') from None

    def _check_log(self):
        log = self.log()
        assert not _SANITIZER.search(self.stderr_path.read_text(errors='replace')), self.stderr_path.read_text()
        complaints = [line for line in log.splitlines() if _COMPLAINT.search(line)]
        unexpected = [line for line in complaints if not any(re.search(pattern, line) for pattern in self.expected)]
        assert not unexpected, 'unexpected in the log:\n' + '\n'.join(unexpected) + '\n\nall of it:\n' + log
        for pattern in self.expected:
            assert any(re.search(pattern, line) for line in complaints), f'{pattern!r} is not in the log:\n{log}'


def _session_of(pid):
    try:
        fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(') ', 1)[1].split()
        # One that has ended and was nobody's child any more is for the machine's first process to clear away.
        return int(fields[3]) if fields[0] != 'Z' else None
    except (FileNotFoundError, ProcessLookupError):
        return None
