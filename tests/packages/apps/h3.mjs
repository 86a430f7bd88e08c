import { getQuery, H3, HTTPError, readBody, setCookie } from 'h3';

const app = new H3({ onError() {} });
app.use((event) => { event.res.headers.set('x-seen', event.req.method); });
app.get('/hello/:name', (event) => ({ name: event.context.params.name, query: getQuery(event) }));
app.post('/echo', async (event) => ({ got: await readBody(event) }));
app.get('/cookie', (event) => {
  setCookie(event, 'a', 'b');
  return 'set';
});
app.get('/stream', () => new ReadableStream({
  start(controller) {
    for (const part of ['one ', 'two']) controller.enqueue(new TextEncoder().encode(part));
    controller.close();
  },
}));
app.get('/teapot', () => { throw new HTTPError({ status: 418, statusText: 'short and stout' }); });

export default { fetch: (request) => app.fetch(request) };
