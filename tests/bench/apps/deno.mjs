// deno run deno.mjs APP PORT CERTIFICATE KEY
import { pathToFileURL } from 'node:url';

const [app, port, certificate, key] = Deno.args;
const { default: { fetch } } = await import(pathToFileURL(app));
const [cert, privateKey] = [certificate, key].map((file) => Deno.readTextFileSync(file));
Deno.serve({ hostname: '127.0.0.1', port: Number(port), cert, key: privateKey }, fetch);
