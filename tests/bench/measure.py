"""Measures: one server under the load of one case, and the memory of servers with two workers."""

import os
import statistics

import processes
from load import check_counts, run_wrk
from servers import running

MEMORY_WORKERS = 2


def cpu_pair():
    """(the server's CPU, the client's)."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise SystemExit('bench: needs two CPUs, one for the server and one for the client')
    return str(cpus[0]), str(cpus[1])


def sample(server, case, warm_seconds, seconds):
    """One start of a server and one load of it, as a dict of numbers."""
    server_cpu, client_cpu = cpu_pair()
    with running(server, case, server_cpu, backend_cpus=client_cpu) as process:
        run_wrk(case, process.port, warm_seconds, client_cpu, process.folder)
        cpu, busy = processes.cpu_us(process.pid), processes.busy_us(server_cpu)
        counts = run_wrk(case, process.port, seconds, client_cpu, process.folder)
        cpu, busy = processes.cpu_us(process.pid) - cpu, processes.busy_us(server_cpu) - busy
        check_counts(counts, process.reply_size)
        resident, highest = processes.memory_mb(process.pid)
    return {
        'cpu_us': cpu / counts['requests'],
        'requests_per_second': counts['requests'] / counts['seconds'],
        'p50_us': counts['p50_us'],
        'p99_us': counts['p99_us'],
        'start_ms': process.start_ms,
        'rss_mb': resident,
        'rss_high_mb': highest,
        # What else ran on the server's CPU: caches and turns are taken from the server, so this should be near nothing.
        'foreign_load': max(0.0, busy - cpu) / (counts['seconds'] * 1e6),
    }


def memory_sample(server, case, seconds):
    """Resident memory, in MB, after load of a server with MEMORY_WORKERS workers on both CPUs."""
    server_cpu, client_cpu = cpu_pair()
    with running(server, case, f'{server_cpu},{client_cpu}', MEMORY_WORKERS) as process:
        counts = run_wrk(case, process.port, seconds, f'{server_cpu},{client_cpu}', process.folder)
        check_counts(counts, process.reply_size)
        resident, highest = processes.memory_mb(process.pid)
    return {'rss_mb': resident, 'rss_high_mb': highest}


def medians(samples):
    """The median of each number over the rounds."""
    return {key: statistics.median(entry[key] for entry in samples) for key in samples[0]}
