// Reads what a service behind a proxy looks at, and sets what it answers with.
export default {
  fetch(request) {
    const { headers } = request;
    const id = headers.get('x-request-id');
    const language = headers.get('accept-language').slice(0, 2);
    const client = headers.get('x-forwarded-for');
    const mobile = headers.get('user-agent').includes('Mobile');
    const session = /(?:^|; )session=([^;]*)/.exec(headers.get('cookie'))[1];
    const cached = headers.has('if-none-match');
    return new Response(`${id} ${language} ${client} ${mobile} ${session} ${cached}`, {
      headers: {
        'content-type': 'text/plain;charset=UTF-8',
        'content-language': language,
        'x-request-id': id,
        'cache-control': 'private, max-age=60',
        'etag': '"33a64df551425fcc"',
        'vary': 'accept-language, cookie',
        'x-content-type-options': 'nosniff',
        'set-cookie': `session=${session}; Path=/; HttpOnly`,
      },
    });
  },
};
