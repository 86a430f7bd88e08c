// The Headers class (Fetch, section 5.1), and what Request and Response share of it.
//
// A header list is a flat array [name, value, name, value, …], names in lower case, in order of arrival. The headers of
// an incoming request stay native until something needs them all: `get` and `has` ask for the one field.

const {
  ArrayPrototypePush, ArrayPrototypeSort, ArrayPrototypeSplice, ObjectGetOwnPropertySymbols, ObjectKeys,
  ObjectPrototypePropertyIsEnumerable, RegExpPrototypeExec, SafeMap, StringPrototypeCharCodeAt,
  StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeToLowerCase, StringPrototypeTrim, SymbolIterator,
  TypeError,
} = core.primordials;
const { ops, webidl } = core;
const { requiredArguments } = webidl;

// ---- Names and values ----

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

// Names that were found valid, as written, with their lower-case form. Bounded, as names may come from clients.
const knownNames = new SafeMap();
const maxKnownNames = 512;
const maxKnownNameLength = 64;

// The lower-case form of a header name. Throws a TypeError where it is none (RFC 9110, section 5.1).
function normalizeName(name, context) {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const text = webidl.ByteString(name, context);
  if (RegExpPrototypeExec(tokenPattern, text) === null) {
    throw new TypeError(`${context}: '${text}' is not a valid header name`);
  }
  const lower = StringPrototypeToLowerCase(text);
  if (knownNames.size < maxKnownNames && text.length <= maxKnownNameLength) knownNames.set(text, lower);
  return lower;
}

const isWhiteSpace = (code) => code === 0x20 || code === 0x09 || code === 0x0A || code === 0x0D;

// Fetch, "normalize" a header value, and the check that it is one.
function normalizeValue(value, context) {
  const text = typeof value === 'string' ? value : webidl.ByteString(value, context);
  const { length } = text;
  let start = 0;
  let end = length;
  while (start < end && isWhiteSpace(StringPrototypeCharCodeAt(text, start))) start++;
  while (end > start && isWhiteSpace(StringPrototypeCharCodeAt(text, end - 1))) end--;
  for (let i = start; i < end; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code === 0 || code === 0x0A || code === 0x0D) {
      throw new TypeError(`${context}: the value holds a NUL or a line break at index ${i}`);
    }
    if (code > 0xFF) throw new TypeError(`${context} has a character at index ${i} that is outside Latin-1`);
  }
  return end - start === length ? text : StringPrototypeSlice(text, start, end);
}

// ---- Lists ----

function listGet(list, name) {
  let combined = null;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] !== name) continue;
    combined = combined === null ? list[i + 1] : `${combined}, ${list[i + 1]}`;
  }
  return combined;
}

function listHas(list, name) {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return true;
  return false;
}

function listDelete(list, name) {
  for (let i = list.length - 2; i >= 0; i -= 2) if (list[i] === name) ArrayPrototypeSplice(list, i, 2);
}

// Replaces the first field of that name and drops the others, or appends.
function listSet(list, name, value) {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] !== name) continue;
    list[i + 1] = value;
    for (let j = list.length - 2; j > i; j -= 2) if (list[j] === name) ArrayPrototypeSplice(list, j, 2);
    return;
  }
  ArrayPrototypePush(list, name, value);
}

// Fetch, "sort and combine": names in order, each once but for Set-Cookie, which cannot be combined.
function sortAndCombine(list) {
  const names = [];
  for (let i = 0; i < list.length; i += 2) {
    let known = false;
    for (let j = 0; j < names.length; j++) known ||= names[j] === list[i];
    if (!known) ArrayPrototypePush(names, list[i]);
  }
  ArrayPrototypeSort(names);
  const sorted = [];
  for (let i = 0; i < names.length; i++) {
    if (names[i] !== 'set-cookie') {
      ArrayPrototypePush(sorted, names[i], listGet(list, names[i]));
      continue;
    }
    for (let j = 0; j < list.length; j += 2) {
      if (list[j] === 'set-cookie') ArrayPrototypePush(sorted, 'set-cookie', list[j + 1]);
    }
  }
  return sorted;
}

// The list of a header block "name: value\r\n…" of native code, names in lower case.
function parseFields(block) {
  const list = [];
  for (let at = 0; at < block.length;) {
    const colon = StringPrototypeIndexOf(block, ': ', at);
    const end = StringPrototypeIndexOf(block, '\r\n', colon);
    ArrayPrototypePush(list, StringPrototypeSlice(block, at, colon), StringPrototypeSlice(block, colon + 2, end));
    at = end + 2;
  }
  return list;
}

// ---- Requests in mode "no-cors" ----

const unsafeBytePattern = /[\x00-\x08\x0A-\x1F"():<>?@[\\\]{}\x7F]/;
const languagePattern = /^[0-9A-Za-z *,\-.;=]*$/;

// Fetch, "no-CORS-safelisted request-header".
function isNoCorsSafelisted(name, value) {
  if (value.length > 128) return false;
  switch (name) {
    case 'accept':
      return RegExpPrototypeExec(unsafeBytePattern, value) === null;
    case 'accept-language':
    case 'content-language':
      return RegExpPrototypeExec(languagePattern, value) !== null;
    case 'content-type': {
      if (RegExpPrototypeExec(unsafeBytePattern, value) !== null) return false;
      const end = StringPrototypeIndexOf(value, ';');
      const essence = StringPrototypeToLowerCase(
        StringPrototypeTrim(end === -1 ? value : StringPrototypeSlice(value, 0, end)));
      return essence === 'application/x-www-form-urlencoded' || essence === 'multipart/form-data' ||
        essence === 'text/plain';
    }
    default:
      return false;
  }
}

const isNoCorsSafelistedName = (name) =>
  name === 'accept' || name === 'accept-language' || name === 'content-language' || name === 'content-type';

// ---- The class ----

// Set by request.js, which runs later: (request, name in lower case) → the value of one field, or null.
let incomingHeader;

// What `new Headers(key, …)` takes as its first argument when this file's own code calls it.
const { internal } = webidl;

class Headers {
  // Undefined while the fields are those of #source.
  #list;
  // 'none', 'request', 'request-no-cors', 'response' or 'immutable'. The lists of forbidden names, which keep pages
  // from speaking for the browser, are not enforced: a server has to set Cookie, Host and Set-Cookie.
  #guard;
  // An incoming Request, until its fields have been copied.
  #source;
  // What iteration shows, until the next change.
  #sorted = undefined;

  constructor(init = undefined, list = undefined, guard = 'none', source = undefined) {
    if (init === internal) {
      this.#list = list;
      this.#guard = guard;
      this.#source = source;
      return;
    }
    this.#list = [];
    this.#guard = 'none';
    this.#source = undefined;
    if (init !== undefined) Headers.#fill(this, init, "Failed to construct 'Headers': Argument 1");
  }

  append(name, value) {
    const context = "Failed to execute 'append' on 'Headers'";
    const list = Headers.#materialize(this);
    requiredArguments(arguments.length, 2, context);
    const typedName = webidl.ByteString(name, `${context}: Argument 1`);
    const typedValue = webidl.ByteString(value, `${context}: Argument 2`);
    Headers.#append(this, list, typedName, typedValue, context);
  }

  delete(name) {
    const context = "Failed to execute 'delete' on 'Headers'";
    const list = Headers.#materialize(this);
    requiredArguments(arguments.length, 1, context);
    const lower = normalizeName(name, context);
    Headers.#refuseImmutable(this, context);
    if (this.#guard === 'request-no-cors' && !isNoCorsSafelistedName(lower) && lower !== 'range') return;
    listDelete(list, lower);
    this.#sorted = undefined;
  }

  get(name) {
    const source = this.#source;
    requiredArguments(arguments.length, 1, "Failed to execute 'get' on 'Headers'");
    const lower = normalizeName(name, "Failed to execute 'get' on 'Headers'");
    return source === undefined ? listGet(this.#list, lower) : incomingHeader(source, lower);
  }

  getSetCookie() {
    const list = Headers.#materialize(this);
    const cookies = [];
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === 'set-cookie') ArrayPrototypePush(cookies, list[i + 1]);
    }
    return cookies;
  }

  has(name) {
    const source = this.#source;
    requiredArguments(arguments.length, 1, "Failed to execute 'has' on 'Headers'");
    const lower = normalizeName(name, "Failed to execute 'has' on 'Headers'");
    return source === undefined ? listHas(this.#list, lower) : incomingHeader(source, lower) !== null;
  }

  set(name, value) {
    const context = "Failed to execute 'set' on 'Headers'";
    const list = Headers.#materialize(this);
    requiredArguments(arguments.length, 2, context);
    const typedName = webidl.ByteString(name, `${context}: Argument 1`);
    const typedValue = normalizeValue(webidl.ByteString(value, `${context}: Argument 2`), context);
    const lower = normalizeName(typedName, context);
    Headers.#refuseImmutable(this, context);
    if (this.#guard === 'request-no-cors' && !isNoCorsSafelisted(lower, typedValue)) return;
    listSet(list, lower, typedValue);
    this.#sorted = undefined;
  }

  // The list, which belongs to this object from now on.
  static #materialize(headers) {
    const source = headers.#source;
    if (source !== undefined) {
      headers.#list = core.fetch.incomingHeaders(source);
      headers.#source = undefined;
    }
    return headers.#list;
  }

  static #refuseImmutable(headers, context) {
    if (headers.#guard === 'immutable') {
      throw new TypeError(`${context}: these headers are immutable; copy them by new Headers(headers) to change them`);
    }
  }

  static #append(headers, list, name, value, context) {
    const normalized = normalizeValue(value, context);
    const lower = normalizeName(name, context);
    Headers.#refuseImmutable(headers, context);
    if (headers.#guard === 'request-no-cors') {
      const existing = listGet(list, lower);
      if (!isNoCorsSafelisted(lower, existing === null ? normalized : `${existing}, ${normalized}`)) return;
    }
    ArrayPrototypePush(list, lower, normalized);
    headers.#sorted = undefined;
  }

  // Takes over the fields of another list, as far as the guard lets them.
  static #appendAll(headers, other) {
    for (let i = 0; i < other.length; i += 2) {
      if (headers.#guard === 'request-no-cors') Headers.#append(headers, headers.#list, other[i], other[i + 1], '');
      else ArrayPrototypePush(headers.#list, other[i], other[i + 1]);
    }
  }

  static #fill(headers, init, context) {
    if (!webidl.isObject(init)) throw new TypeError(`${context} is neither an object nor a sequence`);
    const list = headers.#list;
    const method = init[SymbolIterator];
    if (method === undefined || method === null) {
      const pairs = readRecord(init, context);
      for (let i = 0; i < pairs.length; i += 2) Headers.#append(headers, list, pairs[i], pairs[i + 1], context);
      return;
    }
    if (#list in init && method === originalEntries) {
      Headers.#appendAll(headers, Headers.#materialize(init));
      return;
    }
    const pairs = webidl.sequenceFromIterable(init, method, toPair, context);
    for (let i = 0; i < pairs.length; i++) {
      if (pairs[i].length !== 2) throw new TypeError(`${context}, element ${i} is not a pair of name and value`);
    }
    for (let i = 0; i < pairs.length; i++) Headers.#append(headers, list, pairs[i][0], pairs[i][1], context);
  }

  static {
    core.headers = {
      __proto__: null,
      // Headers over a list that the caller hands over.
      fromList: (list, guard) => new Headers(internal, list, guard),
      // The headers of an incoming Request.
      fromIncoming: (request) => new Headers(internal, undefined, 'immutable', request),
      bindIncoming(get) {
        incomingHeader = get;
      },
      // A HeadersInit becomes Headers, in the words of `context` where it cannot.
      fromInit(init, guard, context) {
        const headers = new Headers(internal, [], guard);
        if (init !== undefined) Headers.#fill(headers, init, context);
        return headers;
      },
      guard: (headers) => headers.#guard,
      // The list itself, to be read only.
      list: (headers) => Headers.#materialize(headers),
      copy(headers, guard) {
        const result = new Headers(internal, [], guard);
        Headers.#appendAll(result, Headers.#materialize(headers));
        return result;
      },
      // Adds a field that is known to be valid.
      add(headers, name, value) {
        ArrayPrototypePush(Headers.#materialize(headers), name, value);
        headers.#sorted = undefined;
      },
      normalizeName,
      listGet,
      listHas,
      parseFields,
    };
    webidl.configurePairIterable(Headers, (headers) => {
      if (!webidl.isObject(headers) || !(#list in headers)) throw webidl.illegalInvocation('Headers');
      return headers.#sorted ??= sortAndCombine(Headers.#materialize(headers));
    });
  }
}

const toPair = webidl.sequence(webidl.ByteString);
const toRecord = webidl.record(webidl.ByteString, webidl.ByteString);

// The conversion to record<ByteString, ByteString>, for objects that are no proxies and have no symbols by built-ins
// that V8 is fast at. The values are checked when they are appended.
function readRecord(init, context) {
  if (ops.isProxy(init) || ObjectGetOwnPropertySymbols(init).length !== 0) return toRecord(init, context);
  const keys = ObjectKeys(init);
  const pairs = [];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    const value = init[key];
    // A getter may have removed what comes after it.
    if (value === undefined && !ObjectPrototypePropertyIsEnumerable(init, key)) continue;
    ArrayPrototypePush(pairs, key, typeof value === 'string' ? value : webidl.ByteString(value, context));
  }
  return pairs;
}

webidl.configureInterface(Headers);
const originalEntries = Headers.prototype.entries;
core.inspect.register(Headers, (headers) => sortAndCombine(core.headers.list(headers)));
core.defineGlobal('Headers', Headers);
