// What `fetch` gets without a network: data:, blob: and file: URLs (Fetch, section 4.2 "scheme fetch" and section 6).

const {
  NumberParseInt, RegExpPrototypeExec, StringFromCharCode, StringPrototypeCharCodeAt, StringPrototypeIndexOf,
  StringPrototypeLastIndexOf, StringPrototypeSlice, StringPrototypeStartsWith, StringPrototypeToLowerCase, TypeError,
  TypedArrayPrototypeSubarray, Uint8Array,
} = core.primordials;
const { blob: blobs, fetch: requests, headers: headerLists, mime, ops, outgoing } = core;
const { makeFetched } = requests;

// ---- data: ----

const hexPattern = /^[0-9A-Fa-f]{2}$/;

// URL, "percent-decode", of a text that is ASCII; each byte is a character of the result.
function percentDecode(text) {
  if (StringPrototypeIndexOf(text, '%') === -1) return text;
  let result = '';
  let from = 0;
  for (let at = StringPrototypeIndexOf(text, '%'); at !== -1; at = StringPrototypeIndexOf(text, '%', at + 1)) {
    const digits = StringPrototypeSlice(text, at + 1, at + 3);
    if (at < from || RegExpPrototypeExec(hexPattern, digits) === null) continue;
    result += StringPrototypeSlice(text, from, at) + decodeByte(digits);
    from = at + 3;
  }
  return result + StringPrototypeSlice(text, from);
}

const decodeByte = (digits) => StringFromCharCode(NumberParseInt(digits, 16));

function bytesOfLatin1(text) {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = StringPrototypeCharCodeAt(text, i);
  return bytes;
}

const base64Pattern = /; *[Bb][Aa][Ss][Ee]64$/;

function normalizeMimeType(text) {
  const type = mime.parse(text);
  return type === null ? 'text/plain;charset=US-ASCII' : mime.serialize(type);
}

// Fetch, "data: URL processor": { type, body } with the body as bytes, or null.
function parseDataUrl(url) {
  const hash = StringPrototypeIndexOf(url, '#');
  const input = StringPrototypeSlice(url, 'data:'.length, hash === -1 ? url.length : hash);
  const comma = StringPrototypeIndexOf(input, ',');
  if (comma === -1) return null;
  let type = mime.trim(StringPrototypeSlice(input, 0, comma));
  let body = percentDecode(StringPrototypeSlice(input, comma + 1));
  const base64 = RegExpPrototypeExec(base64Pattern, type);
  if (base64 !== null) {
    body = ops.base64Decode(body);
    if (body === undefined) return null;
    type = StringPrototypeSlice(type, 0, base64.index);
  }
  if (StringPrototypeStartsWith(type, ';')) type = `text/plain${type}`;
  return { __proto__: null, type: normalizeMimeType(type), body: bytesOfLatin1(body) };
}

function fetchData(url, method) {
  const parsed = parseDataUrl(url);
  if (parsed === null) throw new TypeError('fetch failed: the data: URL is malformed');
  return makeFetched(200, 'OK', `content-type: ${parsed.type}\r\n`, -1,
    method === 'HEAD' ? null : parsed.body, url, false);
}

// ---- blob: ----

const rangePattern = /^bytes[\t ]*=[\t ]*([0-9]*)[\t ]*-[\t ]*([0-9]*)$/i;

// Fetch, "parse a single range header value", with whitespace, of a body of `size` bytes: [first, last], or null.
function parseRange(value, size) {
  const match = RegExpPrototypeExec(rangePattern, value);
  if (match === null || (match[1] === '' && match[2] === '')) return null;
  if (match[1] === '') {
    const count = +match[2];
    return count === 0 ? null : [count >= size ? 0 : size - count, size - 1];
  }
  const first = +match[1];
  const last = match[2] === '' ? size - 1 : +match[2];
  if (first >= size || last < first) return null;
  return [first, last >= size ? size - 1 : last];
}

// `blob` is what the URL stood for when the request was made.
function fetchBlob(url, method, list, blob) {
  if (method !== 'GET') throw outgoing.networkError('ERR_METHOD', `a blob: URL cannot be fetched by ${method}`);
  if (blob === undefined) throw outgoing.networkError('ENOENT', `${url} stands for no blob, or no longer`);
  const size = blobs.size(blob);
  const type = blobs.type(blob);
  const range = headerLists.listGet(list, 'range');
  if (range === null) return makeFetched(200, 'OK', `content-type: ${type}\r\n`, size, blobs.bytes(blob), url, false);
  const part = parseRange(range, size);
  if (part === null) throw outgoing.networkError('ERR_RANGE', `the range '${range}' is none of a blob of ${size} bytes`);
  const [first, last] = part;
  const fields = `content-type: ${type}\r\ncontent-range: bytes ${first}-${last}/${size}\r\n`;
  const bytes = TypedArrayPrototypeSubarray(blobs.bytes(blob), first, last + 1);
  return makeFetched(206, 'Partial Content', fields, bytes.length, bytes, url, false);
}

// ---- file: the standard leaves it to us ----

const mediaTypes = {
  __proto__: null,
  avif: 'image/avif', css: 'text/css;charset=utf-8', csv: 'text/csv;charset=utf-8', gif: 'image/gif',
  htm: 'text/html;charset=utf-8', html: 'text/html;charset=utf-8', ico: 'image/vnd.microsoft.icon', jpeg: 'image/jpeg',
  jpg: 'image/jpeg', js: 'text/javascript;charset=utf-8', json: 'application/json', map: 'application/json',
  md: 'text/markdown;charset=utf-8', mjs: 'text/javascript;charset=utf-8', pdf: 'application/pdf', png: 'image/png',
  svg: 'image/svg+xml', txt: 'text/plain;charset=utf-8', wasm: 'application/wasm', webp: 'image/webp',
  woff: 'font/woff', woff2: 'font/woff2', xml: 'application/xml', zip: 'application/zip',
};

const filePattern = /^file:\/\/([^/]*)(\/[^?#]*)/;

async function fetchFile(url, method) {
  if (method !== 'GET') throw outgoing.networkError('ERR_METHOD', `a file: URL cannot be fetched by ${method}`);
  const parts = RegExpPrototypeExec(filePattern, url);
  if (parts === null || parts[1] !== '') throw outgoing.networkError('ERR_FILE_URL', `${url} is no file of this machine`);
  const path = ops.decodeUtf8(bytesOfLatin1(percentDecode(parts[2])), false, true);
  if (StringPrototypeIndexOf(path, '\0') !== -1) throw outgoing.networkError('ENOENT', `${url} is no file`);
  let bytes;
  try {
    bytes = new Uint8Array(await core.opAsync('readFile', path));
  } catch (error) {
    // A NotAllowedError is told as it is.
    if (typeof error?.code !== 'string') throw error;
    throw outgoing.networkError(error.code, error.message);
  }
  const name = StringPrototypeSlice(path, StringPrototypeLastIndexOf(path, '/') + 1);
  const dot = StringPrototypeLastIndexOf(name, '.');
  const type = mediaTypes[StringPrototypeToLowerCase(StringPrototypeSlice(name, dot + 1))];
  const fields = dot <= 0 || type === undefined ? '' : `content-type: ${type}\r\n`;
  return makeFetched(200, 'OK', fields, bytes.length, bytes, url, false);
}

// What answers the URLs of a scheme: (url, method, list of header fields, blob) → a Response, or a promise of one.
core.fetchSchemes = { __proto__: null, blob: fetchBlob, data: fetchData, file: fetchFile };
