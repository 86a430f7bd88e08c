"""Growth over time: requests, reloads, terminations and replaced heaps, again and again, in the same memory.

Only with `script/test --long`, which sets JSD_LONG; JSD_SOAK_REQUESTS says how many requests, three million by default.
"""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from http_client import wait_for

REQUESTS = int(os.environ.get('JSD_SOAK_REQUESTS', 3_000_000))
# Rounds until caches, pools and V8's heaps have found their sizes.
WARM_UP = 6
ROUND = 20_000
WORKERS = 2

SCRIPT = '''
const encoder = new TextEncoder();
let last = [];
export default { async fetch(request, env, ctx) {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case '/loop': for (;;);
    case '/bomb': for (const kept = [];;) kept.push({ text: 'x' + kept.length });
    case '/throw': throw new Error('expected');
    case '/timer': await new Promise((resolve) => setTimeout(resolve, 1)); return new Response('timer');
    case '/never': return new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)));
    case '/stream': return new Response(new ReadableStream({ pull(controller) {
      controller.enqueue(encoder.encode('x'.repeat(1000)));
      if ((this.sent = (this.sent ?? 0) + 1) === 10) controller.close();
    } }));
    case '/echo': return new Response(request.body);
    case '/wait': ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 5))); return new Response('wait');
  }
  last = [request.headers.get('host'), ...last].slice(0, 10);
  return Response.json({ last, buffer: new Uint8Array(1000).length });
} };'''

# Mixed by wrk, on connections that are kept; some are dropped by their client in the middle of a reply.
LOAD = '''
local paths = { "/", "/", "/", "/", "/timer", "/stream", "/wait", "/echo" }
local i = 0
request = function()
  i = i + 1
  local path = paths[i % #paths + 1]
  if path == "/echo" then return wrk.format("POST", path, nil, string.rep("b", 2000)) end
  return wrk.format("GET", path)
end
'''


def memory(server):
    """Resident bytes."""
    status = pathlib.Path(f'/proc/{server.pid}/status').read_text()
    return int(re.search(r'VmRSS:\s+(\d+) kB', status).group(1)) * 1024


def threads(server):
    return len(os.listdir(f'/proc/{server.pid}/task'))


def held(server, workers):
    """By what is in memory of the scripts, as the log says it: their number, their timers, and the bytes of V8's handles."""
    def told():
        said = re.findall(r'state of a script script=(\w+).* timers=(\d+) handles=(\d+)', server.log()[before:])
        return said if len(said) >= workers else None

    # Those before a reload go when they have nothing left to do.
    for _ in range(100):
        before = len(server.log())
        server.send_signal(signal.SIGQUIT)
        scripts = wait_for(told, 'the state of the scripts')
        if len(scripts) == workers and all(timers == '0' for _, timers, _ in scripts):
            break
        time.sleep(0.1)
    return len(scripts), sum(int(timers) for _, timers, _ in scripts), sum(int(handles) for _, _, handles in scripts)


def wrk(server, script, connections, requests):
    """Load for about so many requests; how many were answered, and how many were not, or by an error."""
    done = failed = 0
    while done < requests:
        said = subprocess.run(['wrk', '-t1', f'-c{connections}', '-d1s', '-s', script, server.url], check=True,
                              capture_output=True, text=True).stdout
        done += int(re.search(r'(\d+) requests in', said).group(1))
        for errors in re.findall(r'Non-2xx or 3xx responses: (\d+)|(?:connect|read|write|timeout) (\d+)', said):
            failed += sum(int(number) for number in errors if number)
    return done, failed


@pytest.mark.skipif(not os.environ.get('JSD_LONG'), reason='only with script/test --long')
def test_nothing_grows(jsd, write):
    script = write('load.lua', LOAD)
    server = jsd(SCRIPT, {'limits.slice': '1s', 'limits.heap': '32MiB', 'limits.request': '1s'}, workers=WORKERS)
    server.expect('limits\\.slice', 'limits\\.heap', 'limits\\.request', 'expected')
    total, rounds, seen = 0, 0, []
    while total < REQUESTS or rounds < 2 * WARM_UP:
        done, failed = wrk(server, script, 64, ROUND)
        assert failed == 0
        total += done
        for path, status in (('/loop', 503), ('/throw', 500), ('/bomb', 503), ('/never', 504)):
            with server.connect() as client:
                client.socket.settimeout(60)
                assert client.get(path).status == status
        with server.connect() as client:
            client.send_request(target='/stream')  # And gone.
        reloads = server.log().count(' reloaded')
        server.send_signal(signal.SIGHUP)
        wait_for(lambda: server.log().count(' reloaded') > reloads, 'the reload')
        rounds += 1
        wait_for(lambda: len(server.descriptors()) == len(server.descriptors_at_start), 'descriptors to close')
        scripts, timers, handles = held(server, WORKERS)
        seen.append((total, memory(server), threads(server), scripts, timers, handles))
        print('requests %d, resident %d MiB, threads %d, descriptors %d, scripts %d, timers %d, handles %d bytes' % (
            total, seen[-1][1] >> 20, seen[-1][2], len(server.descriptors()), scripts, timers, handles), flush=True)
    warm = seen[WARM_UP:]
    half = len(warm) // 2
    assert {row[2:5] for row in warm} == {(warm[0][2], WORKERS, 0)}, seen
    # The least of each half: in between a collection may be due, and V8 frees handles only then.
    for column, slack in ((1, 8 << 20), (5, 4096)):
        early, late = (min(row[column] for row in rows) for rows in (warm[:half], warm[half:]))
        assert late <= early * 1.1 + slack, (column, seen)
    assert server.stop() == 0
