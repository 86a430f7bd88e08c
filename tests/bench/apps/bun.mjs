// bun bun.mjs APP PORT
import { pathToFileURL } from 'node:url';

const [app, port] = process.argv.slice(2);
const { default: { fetch, websocket } } = await import(pathToFileURL(app));
Bun.serve({ hostname: '127.0.0.1', port, fetch, websocket });
