// node server.mjs DEFLATE: echoes by the npm package `ws`, on a port that it prints.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { WebSocketServer } = createRequire(join(process.cwd(), 'package.json'))('ws');
const perMessageDeflate = Function(`return ${process.argv[2]}`)();
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate });
server.on('listening', () => console.log(server.address().port));
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
