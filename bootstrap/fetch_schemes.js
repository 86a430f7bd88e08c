// What `fetch` gets without a network: data: URLs (Fetch, section 6).

const {
  NumberParseInt, RegExpPrototypeExec, RegExpPrototypeSymbolReplace, StringFromCharCode, StringPrototypeCharCodeAt,
  StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeStartsWith, StringPrototypeToLowerCase, TypeError,
  Uint8Array,
} = core.primordials;
const { fetch: requests, ops } = core;

// ---- MIME types (MIME Sniffing, section 4) ----

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const quotedTextPattern = /^[\t -~\x80-\xFF]*$/;
const leadingSpacePattern = /^[\t\n\r ]+/;
const trailingSpacePattern = /[\t\n\r ]+$/;
const escapedPattern = /["\\]/g;

const trimEnd = (text) => RegExpPrototypeSymbolReplace(trailingSpacePattern, text, '');
const trim = (text) => trimEnd(RegExpPrototypeSymbolReplace(leadingSpacePattern, text, ''));

// Fetch, "collect an HTTP quoted string", extracted: [value, position behind it].
function quotedString(text, at) {
  let value = '';
  for (at++; at < text.length; at++) {
    const character = text[at];
    if (character === '"') return [value, at + 1];
    if (character === '\\' && at + 1 < text.length) value += text[++at];
    else value += character;
  }
  return [value, at];
}

// Parses a MIME type and serialises it again; null where it is none.
function normalizeMimeType(input) {
  const text = trim(input);
  const slash = StringPrototypeIndexOf(text, '/');
  if (slash === -1) return null;
  let semicolon = StringPrototypeIndexOf(text, ';', slash);
  const type = StringPrototypeSlice(text, 0, slash);
  const subtype = trimEnd(StringPrototypeSlice(text, slash + 1, semicolon === -1 ? text.length : semicolon));
  if (RegExpPrototypeExec(tokenPattern, type) === null || RegExpPrototypeExec(tokenPattern, subtype) === null) {
    return null;
  }
  let result = StringPrototypeToLowerCase(`${type}/${subtype}`);
  const seen = { __proto__: null };
  while (semicolon !== -1 && semicolon < text.length) {
    let at = semicolon + 1;
    while (at < text.length && RegExpPrototypeExec(leadingSpacePattern, text[at]) !== null) at++;
    const nameStart = at;
    while (at < text.length && text[at] !== ';' && text[at] !== '=') at++;
    const name = StringPrototypeToLowerCase(StringPrototypeSlice(text, nameStart, at));
    if (text[at] !== '=') {
      semicolon = at < text.length ? at : -1;
      continue;
    }
    at++;
    let value;
    if (text[at] === '"') {
      const quoted = quotedString(text, at);
      value = quoted[0];
      semicolon = StringPrototypeIndexOf(text, ';', quoted[1]);
    } else {
      semicolon = StringPrototypeIndexOf(text, ';', at);
      value = trimEnd(StringPrototypeSlice(text, at, semicolon === -1 ? text.length : semicolon));
      if (value === '') continue;
    }
    if (RegExpPrototypeExec(tokenPattern, name) === null || RegExpPrototypeExec(quotedTextPattern, value) === null ||
        seen[name]) {
      continue;
    }
    seen[name] = true;
    result += RegExpPrototypeExec(tokenPattern, value) !== null ?
      `;${name}=${value}` :
      `;${name}="${RegExpPrototypeSymbolReplace(escapedPattern, value, '\\$&')}"`;
  }
  return result;
}

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

// Fetch, "data: URL processor": { type, body } with the body as bytes, or null.
function parseDataUrl(url) {
  const hash = StringPrototypeIndexOf(url, '#');
  const input = StringPrototypeSlice(url, 'data:'.length, hash === -1 ? url.length : hash);
  const comma = StringPrototypeIndexOf(input, ',');
  if (comma === -1) return null;
  let type = trim(StringPrototypeSlice(input, 0, comma));
  let body = percentDecode(StringPrototypeSlice(input, comma + 1));
  const base64 = RegExpPrototypeExec(base64Pattern, type);
  if (base64 !== null) {
    body = ops.base64Decode(body);
    if (body === undefined) return null;
    type = StringPrototypeSlice(type, 0, base64.index);
  }
  if (StringPrototypeStartsWith(type, ';')) type = `text/plain${type}`;
  return {
    __proto__: null,
    type: normalizeMimeType(type) ?? 'text/plain;charset=US-ASCII',
    body: bytesOfLatin1(body),
  };
}

function fetchData(url) {
  const parsed = parseDataUrl(url);
  if (parsed === null) throw new TypeError('fetch failed: the data: URL is malformed');
  return requests.makeFetched(200, 'OK', `content-type: ${parsed.type}\r\n`, -1, parsed.body, url, false);
}

// What answers the URLs of a scheme: (url, method, list of header fields) → a Response, or a promise of one.
core.fetchSchemes = { __proto__: null, data: fetchData };
