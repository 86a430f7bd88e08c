"""The cost of an event's way into JavaScript: Google Benchmark's results of //core:events_benchmark, per event."""

import json
import pathlib
import subprocess

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_TARGET = '//core:events_benchmark'
_UNITS = {'ns': 1, 'us': 1e3, 'ms': 1e6, 's': 1e9}


def per_event_ns(report):
    """[(name, ns per event)] of a report in Google Benchmark's JSON; a batch counts its items."""
    results = []
    for entry in report['benchmarks']:
        if entry.get('aggregate_name', 'median') != 'median':
            continue
        if 'items_per_second' in entry:
            nanoseconds = 1e9 / entry['items_per_second']
        else:
            nanoseconds = entry['cpu_time'] * _UNITS[entry['time_unit']]
        results.append((entry['run_name'], nanoseconds))
    return results


def run(cpu, repetitions):
    subprocess.run(['bazel', 'build', _TARGET], cwd=_ROOT, check=True)
    done = subprocess.run(
        ['taskset', '-c', cpu, _ROOT / 'bazel-bin/core/events_benchmark', '--benchmark_format=json',
         f'--benchmark_repetitions={repetitions}', '--benchmark_report_aggregates_only=true'],
        stdout=subprocess.PIPE, text=True, check=True)
    return per_event_ns(json.loads(done.stdout))
