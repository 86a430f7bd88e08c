"""A browser as the client: pages that open WebSockets and listen to events, in Chromium without a window."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from http_client import wait_for

CHROMIUM = shutil.which('chromium-headless-shell') or shutil.which('chromium')

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason='Chromium is not installed: script/bootstrap --browser')

# The page tells what it saw by a request of its own.
SERVER = '''
const page = (script) => new Response(`<!doctype html><script type="module">
  const report = (value) => fetch('/report', { method: 'POST', body: JSON.stringify(value) });
  try {
    ${script}
  } catch (error) {
    report('failed: ' + error);
  }
</script>`, { headers: { 'content-type': 'text/html;charset=utf-8' } });

export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/report') {
    console.log(`reported ${await request.text()}`);
    return new Response();
  }
  return serve(pathname, request);
} };
'''

WEBSOCKET = SERVER + '''
function serve(pathname, request) {
  if (pathname === '/socket') {
    const { socket, response } = jsd.upgradeWebSocket(request, { protocol: 'echo' });
    socket.onmessage = ({ data }) => (data === 'bye' ? socket.close(4001, 'as you wish') : socket.send(data));
    return response;
  }
  return page(`
    const socket = new WebSocket(location.href.replace('http', 'ws') + 'socket', ['other', 'echo']);
    socket.binaryType = 'arraybuffer';
    const next = (type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
    await next('open');
    const seen = [socket.protocol, socket.extensions];
    for (const message of ['Grüße', 'x'.repeat(100000), new Uint8Array(70000).fill(7)]) {
      const echoed = next('message');
      socket.send(message);
      const { data } = await echoed;
      seen.push(typeof data === 'string' ? data.length + data.slice(0, 5) : data.byteLength);
    }
    const closed = next('close');
    socket.send('bye');
    const { code, reason, wasClean } = await closed;
    report([...seen, code, reason, wasClean]);
  `);
}
'''

EVENTS = SERVER + '''
let connections = 0;
function serve(pathname, request) {
  if (pathname === '/events') {
    const again = request.headers.get('last-event-id');
    const events = again === null ?
      'retry: 50\\n\\nid: 1\\ndata: two\\ndata: lines\\n\\n' :
      `event: custom\\ndata: after ${again}, ${request.headers.get('accept')}\\n\\n`;
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(events));
        if (again === null) controller.close();
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  }
  return page(`
    const source = new EventSource('/events');
    const next = (type) => new Promise((resolve) => source.addEventListener(type, ({ data }) => resolve(data)));
    const seen = [next('message'), next('custom')];
    report([await seen[0], await seen[1]]);
    source.close();
  `);
}
'''


@pytest.fixture
def browse(jsd, tmp_path):
    """browse(script) opens the page of that server, and returns what it reported."""
    browsers = []

    def open_page(script, settings=None):
        server = jsd(script, settings)
        browsers.append(subprocess.Popen(
            [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-extensions',
             '--disable-background-networking', '--remote-debugging-port=0', f'--user-data-dir={tmp_path / "profile"}',
             server.url], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True))
        wait_for(lambda: 'reported ' in server.log(), 'the page to report', 60)
        return server.log().partition('reported ')[2].splitlines()[0]

    yield open_page
    # With the processes that it started, which hold its connections.
    for browser in browsers:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()


def test_websockets(browse):
    reported = browse(WEBSOCKET, {'websocket.compression': 'message'})
    assert json.loads(reported) == [
        'echo', 'permessage-deflate; server_no_context_takeover; client_no_context_takeover', '5Grüße', '100000xxxxx',
        70000, 4001, 'as you wish', True]


def test_events_go_on_where_they_ended(browse):
    assert json.loads(browse(EVENTS)) == ['two\nlines', 'after 1, text/event-stream']
