import * as notes from './notes.mjs';

// An answer that is no note: RFC 9457, problem details.
function problem(status, title, more = {}, headers = {}) {
  return new Response(JSON.stringify({ status, title, ...more }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
}

// The note in a request's body as { input }, or { response } where it cannot be taken.
async function readNote(request) {
  const type = request.headers.get('content-type') ?? '';
  if (type.split(';')[0].trim().toLowerCase() !== 'application/json') {
    return { response: problem(415, 'The body must be application/json.', {}, { accept: 'application/json' }) };
  }
  let input;
  try {
    input = await request.json();
  } catch {
    return { response: problem(400, 'The body is no valid JSON.') };
  }
  const problems = notes.validate(input);
  return problems ? { response: problem(400, 'The note is not valid.', { problems }) } : { input };
}

const collection = {
  GET: (request, url) => Response.json(notes.list(url.searchParams.get('q'))),
  async POST(request) {
    const { input, response } = await readNote(request);
    if (response) return response;
    const note = notes.create(input);
    return Response.json(note, { status: 201, headers: { location: `/notes/${note.id}` } });
  },
};

const item = {
  GET: (request, url, id) => Response.json(notes.find(id)),
  async PUT(request, url, id) {
    const { input, response } = await readNote(request);
    return response ?? Response.json(notes.replace(id, input));
  },
  DELETE(request, url, id) {
    notes.remove(id);
    return new Response(null, { status: 204 });
  },
};

// Calls the handler for the request's method; HEAD is GET without its body, which jsd leaves out.
function dispatch(handlers, request, url, id) {
  const handler = handlers[request.method === 'HEAD' ? 'GET' : request.method];
  if (handler) return handler(request, url, id);
  const allow = ['HEAD', ...Object.keys(handlers)].join(', ');
  return problem(405, `${request.method} is not possible here.`, {}, { allow });
}

export default {
  fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === '/notes') return dispatch(collection, request, url);
    const [, id] = /^\/notes\/(\d{1,15})$/.exec(url.pathname) ?? [];
    if (id && notes.find(Number(id))) return dispatch(item, request, url, Number(id));
    return problem(404, 'There is nothing here.', { path: url.pathname });
  },
};
