"""AsyncLocalStorage across what comes from the network, which is where servers need it."""

import json


APP = """
import { AsyncLocalStorage } from 'node:async_hooks';
const storage = new AsyncLocalStorage();
const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
const bytes = new TextEncoder().encode('data: x\\n\\n');

const checks = {
  async fetch(url) {
    await (await fetch(`${url}/stream`)).text();
    return storage.getStore();
  },
  async body(url) {
    for await (const chunk of (await fetch(`${url}/stream`)).body) if (!chunk.length) return 'an empty chunk';
    return storage.getStore();
  },
  socket: (url) => new Promise((resolve) => {
    const seen = [];
    const socket = new WebSocket(`${url}/accept`);
    const see = ({ type }) => seen.push(`${type} ${storage.getStore()}`);
    socket.onopen = (event) => {
      see(event);
      socket.send('hello');
    };
    socket.onmessage = (event) => {
      see(event);
      seen.push(`server ${event.data}`);
      socket.close();
    };
    socket.onclose = (event) => {
      see(event);
      resolve(seen.join());
    };
  }),
  events: (url) => new Promise((resolve) => {
    const source = new EventSource(`${url}/stream`);
    source.onmessage = () => {
      source.close();
      resolve(storage.getStore());
    };
  }),
};

export default {
  fetch: (request) => storage.run(request.headers.get('x-id') ?? 'other', async () => {
    const { pathname, host } = new URL(request.url);
    if (pathname === '/accept') {
      const { socket, response } = jsd.upgradeWebSocket(request);
      socket.onmessage = () => socket.send(storage.getStore());
      return response;
    }
    if (pathname === '/stream') {
      return new Response(new ReadableStream({
        async pull(controller) {
          await pause();
          controller.enqueue(bytes);
          controller.close();
        },
      }), { headers: { 'content-type': 'text/event-stream' } });
    }
    const body = await request.text();
    return Response.json({ body, own: storage.getStore(), seen: await checks[pathname.slice(1)](`http://${host}`) });
  }),
};
"""


def test_stores_follow_the_network(jsd):
    server = jsd(APP, {'app.permissions.net': ['127.0.0.1'], 'fetch.idle': '500ms'})
    for name, expected in {'fetch': 'A', 'body': 'A', 'events': 'A',
                           'socket': 'open A,message A,server other,close A'}.items():
        reply = server.request('POST', f'/{name}', headers={'x-id': 'A'}, body=b'text')
        assert json.loads(reply.body) == {'body': 'text', 'own': 'A', 'seen': expected}, name
