// bun bun.mjs APP PORT [CERTIFICATE KEY]
import { pathToFileURL } from 'node:url';

const [app, port, certificate, key] = process.argv.slice(2);
const { default: { fetch, websocket } } = await import(pathToFileURL(app));
const tls = certificate && { cert: Bun.file(certificate), key: Bun.file(key) };
Bun.serve({ hostname: '127.0.0.1', port, fetch, websocket, tls });
