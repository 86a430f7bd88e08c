// MIME types (MIME Sniffing, section 4): parsed, serialised, and taken out of Content-Type fields.

const {
  ArrayPrototypePush, RegExpPrototypeExec, SafeMap, StringPrototypeCharCodeAt, StringPrototypeIndexOf,
  StringPrototypeReplaceAll, StringPrototypeSlice, StringPrototypeToLowerCase, uncurryThis,
} = core.primordials;

const forEachOfMap = uncurryThis(core.primordials.SafeMap.prototype.forEach);

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const quotable = /^[\t\x20-\x7E\x80-\xFF]*$/;
const isWhitespace = (code) => code === 0x20 || code === 0x09 || code === 0x0A || code === 0x0D;

// Of text[start, end), without the white space at its end, or at both.
function trimEnd(text, start, end) {
  while (end > start && isWhitespace(StringPrototypeCharCodeAt(text, end - 1))) end--;
  return StringPrototypeSlice(text, start, end);
}
function trim(text) {
  let start = 0;
  while (start < text.length && isWhitespace(StringPrototypeCharCodeAt(text, start))) start++;
  return trimEnd(text, start, text.length);
}

const indexOrEnd = (text, character, from) => {
  const at = StringPrototypeIndexOf(text, character, from);
  return at === -1 ? text.length : at;
};

// Fetch, "collect an HTTP quoted string": the value, and where the text goes on. `at` is that of the opening quote.
function quotedString(text, at) {
  let value = '';
  for (at++; at < text.length; at++) {
    if (text[at] === '"') return { value, end: at + 1 };
    if (text[at] === '\\' && at + 1 < text.length) at++;
    value += text[at];
  }
  return { value, end: at };
}

// "Parse a MIME type": { essence, parameters }, or null.
function parse(text) {
  text = trim(text);
  const slash = StringPrototypeIndexOf(text, '/');
  if (slash === -1) return null;
  const type = StringPrototypeSlice(text, 0, slash);
  let at = indexOrEnd(text, ';', slash);
  const subtype = trimEnd(text, slash + 1, at);
  if (RegExpPrototypeExec(token, type) === null || RegExpPrototypeExec(token, subtype) === null) return null;
  const parameters = new SafeMap();
  while (at < text.length) {
    at++;
    while (at < text.length && isWhitespace(StringPrototypeCharCodeAt(text, at))) at++;
    const semicolon = indexOrEnd(text, ';', at);
    const equals = indexOrEnd(text, '=', at);
    const nameEnd = semicolon < equals ? semicolon : equals;
    const name = StringPrototypeToLowerCase(StringPrototypeSlice(text, at, nameEnd));
    at = nameEnd;
    if (at >= text.length) break;
    if (text[at] === ';') continue;
    at++;
    let value;
    if (text[at] === '"') {
      const quoted = quotedString(text, at);
      value = quoted.value;
      at = indexOrEnd(text, ';', quoted.end);
    } else {
      const end = indexOrEnd(text, ';', at);
      value = trimEnd(text, at, end);
      at = end;
      if (value === '') continue;
    }
    if (RegExpPrototypeExec(token, name) !== null && RegExpPrototypeExec(quotable, value) !== null &&
        !parameters.has(name)) {
      parameters.set(name, value);
    }
  }
  return { __proto__: null, essence: StringPrototypeToLowerCase(`${type}/${subtype}`), parameters };
}

// "Serialize a MIME type".
function serialize({ essence, parameters }) {
  let text = essence;
  forEachOfMap(parameters, (value, name) => {
    if (RegExpPrototypeExec(token, value) === null) {
      value = `"${StringPrototypeReplaceAll(StringPrototypeReplaceAll(value, '\\', '\\\\'), '"', '\\"')}"`;
    }
    text += `;${name}=${value}`;
  });
  return text;
}

// Fetch, "get, decode, and split": at the commas outside of quotes.
function split(text) {
  const values = [];
  let start = 0;
  for (let at = 0; at <= text.length;) {
    if (text[at] === '"') {
      at = quotedString(text, at).end;
    } else if (at === text.length || text[at] === ',') {
      ArrayPrototypePush(values, StringPrototypeSlice(text, start, at));
      start = ++at;
    } else {
      at++;
    }
  }
  return values;
}

// Fetch, "extract a MIME type" from the combined value of Content-Type; null without a valid one.
function extract(field) {
  if (field === null) return null;
  let charset = null;
  let essence = null;
  let result = null;
  const values = split(field);
  for (let i = 0; i < values.length; i++) {
    const type = parse(values[i]);
    if (type === null || type.essence === '*/*') continue;
    result = type;
    if (type.essence !== essence) {
      charset = type.parameters.get('charset') ?? null;
      essence = type.essence;
    } else if (charset !== null && !type.parameters.has('charset')) {
      type.parameters.set('charset', charset);
    }
  }
  return result;
}

core.mime = { __proto__: null, parse, serialize, extract, trim };
