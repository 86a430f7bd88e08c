"""What the numbers say, as Markdown: tables, ratios, goals met or not."""

import datetime
import os
import pathlib
import platform
import subprocess

import api
from cases import BEST_PEER, CASES, GOALS
from servers import SERVERS

_TITLES = {case.name: case.title for case in CASES} | {'start': 'start to first reply', 'memory': 'RSS, two workers',
                                                  'api': 'web APIs'}
_UNITS = {'start': 'ms', 'memory': 'MB'}
_EVENT_GOALS = (
    # (what, the slower one's distinguishing word, the quicker one's, how many times quicker at least)
    ('cached against looked up: at least 1.5× faster', 'lookup', 'cached', 1.5),
    ('batch of 16 against cached: faster', 'cached', 'batch', 1.0),
)


def machine():
    model = next((line.partition(':')[2].strip() for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines()
                  if line.startswith('model name')), platform.machine())
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30
    return {'cpu': model, 'cpus': len(os.sched_getaffinity(0)), 'memory_gib': round(memory, 1),
            'kernel': f'{platform.system()} {platform.release()}',
            'system': platform.freedesktop_os_release().get('PRETTY_NAME', 'unknown')}


def versions(servers):
    wrk = subprocess.run(['wrk', '-v'], capture_output=True, text=True).stdout
    known = {server.name: version for server in servers if (version := server.version())}
    return known | {'wrk': wrk.split('[')[0].removeprefix('wrk ').strip()}


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d')


def _number(value):
    if value is None:
        return '–'
    return f'{value:.2f}' if value < 10 else f'{value:.1f}' if value < 100 else f'{value:,.0f}'


def _table(header, rows):
    lines = ['| ' + ' | '.join(header) + ' |', '|---' + '|---:' * (len(header) - 1) + '|']
    return '\n'.join(lines + ['| ' + ' | '.join(row) + ' |' for row in rows]) + '\n'


class Report:
    """The results of one run. `cases` maps case name and server name to medians, `memory` server name to its numbers,
    `events` holds (name, ns) pairs, `failed` maps (case or 'memory', server) to why there is no number, `apis` server name
    to µs of operations."""

    def __init__(self, servers, cases, memory, events, failed=None, apis=None):
        self._servers = [server.name for server in servers]
        self._cases = cases
        self._memory = memory
        self._events = events
        self._failed = failed or {}
        self._apis = apis or {}

    def _value(self, measure, server):
        """A server's number of a goal's measure, or None where it was not taken."""
        if measure == 'memory':
            return self._memory.get(server, {}).get('rss_mb')
        if measure == 'start':
            return self._base().get(server, {}).get('start_ms')
        return self._cases.get(measure, {}).get(server, {}).get('cpu_us')

    def _base(self):
        """The case that start and memory are read from: hello, or the first of the run."""
        return self._cases.get('hello') or next(iter(self._cases.values()), {})

    def _best_peer(self, measure):
        """(name, number) of the peer with the lowest number."""
        values = [(self._value(measure, name), name) for name in self._servers if SERVERS[name].is_peer]
        return min(((name, value) for value, name in values if value is not None), key=lambda pair: pair[1],
                   default=('', None))

    def _cell(self, case, server, value):
        return 'failed' if (case, server) in self._failed else _number(value)

    def _case_table(self, key):
        return _table(['', *self._servers],
                      [[_TITLES[case], *(self._cell(case, name, row.get(name, {}).get(key)) for name in self._servers)]
                       for case, row in self._cases.items()])

    def _ratios(self):
        others = [name for name in self._servers if name != 'jsd']
        rows = []
        for case, row in self._cases.items():
            own = row.get('jsd', {}).get('cpu_us')
            ratios = [own / row[name]['cpu_us'] if own and row.get(name) else None for name in others]
            rows.append([_TITLES[case], *(self._cell(case, *pair) for pair in zip(others, ratios))])
        return _table(['jsd ÷', *others], rows)

    def _processes(self):
        rows = []
        for name in self._servers:
            base = self._base().get(name, {})
            two = self._memory.get(name, {})
            rows.append([name, *map(_number, (base.get('start_ms'), base.get('rss_mb'), base.get('rss_high_mb'))),
                         self._cell('memory', name, two.get('rss_mb'))])
        return _table(['', 'start to first reply, ms', 'RSS after load, MB', 'highest RSS, MB', 'RSS, two workers, MB'],
                      rows)

    def _api_table(self):
        names = [name for name in self._servers if name in self._apis]
        rows = []
        for operation in next(iter(self._apis.values())):
            row = {name: self._apis[name][operation] for name in names}
            best, median = api.against(row)
            rows.append([operation, *map(_number, row.values()), _number(best), _number(median)])
        return _table(['', *names, 'jsd ÷ best', 'jsd ÷ median'], rows)

    def goals(self):
        """One dict per goal that this run can judge."""
        judged = []
        for goal in GOALS:
            own = self._value(goal.measure, 'jsd')
            name, other = goal.against, None
            if goal.against == BEST_PEER:
                name, other = self._best_peer(goal.measure)
            elif goal.against:
                other = self._value(goal.than or goal.measure, goal.against)
            if own is None or (goal.against and other is None):
                continue
            sign = '<' if goal.strict else '≤'
            if not goal.against:
                words = f'{sign} {goal.limit:g}'
            else:
                whom = f'{goal.against} ({name})' if goal.against == BEST_PEER else name
                if goal.than:
                    whom += f'\'s {_TITLES[goal.than]}'
                factor = '' if goal.limit == 1 else f'{goal.limit:.3g} × '
                words = f'{sign} {whom} + {goal.limit:g}' if goal.offset else f'{sign} {factor}{whom}'
            judged.append({'measure': goal.measure, 'goal': words, 'bound': goal.bound(other), 'measured': own,
                           'unit': _UNITS.get(goal.measure, 'µs'), 'met': goal.met(own, other)})
        return judged

    def _event(self, word):
        """ns of the first benchmark of which this is the distinguishing word."""
        for name, nanoseconds in self._events:
            lower = name.lower()
            if word in lower and (word == 'batch' or 'batch' not in lower):
                return nanoseconds
        return None

    def event_goals(self):
        """[(what, ratio, met)] of the goals about events."""
        judged = []
        for what, slow, quick, limit in _EVENT_GOALS:
            numerator, denominator = self._event(slow), self._event(quick)
            if numerator and denominator:
                ratio = numerator / denominator
                judged.append((what, ratio, ratio > 1 if limit == 1 else ratio >= limit))
        return judged

    def has_only_apis(self):
        return bool(self._apis) and not self._cases and not self._memory and not self._events

    def markdown(self):
        parts = []
        if self._cases:
            parts += ['## CPU time per request, µs\n', self._case_table('cpu_us')]
            if 'jsd' in self._servers:
                parts += ['## jsd against the others, CPU time per request\n', self._ratios()]
            parts += ['## Requests per second on one core\n', self._case_table('requests_per_second')]
        if self._failed:
            parts += ['Failed:\n', *(f'- {_TITLES[case]}, {name}: {why}' for (case, name), why in self._failed.items()),
                      '']
        if self._cases or self._memory:
            parts += ['## Start and memory\n', self._processes()]
        if goals := self.goals():
            rows = [[_TITLES[goal['measure']], goal['goal'], f'{_number(goal["bound"])} {goal["unit"]}',
                     f'{_number(goal["measured"])} {goal["unit"]}', 'met' if goal['met'] else '**not met**']
                    for goal in goals]
            parts += ['## Goals\n', _table(['jsd', 'goal', 'that is', 'measured', ''], rows)]
        if self._apis:
            parts += ['## Web APIs, CPU µs per operation\n', self._api_table()]
        if self._events:
            parts += ['## Events: native to JavaScript and back\n',
                      _table(['', 'ns per event'], [[name, _number(value)] for name, value in self._events])]
            if judged := self.event_goals():
                rows = [[what, f'{ratio:.2f} ×', 'met' if met else '**not met**'] for what, ratio, met in judged]
                parts.append(_table(['goal', 'measured', ''], rows))
        return '\n'.join(parts)


_HOW = (
    'Each server runs alone on one CPU, the client (wrk, 64 connections) on another, over loopback. CPU time is '
    'user and system time of all threads of the server\'s processes divided by completed requests. All JavaScript '
    'servers run the same script of `tests/bench/apps`, except Node: it has no fetch handlers, so `node.mjs` does '
    'the same work on `node:http`, as one process without `cluster`, whose primary would only cost it. `raw` is '
    'the physical limit: an epoll loop that frames requests and sends a constant reply, with no work behind it. '
    'Every server is checked to answer rightly before it is measured. With two workers Node uses `cluster` and '
    'Deno `--parallel`; resident memory is summed over processes, pages that they share included each time.\n')
_HOW_APIS = (
    'Each server does an operation of `tests/bench/apps/api.mjs` many times in one request; CPU time is user and system '
    'time of all threads of its process, which runs alone on one CPU, divided by the number of operations. All come to '
    'the same result, which is checked.\n')


def document(report, facts, settings):
    """The whole page, as docs/benchmarks.md keeps it. Every number in it comes from one run."""
    where = facts['machine']
    lines = [
        '# Benchmarks of web APIs\n' if report.has_only_apis() else '# Benchmarks\n',
        'Written by `script/bench`; all numbers are of one run on one machine, so compare them with each other only.\n',
        f'- Date: {facts["date"]}',
        f'- Machine: {where["cpu"]}, {where["cpus"]} CPUs, {where["memory_gib"]} GiB, {where["system"]}, '
        f'{where["kernel"]}',
        *(f'- {name}: {version}' for name, version in facts['versions'].items()),
        f'- Settings: {settings}\n',
        _HOW_APIS if report.has_only_apis() else _HOW,
    ]
    return '\n'.join(lines) + '\n' + report.markdown()
