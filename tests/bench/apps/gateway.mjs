// Passes requests on to another server, whose address the benchmark writes here.
const backend = 'BACKEND';

export default {
  backend,
  fetch(request) {
    const { pathname, search } = new URL(request.url);
    return fetch(backend + pathname + search, request);
  },
};
