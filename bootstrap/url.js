// URL and URLSearchParams (URL standard, section 6). Native code parses; it hands back the href and where its parts
// lie, and the attributes are cut out of the href when they are read.

const { ops, webidl } = core;
const {
  ArrayPrototypePush,
  ArrayPrototypeSort,
  RegExpPrototypeExec,
  StringPrototypeCharCodeAt,
  StringPrototypeIncludes,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  SymbolIterator,
  TypeError,
  Uint32Array,
} = core.primordials;

// The offsets that native code writes, in its order; `omitted` for a part that is not there.
let components;
const omitted = 0xffffffff;
const scratch = () => (components ??= new Uint32Array(8));

// The attributes as ops.urlSet counts them.
const settable = {
  __proto__: null,
  protocol: 0, username: 1, password: 2, host: 3, hostname: 4, port: 5, pathname: 6, search: 7, hash: 8,
};

const at = 0x40;

// A class, as objects without a prototype are slow to make.
class ParsedUrl {
  href;
  hasCredentials;

  constructor(href, hasCredentials) {
    this.href = href;
    this.hasCredentials = hasCredentials;
  }
}

// What `URL.parse` hands to the constructor: an href whose offsets are in `components`.
const parsed = { __proto__: null, href: undefined };

let setSearch;
let makeLiveParams;
let replacePairs;

class URL {
  #href;
  #protocolEnd;
  #usernameEnd;
  #hostStart;
  #hostEnd;
  #port;
  #pathnameStart;
  #searchStart;
  #hashStart;
  #searchParams = undefined;

  constructor(url, base = undefined) {
    if (arguments.length === 0) webidl.requiredArguments(0, 1, "Failed to construct 'URL'");
    if (typeof url !== 'string') {
      if (url === parsed) {
        this.#update(parsed.href);
        return;
      }
      url = webidl.DOMString(url, "Failed to construct 'URL': Argument 1");
    }
    if (base !== undefined && typeof base !== 'string') {
      base = webidl.DOMString(base, "Failed to construct 'URL': Argument 2");
    }
    const href = ops.urlParse(url, base, scratch());
    if (href === undefined) {
      const text = base === undefined ? `'${url}'` : `'${url}' with base '${base}'`;
      throw new TypeError(`Failed to construct 'URL': ${text} is not a valid URL`);
    }
    this.#update(href);
  }

  static parse(url, base = undefined) {
    const context = "Failed to execute 'parse' on 'URL'";
    webidl.requiredArguments(arguments.length, 1, context);
    url = webidl.DOMString(url, `${context}: Argument 1`);
    if (base !== undefined) base = webidl.DOMString(base, `${context}: Argument 2`);
    return URL.#parse(url, base);
  }

  static canParse(url, base = undefined) {
    const context = "Failed to execute 'canParse' on 'URL'";
    webidl.requiredArguments(arguments.length, 1, context);
    url = webidl.DOMString(url, `${context}: Argument 1`);
    if (base !== undefined) base = webidl.DOMString(base, `${context}: Argument 2`);
    return ops.urlCanParse(url, base);
  }

  get href() {
    return this.#href;
  }

  set href(value) {
    if (!(#href in this)) throw webidl.illegalInvocation('URL');
    value = webidl.DOMString(value, "Failed to set 'href' on 'URL': The value");
    const href = ops.urlParse(value, undefined, scratch());
    if (href === undefined) throw new TypeError(`Failed to set 'href' on 'URL': '${value}' is not a valid URL`);
    this.#update(href);
    this.#updateSearchParams();
  }

  toString() {
    return this.#href;
  }

  get origin() {
    return this.#getOrigin();
  }

  get protocol() {
    return this.#getProtocol();
  }

  set protocol(value) {
    this.#set(settable.protocol, value);
  }

  get username() {
    if (this.#protocolEnd + 2 >= this.#usernameEnd) return '';
    return StringPrototypeSlice(this.#href, this.#protocolEnd + 2, this.#usernameEnd);
  }

  set username(value) {
    this.#set(settable.username, value);
  }

  get password() {
    if (this.#hostStart <= this.#usernameEnd) return '';
    return StringPrototypeSlice(this.#href, this.#usernameEnd + 1, this.#hostStart);
  }

  set password(value) {
    this.#set(settable.password, value);
  }

  get host() {
    return this.#getHost();
  }

  set host(value) {
    this.#set(settable.host, value);
  }

  get hostname() {
    return StringPrototypeSlice(this.#href, this.#hostnameStart(), this.#hostEnd);
  }

  set hostname(value) {
    this.#set(settable.hostname, value);
  }

  get port() {
    return this.#port === omitted ? '' : `${this.#port}`;
  }

  set port(value) {
    this.#set(settable.port, value);
  }

  get pathname() {
    return this.#getPathname();
  }

  set pathname(value) {
    this.#set(settable.pathname, value);
  }

  get search() {
    return this.#getSearch();
  }

  set search(value) {
    this.#set(settable.search, value);
    this.#updateSearchParams();
  }

  get searchParams() {
    return this.#searchParams ??= makeLiveParams(this, this.#getSearch());
  }

  get hash() {
    if (this.#hashStart === omitted || this.#href.length - this.#hashStart <= 1) return '';
    return StringPrototypeSlice(this.#href, this.#hashStart);
  }

  set hash(value) {
    this.#set(settable.hash, value);
  }

  toJSON() {
    return this.#href;
  }

  // What the getters return; scripts may redefine those.

  #getOrigin() {
    const protocol = this.#getProtocol();
    switch (protocol) {
      case 'http:':
      case 'https:':
      case 'ws:':
      case 'wss:':
      case 'ftp:':
        return `${protocol}//${this.#getHost()}`;
      case 'blob:': {
        const inner = URL.#parse(this.#getPathname(), undefined);
        const innerProtocol = inner === null ? '' : inner.#getProtocol();
        return innerProtocol === 'http:' || innerProtocol === 'https:' ? inner.#getOrigin() : 'null';
      }
      default:
        return 'null';
    }
  }

  #getProtocol() {
    return StringPrototypeSlice(this.#href, 0, this.#protocolEnd);
  }

  #getHost() {
    const start = this.#hostnameStart();
    // An empty host may be followed by "/.", which belongs to nothing.
    return start === this.#hostEnd ? '' : StringPrototypeSlice(this.#href, start, this.#pathnameStart);
  }

  #getPathname() {
    if (this.#searchStart !== omitted) return StringPrototypeSlice(this.#href, this.#pathnameStart, this.#searchStart);
    if (this.#hashStart !== omitted) return StringPrototypeSlice(this.#href, this.#pathnameStart, this.#hashStart);
    return StringPrototypeSlice(this.#href, this.#pathnameStart);
  }

  #getSearch() {
    if (this.#searchStart === omitted) return '';
    const end = this.#hashStart === omitted ? this.#href.length : this.#hashStart;
    return end - this.#searchStart <= 1 ? '' : StringPrototypeSlice(this.#href, this.#searchStart, end);
  }

  #hostnameStart() {
    const start = this.#hostStart;
    const afterCredentials = start < this.#hostEnd && StringPrototypeCharCodeAt(this.#href, start) === at;
    return afterCredentials ? start + 1 : start;
  }

  #update(href) {
    this.#href = href;
    this.#protocolEnd = components[0];
    this.#usernameEnd = components[1];
    this.#hostStart = components[2];
    this.#hostEnd = components[3];
    this.#port = components[4];
    this.#pathnameStart = components[5];
    this.#searchStart = components[6];
    this.#hashStart = components[7];
  }

  #set(attribute, value) {
    const href = this.#href;
    value = webidl.DOMString(value, "Failed to set an attribute of 'URL': The value");
    this.#update(ops.urlSet(href, attribute, value, scratch()));
  }

  #updateSearchParams() {
    if (this.#searchParams !== undefined) replacePairs(this.#searchParams, this.#getSearch());
  }

  // Null where `url` is not valid.
  static #parse(url, base) {
    parsed.href = ops.urlParse(url, base, scratch());
    return parsed.href === undefined ? null : new URL(parsed);
  }

  static {
    setSearch = (url, query) => url.#update(ops.urlSet(url.#href, settable.search, query, scratch()));
  }
}
webidl.configureInterface(URL);
core.inspect.showAttributes(URL, [
  'href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash',
]);
core.defineGlobal('URL', URL);

// ---- URLSearchParams ----

// Most names and values have no character that stands for another one.
const formDecode = (text) =>
  (StringPrototypeIncludes(text, '%') || StringPrototypeIncludes(text, '+') ? ops.formDecode(text) : text);

const reserved = /[^*\-.0-9A-Z_a-z]/;
const formEncode = (text) => (RegExpPrototypeExec(reserved, text) === null ? text : ops.formEncode(text));

// application/x-www-form-urlencoded, parsed into a flat list: name, value, name, value, …
function parsePairs(text) {
  const pairs = [];
  for (let start = 0; start < text.length;) {
    let end = StringPrototypeIndexOf(text, '&', start);
    if (end === -1) end = text.length;
    if (end > start) {
      const part = StringPrototypeSlice(text, start, end);
      const equals = StringPrototypeIndexOf(part, '=');
      if (equals === -1) {
        ArrayPrototypePush(pairs, formDecode(part), '');
      } else {
        ArrayPrototypePush(
          pairs, formDecode(StringPrototypeSlice(part, 0, equals)), formDecode(StringPrototypeSlice(part, equals + 1)));
      }
    }
    start = end + 1;
  }
  return pairs;
}

const withoutQuestionMark = (text) => (text[0] === '?' ? StringPrototypeSlice(text, 1) : text);

function serializePairs(pairs) {
  let text = '';
  for (let i = 0; i < pairs.length; i += 2) {
    if (i > 0) text += '&';
    text += `${formEncode(pairs[i])}=${formEncode(pairs[i + 1])}`;
  }
  return text;
}

const convertPair = webidl.sequence(webidl.USVString);
const convertRecord = webidl.record(webidl.USVString, webidl.USVString);

function convertInit(init, context) {
  if (!webidl.isObject(init)) return parsePairs(withoutQuestionMark(webidl.USVString(init, context)));
  const method = init[SymbolIterator];
  if (method === undefined || method === null) return convertRecord(init, context);
  const sequence = webidl.sequenceFromIterable(init, method, convertPair, context);
  const pairs = [];
  for (let i = 0; i < sequence.length; i++) {
    if (sequence[i].length !== 2) throw new TypeError(`${context}, element ${i} is not a pair of name and value`);
    ArrayPrototypePush(pairs, sequence[i][0], sequence[i][1]);
  }
  return pairs;
}

class URLSearchParams {
  #pairs = [];
  // The URL whose query this is.
  #url = null;

  constructor(init = '') {
    if (init !== '') this.#pairs = convertInit(init, "Failed to construct 'URLSearchParams': Argument 1");
  }

  get size() {
    return this.#pairs.length / 2;
  }

  append(name, value) {
    const pairs = this.#pairs;
    const context = "Failed to execute 'append' on 'URLSearchParams'";
    webidl.requiredArguments(arguments.length, 2, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    value = webidl.USVString(value, `${context}: Argument 2`);
    ArrayPrototypePush(pairs, name, value);
    this.#updateUrl();
  }

  delete(name, value = undefined) {
    const pairs = this.#pairs;
    const context = "Failed to execute 'delete' on 'URLSearchParams'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    if (value !== undefined) value = webidl.USVString(value, `${context}: Argument 2`);
    let kept = 0;
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] === name && (value === undefined || pairs[i + 1] === value)) continue;
      pairs[kept++] = pairs[i];
      pairs[kept++] = pairs[i + 1];
    }
    pairs.length = kept;
    this.#updateUrl();
  }

  get(name) {
    const pairs = this.#pairs;
    const context = "Failed to execute 'get' on 'URLSearchParams'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return pairs[i + 1];
    return null;
  }

  getAll(name) {
    const pairs = this.#pairs;
    const context = "Failed to execute 'getAll' on 'URLSearchParams'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    const values = [];
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) ArrayPrototypePush(values, pairs[i + 1]);
    return values;
  }

  has(name, value = undefined) {
    const pairs = this.#pairs;
    const context = "Failed to execute 'has' on 'URLSearchParams'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    if (value !== undefined) value = webidl.USVString(value, `${context}: Argument 2`);
    for (let i = 0; i < pairs.length; i += 2) {
      if (pairs[i] === name && (value === undefined || pairs[i + 1] === value)) return true;
    }
    return false;
  }

  set(name, value) {
    const pairs = this.#pairs;
    const context = "Failed to execute 'set' on 'URLSearchParams'";
    webidl.requiredArguments(arguments.length, 2, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    value = webidl.USVString(value, `${context}: Argument 2`);
    let kept = 0;
    let found = false;
    for (let i = 0; i < pairs.length; i += 2) {
      const isNamed = pairs[i] === name;
      if (isNamed && found) continue;
      found = found || isNamed;
      pairs[kept++] = pairs[i];
      pairs[kept++] = isNamed ? value : pairs[i + 1];
    }
    pairs.length = kept;
    if (!found) ArrayPrototypePush(pairs, name, value);
    this.#updateUrl();
  }

  sort() {
    const pairs = this.#pairs;
    const list = [];
    for (let i = 0; i < pairs.length; i += 2) ArrayPrototypePush(list, { name: pairs[i], value: pairs[i + 1] });
    // Strings compare by their UTF-16 units, as the standard wants.
    ArrayPrototypeSort(list, (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    for (let i = 0; i < list.length; i++) {
      pairs[2 * i] = list[i].name;
      pairs[2 * i + 1] = list[i].value;
    }
    this.#updateUrl();
  }

  toString() {
    return serializePairs(this.#pairs);
  }

  #updateUrl() {
    if (this.#url !== null) setSearch(this.#url, serializePairs(this.#pairs));
  }

  static {
    makeLiveParams = (url, search) => {
      const params = new URLSearchParams();
      params.#pairs = parsePairs(withoutQuestionMark(search));
      params.#url = url;
      return params;
    };
    replacePairs = (params, search) => {
      params.#pairs = parsePairs(withoutQuestionMark(search));
    };
    webidl.configurePairIterable(URLSearchParams, (params) => {
      if (!webidl.isObject(params) || !(#pairs in params)) throw webidl.illegalInvocation('URLSearchParams');
      return params.#pairs;
    });
    core.inspect.register(URLSearchParams, (params) => params.#pairs);
    core.url = {
      __proto__: null,
      URL,
      // application/x-www-form-urlencoded: flat lists of names and values.
      parsePairs,
      serializePairs,
      isURLSearchParams: (value) => webidl.isObject(value) && #pairs in value,
      serializeSearchParams: (params) => serializePairs(params.#pairs),
      // { href, hasCredentials } of an absolute URL, or one relative to `base`; null for anything else.
      parse(text, base = undefined) {
        const href = ops.urlParse(text, base, scratch());
        if (href === undefined) return null;
        // A user name or a password lies between scheme and host.
        const hasCredentials = components[1] > components[0] + 2 || components[2] > components[1];
        return new ParsedUrl(href, hasCredentials);
      },
    };
  }
}
webidl.configureInterface(URLSearchParams);
core.defineGlobal('URLSearchParams', URLSearchParams);
