// node:stream/consumers: everything that a stream has, of either kind.
const { Buffer } = require('buffer');

async function bufferOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const text = async (stream) => (await bufferOf(stream)).toString();

module.exports = {
  buffer: bufferOf,
  text,
  json: async (stream) => JSON.parse(await text(stream)),
  arrayBuffer: async (stream) => {
    const bytes = await bufferOf(stream);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  },
};
