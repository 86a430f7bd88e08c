"""The driver behind script/bench, whose --help says what the arguments mean."""

import argparse
import json
import pathlib
import subprocess
import sys

import api
import events
import measure
import report
from cases import CASES
from load import WrongReply
from servers import SERVERS, install

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_RECORD = _ROOT / 'docs/benchmarks.md'
_API_RECORD = _ROOT / 'docs/benchmarks-apis.md'
_CASES = {case.name: case for case in CASES}
_MODES = ('memory', 'api', 'events')
_NOISE = 0.05


def _say(words):
    print(words, file=sys.stderr, flush=True)


def _arguments():
    parser = argparse.ArgumentParser(prog='script/bench', usage='script/bench --help', add_help=False,
                                     allow_abbrev=False)
    parser.add_argument('names', nargs='*')
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--peers', default=','.join(SERVERS))
    parser.add_argument('--json', type=pathlib.Path)
    parser.add_argument('--record', action='store_true')
    arguments = parser.parse_args()
    known = [*_CASES, *_MODES]
    arguments.names = arguments.names or known
    if arguments.json and not arguments.json.parent.is_dir():
        parser.error(f'no such folder: {arguments.json.parent}')
    arguments.peers = [name for name in arguments.peers.split(',') if name]
    for what, names, choices in (('case', arguments.names, known), ('server', arguments.peers, SERVERS)):
        for name in names:
            if name not in choices:
                parser.error(f'no such {what}: {name}; there are {", ".join(choices)}')
    return arguments


class Run:
    """One run of the chosen cases against the chosen servers; what failed is kept beside what was measured."""

    def __init__(self, arguments):
        self._servers = [SERVERS[name] for name in SERVERS if name in arguments.peers]
        self._names = list(dict.fromkeys(arguments.names))
        self.rounds, self._warm_seconds, self._seconds = (1, 1, 2) if arguments.quick else (3, 2, 3)
        self.samples = {}
        self.memory = {}
        self.api = {}
        self.events = []
        self.failures = []  # Of jsd, and of what is measured beside servers: they fail the run.
        self.failed_peers = {}  # By the names of case and server: why there is no number.

    @property
    def settings(self):
        rounds = 'one round' if self.rounds == 1 else f'median of {self.rounds} rounds, the servers taking turns'
        if not self.samples:
            return rounds
        return f'{rounds}; {self._warm_seconds} s of warm-up, {self._seconds} s measured; {self._foreign_load()}'

    def _foreign_load(self):
        loads = [sample['foreign_load'] for row in self.samples.values() for samples in row.values()
                 for sample in samples]
        return f'other processes took at most {max(loads, default=0):.0%} of the server\'s CPU'

    def execute(self):
        if self._chosen_cases() or 'memory' in self._names or 'api' in self._names:
            install(self._servers)
        for case in self._chosen_cases():
            for round_number in range(1, self.rounds + 1):
                for server in self._servers:
                    if server.name not in case.without and (case.name, server.name) not in self.failed_peers:
                        self._sample(case, round_number, server)
        if 'memory' in self._names:
            for server in self._servers:
                if server.many_workers:
                    self._memory(server)
        if 'api' in self._names:
            self._measure_api()
        if 'events' in self._names:
            self.events = self._attempt('events', lambda: events.run(measure.cpu_pair()[0], self.rounds)) or []

    def _chosen_cases(self):
        return [case for name, case in _CASES.items() if name in self._names]

    def _attempt(self, what, take, peer=None):
        try:
            return take()
        except (WrongReply, RuntimeError, OSError, subprocess.SubprocessError) as error:
            if peer is None:
                self.failures.append(f'{what}: {error}')
            else:
                self.failed_peers[peer] = str(error)
            _say('\n'.join([f'{what}: FAILED: {error}', *getattr(error, '__notes__', [])]))
            return None

    def _sample(self, case, round_number, server):
        what = f'{case.name} {round_number}/{self.rounds} {server.name}'
        key = (case.name, server.name)
        sample = self._attempt(what, lambda: measure.sample(server, case, self._warm_seconds, self._seconds),
                               key if server.is_peer else None)
        if sample is None:
            # Half of its rounds would be a number, but not that of a server that does what is asked.
            self.samples.get(case.name, {}).pop(server.name, None)
            return
        self.samples.setdefault(case.name, {}).setdefault(server.name, []).append(sample)
        _say(f'{what}: {sample["cpu_us"]:.2f} µs, {sample["requests_per_second"]:,.0f}/s')
        if sample['foreign_load'] > _NOISE:
            _say(f'  (other processes took {sample["foreign_load"]:.0%} of the server\'s CPU)')

    def _memory(self, server):
        what = f'memory {server.name}'
        sample = self._attempt(what, lambda: measure.memory_sample(server, _CASES['hello'], self._seconds),
                               ('memory', server.name) if server.is_peer else None)
        if sample is not None:
            self.memory[server.name] = sample
            _say(f'{what}: {sample["rss_mb"]:.1f} MB')

    def _measure_api(self):
        for round_number in range(1, self.rounds + 1):
            for server in self._servers:
                key = ('api', server.name)
                if server.name == 'raw' or key in self.failed_peers:
                    continue
                what = f'api {round_number}/{self.rounds} {server.name}'
                sample = self._attempt(what, lambda: api.sample(server, measure.cpu_pair()[0], self._seconds / 10),
                                       key if server.is_peer else None)
                if sample is None:
                    self.api.pop(server.name, None)
                    continue
                self.api.setdefault(server.name, []).append(sample)
                _say(what)
        for operation, results in api.disagreements(self.api).items():
            self.failures.append(f'api: {operation} does not come to the same everywhere: {results}')

    def report(self):
        cases = {case: {server: measure.medians(samples) for server, samples in row.items()}
                 for case, row in self.samples.items()}
        measured = {server: api.medians(samples) for server, samples in self.api.items()}
        return report.Report(self._servers, cases, self.memory, self.events, self.failed_peers, measured)

    def facts(self):
        servers = self._servers if self.samples or self.memory or self.api else []
        return {'date': report.today(), 'machine': report.machine(), 'versions': report.versions(servers)}


def main():
    arguments = _arguments()
    measure.cpu_pair()
    run = Run(arguments)
    try:
        run.execute()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        raise SystemExit(f'bench: {error}') from None
    summary = run.report()
    facts = run.facts()
    page = report.document(summary, facts, run.settings)
    print(page)
    if arguments.json:
        arguments.json.write_text(json.dumps(
            {**facts, 'settings': run.settings, 'samples': run.samples, 'memory': run.memory, 'api': run.api, 'events': run.events,
             'goals': summary.goals(), 'failures': run.failures,
             'failed_peers': {' '.join(key): words for key, words in run.failed_peers.items()}}, indent=2) + '\n')
    if run.failures:
        raise SystemExit('\n  '.join(['bench: failed:', *run.failures]))
    if arguments.record:
        path = _API_RECORD if arguments.names == ['api'] else _RECORD
        path.write_text(page)
        _say(f'wrote {path.relative_to(_ROOT)}')


if __name__ == '__main__':
    main()
