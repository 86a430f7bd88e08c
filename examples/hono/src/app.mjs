import { Hono } from 'hono';
import { basicAuth } from 'hono/basic-auth';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { HTTPException } from 'hono/http-exception';
import { prettyJSON } from 'hono/pretty-json';
import { validator } from 'hono/validator';

import * as books from './books.mjs';

const app = new Hono();

app.use(prettyJSON());
app.use('/books/*', cors({ origin: 'https://shop.example.org', maxAge: 600 }));
app.use('/books/*', etag());

app.use('/admin/*', (c, next) =>
  basicAuth({ username: c.env.ADMIN_NAME, password: c.env.ADMIN_PASSWORD })(c, next));

app.get('/', (c) => c.text('Books: /books, /books/:isbn, /admin/books/:isbn\n'));

app.get('/books', (c) => c.json(books.list(c.req.query('author'))));

app.get('/books/:isbn{[0-9X]+}', (c) => {
  const book = books.find(c.req.param('isbn'));
  if (!book) throw new HTTPException(404, { message: `no book has the number ${c.req.param('isbn')}` });
  return c.json(book);
});

const newBook = validator('json', (value, c) => {
  const problems = books.validate(value);
  return problems.length > 0 ? c.json({ problems }, 400) : value;
});

app.post('/books', newBook, (c) => {
  const book = c.req.valid('json');
  if (books.find(book.isbn)) throw new HTTPException(409, { message: `${book.isbn} is there already` });
  books.add(book);
  c.header('Location', `/books/${book.isbn}`);
  return c.json(book, 201);
});

app.delete('/admin/books/:isbn', (c) => (books.remove(c.req.param('isbn')) ? c.body(null, 204) : c.notFound()));

app.notFound((c) => c.json({ error: `nothing at ${c.req.path}` }, 404));

app.onError((error, c) => {
  if (error instanceof HTTPException) return error.res ?? c.json({ error: error.message }, error.status);
  console.error(error);
  return c.json({ error: 'something went wrong' }, 500);
});

export default app;
