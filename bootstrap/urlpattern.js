// URLPattern (URL Pattern standard). The package urlpattern-polyfill, whose class the bundle right before this file left
// here, parses and matches; this class is the interface in front of it.

const { webidl } = core;
const { ArrayPrototypePush, ReflectGetOwnPropertyDescriptor, TypeError, uncurryThis } = core.primordials;
const { URLPattern: Pattern } = core.urlPatternBundle;
delete core.urlPatternBundle;

const components = ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash'];
const test = uncurryThis(Pattern.prototype.test);
const exec = uncurryThis(Pattern.prototype.exec);
const getters = { __proto__: null };
for (const name of [...components, 'hasRegExpGroups']) {
  getters[name] = uncurryThis(ReflectGetOwnPropertyDescriptor(Pattern.prototype, name).get);
}

const initMembers = [];
for (const key of [...components, 'baseURL']) ArrayPrototypePush(initMembers, { key, convert: webidl.USVString });
const convertInit = webidl.dictionary('URLPatternInit', initMembers);
const convertOptions = webidl.dictionary('URLPatternOptions', [
  { key: 'ignoreCase', convert: webidl.boolean, default: false },
]);

// The package tells members that are absent from those that are undefined.
function presentOnly(init) {
  const result = {};
  for (let i = 0; i < initMembers.length; i++) {
    const { key } = initMembers[i];
    if (init[key] !== undefined) result[key] = init[key];
  }
  return result;
}

// (USVString or URLPatternInit)
function convertInput(input, context) {
  if (input === undefined || input === null || webidl.isObject(input)) return presentOnly(convertInit(input, context));
  return webidl.USVString(input, context);
}

const convertBase = (baseURL, context) => (baseURL === undefined ? undefined : webidl.USVString(baseURL, context));

class URLPattern {
  #pattern;

  // (input, baseURL, options) or (input, options): the second argument says which.
  constructor(input = {}, baseURL = undefined, options = undefined) {
    const context = "Failed to construct 'URLPattern'";
    const typedInput = convertInput(input, `${context}: Argument 1`);
    const hasBase = baseURL !== undefined && baseURL !== null && !webidl.isObject(baseURL);
    const base = hasBase ? webidl.USVString(baseURL, `${context}: Argument 2`) : undefined;
    if (!hasBase && arguments.length > 2) throw new TypeError(`${context}: Argument 2 is not a base URL`);
    const typedOptions = convertOptions(hasBase ? options : baseURL, `${context}: Argument ${hasBase ? 3 : 2}`);
    if (hasBase && typeof typedInput !== 'string') {
      throw new TypeError(`${context}: a base URL goes together with a text only`);
    }
    this.#pattern = base === undefined ? new Pattern(typedInput, typedOptions) : new Pattern(typedInput, base, typedOptions);
  }

  get protocol() {
    return getters.protocol(this.#pattern);
  }

  get username() {
    return getters.username(this.#pattern);
  }

  get password() {
    return getters.password(this.#pattern);
  }

  get hostname() {
    return getters.hostname(this.#pattern);
  }

  get port() {
    return getters.port(this.#pattern);
  }

  get pathname() {
    return getters.pathname(this.#pattern);
  }

  get search() {
    return getters.search(this.#pattern);
  }

  get hash() {
    return getters.hash(this.#pattern);
  }

  get hasRegExpGroups() {
    return getters.hasRegExpGroups(this.#pattern);
  }

  test(input = {}, baseURL = undefined) {
    const pattern = this.#pattern;
    const context = "Failed to execute 'test' on 'URLPattern'";
    const typedInput = convertInput(input, `${context}: Argument 1`);
    const base = convertBase(baseURL, `${context}: Argument 2`);
    return base === undefined ? test(pattern, typedInput) : test(pattern, typedInput, base);
  }

  exec(input = {}, baseURL = undefined) {
    const pattern = this.#pattern;
    const context = "Failed to execute 'exec' on 'URLPattern'";
    const typedInput = convertInput(input, `${context}: Argument 1`);
    const base = convertBase(baseURL, `${context}: Argument 2`);
    return base === undefined ? exec(pattern, typedInput) : exec(pattern, typedInput, base);
  }
}
webidl.configureInterface(URLPattern);
core.inspect.showAttributes(URLPattern, components);
core.defineGlobal('URLPattern', URLPattern);
