import { AutoRouter, cors, error, StatusError, withParams } from 'itty-router';

const { preflight } = cors({ origin: 'https://page.example' });
const router = AutoRouter({ before: [preflight, withParams] });

router
  .get('/hello/:name?', ({ name = 'nobody', query }) => ({ hello: name, ...query }))
  .post('/echo', async (request) => ({ got: await request.json() }))
  .get('/teapot', () => error(418, { kettle: 'no' }))
  .get('/throw', () => { throw new StatusError(409, 'conflict'); })
  .all('*', () => error(404, 'nothing here'));

export default router;
