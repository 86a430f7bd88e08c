import { Hono } from 'hono';
import { basicAuth } from 'hono/basic-auth';
import { getCookie, setCookie } from 'hono/cookie';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { jwt, sign } from 'hono/jwt';
import { streamSSE } from 'hono/streaming';
import { validator } from 'hono/validator';

const app = new Hono();
app.use('/api/*', cors({ origin: 'https://page.example' }), etag());
app.get('/api/items/:id{[0-9]+}', (c) => c.json({ id: Number(c.req.param('id')), q: c.req.query('q') ?? null }));
app.post(
  '/items',
  validator('json', (value, c) => (typeof value.name === 'string' ? value : c.text('no name', 400))),
  (c) => c.json(c.req.valid('json'), 201),
);
app.use('/secret', basicAuth({ username: 'user', password: 'word' }));
app.get('/secret', (c) => c.text('open'));
app.use('/token/*', jwt({ secret: 'shh', alg: 'HS256' }));
app.get('/token/me', (c) => c.json(c.get('jwtPayload')));
app.get('/sign', async (c) => c.text(await sign({ sub: 'me' }, 'shh')));
app.get('/cookie', (c) => {
  setCookie(c, 'seen', String(Number(getCookie(c, 'seen') ?? 0) + 1), { httpOnly: true });
  return c.text('counted');
});
app.get('/events', (c) => streamSSE(c, async (stream) => {
  for (let id = 0; id < 3; id++) await stream.writeSSE({ data: `event ${id}`, id: String(id) });
}));
app.post('/form', async (c) => {
  const { file, note } = await c.req.parseBody();
  return c.json({ note, name: file.name, text: await file.text() });
});
app.get('/broken', () => { throw new Error('on purpose'); });
app.onError((error, c) => error.getResponse?.() ?? c.text(`caught ${error.message}`, 500));
app.notFound((c) => c.text('nothing here', 404));

export default app;
