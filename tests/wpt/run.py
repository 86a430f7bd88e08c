#!/usr/bin/env python3
"""Runs web-platform-tests in jsd and compares the outcome with expectations.json. script/wpt is the way to call it."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import queue
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import suite  # noqa: E402

EXPECTATIONS = HERE / 'expectations.json'
PASS = 0
HARNESS = '(harness)'  # Stands for the file as a whole among the names of its subtests.
STATUS_NAMES = {0: 'PASS', 1: 'FAIL', 2: 'TIMEOUT', 3: 'NOTRUN', 4: 'PRECONDITION_FAILED', -1: 'CRASH'}


class Jobs:
    """What a runtime is told of a test: its scripts in their order, and what it finds besides."""

    def __init__(self, root, webidl, pako):
        self.root = str(root)
        # Debian leaves these out of its copy.
        self.supplied = {
            f'{self.root}/resources/WebIDLParser.js': os.path.abspath(webidl),
            f'{self.root}/compression/third_party/pako/pako_inflate.min.js': os.path.abspath(pako),
        }
        self.environment = (HERE / 'environment.js').read_text(encoding='utf-8')

    def __call__(self, test):
        location = f'http://web-platform.test:8000/{test.name}'
        scripts = [f'{self.root}/resources/testharness.js', str(HERE / 'report.js')]
        if test.is_idlharness:
            scripts.append(str(HERE / 'worker.js'))
        own = [path if os.path.exists(path) else self.supplied.get(os.path.normpath(path), path)
               for path in test.scripts]
        return {
            'root': self.root,
            'seconds': test.seconds,
            'location': location,
            'prelude': f'const wptLocation = {json.dumps(location)};\n{self.environment}',
            'scripts': scripts + own + [f'{self.root}/{test.file}'],
        }


class Runner:
    """One process of runner.cc. It is started anew after a crash."""

    def __init__(self, command, job_of):
        self.command = command
        self.job_of = job_of
        self.host = (HERE / 'host.js').read_text(encoding='utf-8')
        self.process = None

    def job(self, test):
        job = self.job_of(test)
        return job | {'prelude': f'{self.host}\n{job["prelude"]}'}

    def run(self, test):
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.process.stdin.write(json.dumps(self.job(test)) + '\n')
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ''
        if not line:
            status = self.process.wait()
            self.process = None
            return {'status': -1, 'message': f'the runner ended with status {status}', 'tests': [], 'log': []}
        return json.loads(line)

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


def failures_of(outcome):
    """Subtest → 'STATUS: message' for what did not pass."""
    failures = {}
    if outcome['status'] != PASS:
        failures[HARNESS] = f'{STATUS_NAMES.get(outcome["status"], "ERROR")}: {outcome["message"]}'
    for subtest in outcome['tests']:
        if subtest['status'] != PASS:
            failures[subtest['name']] = f'{STATUS_NAMES[subtest["status"]]}: {subtest["message"]}'
    return failures


class Expectations:
    """expectations.json: `skip` names files (or variants, or folders, ending in /) with the reason why they are not run; `fail` holds
    for each file the reasons why subtests fail, each with their names ('*' for all of them)."""

    def __init__(self, path):
        content = json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}
        self.skip = content.get('skip', {})
        self.fail = content.get('fail', {})

    def is_skipped(self, test):
        return any(test.file.startswith(key) if key.endswith('/') else key in (test.file, test.name)
                   for key in self.skip)

    def split(self, name, failures):
        """(unexpected failures, names of expected ones that passed)"""
        expected = {subtest for names in self.fail.get(name, {}).values() for subtest in names}
        if '*' in expected:
            return {}, [] if failures else ['*']
        return ({key: text for key, text in failures.items() if key not in expected},
                sorted(expected - failures.keys()))

    def update(self, name, failures):
        """Takes over what happened now; failures that have no reason yet get an empty one, for a person to fill in."""
        old = self.fail.get(name, {})
        if any('*' in names for names in old.values()):
            return
        reasons = {reason: [key for key in names if key in failures] for reason, names in old.items()}
        known = {key for names in reasons.values() for key in names}
        missing = [key for key in failures if key not in known]
        if missing:
            reasons.setdefault('', []).extend(missing)
        reasons = {reason: names for reason, names in reasons.items() if names}
        if reasons:
            self.fail[name] = reasons
        else:
            self.fail.pop(name, None)

    def unexplained(self):
        return [name for name, reasons in self.fail.items() if any(not reason.strip() for reason in reasons)]

    def write(self, path):
        content = {'skip': dict(sorted(self.skip.items())), 'fail': dict(sorted(self.fail.items()))}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')


def run_all(tests, make_runner, jobs):
    """Yields (test, outcome) in the order of the tests."""
    runners = queue.SimpleQueue()
    for _ in range(jobs):
        runners.put(make_runner())

    def run(test):
        runner = runners.get()
        try:
            return runner.run(test)
        finally:
            runners.put(runner)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run, test) for test in tests]
        for test, future in zip(tests, futures):
            yield test, future.result()
    for _ in range(jobs):
        runners.get().close()


def folder_of(test):
    """The row of the table that a test is counted in: two levels of folders."""
    return '/'.join(test.file.split('/')[:-1][:2])


def print_rows(rows):
    for folder, passed, total, more in rows:
        print(f'{folder:40} {passed:6} / {total:6}  {100 * passed / max(total, 1):6.1f} %{more}')


def check(tests, options, make_runner, expectations):
    """Runs jsd, prints what was not expected and the table; (outcomes, number of surprises)."""
    table = collections.defaultdict(lambda: [0, 0])
    outcomes = {}
    surprises = 0
    begin = time.monotonic()
    for test, outcome in run_all(tests, make_runner, options.jobs):
        failures = failures_of(outcome)
        row = table[folder_of(test)]
        row[0] += sum(1 for subtest in outcome['tests'] if subtest['status'] == PASS)
        row[1] += len(outcome['tests']) + (HARNESS in failures)
        unexpected, fixed = expectations.split(test.name, failures)
        if options.update:
            expectations.update(test.name, failures)
        else:
            surprises += len(unexpected)
        if unexpected or fixed:
            print(test.name)
            for name, text in unexpected.items():
                print(f'  {name}\n      {text}')
            for name in fixed:
                print(f'  passes now, remove it from expectations.json (or use --update): {name}')
            if HARNESS in unexpected and not options.quiet:
                for line in outcome.get('log', []):
                    print(f'      | {line}')
        outcomes[test.name] = outcome
    rows = [(folder, passed, total, '') for folder, (passed, total) in sorted(table.items())]
    passed, total = (sum(row[i] for row in table.values()) for i in (0, 1))
    more = f'   {len(tests)} files, {time.monotonic() - begin:.0f} s'
    print_rows([*rows, ('total', passed, total, more)])
    return outcomes, surprises


def arguments():
    parser = argparse.ArgumentParser(prog='script/wpt', description=__doc__)
    parser.add_argument('--runner', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--dir', required=True, help='the tree to run')
    parser.add_argument('--webidl', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--pako', required=True, help=argparse.SUPPRESS)
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='processes at the same time')
    parser.add_argument('--update', action='store_true', help='write what fails now into expectations.json')
    parser.add_argument('--no-expectations', action='store_true', help='show every failure, for another tree')
    parser.add_argument('--peers', help='compare with these, with commas: jsd,node,deno,bun,workerd')
    parser.add_argument('--from', dest='earlier', help='with --peers: take what this file of --json has already')
    parser.add_argument('--record', action='store_true', help='with --peers: write docs/conformance.md')
    parser.add_argument('--quiet', action='store_true', help='only the table and what was not expected')
    parser.add_argument('--json', help='write every outcome into this file')
    parser.add_argument('filter', nargs='?', default='', help='only tests whose path contains this text')
    return parser.parse_args()


def main():
    options = arguments()
    root = pathlib.Path(options.dir).resolve()
    jobs = Jobs(root, options.webidl, options.pako)
    command = [str(pathlib.Path(options.runner).resolve())]
    if options.peers:
        import compare  # Needs what tests/bench has, which the test of the expectations does without.
        return compare.main(options, root, jobs, lambda: Runner(command, jobs), run_all)
    expectations = Expectations(pathlib.Path('/nonexistent') if options.no_expectations else EXPECTATIONS)
    tests = [test for test in suite.find_tests(root, options.filter) if not expectations.is_skipped(test)]
    outcomes, surprises = check(tests, options, lambda: Runner(command, jobs), expectations)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(outcomes), encoding='utf-8')
    if options.update:
        expectations.write(EXPECTATIONS)
    for name in expectations.unexplained():
        print(f'expectations.json gives no reason for failures of {name}')
        surprises += 1
    if not tests:
        print('no test was selected')
    return 1 if surprises or not tests else 0


if __name__ == '__main__':
    sys.exit(main())
