// A router as frameworks have it: patterns are split once, a request's path is matched segment by segment.
const routes = [];

function add(method, pattern, handler) {
  routes.push({ method, segments: pattern.split('/'), handler });
}

function match(segments, path) {
  if (segments.length !== path.length) return null;
  const params = {};
  for (let i = 0; i < segments.length; i++) {
    if (segments[i][0] === ':') params[segments[i].slice(1)] = path[i];
    else if (segments[i] !== path[i]) return null;
  }
  return params;
}

function route(method, url) {
  const path = url.pathname.split('/');
  for (const candidate of routes) {
    if (candidate.method !== method) continue;
    const params = match(candidate.segments, path);
    if (params !== null) return candidate.handler(params, url.searchParams);
  }
  return { status: 404, body: 'not found' };
}

add('GET', '/', () => ({ status: 200, body: 'home' }));
add('GET', '/users', (params, query) => ({ status: 200, body: `users from ${query.get('from')}` }));
add('POST', '/users', () => ({ status: 201, body: 'created' }));
add('GET', '/users/:user', ({ user }) => ({ status: 200, body: `user ${user}` }));
add('DELETE', '/users/:user', () => ({ status: 204, body: '' }));
add('GET', '/users/:user/posts/:post', ({ user, post }, query) => ({
  status: 200,
  body: `post ${post} of user ${user}, page ${query.get('page')}, sorted by ${query.get('sort')}`,
}));

export default {
  route,
  fetch(request) {
    const { status, body } = route(request.method, new URL(request.url));
    return new Response(body, { status });
  },
};
