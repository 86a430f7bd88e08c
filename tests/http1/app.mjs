// Tells what it was asked, so that a case can say what the script has to see.

// Fields that the cases do not speak of.
const dull = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'expect', 'keep-alive',
  'proxy-connection', 'upgrade', 'http2-settings', 'a', 'x', 'transfer_encoding']);

async function describe(request) {
  const fields = [...request.headers].filter(([name]) => !dull.has(name)).map(([name, value]) => `${name}: ${value}`);
  return `${request.method} ${request.url} {${fields.join('; ')}} [${latin1(await request.bytes())}]`;
}

const latin1 = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

const stream = (text) => new ReadableStream({
  start(controller) {
    controller.enqueue(new TextEncoder().encode(text));
    controller.close();
  },
});

const reply = (body, init = {}) => {
  const response = new Response(body, init);
  response.headers.append('x-script', 'yes');
  return response;
};

const ways = {
  stream: () => reply(stream('stream')),
  declared: () => reply(stream('declared'), { headers: { 'content-length': '8' } }),
  slow: async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return reply('slow');
  },
  throw: () => { throw new Error('on purpose'); },
  cookies: () => reply('cookies', { headers: [['set-cookie', 'a=1'], ['set-cookie', 'b=2']] }),
  framing: () => reply('framing', {
    headers: { 'content-length': '99', 'transfer-encoding': 'chunked', connection: 'close' },
  }),
  inject: () => {
    try {
      return reply('accepted', { headers: { 'x-a': 'b\r\nx-c: d' } });
    } catch (error) {
      return reply(error.name);
    }
  },
};

export default {
  async fetch(request) {
    const [, way, status] = new URL(request.url).pathname.split('/');
    if (way === 'status') {
      const bodyless = ['204', '205', '304'].includes(status);
      return reply(bodyless ? null : `status ${status}`, { status: Number(status) });
    }
    if (Object.hasOwn(ways, way)) return ways[way]();
    return reply(await describe(request));
  },
};
