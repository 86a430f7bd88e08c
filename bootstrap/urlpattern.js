// URLPattern (URL Pattern standard, section 1): compiles the components of a pattern, and matches.

const { webidl } = core;
const {
  canonical, componentNames, componentOf, defaultPorts, parseConstructorString, parsePattern, parseUrl, partTypes,
  patternOf, processInit, regExpOf,
} = core.urlPattern;
delete core.urlPattern;
const {
  ArrayPrototypePush,
  ObjectDefineProperty,
  ObjectKeys,
  RegExp,
  RegExpPrototypeExec,
  StringPrototypeStartsWith,
  TypeError,
} = core.primordials;

const initMembers = [];
for (const key of ['baseURL', 'hash', 'hostname', 'password', 'pathname', 'port', 'protocol', 'search', 'username']) {
  ArrayPrototypePush(initMembers, { key, convert: webidl.USVString });
}
const convertInit = webidl.dictionary('URLPatternInit', initMembers);
const convertOptions = webidl.dictionary('URLPatternOptions', [
  { key: 'ignoreCase', convert: webidl.boolean, default: false },
]);
const convertComponent = webidl.enumeration('URLPatternComponent', componentNames);
const convertRecord = webidl.record(webidl.USVString, webidl.USVString);

// (USVString or URLPatternInit)
const convertInput = (input, context) => (input === undefined || input === null || webidl.isObject(input) ?
  convertInit(input, context) : webidl.USVString(input, context));

function convertGroups(value, context) {
  const pairs = convertRecord(value, context);
  const groups = { __proto__: null };
  for (let i = 0; i < pairs.length; i += 2) groups[pairs[i]] = pairs[i + 1];
  return groups;
}

// ---- Components ----

const plain = { __proto__: null, delimiter: '', prefix: '' };
const hostOptions = { __proto__: null, delimiter: '.', prefix: '' };
const pathOptions = { __proto__: null, delimiter: '/', prefix: '/' };

// { parts, options, encode, regExp, pattern }
function compile(input, encode, options, ignoreCase) {
  const parts = parsePattern(input, options, (text) => (text === '' ? '' : encode(text)));
  let regExp;
  try {
    regExp = new RegExp(regExpOf(parts, options), ignoreCase ? 'vi' : 'v');
  } catch {
    throw new TypeError(`'${input}' is not a pattern: one of its regular expressions is none`);
  }
  return { __proto__: null, parts, options, encode, regExp, pattern: patternOf(parts, options) };
}

const matches = (component, text) => RegExpPrototypeExec(component.regExp, text) !== null;

const specialProtocols = ObjectKeys(defaultPorts);
function matchesSpecial(protocol) {
  for (let i = 0; i < specialProtocols.length; i++) if (matches(protocol, specialProtocols[i])) return true;
  return false;
}
const isSpecialPattern = (text) => matchesSpecial(compile(text, canonical.protocol, plain, false));

const isAddress = (hostname) => hostname.length > 1 && (hostname[0] === '[' ||
  StringPrototypeStartsWith(hostname, '{[') || StringPrototypeStartsWith(hostname, '\\['));

function compileAll(init, ignoreCase) {
  for (let i = 0; i < componentNames.length; i++) init[componentNames[i]] ??= '*';
  // A port that goes without saying.
  if (init.port !== '' && defaultPorts[init.protocol] === init.port) init.port = '';
  const protocol = compile(init.protocol, canonical.protocol, plain, false);
  const isSpecial = matchesSpecial(protocol);
  const encodeHost = isAddress(init.hostname) ? canonical.address : canonical[isSpecial ? 'domain' : 'hostname'];
  return {
    __proto__: null,
    protocol,
    username: compile(init.username, canonical.username, plain, false),
    password: compile(init.password, canonical.password, plain, false),
    hostname: compile(init.hostname, encodeHost, hostOptions, false),
    port: compile(init.port, (text) => canonical.port(text), plain, false),
    pathname: isSpecial ? compile(init.pathname, canonical.pathname, pathOptions, ignoreCase) :
      compile(init.pathname, canonical.opaquePathname, plain, ignoreCase),
    search: compile(init.search, canonical.search, plain, ignoreCase),
    hash: compile(init.hash, canonical.hash, plain, ignoreCase),
  };
}

function create(input, base, { ignoreCase }) {
  if (typeof input !== 'string') {
    if (base !== undefined) throw new TypeError('A base URL goes together with a text only');
    return compileAll(processInit(input, 'pattern', { __proto__: null }), ignoreCase);
  }
  const init = parseConstructorString(input, isSpecialPattern);
  if (base !== undefined) init.baseURL = base;
  else if (init.protocol === undefined) throw new TypeError(`'${input}' has no protocol, and there is no base URL`);
  return compileAll(processInit(init, 'pattern', { __proto__: null }), ignoreCase);
}

// ---- Matching ----

// The values of a URL's components; undefined where the input is none.
function valuesOf(input, base) {
  const values = { __proto__: null };
  if (typeof input === 'string') {
    const url = parseUrl(input, base);
    if (url === null) return undefined;
    for (let i = 0; i < componentNames.length; i++) values[componentNames[i]] = componentOf(url, componentNames[i]);
    return values;
  }
  if (base !== undefined) throw new TypeError('A base URL goes together with a text only');
  for (let i = 0; i < componentNames.length; i++) values[componentNames[i]] = '';
  try {
    return processInit(input, 'url', values);
  } catch {
    return undefined;
  }
}

const setOwn = (object, key, value) => ObjectDefineProperty(object, key, {
  __proto__: null, value, writable: true, enumerable: true, configurable: true,
});

// A URLPatternComponentResult of what a component's regular expression found.
function resultOf({ parts }, input, found) {
  const groups = {};
  let group = 1;
  for (let i = 0; i < parts.length; i++) {
    if (parts[i].type !== partTypes.fixedText) setOwn(groups, parts[i].name, found[group++]);
  }
  return { groups, input };
}

// What a script gave, as it was understood: absent members stay absent.
function shownInput(input) {
  if (typeof input === 'string') return input;
  const shown = {};
  for (let i = 0; i < initMembers.length; i++) {
    const { key } = initMembers[i];
    if (input[key] !== undefined) setOwn(shown, key, input[key]);
  }
  return shown;
}

function match(components, input, base) {
  const values = valuesOf(input, base);
  if (values === undefined) return null;
  const found = { __proto__: null };
  for (let i = 0; i < componentNames.length; i++) {
    const name = componentNames[i];
    found[name] = RegExpPrototypeExec(components[name].regExp, values[name]);
    if (found[name] === null) return null;
  }
  const result = (name) => resultOf(components[name], values[name], found[name]);
  return {
    hash: result('hash'),
    hostname: result('hostname'),
    inputs: base === undefined ? [shownInput(input)] : [shownInput(input), base],
    password: result('password'),
    pathname: result('pathname'),
    port: result('port'),
    protocol: result('protocol'),
    search: result('search'),
    username: result('username'),
  };
}

function isMatch(components, input, base) {
  const values = valuesOf(input, base);
  if (values === undefined) return false;
  for (let i = 0; i < componentNames.length; i++) {
    if (!matches(components[componentNames[i]], values[componentNames[i]])) return false;
  }
  return true;
}

// ---- Generating and comparing ----

// The text that a component matches with these groups, which have to be all that it has.
function generate({ parts, encode, regExp }, groups, context) {
  let text = '';
  for (let i = 0; i < parts.length; i++) {
    const { type, value, modifier, name, prefix, suffix } = parts[i];
    const isFixed = type === partTypes.fixedText;
    if (modifier !== '' || (!isFixed && type !== partTypes.segmentWildcard)) {
      throw new TypeError(`${context}: the pattern has more than fixed texts and names`);
    }
    if (!isFixed && groups[name] === undefined) throw new TypeError(`${context}: there is no group '${name}'`);
    text += isFixed ? value : prefix + (groups[name] === '' ? '' : encode(groups[name])) + suffix;
  }
  if (RegExpPrototypeExec(regExp, text) === null) throw new TypeError(`${context}: '${text}' would not match`);
  return text;
}

// The more they leave open the less they count.
const typeRanks =
  { __proto__: null, 'full-wildcard': 0, 'segment-wildcard': 1, regexp: 2, 'fixed-text': 3 };
const modifierRanks = { __proto__: null, '*': 0, '?': 1, '+': 2, '': 3 };
const noPart = { __proto__: null, type: partTypes.fixedText, value: '', modifier: '', prefix: '', suffix: '' };
const compareValues = (left, right) => (left < right ? -1 : left > right ? 1 : 0);

function compareParts(left, right) {
  return compareValues(typeRanks[left.type], typeRanks[right.type]) ||
    compareValues(modifierRanks[left.modifier], modifierRanks[right.modifier]) ||
    compareValues(left.prefix, right.prefix) || compareValues(left.value, right.value) ||
    compareValues(left.suffix, right.suffix);
}

function compare(left, right) {
  for (let i = 0; i < left.parts.length || i < right.parts.length; i++) {
    const order = compareParts(left.parts[i] ?? noPart, right.parts[i] ?? noPart);
    if (order !== 0) return order;
  }
  return 0;
}

const convertBase = (baseURL, context) => (baseURL === undefined ? undefined : webidl.USVString(baseURL, context));

class URLPattern {
  static #convert = webidl.interfaceType('URLPattern', (value) => webidl.isObject(value) && #components in value);
  #components;

  // (input, baseURL, options) or (input, options): the second argument says which.
  constructor(input = {}, baseURL = undefined, options = undefined) {
    const context = "Failed to construct 'URLPattern'";
    const typedInput = convertInput(input, `${context}: Argument 1`);
    const hasBase = baseURL !== undefined && baseURL !== null && !webidl.isObject(baseURL);
    const base = hasBase ? webidl.USVString(baseURL, `${context}: Argument 2`) : undefined;
    if (!hasBase && arguments.length > 2) throw new TypeError(`${context}: Argument 2 is not a base URL`);
    const typedOptions = convertOptions(hasBase ? options : baseURL, `${context}: Argument ${hasBase ? 3 : 2}`);
    try {
      this.#components = create(typedInput, base, typedOptions);
    } catch (error) {
      throw new TypeError(`${context}: ${error.message}`);
    }
  }

  get protocol() {
    return this.#components.protocol.pattern;
  }

  get username() {
    return this.#components.username.pattern;
  }

  get password() {
    return this.#components.password.pattern;
  }

  get hostname() {
    return this.#components.hostname.pattern;
  }

  get port() {
    return this.#components.port.pattern;
  }

  get pathname() {
    return this.#components.pathname.pattern;
  }

  get search() {
    return this.#components.search.pattern;
  }

  get hash() {
    return this.#components.hash.pattern;
  }

  get hasRegExpGroups() {
    const components = this.#components;
    for (let i = 0; i < componentNames.length; i++) {
      const { parts } = components[componentNames[i]];
      for (let j = 0; j < parts.length; j++) if (parts[j].type === partTypes.regexp) return true;
    }
    return false;
  }

  test(input = {}, baseURL = undefined) {
    const components = this.#components;
    const context = "Failed to execute 'test' on 'URLPattern'";
    const typedInput = convertInput(input, `${context}: Argument 1`);
    return isMatch(components, typedInput, convertBase(baseURL, `${context}: Argument 2`));
  }

  exec(input = {}, baseURL = undefined) {
    const components = this.#components;
    const context = "Failed to execute 'exec' on 'URLPattern'";
    const typedInput = convertInput(input, `${context}: Argument 1`);
    return match(components, typedInput, convertBase(baseURL, `${context}: Argument 2`));
  }

  generate(component, groups) {
    const components = this.#components;
    const context = "Failed to execute 'generate' on 'URLPattern'";
    webidl.requiredArguments(arguments.length, 2, context);
    const name = convertComponent(component, `${context}: Argument 1`);
    return generate(components[name], convertGroups(groups, `${context}: Argument 2`), context);
  }

  static compareComponent(component, left, right) {
    const context = "Failed to execute 'compareComponent' on 'URLPattern'";
    webidl.requiredArguments(arguments.length, 3, context);
    const name = convertComponent(component, `${context}: Argument 1`);
    const first = URLPattern.#convert(left, `${context}: Argument 2`);
    const second = URLPattern.#convert(right, `${context}: Argument 3`);
    return compare(first.#components[name], second.#components[name]);
  }
}
webidl.configureInterface(URLPattern);
core.inspect.showAttributes(URLPattern, componentNames);
core.defineGlobal('URLPattern', URLPattern);
