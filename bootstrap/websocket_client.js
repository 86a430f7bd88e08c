// `new WebSocket(url, protocols)` (WebSockets, section 3.1): what a script asks for becomes the request of a handshake.
// Native code connects.

const {
  ArrayPrototypeJoin, Error, PromisePrototypeThen, PromiseResolve, RegExpPrototypeExec, SafeSet, StringPrototypeIndexOf,
  StringPrototypeSlice, StringPrototypeStartsWith, StringPrototypeToLowerCase, SymbolIterator, TypeError,
} = core.primordials;
const { headers: headerLists, ops, outgoing, url: urls, webidl, webSocket: sockets } = core;

// RFC 9110, section 5.6.2: what a subprotocol is written as (RFC 6455, section 4.1).
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const syntaxError = (message) => new core.DOMException(message, 'SyntaxError');

const toProtocols = webidl.sequence(webidl.DOMString);
const convertOptions = webidl.dictionary('WebSocketOptions', [
  { key: 'headers', convert: webidl.any, default: undefined },
  { key: 'protocols', convert: convertProtocols, default: [] },
]);

// (DOMString or sequence<DOMString>), as an array.
function convertProtocols(value, context) {
  if (webidl.isObject(value) && value[SymbolIterator] !== undefined) return toProtocols(value, context);
  return [webidl.DOMString(value, context)];
}

// The second argument: protocols, or { protocols, headers } as undici and Deno have it, which the standard would take
// for a protocol of a name that none can have.
function convertSecond(value, context) {
  if (webidl.isObject(value) && value[SymbolIterator] === undefined) return convertOptions(value, context);
  return { __proto__: null, headers: undefined, protocols: convertProtocols(value, context) };
}

// The standard's steps 1 to 6: an URL of the scheme ws or wss.
function urlOf(text, context) {
  const parsed = urls.parse(text);
  if (parsed === null) throw syntaxError(`${context}: '${text}' is not a URL`);
  let { href } = parsed;
  if (StringPrototypeStartsWith(href, 'http:') || StringPrototypeStartsWith(href, 'https:')) {
    href = `ws${StringPrototypeSlice(href, 4)}`;
  }
  if (!StringPrototypeStartsWith(href, 'ws:') && !StringPrototypeStartsWith(href, 'wss:')) {
    throw syntaxError(`${context}: the scheme of '${href}' is neither ws nor wss`);
  }
  if (StringPrototypeIndexOf(href, '#') !== -1) throw syntaxError(`${context}: '${href}' has a fragment`);
  return href;
}

function checkProtocols(protocols, context) {
  const seen = new SafeSet();
  for (let i = 0; i < protocols.length; i++) {
    const name = StringPrototypeToLowerCase(protocols[i]);
    if (RegExpPrototypeExec(tokenPattern, name) === null) {
      throw syntaxError(`${context}: '${protocols[i]}' is not a name of a subprotocol`);
    }
    if (seen.has(name)) throw syntaxError(`${context}: the subprotocol '${protocols[i]}' is there twice`);
    seen.add(name);
  }
}

// The header block of the handshake, without what native code says itself.
function handshakeFields(headers, protocols, context) {
  const list = headerLists.list(headerLists.fromInit(headers, 'none', context));
  let block = '';
  for (let i = 0; i < list.length; i += 2) {
    if (outgoing.isConnectionField(list[i]) || StringPrototypeStartsWith(list[i], 'sec-websocket-')) {
      throw new TypeError(`${context}: the header ${list[i]} is the handshake's own`);
    }
    block += `${list[i]}: ${list[i + 1]}\r\n`;
  }
  if (!headerLists.listHas(list, 'user-agent')) block += `user-agent: ${outgoing.userAgent}\r\n`;
  if (protocols.length !== 0) block += `sec-websocket-protocol: ${ArrayPrototypeJoin(protocols, ', ')}\r\n`;
  return block;
}

core.connectWebSocket = (socket, url, second, context) => {
  const href = urlOf(webidl.USVString(url, `${context}: Argument 1`), context);
  const { protocols, headers } = convertSecond(second, `${context}: Argument 2`);
  checkProtocols(protocols, context);
  const fields = handshakeFields(headers, protocols, context);
  let problem;
  try {
    outgoing.checkPort(href);
  } catch (error) {
    problem = error.cause;
  }
  const id = problem === undefined ? ops.webSocketConnect(`http${StringPrototypeSlice(href, 2)}`, fields) : 0;
  sockets.begin(socket, id, href);
  if (id !== 0) return;
  if (problem === undefined) {
    problem = new Error('there is no network here');
    problem.code = 'ENETUNREACH';
  }
  PromisePrototypeThen(PromiseResolve(), () => sockets.fail(socket, problem.code, problem.message));
};
