// Passes every request on to another server, and its response back. Neither body passes through JavaScript.
export default {
  async fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    try {
      return await fetch(env.BACKEND + pathname + search, request);
    } catch (error) {
      // The client has gone: nobody wants to know.
      if (request.signal.aborted) throw error;
      const late = error.cause?.code === 'ETIMEDOUT';
      console.error(`${request.method} ${pathname}: ${error.message}`);
      return new Response(late ? 'The service took too long.\n' : 'The service cannot be reached.\n', {
        status: late ? 504 : 502,
      });
    }
  },
};
