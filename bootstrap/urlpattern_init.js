// What stands before a URL Pattern's components: their canonical forms (URL Pattern standard, section 3), a pattern that is
// one text (2.2), and the members of URLPatternInit (2.5).

const { escapePattern, tokenize, types } = core.urlPattern;
const { URL } = core.url;
const {
  NumberPrototypeToString,
  ReflectGetOwnPropertyDescriptor,
  RegExpPrototypeExec,
  RegExpPrototypeSymbolReplace,
  StringPrototypeEndsWith,
  StringPrototypeLastIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  StringPrototypeToLowerCase,
  TypeError,
  uncurryThis,
} = core.primordials;

const componentNames = ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash'];

const get = { __proto__: null };
const set = { __proto__: null };
for (const name of componentNames) {
  const descriptor = ReflectGetOwnPropertyDescriptor(URL.prototype, name);
  get[name] = uncurryThis(descriptor.get);
  set[name] = uncurryThis(descriptor.set);
}

// A URL, or null.
function parseUrl(text, base) {
  try {
    return new URL(text, base);
  } catch {
    return null;
  }
}

const withoutLast = (text, character) =>
  (StringPrototypeEndsWith(text, character) ? StringPrototypeSlice(text, 0, -1) : text);
const withoutFirst = (text, character) =>
  (StringPrototypeStartsWith(text, character) ? StringPrototypeSlice(text, 1) : text);

// The components of a URL as patterns see them, without the characters that stand between them.
function componentOf(url, name) {
  const value = get[name](url);
  if (name === 'protocol') return withoutLast(value, ':');
  return name === 'search' || name === 'hash' ? StringPrototypeSlice(value, 1) : value;
}

const defaultPorts = { __proto__: null, ftp: '21', file: '', http: '80', https: '443', ws: '80', wss: '443' };
const isSpecial = (protocol) => defaultPorts[protocol] !== undefined;

// ---- Canonical forms ----

// What the attribute of some URL becomes when it is set.
function bySetting(name, url, value) {
  const dummy = new URL(url);
  set[name](dummy, value);
  return componentOf(dummy, name);
}

const unseen = /[\t\n\r]/g;
const withoutUnseen = (text) => RegExpPrototypeSymbolReplace(unseen, text, '');

function canonicalHost(value, scheme, end) {
  if (value === '') return '';
  const host = withoutUnseen(RegExpPrototypeExec(end, value)[0]);
  const isAddress = StringPrototypeStartsWith(host, '[');
  const url = host === '' || RegExpPrototypeExec(isAddress ? /[@]/ : /[:@]/, host) !== null ?
    null : parseUrl(`${scheme}://${host}/`);
  if (url === null) throw new TypeError(`'${value}' is not a host name`);
  return get.hostname(url);
}

const canonical = {
  __proto__: null,
  protocol(value) {
    if (value === '') return '';
    const url = parseUrl(`${value}://dummy.invalid/`);
    if (url === null) throw new TypeError(`'${value}' is not a protocol`);
    return componentOf(url, 'protocol');
  },
  username: (value) => (value === '' ? '' : bySetting('username', 'https://dummy.invalid/', value)),
  password: (value) => (value === '' ? '' : bySetting('password', 'https://dummy.invalid/', value)),
  domain: (value) => canonicalHost(value, 'https', /^[^/?#\\]*/),
  hostname: (value) => canonicalHost(value, 'dummy', /^[^/?#]*/),
  // Of an address in brackets, a part of one as well.
  address(value) {
    if (RegExpPrototypeExec(/^[0-9A-Fa-f:[\]]*$/, value) === null) throw new TypeError(`'${value}' is not an address`);
    return StringPrototypeToLowerCase(value);
  },
  port(value, protocol = '') {
    if (value === '') return '';
    const digits = RegExpPrototypeExec(/^[0-9]+/, withoutUnseen(value));
    const number = digits === null ? Infinity : +digits[0];
    if (number > 65535) throw new TypeError(`'${value}' is not a port`);
    const port = NumberPrototypeToString(number);
    return port === defaultPorts[protocol] ? '' : port;
  },
  pathname(value) {
    if (value === '' || value[0] === '/') return value === '' ? '' : bySetting('pathname', 'https://dummy.invalid/', value);
    // Something before it, lest its beginning be taken for dots that lead nowhere.
    return StringPrototypeSlice(bySetting('pathname', 'https://dummy.invalid/', `/-${value}`), 2);
  },
  // Something behind it, lest spaces at its end be lost.
  opaquePathname(value) {
    const path = RegExpPrototypeExec(/^[^?#]*/, value)[0];
    return StringPrototypeSlice(get.pathname(new URL(`data:${path}-`)), 0, -1);
  },
  search: (value) => (value === '' ? '' : bySetting('search', 'https://dummy.invalid/', value)),
  hash: (value) => (value === '' ? '' : bySetting('hash', 'https://dummy.invalid/', value)),
};

// ---- A pattern that is one text ----

const order = {
  __proto__: null,
  protocol: 0, authority: 1, username: 2, password: 3, hostname: 4, port: 5, pathname: 6, search: 7, hash: 8,
};

// "Parse a constructor string": a URLPatternInit. `isSpecialPattern` says whether a protocol's pattern matches a scheme
// whose URLs have an authority and a path.
class ConstructorStringParser {
  result = { __proto__: null };
  #input;
  #isSpecialPattern;
  #tokens;
  #start = 0;  // The token that the component begins with.
  #index = 0;
  #state = 'init';
  #isSpecial = false;
  #brackets = 0;  // How many of an address are open.

  constructor(input, isSpecialPattern) {
    this.#input = input;
    this.#isSpecialPattern = isSpecialPattern;
    this.#tokens = tokenize(input, false);
  }

  #token(index) {
    return this.#tokens[index < this.#tokens.length ? index : this.#tokens.length - 1];
  }

  #is(index, value) {
    const token = this.#token(index);
    return token.value === value &&
      (token.type === types.char || token.type === types.escapedChar || token.type === types.invalidChar);
  }

  #isSearchPrefix() {
    if (this.#is(this.#index, '?')) return true;
    const token = this.#tokens[this.#index];
    if (token.value !== '?' || token.type !== types.modifier) return false;
    // Otherwise it says something about what is before it.
    const before = this.#index === 0 ? undefined : this.#token(this.#index - 1).type;
    return before !== types.name && before !== types.regexp && before !== types.close && before !== types.asterisk;
  }

  #component() {
    return StringPrototypeSlice(this.#input, this.#token(this.#start).index, this.#token(this.#index).index);
  }

  #rewind(state = this.#state) {
    this.#state = state;
    this.#index = this.#start;
  }

  // Ends a component; what the URL leaves out before the next one is empty, where it can be.
  #change(state, skip) {
    const { result } = this;
    const old = this.#state;
    if (old !== 'init' && old !== 'authority') result[old] = this.#component();
    if (old !== 'init' && state !== 'done') {
      const from = order[old];
      const to = order[state];
      if (from < order.hostname && to > order.hostname) result.hostname ??= '';
      if (from < order.pathname && to > order.pathname) result.pathname ??= this.#isSpecial ? '/' : '';
      if (from < order.search && to > order.search) result.search ??= '';
    }
    this.#state = state;
    this.#index += skip;
    this.#start = this.#index;
  }

  #endOfProtocol() {
    this.#isSpecial = this.#isSpecialPattern(this.#component());
    const hasSlashes = this.#is(this.#index + 1, '/') && this.#is(this.#index + 2, '/');
    if (hasSlashes) this.#change('authority', 3);
    else this.#change(this.#isSpecial ? 'authority' : 'pathname', 1);
  }

  // What the token at the index says; true where the index is where it should be next.
  #step() {
    switch (this.#state) {
      case 'init':
        if (!this.#is(this.#index, ':')) return false;
        this.#rewind('protocol');
        return true;
      case 'protocol':
        if (!this.#is(this.#index, ':')) return false;
        this.#endOfProtocol();
        return true;
      case 'username':
        if (this.#is(this.#index, '@')) this.#change('hostname', 1);
        else if (this.#is(this.#index, ':')) this.#change('password', 1);
        else return false;
        return true;
      case 'password':
        if (!this.#is(this.#index, '@')) return false;
        this.#change('hostname', 1);
        return true;
      case 'authority':
        if (this.#is(this.#index, '@')) this.#rewind('username');
        else if (this.#is(this.#index, '/') || this.#isSearchPrefix() || this.#is(this.#index, '#')) this.#rewind('hostname');
        else return false;
        return true;
      default:
        return this.#stepBehindAuthority();
    }
  }

  #stepBehindAuthority() {
    const at = order[this.#state];
    if (at === order.hostname) {
      if (this.#is(this.#index, '[')) {
        this.#brackets++;
      } else if (this.#is(this.#index, ']')) {
        this.#brackets--;
      } else if (this.#brackets === 0 && this.#is(this.#index, ':')) {
        this.#change('port', 1);
        return true;
      }
    }
    if (at < order.pathname && this.#is(this.#index, '/')) this.#change('pathname', 0);
    else if (at < order.search && this.#isSearchPrefix()) this.#change('search', 1);
    else if (at < order.hash && this.#is(this.#index, '#')) this.#change('hash', 1);
    else return false;
    return true;
  }

  // At the end of the text; true where there is more to do, since the state was but a guess.
  #finish() {
    if (this.#state === 'init') {
      this.#rewind();
      if (this.#is(this.#index, '#')) this.#change('hash', 1);
      else if (this.#isSearchPrefix()) this.#change('search', 1);
      else this.#change('pathname', 0);
      return true;
    }
    if (this.#state === 'authority') {
      this.#rewind('hostname');
      return true;
    }
    this.#change('done', 0);
    return false;
  }

  parse() {
    for (let depth = 0; ;) {
      const { type } = this.#tokens[this.#index];
      if (type === types.end) {
        if (!this.#finish()) break;
      } else if (type === types.open) {
        depth++;
        this.#index++;
      } else if (depth > 0) {
        if (type === types.close) depth--;
        this.#index++;
      } else if (!this.#step()) {
        this.#index++;
      }
    }
    if (this.result.hostname !== undefined) this.result.port ??= '';
    return this.result;
  }
}

// ---- URLPatternInit ----

// A base gives what comes before the first component that the init has; `type` is 'pattern' or 'url'.
function inheritFrom(base, init, type, result) {
  const fromBase = (name) => {
    const value = componentOf(base, name);
    return type === 'pattern' ? escapePattern(value) : value;
  };
  if (init.protocol !== undefined) return;
  result.protocol = fromBase('protocol');
  const hasServer = init.hostname !== undefined || init.port !== undefined;
  if (type === 'url' && !hasServer && init.username === undefined) {
    result.username = fromBase('username');
    if (init.password === undefined) result.password = fromBase('password');
  }
  const names = ['hostname', 'port', 'pathname', 'search', 'hash'];
  for (let i = 0; i < names.length; i++) {
    if (init[names[i]] !== undefined) return;
    result[names[i]] = fromBase(names[i]);
  }
}

const isAbsolute = (pathname, type) => pathname[0] === '/' ||
  (type === 'pattern' && (StringPrototypeStartsWith(pathname, '\\/') || StringPrototypeStartsWith(pathname, '{/')));

// "Process a URLPatternInit": the components that there are. Those of a URL are canonical, those of a pattern become so when
// it is compiled. Throws where one cannot be.
function processInit(init, type, result) {
  let base = null;
  if (init.baseURL !== undefined) {
    base = parseUrl(init.baseURL);
    if (base === null) throw new TypeError(`'${init.baseURL}' is not a base URL`);
    inheritFrom(base, init, type, result);
  }
  const isUrl = type === 'url';
  if (init.protocol !== undefined) {
    const protocol = withoutLast(init.protocol, ':');
    result.protocol = isUrl ? canonical.protocol(protocol) : protocol;
  }
  const special = result.protocol === '' || result.protocol === undefined || isSpecial(result.protocol);
  if (init.username !== undefined) result.username = isUrl ? canonical.username(init.username) : init.username;
  if (init.password !== undefined) result.password = isUrl ? canonical.password(init.password) : init.password;
  if (init.hostname !== undefined) {
    result.hostname = isUrl ? canonical[special ? 'domain' : 'hostname'](init.hostname) : init.hostname;
  }
  if (init.port !== undefined) result.port = isUrl ? canonical.port(init.port, result.protocol) : init.port;
  if (init.pathname !== undefined) {
    let { pathname } = init;
    const directory = base === null ? '' : get.pathname(base);
    if (directory[0] === '/' && !isAbsolute(pathname, type)) {
      const text = isUrl ? directory : escapePattern(directory);
      pathname = StringPrototypeSlice(text, 0, StringPrototypeLastIndexOf(text, '/') + 1) + pathname;
    }
    result.pathname = isUrl ? canonical[special ? 'pathname' : 'opaquePathname'](pathname) : pathname;
  }
  if (init.search !== undefined) {
    const search = withoutFirst(init.search, '?');
    result.search = isUrl ? canonical.search(search) : search;
  }
  if (init.hash !== undefined) {
    const hash = withoutFirst(init.hash, '#');
    result.hash = isUrl ? canonical.hash(hash) : hash;
  }
  return result;
}

Object.assign(core.urlPattern, {
  canonical,
  componentNames,
  componentOf,
  defaultPorts,
  parseConstructorString: (input, isSpecialPattern) => new ConstructorStringParser(input, isSpecialPattern).parse(),
  parseUrl,
  processInit,
});
