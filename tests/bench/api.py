"""What web APIs cost: CPU µs per operation in each server's process, the operations being those of apps/api.mjs."""

import http.client
import json
import math
import statistics
import urllib.parse

import processes
from cases import Case, Expected
from servers import running

CASE = Case('api', 'web APIs', 'api.mjs', Expected(b'api'))

# A request does as much as takes about this long; no server's limits are near it.
_REQUEST_SECONDS = 0.1


class _Client:
    """One connection to a server that runs apps/api.mjs."""

    def __init__(self, process):
        self._connection = http.client.HTTPConnection('127.0.0.1', process.port, timeout=60)
        self._pid = process.pid

    def get(self, target):
        self._connection.request('GET', target)
        reply = self._connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise RuntimeError(f'{target}: status {reply.status}: {body[:200]!r}')
        return json.loads(body)

    def cost(self, operation, count):
        """(CPU µs of the process, what the operations came to) of one request."""
        before = processes.cpu_us(self._pid)
        result = self.get('/run?' + urllib.parse.urlencode({'operation': operation, 'count': count}))
        return processes.cpu_us(self._pid) - before, result['sum']


def _measure(client, operation, seconds):
    """(µs per operation, what one came to)."""
    count = 1
    while True:
        cost, result = client.cost(operation, count)
        if cost >= _REQUEST_SECONDS * 0.5e6:
            break
        count *= 2 if cost < _REQUEST_SECONDS * 0.1e6 else 1.5
        count = math.ceil(count)
    cpu, done = 0, 0
    while cpu < seconds * 1e6:
        cost, result = client.cost(operation, count)
        cpu += cost
        done += count
    return cpu / done, result


def sample(server, cpu, seconds):
    """{operation: (µs, what one came to)} of one start of a server."""
    with running(server, CASE, cpu) as process:
        client = _Client(process)
        return {operation: _measure(client, operation, seconds) for operation in client.get('/operations')}


def medians(samples):
    """{operation: µs} of the rounds."""
    return {operation: statistics.median(entry[operation][0] for entry in samples) for operation in samples[0]}


def disagreements(rows):
    """Operations that did not come to the same everywhere: {operation: {server: result}}."""
    results = {}
    for server, samples in rows.items():
        for operation, (_, result) in samples[0].items():
            results.setdefault(operation, {})[server] = result
    return {operation: row for operation, row in results.items() if len(set(row.values())) > 1}


def against(row):
    """(jsd against the best of the others, against their median) of one operation; None where there are no others."""
    others = [value for name, value in row.items() if name != 'jsd']
    if 'jsd' not in row or not others:
        return None, None
    return row['jsd'] / min(others), row['jsd'] / statistics.median(others)
