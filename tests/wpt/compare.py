"""jsd beside other servers' JavaScript, subtest by subtest: what `script/wpt --peers` prints."""

import collections
import datetime
import json
import pathlib

import peers
import suite

PASS = 0

_PAGE = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'conformance.md'
_TEXT = """# Conformance

How many subtests of [web-platform-tests](https://web-platform-tests.org) jsd and other servers pass. `script/wpt` runs them
in jsd, `script/test` does so with the tests of Debian's source package of nodejs; `tests/wpt/expectations.json` says of
each failure there why it is one.

This page is written by

    script/wpt --dir TREE --peers jsd,node,deno,bun,workerd --record

TREE holds the tests of a newer such package (`test/fixtures/wpt` of nodejs 24.21, `apt-get source nodejs/forky`), with
`fetch`, `mimesniff` and `xhr/formdata` from `test/fixtures/wpt` of [undici](https://github.com/nodejs/undici). Everybody
runs the same files with the same testharness.js, each file in a fresh process or isolate. Relative URLs have a base there
and files of the tree can be fetched; there is no document and no test server, so what needs one fails everywhere. A
subtest is counted that anybody reported.

DATE. VERSIONS.

TABLE

BEHIND
"""
_AT_BEST = ('## What others pass and jsd does not\n\n'
            'By file, with the number of subtests and who passes some of them.\n\n')
_WHY = '''

Why: ML-KEM, ML-DSA, Argon2, TurboSHAKE and KangarooTwelve are not in OpenSSL 3.0, which is Debian 12's. There are no
entries of resource timing. A server has no origin, so its blob URLs have the opaque one. Three host names need Unicode 17,
V8's ICU has 16. The decoder of ISO-2022-JP is ICU's, whose errors differ in three cases.
'''


def _folder(file):
    """The row that a test is counted in: its topmost folder, two levels where these are worlds of their own."""
    parts = file.split('/')
    return '/'.join(parts[:2]) if parts[0] in ('dom', 'fetch', 'html', 'wasm', 'xhr') else parts[0]


def _passed(outcomes, file):
    return {subtest['name'] for subtest in outcomes.get(file, {}).get('tests', []) if subtest['status'] == PASS}


def _seen(outcomes, file):
    return {subtest['name'] for subtest in outcomes.get(file, {}).get('tests', [])}


class Comparison:
    """`outcomes`: by runtime, by name of the test. What counts as a subtest is what any of the runtimes reported."""

    def __init__(self, tests, outcomes):
        self.names = list(outcomes)
        self.rows = collections.defaultdict(collections.Counter)  # By folder: passes by runtime, and 'any' and 'all'.
        self.behind = {}  # By test: what jsd fails, with those that pass it.
        for test in tests:
            passed = {name: _passed(results, test.name) for name, results in outcomes.items()}
            row = self.rows[_folder(test.file)]
            row.update({name: len(subtests) for name, subtests in passed.items()})
            row['any'] += len(set().union(*passed.values()))
            row['all'] += len(set().union(*(_seen(results, test.name) for results in outcomes.values())))
            if 'jsd' in passed:
                others = {name: subtests - passed['jsd'] for name, subtests in passed.items()}
                missing = {subtest: [name for name in others if subtest in others[name]]
                           for subtest in set().union(*others.values())}
                if missing:
                    self.behind[test.name] = dict(sorted(missing.items()))

    def table(self):
        """The table in Markdown."""
        columns = [*self.names, 'any of them', 'subtests']
        lines = [f'| folder | {" | ".join(columns)} |', f'|---|{"---:|" * len(columns)}']
        total = sum(self.rows.values(), collections.Counter())
        for folder, row in [*sorted(self.rows.items()), ('**all**', total)]:
            # Nobody's row says nothing of anybody.
            if row['any']:
                cells = [row[name] for name in (*self.names, 'any', 'all')]
                lines.append(f'| {folder} | {" | ".join(f"{cell:,}" for cell in cells)} |')
        return '\n'.join(lines)


    def missing(self):
        """What jsd fails and another passes, in Markdown."""
        lines = [f'| {test.split("?")[0]} | {len(subtests)} | {", ".join(sorted(set().union(*subtests.values())))} |'
                 for test, subtests in self.behind.items()]
        return '| file | subtests | passed by |\n|---|---:|---|\n' + '\n'.join(lines)


def _record(comparison, versions):
    page = _TEXT.replace('DATE', f'{datetime.date.today():%d %B %Y}').replace('VERSIONS', versions)
    page = page.replace('TABLE', comparison.table())
    _PAGE.write_text(page.replace('BEHIND\n', _AT_BEST + comparison.missing() + _WHY), encoding='utf-8')


def _versions(names):
    return ', '.join(f'{name} {peers.version(name)}' for name in names if name in peers.NAMES)


def main(options, root, jobs, make_jsd, run_all):
    names = options.peers.split(',')
    unknown = sorted(set(names) - {'jsd', *peers.NAMES})
    if unknown:
        print(f'not known: {", ".join(unknown)}; there are jsd, {", ".join(peers.NAMES)}')
        return 2
    peers.install()
    tests = list(suite.find_tests(root, options.filter))
    outcomes = json.loads(pathlib.Path(options.earlier).read_text(encoding='utf-8')) if options.earlier else {}
    for name in names:
        make = make_jsd if name == 'jsd' else lambda name=name: peers.PeerRunner(name, jobs)
        outcomes.setdefault(name, {}).update(
            (test.name, outcome) for test, outcome in run_all(tests, make, options.jobs))
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(outcomes), encoding='utf-8')
    comparison = Comparison(tests, outcomes)
    for test, missing in comparison.behind.items():
        print(test)
        for subtest, passing in missing.items():
            print(f'  {subtest}  ({", ".join(passing)})')
    versions = f'{_versions(outcomes)}; {len(tests)} files'
    print(f'\n{versions}\n\n{comparison.table()}')
    if options.record:
        _record(comparison, versions)
    return 0 if tests else 1
