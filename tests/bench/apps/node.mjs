// node node.mjs APP CASE PORT WORKERS [CERTIFICATE KEY]
//
// Node serves no fetch handlers, so each case is written as a Node author would who wants it quick: node:http, no
// framework, `end` with the whole body. What is not HTTP comes from the app that the others run.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { Agent, createServer, request as sendRequest } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { pathToFileURL } from 'node:url';

const [app, name, port, workers, certificate, key] = process.argv.slice(2);
const { default: { article, backend, buffer, chunk, fetch, invoice, route, text } } = await import(pathToFileURL(app));

const plain = { 'Content-Type': 'text/plain;charset=UTF-8' };
const json = { 'Content-Type': 'application/json' };

// With the length known the whole reply is one write; without it Node would have to chunk.
function send(response, status, headers, body) {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

const agent = new Agent({ keepAlive: true });

const handlers = {
  hello(request, response) {
    send(response, 200, plain, 'Hello, World!');
  },
  json(request, response) {
    send(response, 200, json, JSON.stringify(article()));
  },
  post(request, response) {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      send(response, 200, json, JSON.stringify(invoice(JSON.parse(body))));
    });
  },
  headers(request, response) {
    const { headers } = request;
    const id = headers['x-request-id'];
    const language = headers['accept-language'].slice(0, 2);
    const client = headers['x-forwarded-for'];
    const mobile = headers['user-agent'].includes('Mobile');
    const session = /(?:^|; )session=([^;]*)/.exec(headers.cookie)[1];
    const cached = headers['if-none-match'] !== undefined;
    send(response, 200, {
      ...plain,
      'Content-Language': language,
      'X-Request-Id': id,
      'Cache-Control': 'private, max-age=60',
      'ETag': '"33a64df551425fcc"',
      'Vary': 'accept-language, cookie',
      'X-Content-Type-Options': 'nosniff',
      'Set-Cookie': `session=${session}; Path=/; HttpOnly`,
    }, `${id} ${language} ${client} ${mobile} ${session} ${cached}`);
  },
  router(request, response) {
    const { status, body } = route(request.method, new URL(request.url, `http://${request.headers.host}`));
    send(response, status, plain, body);
  },
  timer(request, response) {
    setTimeout(() => send(response, 200, plain, 'Hello, World!'), 1);
  },
  text(request, response) {
    send(response, 200, plain, text);
  },
  stream(request, response) {
    response.writeHead(200, plain);
    let left = 64;
    const write = () => {
      while (left > 0) {
        left--;
        if (!response.write(chunk)) return response.once('drain', write);
      }
      response.end();
    };
    write();
  },
  upload(request, response) {
    let size = 0;
    request.on('data', (piece) => { size += piece.length; });
    request.on('end', () => send(response, 200, plain, String(size)));
  },
  // The time of what is measured here is not that of the request.
  async api(request, response) {
    const reply = await fetch(new Request(`http://${request.headers.host}${request.url}`));
    send(response, reply.status, { 'Content-Type': reply.headers.get('content-type') }, await reply.text());
  },
  buffer(request, response) {
    send(response, 200, plain, buffer);
  },
  gateway(request, response) {
    const { method, headers, url } = request;
    const forwarded = sendRequest(backend + url, { agent, method, headers }, (reply) => {
      response.writeHead(reply.statusCode, reply.headers);
      reply.pipe(response);
    });
    request.pipe(forwarded);
  },
};

if (workers > 1 && cluster.isPrimary) {
  for (let i = 0; i < workers; i++) cluster.fork();
} else if (certificate) {
  createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, handlers[name])
    .listen(port, '127.0.0.1');
} else {
  createServer(handlers[name]).listen(port, '127.0.0.1');
}
