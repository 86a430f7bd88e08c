// What hono takes from the runtime: its adapter for workerd, the environment, streams whose client goes away.
import { Hono } from 'hono';
import { env, getRuntimeKey } from 'hono/adapter';
import { upgradeWebSocket } from 'hono/cloudflare-workers';
import { compress } from 'hono/compress';
import { stream, streamSSE, streamText } from 'hono/streaming';

const app = new Hono();
const ended = [];
const untilAborted = (name) => (body) => new Promise((resolve) => {
  body.onAbort(() => {
    ended.push(name);
    resolve();
  });
  body.write('begun');
});

app.get('/runtime', (c) => c.json([getRuntimeKey(), env(c, 'workerd').NAME]));
app.get('/socket', upgradeWebSocket(() => ({
  onMessage: ({ data }, socket) => socket.send(`got ${data}`),
  onClose: () => ended.push('socket'),
})));
app.get('/stream', (c) => stream(c, untilAborted('stream')));
app.get('/events', (c) => streamSSE(c, untilAborted('events')));
app.get('/text', (c) => streamText(c, async (body) => {
  body.onAbort(() => ended.push('text'));
  for (const word of ['one ', 'two ', 'three']) {
    await body.write(word);
    await body.sleep(1);
  }
}));
app.get('/packed', compress({ threshold: 0 }), (c) => c.text('text '.repeat(1000)));
app.get('/ended', (c) => c.json(ended));

export default app;
