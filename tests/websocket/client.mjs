// node client.mjs URL OPTIONS: sends messages by the npm package `ws`, checks their echoes and prints what it saw.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [url, options] = process.argv.slice(2);
const WebSocket = createRequire(join(process.cwd(), 'package.json'))('ws');

const messages = ['', 'a', 'héé€😀', 'x'.repeat(126), 'y'.repeat(70_000), Buffer.alloc(0), Buffer.from([0, 255]),
  Buffer.alloc(200_000, 7)];
const socket = new WebSocket(url, JSON.parse(options));
const pongs = [];
let count = 0;

function fail(reason) {
  console.error(reason);
  process.exit(1);
}

socket.on('open', () => {
  for (const message of messages) socket.send(message);
  socket.ping('hi');
});
socket.on('pong', (payload) => pongs.push(payload.toString()));
socket.on('message', (data, isBinary) => {
  const message = messages[count++];
  if (isBinary !== (typeof message !== 'string')) fail(`message ${count} has the wrong kind`);
  if (Buffer.compare(data, Buffer.from(message)) !== 0) fail(`message ${count} differs`);
  if (count === messages.length) socket.close(4000, 'bye');
});
socket.on('close', (code) => {
  console.log(JSON.stringify({ count, pongs, code, extensions: socket.extensions, protocol: socket.protocol }));
});
socket.on('error', fail);
