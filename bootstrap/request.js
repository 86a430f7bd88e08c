// The Request class (Fetch, section 5.4), both as scripts construct it and as the thin face of an incoming request.
//
// An incoming Request holds a handle of its native event and asks for what is read of it, when it is read. When the
// event ends it is detached: it keeps a text of the head, from which everything but the body can still be read.

const {
  ArrayPrototypePush, ObjectFreeze, PromiseReject, RegExpPrototypeExec, SafeWeakMap, StringPrototypeIndexOf, StringPrototypeSlice,
  StringPrototypeStartsWith,
  StringPrototypeToLowerCase, StringPrototypeToUpperCase, StringPrototypeTrim, TypeError,
} = core.primordials;
const { abort, blob: blobs, body: bodies, headers: headerLists, incomingBody, ops, url: urls, webidl } = core;
const { internal } = webidl;
// What most requests use, by names of their own: `core` and what is on it are dictionaries, slow to look up.
const { fromIncoming, listGet } = headerLists;
const { requestBodyState, requestBodyText, requestHeader, requestMethod, requestUrl } = ops;
const { consume } = bodies;

const detached = -1;

// The blobs that the blob: URLs of requests stood for when these were made (URL, "blob URL entry"). Few have one.
const blobEntries = new SafeWeakMap();

// Bodies as requestBodyState tells of them; further ones arrive.
const noBody = 0;
const wholeBody = 1;

// The attributes that a server has no use for. A class, as objects without a prototype are slow to make.
class RequestSettings {
  cache = 'default';
  credentials = 'same-origin';
  integrity = '';
  keepalive = false;
  mode = 'cors';
  redirect = 'follow';
  referrer = 'about:client';
  referrerPolicy = '';
}
const defaultSettings = ObjectFreeze(new RequestSettings());

// What `fetch` makes of a request.
class RequestParts {
  url;
  method;
  list;
  body;
  settings;
  signal;
  blob;

  constructor(url, method, list, body, settings, signal, blob) {
    this.url = url;
    this.method = method;
    this.list = list;
    this.body = body;
    this.settings = settings;
    this.signal = signal;
    this.blob = blob;
  }
}

const toCache = webidl.enumeration('RequestCache', [
  'default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached',
]);
const toCredentials = webidl.enumeration('RequestCredentials', ['omit', 'same-origin', 'include']);
const toDuplex = webidl.enumeration('RequestDuplex', ['half']);
const toMode = webidl.enumeration('RequestMode', ['navigate', 'same-origin', 'no-cors', 'cors']);
const toPriority = webidl.enumeration('RequestPriority', ['high', 'low', 'auto']);
const toRedirect = webidl.enumeration('RequestRedirect', ['follow', 'error', 'manual']);
const toReferrerPolicy = webidl.enumeration('ReferrerPolicy', [
  '', 'no-referrer', 'no-referrer-when-downgrade', 'same-origin', 'origin', 'strict-origin',
  'origin-when-cross-origin', 'strict-origin-when-cross-origin', 'unsafe-url',
]);
const toSignal = webidl.nullable(webidl.interfaceType('AbortSignal', abort.isAbortSignal));

// The dictionary RequestInit, read in the order of Web IDL. Written out because a request made for each one answered
// is on the hot path of gateways. HeadersInit and BodyInit are converted where they are used.
class RequestInit {
  body = undefined;
  cache = undefined;
  credentials = undefined;
  duplex = undefined;
  headers = undefined;
  integrity = undefined;
  keepalive = undefined;
  method = undefined;
  mode = undefined;
  redirect = undefined;
  referrer = undefined;
  referrerPolicy = undefined;
  signal = undefined;
  window = undefined;
  isEmpty = true;

  read(init, context) {
    const member = (key, value, convert) => {
      if (value === undefined) return undefined;
      this.isEmpty = false;
      return convert(value, `${context}: ${key}`);
    };
    this.body = member('body', init.body, webidl.any);
    this.cache = member('cache', init.cache, toCache);
    this.credentials = member('credentials', init.credentials, toCredentials);
    this.duplex = member('duplex', init.duplex, toDuplex);
    this.headers = member('headers', init.headers, webidl.any);
    this.integrity = member('integrity', init.integrity, webidl.DOMString);
    this.keepalive = member('keepalive', init.keepalive, webidl.boolean);
    this.method = member('method', init.method, webidl.ByteString);
    this.mode = member('mode', init.mode, toMode);
    member('priority', init.priority, toPriority);
    this.redirect = member('redirect', init.redirect, toRedirect);
    this.referrer = member('referrer', init.referrer, webidl.USVString);
    this.referrerPolicy = member('referrerPolicy', init.referrerPolicy, toReferrerPolicy);
    this.signal = member('signal', init.signal, toSignal);
    this.window = member('window', init.window, webidl.any);
    return this;
  }
}
const emptyInit = ObjectFreeze(new RequestInit());

function readInit(init, context) {
  if (init === undefined || init === null) return emptyInit;
  if (!webidl.isObject(init)) throw new TypeError(`${context}: Argument 2 is not an object`);
  return new RequestInit().read(init, context);
}

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

// Fetch, "normalize" a method, and the checks that it may be used.
function normalizeMethod(method, context) {
  if (RegExpPrototypeExec(tokenPattern, method) === null) {
    throw new TypeError(`${context}: '${method}' is not a valid HTTP method`);
  }
  const upper = StringPrototypeToUpperCase(method);
  switch (upper) {
    case 'DELETE':
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'POST':
    case 'PUT':
      return upper;
    case 'CONNECT':
    case 'TRACE':
    case 'TRACK':
      throw new TypeError(`${context}: the method '${method}' is forbidden`);
    default:
      return method;
  }
}

function parseUrl(text, context) {
  const parsed = urls.parse(text);
  if (parsed === null) throw new TypeError(`${context}: '${text}' is not a valid absolute URL`);
  if (parsed.hasCredentials) throw new TypeError(`${context}: the URL '${text}' includes credentials`);
  return parsed.href;
}

// The members that concern a page rather than a server are checked and kept, and have no effect.
function applySettings(settings, init, context) {
  const { cache, credentials, integrity, keepalive, mode, redirect, referrer, referrerPolicy, window } = init;
  if (window !== undefined && window !== null) throw new TypeError(`${context}: 'window' can only be null`);
  if (mode === 'navigate') throw new TypeError(`${context}: the mode 'navigate' cannot be asked for`);
  const result = new RequestSettings();
  result.cache = cache ?? settings.cache;
  result.credentials = credentials ?? settings.credentials;
  result.integrity = integrity ?? settings.integrity;
  result.keepalive = keepalive ?? settings.keepalive;
  result.mode = mode ?? settings.mode;
  result.redirect = redirect ?? settings.redirect;
  // An init that says anything at all resets the two.
  result.referrerPolicy = referrerPolicy ?? '';
  if (referrer === '') {
    result.referrer = '';
  } else if (referrer !== undefined && referrer !== 'about:client' && urls.parse(referrer) === null) {
    // One that parses is of another origin than ours, which has none, and so stands for the client.
    throw new TypeError(`${context}: the referrer '${referrer}' is not a valid absolute URL`);
  }
  if (result.cache === 'only-if-cached' && result.mode !== 'same-origin') {
    throw new TypeError(`${context}: the cache mode 'only-if-cached' needs the mode 'same-origin'`);
  }
  return result;
}

// What native code kept of a head, lines of text: method, scheme, authority, target, remote address, '1' if there was a
// body, then "name: value" for each field.
function parseHead(text) {
  const lines = [];
  for (let at = 0; at < text.length;) {
    const end = StringPrototypeIndexOf(text, '\n', at);
    ArrayPrototypePush(lines, StringPrototypeSlice(text, at, end === -1 ? text.length : end));
    at = end === -1 ? text.length : end + 1;
  }
  const list = [];
  let cookieAt = -1;
  for (let i = 7; i < lines.length; i++) {
    const colon = StringPrototypeIndexOf(lines[i], ':');
    const name = StringPrototypeToLowerCase(StringPrototypeSlice(lines[i], 0, colon));
    const value = StringPrototypeTrim(StringPrototypeSlice(lines[i], colon + 1));
    if (name === 'cookie' && cookieAt !== -1) {
      list[cookieAt] += `; ${value}`;
    } else {
      ArrayPrototypePush(list, name, value);
      if (name === 'cookie') cookieAt = list.length - 1;
    }
  }
  return {
    method: lines[0],
    url: ops.makeRequestUrl(lines[1], lines[2], lines[3]),
    remoteAddress: lines[4],
    tls: lines[5],
    hadBody: lines[6] === '1',
    list,
  };
}

class Request {
  // Of the native event; `detached` without one.
  #handle = detached;
  // What is left of the native event: a text, parsed when first needed.
  #head = undefined;
  // Each of these is undefined until read where the request is an incoming one.
  #method = undefined;
  #url = undefined;
  #headers = undefined;
  #body = undefined;
  // The body where it arrives while the handler runs.
  #arriving = undefined;
  #signal = undefined;
  // The signal that #signal follows, once that is made.
  #signalSource = undefined;
  #settings = defaultSettings;

  constructor(input, init = undefined) {
    if (input === internal) {
      // `init` is the handle of an incoming request; none for one that is filled in by `clone`.
      if (init !== undefined) this.#handle = init;
      return;
    }
    const context = "Failed to construct 'Request'";
    webidl.requiredArguments(arguments.length, 1, context);
    const from = webidl.isObject(input) && #handle in input ? input : undefined;
    const inputText = from === undefined ? webidl.USVString(input, `${context}: Argument 1`) : '';
    const members = readInit(init, context);
    const initBody = members.body === undefined || members.body === null ? null : members.body;
    this.#url = from === undefined ? parseUrl(inputText, context) : Request.#urlOf(from);
    if (StringPrototypeStartsWith(this.#url, 'blob:')) {
      blobEntries.set(this, from === undefined ? blobs.resolveUrl(this.#url) : blobEntries.get(from));
    }
    const settings = from === undefined ? defaultSettings : from.#settings;
    this.#settings = members.isEmpty ? settings : applySettings(settings, members, context);
    if (members.method !== undefined) {
      this.#method = normalizeMethod(members.method, context);
    } else {
      this.#method = from === undefined ? 'GET' : Request.#methodOf(from);
    }
    if (members.signal !== undefined) this.#signalSource = members.signal ?? undefined;
    else if (from !== undefined) this.#signalSource = Request.#signalOf(from);
    Request.#initHeaders(this, from, members.headers, context);
    Request.#initBody(this, from, initBody, members.duplex, context);
  }

  get method() { return Request.#methodOf(this); }
  get url() { return Request.#urlOf(this); }
  get headers() { return Request.#headersOf(this); }
  get destination() {
    this.#settings;
    return '';
  }
  get referrer() { return this.#settings.referrer; }
  get referrerPolicy() { return this.#settings.referrerPolicy; }
  get mode() { return this.#settings.mode; }
  get credentials() { return this.#settings.credentials; }
  get cache() { return this.#settings.cache; }
  get redirect() { return this.#settings.redirect; }
  get integrity() { return this.#settings.integrity; }
  get keepalive() { return this.#settings.keepalive; }
  get isReloadNavigation() {
    this.#settings;
    return false;
  }
  get isHistoryNavigation() {
    this.#settings;
    return false;
  }
  get signal() { return Request.#signalOf(this); }
  get duplex() {
    this.#settings;
    return 'half';
  }

  get body() {
    const body = Request.#bodyOf(this);
    return body === null ? null : bodies.streamOf(body);
  }
  get bodyUsed() {
    const body = Request.#bodyOf(this);
    return body !== null && bodies.isUsed(body);
  }
  arrayBuffer() { return Request.#consume(this, bodies.readers.arrayBuffer, 'arrayBuffer'); }
  blob() { return Request.#consumeTyped(this, bodies.makeReader.blob, 'blob'); }
  bytes() { return Request.#consume(this, bodies.readers.bytes, 'bytes'); }
  formData() { return Request.#consumeTyped(this, bodies.makeReader.formData, 'formData'); }
  json() { return Request.#consume(this, bodies.readers.json, 'json'); }
  text() { return Request.#consume(this, bodies.readers.text, 'text'); }

  clone() {
    const body = Request.#bodyOf(this);
    if (body !== null) bodies.refuseUnusable(body, "Failed to execute 'clone' on 'Request'");
    const copy = new Request(internal);
    copy.#method = Request.#methodOf(this);
    copy.#url = Request.#urlOf(this);
    if (blobEntries.has(this)) blobEntries.set(copy, blobEntries.get(this));
    const headers = Request.#headersOf(this);
    copy.#headers = headerLists.copy(headers, headerLists.guard(headers));
    copy.#body = body === null ? null : bodies.clone(body);
    copy.#signalSource = Request.#signalOf(this);
    copy.#settings = this.#settings;
    return copy;
  }

  static #methodOf(request) {
    return request.#method ??=
      request.#handle === detached ? Request.#headOf(request).method : requestMethod(request.#handle);
  }

  static #urlOf(request) {
    return request.#url ??=
      request.#handle === detached ? Request.#headOf(request).url : requestUrl(request.#handle);
  }

  static #headersOf(request) {
    return request.#headers ??= fromIncoming(request);
  }

  static #bodyOf(request) {
    if (request.#body === undefined) request.#body = Request.#makeIncomingBody(request);
    return request.#body;
  }

  static #makeIncomingBody(request) {
    const handle = request.#handle;
    if (handle === detached) return Request.#headOf(request).hadBody ? new bodies.Body(request, undefined) : null;
    const state = requestBodyState(handle);
    if (state === noBody) return null;
    if (state === wholeBody) return new bodies.Body(request, undefined);
    request.#arriving = new incomingBody.ArrivingBody(handle);
    return new bodies.Body(request.#arriving, undefined);
  }

  static #signalOf(request) {
    if (request.#signal === undefined) {
      const source = request.#signalSource;
      request.#signal = source === undefined ? abort.makeSignal() : abort.any([source]);
    }
    return request.#signal;
  }

  static #headOf(request) {
    if (typeof request.#head === 'string') request.#head = parseHead(request.#head);
    return request.#head;
  }

  static #consume(request, reader, name) {
    // The brand check has to reject rather than throw.
    const body = webidl.isObject(request) && #handle in request ? Request.#bodyOf(request) : undefined;
    if (body === undefined) return PromiseReject(webidl.illegalInvocation('Request'));
    return consume(body, reader, `Failed to execute '${name}' on 'Request'`);
  }

  // The same where the result depends on the Content-Type.
  static #consumeTyped(request, makeReader, name) {
    if (!webidl.isObject(request) || !(#handle in request)) return PromiseReject(webidl.illegalInvocation('Request'));
    const contentType = listGet(headerLists.list(Request.#headersOf(request)), 'content-type');
    return Request.#consume(request, makeReader(contentType), name);
  }

  static #initHeaders(request, from, init, context) {
    const { mode } = request.#settings;
    if (mode === 'no-cors') {
      const method = request.#method;
      if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') {
        throw new TypeError(`${context}: the method '${method}' cannot be used in mode 'no-cors'`);
      }
    }
    const guard = mode === 'no-cors' ? 'request-no-cors' : 'request';
    request.#headers = init === undefined && from !== undefined ?
      headerLists.copy(Request.#headersOf(from), guard) :
      headerLists.fromInit(init, guard, context);
  }

  static #initBody(request, from, initBody, duplex, context) {
    const inputBody = from === undefined ? null : Request.#bodyOf(from);
    if (initBody === null && inputBody === null) {
      request.#body = null;
      return;
    }
    const method = request.#method;
    if (method === 'GET' || method === 'HEAD') {
      throw new TypeError(`${context}: a request with method ${method} cannot have a body`);
    }
    if (initBody === null) {
      bodies.refuseUnusable(inputBody, context);
      request.#body = bodies.transfer(inputBody);
      return;
    }
    const content = bodies.extract(initBody, `${context}: body`);
    const body = typeof content === 'string' ? new bodies.Body(content, undefined) : content;
    const mediaType = bodies.mediaTypeOf(initBody);
    if (mediaType !== null && !headerLists.listHas(headerLists.list(request.#headers), 'content-type')) {
      headerLists.add(request.#headers, 'content-type', mediaType);
    }
    if (body.source === null || body.stream !== undefined) {
      if (request.#settings.keepalive) {
        throw new TypeError(`${context}: a request with 'keepalive' cannot have a stream as its body`);
      }
      if (duplex === undefined) {
        throw new TypeError(`${context}: a stream as the body needs the member duplex: 'half'`);
      }
      if (request.#settings.mode !== 'same-origin' && request.#settings.mode !== 'cors') {
        throw new TypeError(`${context}: a stream as the body needs the mode 'cors' or 'same-origin'`);
      }
    }
    request.#body = body;
  }

  static {
    headerLists.bindIncoming((request, name) =>
      (request.#handle === detached ?
        listGet(Request.#headOf(request).list, name) :
        requestHeader(request.#handle, name)));
    core.fetch = {
      __proto__: null,
      isRequest: (value) => webidl.isObject(value) && #handle in value,
      // What `fetch` needs of a Request that it has just made.
      partsOf: (request) =>
        new RequestParts(
          request.#url, request.#method, headerLists.list(request.#headers), request.#body, request.#settings,
          request.#signalSource, blobEntries.get(request)),
      makeIncoming: (handle) => new Request(internal, handle),
      handleOf: (request) => request.#handle,
      // The native event ends; `head` is what it leaves behind. `error`: why, for those who still read the body.
      detach(request, head, error = undefined) {
        request.#handle = detached;
        request.#head = head;
        if (request.#arriving !== undefined) incomingBody.end(request.#arriving, error);
      },
      incomingHeaders: (request) =>
        (request.#handle === detached ? Request.#headOf(request).list : ops.requestHeaders(request.#handle)),
      // As JSON; empty without TLS.
      tls: (request) =>
        (request.#handle === detached ? Request.#headOf(request).tls : ops.requestTls(request.#handle)),
      remoteAddress: (request) =>
        (request.#handle === detached ?
          Request.#headOf(request).remoteAddress :
          ops.requestRemoteAddress(request.#handle)),
      incomingBodyText(request) {
        if (request.#handle === detached) throw incomingBody.bodyGone();
        return requestBodyText(request.#handle);
      },
      incomingBodyBytes(request) {
        if (request.#handle === detached) throw incomingBody.bodyGone();
        return ops.requestBody(request.#handle);
      },
      // Aborts `request.signal` if a script has asked for it; a later one comes aborted.
      abortRequest(request, reason) {
        abort.signalAbort(Request.#signalOf(request), reason);
      },
    };
  }
}

webidl.configureInterface(Request);
core.inspect.showAttributes(Request, ['method', 'url', 'headers', 'bodyUsed']);
core.defineGlobal('Request', Request);
