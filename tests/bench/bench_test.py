#!/usr/bin/python3
"""Tests of the benchmark's own arithmetic, framing and checks."""

import argparse
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from unittest import mock

import api
import bench
import cases
import events
import load
import processes
import report
from servers import SERVERS

_HERE = pathlib.Path(__file__).resolve().parent
_HELLO = cases.CASES[0]


def _row(**cpu_us):
    return {name: {'cpu_us': value, 'requests_per_second': 1e6 / value, 'start_ms': 10.0, 'rss_mb': 30.0,
                   'rss_high_mb': 31.0} for name, value in cpu_us.items()}


def _goals(rows, memory=None):
    servers = [SERVERS[name] for name in SERVERS]
    judged = report.Report(servers, rows, memory or {}, []).goals()
    return {(goal['measure'], goal['goal']): goal for goal in judged}


class CannedServer:
    """A socket that answers one connection with these bytes."""

    def __init__(self, reply):
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=(reply,))

    def _serve(self, reply):
        with self._listener, self._listener.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(reply)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join()


class ExchangeTest(unittest.TestCase):
    def exchange(self, reply, case=_HELLO):
        with CannedServer(reply) as server:
            return load.exchange(case, server.port)

    def test_right_reply_yields_its_size(self):
        reply = b'HTTP/1.1 200 OK\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: 13\r\n\r\nHello, World!'
        self.assertEqual(self.exchange(reply), len(reply))

    def test_chunked_reply_is_put_together(self):
        reply = (b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n'
                 b'6\r\nHello,\r\n7\r\n World!\r\n0\r\n\r\n')
        self.assertEqual(self.exchange(reply), len(reply))

    def test_wrong_replies_are_refused(self):
        for status, kind, body in ((500, 'text/plain', 'Hello, World!'), (200, 'text/html', 'Hello, World!'),
                                   (200, 'text/plain', 'Hello, world!')):
            reply = f'HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}'
            with self.subTest(reply=reply), self.assertRaises(load.WrongReply):
                self.exchange(reply.encode())

    def test_missing_reply_of_a_pipeline_is_an_error(self):
        pipelined = next(case for case in cases.CASES if case.pipeline == 16)
        reply = b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!'
        with self.assertRaises(ConnectionError):
            self.exchange(reply * 15, pipelined)
        self.assertEqual(self.exchange(reply * 16, pipelined), len(reply))


class CountsTest(unittest.TestCase):
    def check(self, **changes):
        load.check_counts({'requests': 100_000, 'bytes': 14_000_000, 'failures': 0} | changes, 140)

    def test_plausible_counts_pass(self):
        self.check()
        self.check(bytes=14_000_000 + 64 * 139)

    def test_failures_and_other_sizes_are_refused(self):
        for changes in ({'failures': 1}, {'requests': 0, 'bytes': 0}, {'bytes': 10_000_000}, {'bytes': 15_000_000}):
            with self.subTest(changes=changes), self.assertRaises(load.WrongReply):
                self.check(**changes)


class GoalsTest(unittest.TestCase):
    def test_ratio_to_raw_and_to_the_best_peer(self):
        goals = _goals({'hello': _row(jsd=6.0, raw=5.0, deno=6.5, bun=7.0)})
        self.assertFalse(goals['hello', '≤ 1.15 × raw']['met'])
        self.assertTrue(goals['hello', '< best peer (deno)']['met'])
        self.assertAlmostEqual(goals['hello', '≤ 1.15 × raw']['bound'], 5.75)

    def test_equal_to_the_best_peer_is_not_below_it(self):
        goals = _goals({'hello': _row(jsd=6.5, deno=6.5)})
        self.assertFalse(goals['hello', '< best peer (deno)']['met'])

    def test_pipelining_wants_a_sixth(self):
        for own, met in ((0.7, True), (0.71, False)):
            goals = _goals({'pipelined': _row(jsd=own, deno=4.2, bun=6.0)})
            self.assertEqual([goal['met'] for goal in goals.values() if goal['measure'] == 'pipelined'], [met])

    def test_one_measure_against_another(self):
        for own, met in ((7.5, True), (7.51, False)):
            goals = _goals({'hello': _row(jsd=6.0), 'tls': _row(jsd=own)})
            self.assertEqual(goals['tls', "≤ 1.25 × jsd's hello"]['met'], met)

    def test_start_is_counted_from_the_raw_server(self):
        rows = {'hello': _row(jsd=6.0, raw=5.0)}
        rows['hello']['jsd']['start_ms'] = 29.9
        self.assertTrue(_goals(rows)['start', '≤ raw + 20']['met'])
        rows['hello']['jsd']['start_ms'] = 30.1
        self.assertFalse(_goals(rows)['start', '≤ raw + 20']['met'])

    def test_memory_is_absolute(self):
        for megabytes, met in ((50.0, True), (50.1, False)):
            self.assertEqual(_goals({}, {'jsd': {'rss_mb': megabytes}})['memory', '≤ 50']['met'], met)

    def test_what_was_not_measured_is_not_judged(self):
        self.assertEqual(_goals({'post': _row(jsd=6.0, deno=7.0)}), {})


class FailuresTest(unittest.TestCase):
    """A run in which one server answers wrongly."""

    def run_with_failing(self, failing):
        def sample(server, case, warm_seconds, seconds):
            if server.name == failing:
                raise load.WrongReply('most requests failed')
            return _row(**{server.name: 5.0})[server.name] | {'foreign_load': 0.0}

        arguments = argparse.Namespace(names=['hello'], peers=['jsd', 'deno', 'bun'], quick=False)
        run = bench.Run(arguments)
        with mock.patch.object(bench, 'install'), mock.patch.object(bench.measure, 'sample', sample), \
                mock.patch.object(bench, '_say'):
            run.execute()
        return run

    def test_a_peer_that_fails_is_shown_and_no_goal(self):
        run = self.run_with_failing('bun')
        self.assertEqual(run.failures, [])
        self.assertIn('| hello | 5.00 | 5.00 | failed |', run.report().markdown())
        self.assertEqual(list(run.failed_peers), [('hello', 'bun')])

    def test_jsd_fails_the_run(self):
        run = self.run_with_failing('jsd')
        self.assertEqual(len(run.failures), run.rounds)
        self.assertEqual(run.failed_peers, {})
        self.assertEqual(run.report().goals(), [])


class EventsTest(unittest.TestCase):
    REPORT = {'benchmarks': [
        {'run_name': 'Lookup', 'aggregate_name': 'mean', 'cpu_time': 900.0, 'time_unit': 'ns'},
        {'run_name': 'Lookup', 'aggregate_name': 'median', 'cpu_time': 0.3, 'time_unit': 'us'},
        {'run_name': 'Cached', 'aggregate_name': 'median', 'cpu_time': 150.0, 'time_unit': 'ns'},
        {'run_name': 'CachedBatch/16', 'aggregate_name': 'median', 'cpu_time': 1600.0, 'time_unit': 'ns',
         'items_per_second': 1e7},
    ]}

    def test_per_event(self):
        self.assertEqual([(name, round(value, 6)) for name, value in events.per_event_ns(self.REPORT)],
                         [('Lookup', 300.0), ('Cached', 150.0), ('CachedBatch/16', 100.0)])

    def test_goals(self):
        judged = report.Report([], {}, {}, events.per_event_ns(self.REPORT)).event_goals()
        self.assertEqual([(round(ratio, 6), met) for _, ratio, met in judged], [(2.0, True), (1.5, True)])


class ApiTest(unittest.TestCase):
    rows = {'jsd': [{'new URL': (2.0, 5)}, {'new URL': (4.0, 5)}, {'new URL': (3.0, 5)}],
            'node': [{'new URL': (6.0, 5)}], 'bun': [{'new URL': (1.5, 5)}]}

    def test_medians_and_ratios(self):
        medians = {name: api.medians(samples) for name, samples in self.rows.items()}
        self.assertEqual(medians['jsd'], {'new URL': 3.0})
        self.assertEqual(api.against({name: row['new URL'] for name, row in medians.items()}), (2.0, 0.8))
        self.assertEqual(api.against({'jsd': 1.0}), (None, None))
        measured = report.Report([SERVERS[name] for name in self.rows], {}, {}, [], None, medians)
        self.assertIn('| new URL | 3.00 | 6.00 | 1.50 | 2.00 | 0.80 |', measured.markdown())
        facts = {'date': 'today', 'machine': report.machine(), 'versions': {}}
        page = report.document(measured, facts, 'one round')
        self.assertIn('# Benchmarks of web APIs\n', page)
        self.assertNotIn('wrk', page)

    def test_different_results_are_found(self):
        self.assertEqual(api.disagreements(self.rows), {})
        other = {**self.rows, 'deno': [{'new URL': (1.0, 6)}]}
        self.assertEqual(api.disagreements(other), {'new URL': {'jsd': 5, 'node': 5, 'bun': 5, 'deno': 6}})


class ProcessesTest(unittest.TestCase):
    def test_children_count(self):
        command = 'sh -c "i=0; while [ \\$i -lt 200000 ]; do i=\\$((i+1)); done; echo done; sleep 60" & wait'
        shell = subprocess.Popen(['sh', '-c', command], stdout=subprocess.PIPE, start_new_session=True)
        try:
            shell.stdout.readline()
            tree = processes.tree(shell.pid)
            self.assertGreaterEqual(len(tree), 2)
            self.assertGreater(processes.cpu_us(shell.pid), 0)
            resident, highest = processes.memory_mb(shell.pid)
            self.assertGreater(resident, 0.5)
            self.assertGreaterEqual(highest, resident)
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
            shell.stdout.close()


class RawEpollTest(unittest.TestCase):
    """The physical limit has to frame requests as honestly as those it is compared with."""

    GET = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    POST = b'POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 29\r\n\r\n' + b'body that holds\r\n\r\nGET / HTTP'

    def start(self, reply):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = pathlib.Path(folder.name) / 'reply'
        file.write_bytes(reply)
        runfiles = os.environ.get('TEST_SRCDIR')
        binary = pathlib.Path(runfiles) / 'jsd/tests/bench/raw_epoll' if runfiles else SERVERS['raw'].binary
        server = subprocess.Popen([binary, '0', file], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        port = int(server.stdout.readline().rpartition(':')[2])
        connection = socket.create_connection(('127.0.0.1', port), timeout=10)
        self.addCleanup(connection.close)
        return connection

    def receive(self, connection, size):
        data = b''
        while len(data) < size:
            piece = connection.recv(65536)
            self.assertTrue(piece, 'the connection ended early')
            data += piece
        return data

    def assert_silent(self, connection):
        connection.settimeout(0.1)
        with self.assertRaises(TimeoutError):
            connection.recv(1)
        connection.settimeout(10)

    def test_bytes_one_by_one(self):
        connection = self.start(b'reply')
        for byte in self.POST[:-1]:
            connection.sendall(bytes([byte]))
        self.assert_silent(connection)
        connection.sendall(self.POST[-1:])
        self.assertEqual(self.receive(connection, 5), b'reply')
        self.assert_silent(connection)

    def test_pipeline_with_bodies(self):
        connection = self.start(b'reply')
        connection.sendall((self.GET + self.POST) * 2000)
        self.assertEqual(self.receive(connection, 4000 * 5), b'reply' * 4000)
        self.assert_silent(connection)

    def test_large_replies_to_a_reader_that_waits(self):
        reply = bytes(range(256)) * 4000
        connection = self.start(reply)
        connection.sendall(self.GET * 20)
        time.sleep(0.1)
        self.assertEqual(self.receive(connection, 20 * len(reply)), reply * 20)
        self.assert_silent(connection)

    def test_what_it_cannot_frame_ends_the_connection(self):
        for field in (b'Transfer-Encoding: chunked', b'Content-Length: x', b'Content-Length: 99999999999'):
            with self.subTest(field=field):
                connection = self.start(b'reply')
                connection.sendall(b'POST / HTTP/1.1\r\n' + field + b'\r\n\r\n')
                self.assertEqual(connection.recv(1), b'')


class TablesTest(unittest.TestCase):
    def test_every_case_has_a_script_and_a_handler_for_node(self):
        source = (_HERE / 'apps/node.mjs').read_text()
        handlers = set(re.findall(r'^  (\w+)\(request, response\)', source, re.MULTILINE))
        for case in cases.CASES:
            self.assertTrue((_HERE / 'apps' / case.script).is_file(), case.script)
            if 'node' not in case.without:
                self.assertIn(case.node_handler, handlers)

    def test_the_help_names_every_case_and_server(self):
        words = set(re.findall(r'\w+', (_HERE.parents[1] / 'script/bench').read_text()))
        self.assertLessEqual({case.name for case in cases.CASES} | {'memory', 'events'} | set(SERVERS), words)

    def test_goals_name_what_exists(self):
        for goal in cases.GOALS:
            self.assertIn(goal.measure, {case.name for case in cases.CASES} | {'start', 'memory'})
            self.assertIn(goal.against, {'', cases.BEST_PEER, *SERVERS})

    def test_the_order_is_one_kibibyte(self):
        order = next(case for case in cases.CASES if case.name == 'post').request.body
        self.assertEqual(len(order), 1024)


if __name__ == '__main__':
    unittest.main()
