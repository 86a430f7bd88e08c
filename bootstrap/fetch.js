// fetch (Fetch, section 5.6): requests that leave the server. Redirects, credentials and what is added to a header are
// decided here, as the standard says for a client that is no page: there is no origin, so nothing is cross-origin but
// for redirects, and there is no cache. Connections are native code's.

const {
  ArrayPrototypePush, Promise, PromiseReject, RegExpPrototypeExec, StringPrototypeCharCodeAt,
  StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeSplit, StringPrototypeStartsWith,
  StringPrototypeToLowerCase, SafeSet, SafeWeakRef, TypeError, TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = core.primordials;
const {
  abort, body: bodies, fetch: requests, headers: headerLists, ops, outgoing, resourceTiming, streams, url: urls, webidl,
} = core;
const { listGet, listHas, parseFields } = headerLists;
const { Exchange, FetchedBody, isConnectionField, isFetched, networkError, userAgent } = outgoing;
const { makeFetched } = requests;

// The class, whatever a script makes of the global name.
const { Request } = globalThis;
const mostRedirects = 20;

// As OutgoingRequest has them.
const unknownLength = -2;

const isRedirectStatus = (status) =>
  status === 301 || status === 302 || status === 303 || status === 307 || status === 308;

// The names that a Connection field lists; null where there are none but the usual ones.
function namedByConnection(list) {
  const connection = listGet(list, 'connection');
  if (connection === null) return null;
  const names = new SafeSet();
  const tokens = StringPrototypeSplit(connection, ',');
  for (let i = 0; i < tokens.length; i++) {
    const match = RegExpPrototypeExec(/[^ \t]+/, tokens[i]);
    if (match !== null) names.add(StringPrototypeToLowerCase(match[0]));
  }
  return names;
}

const trailersPattern = /(?:^|,)[ \t]*trailers[ \t]*(?:;|,|$)/i;

// The header block of a request, with what it has to have (Fetch, "HTTP-network-or-cache fetch").
function fieldBlock(list) {
  const dropped = namedByConnection(list);
  let block = '';
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i];
    if (isConnectionField(name) || (dropped !== null && dropped.has(name))) continue;
    block += `${name}: ${list[i + 1]}\r\n`;
  }
  // For a gateway, whose client takes them: what `fetch` returns is passed on with its trailers.
  const te = listGet(list, 'te');
  if (te !== null && RegExpPrototypeExec(trailersPattern, te) !== null) block += 'te: trailers\r\nconnection: te\r\n';
  if (!listHas(list, 'accept')) block += 'accept: */*\r\n';
  if (!listHas(list, 'accept-encoding')) block += 'accept-encoding: gzip, deflate, br\r\n';
  if (!listHas(list, 'user-agent')) block += `user-agent: ${userAgent}\r\n`;
  return block;
}

const digitsPattern = /^[0-9]{1,15}$/;

// The length that the script declares for a body that comes as a stream.
function declaredLength(list) {
  const value = listGet(list, 'content-length');
  return value !== null && RegExpPrototypeExec(digitsPattern, value) !== null ? +value : unknownLength;
}

const schemePattern = /^[^:]*/;
const originPattern = /^[^:]*:\/\/[^/?#]*/;
const fragmentPattern = /#.*$/;

// One call of fetch, over its redirects.
class Fetching {
  #url;
  #method;
  #list;
  // Null, a string, bytes, or a ReadableStream.
  #content;
  #settings;
  #signal;
  #blob;
  #resolve;
  #reject;
  #redirects = 0;
  #exchange = undefined;
  // Of a body that is being sent.
  #reader = undefined;
  // Weakly, once the response has been handed out.
  #body = undefined;
  #onAbort = undefined;
  #settled = false;
  // What becomes the entry of the resource, if there will be one.
  #timing = undefined;

  constructor({ url, method, list, body, settings, signal, blob }, resolve, reject) {
    this.#url = url;
    this.#method = method;
    this.#list = list;
    this.#settings = settings;
    this.#signal = signal;
    this.#blob = blob;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#content = body === null ? null : Fetching.#contentOf(body);
    if (signal !== undefined) {
      this.#onAbort = () => this.#abort(abort.reason(signal));
      abort.addAlgorithm(signal, this.#onAbort);
    }
  }

  static #contentOf(body) {
    if (body.source !== null && !bodies.isArriving(body.source)) return bodies.contentOf(bodies.takeSource(body));
    return bodies.streamOf(body);
  }

  // Fetch, "scheme fetch".
  start(initiatorType) {
    const scheme = RegExpPrototypeExec(schemePattern, this.#url)[0];
    try {
      if (scheme === 'http' || scheme === 'https') {
        this.#timing = resourceTiming.begin(this.#url, initiatorType);
        return this.#send();
      }
      const local = core.fetchSchemes[scheme];
      if (local === undefined) throw new TypeError(`fetch failed: the scheme '${scheme}' is not supported`);
      const response = local(this.#url, this.#method, this.#list, this.#blob);
      this.#settle();
      this.#resolve(response);
    } catch (error) {
      this.#fail(error);
    }
    return undefined;
  }

  #send() {
    outgoing.checkPort(this.#url);
    const content = this.#content;
    const isStream = content !== null && typeof content !== 'string' && streams.isReadableStream(content);
    const handle = ops.fetchStart(
      this.#method, this.#url, fieldBlock(this.#list), isStream ? undefined : content,
      isStream ? declaredLength(this.#list) : 0);
    if (handle === 0) throw networkError('ENETUNREACH', 'there is no network here');
    const exchange = new Exchange(handle);
    this.#exchange = exchange;
    exchange.onHead = (...head) => this.#onHead(...head);
    exchange.onFailure = (error) => this.#fail(error);
    if (isStream) this.#sendStream(exchange, content);
  }

  // Sends a body chunk by chunk, no faster than the server reads.
  async #sendStream(exchange, stream) {
    const reader = streams.getReader(stream);
    this.#reader = reader;
    try {
      for (;;) {
        const { done, value } = await streams.read(reader);
        if (exchange.over) break;
        if (done) {
          this.#reader = undefined;
          ops.fetchEndBody(exchange.handle);
          return;
        }
        if (TypedArrayPrototypeGetSymbolToStringTag(value) !== 'Uint8Array') {
          throw new TypeError('The body stream gave a chunk that is not a Uint8Array');
        }
        if (!ops.fetchWrite(exchange.handle, value)) {
          await new Promise((resolve) => {
            exchange.onDrained = resolve;
          });
          if (exchange.over) break;
        }
      }
      // The response has ended, or the request was given up.
      if (this.#reader !== undefined) streams.cancel(reader, exchange.error);
      this.#reader = undefined;
    } catch (error) {
      this.#reader = undefined;
      streams.cancel(reader, error);
      if (exchange.over) return;
      exchange.onFailure = undefined;
      exchange.drop(error);
      this.#fail(error);
    }
  }

  #onHead(exchange, status, statusText, fields, length, encoding, body) {
    try {
      if (isRedirectStatus(status) && this.#settings.redirect !== 'manual') {
        const list = parseFields(fields);
        const location = listGet(list, 'location');
        if (this.#settings.redirect === 'error') {
          exchange.drop(undefined);
          throw networkError('ERR_REDIRECT', `${this.#url} redirects, which the request does not allow`);
        }
        if (location !== null) {
          exchange.drop(undefined);
          this.#redirect(status, location);
          return;
        }
      }
      const timing = this.#timing;
      if (timing !== undefined) {
        resourceTiming.responded(timing, status, listGet(parseFields(fields), 'content-type'), encoding, length);
        if (body === true) exchange.timing = timing;
        else resourceTiming.end(timing, sizeOf(body));
      }
      const mayStayEncoded = listHas(this.#list, 'accept-encoding');
      const source = body === true ? new FetchedBody(exchange, encoding, length, mayStayEncoded) : body;
      this.#settle(source);
      const response = makeFetched(status, statusText, fields, encoding === '' ? length : -1, source, this.#url,
        this.#redirects !== 0);
      if (this.#settings.integrity === '') this.#resolve(response);
      else this.#resolve(checkIntegrity(response, this.#settings.integrity));
    } catch (error) {
      this.#fail(error);
    }
  }

  // Fetch, "HTTP-redirect fetch".
  #redirect(status, location) {
    const parsed = urls.parse(location, this.#url);
    if (parsed === null) throw networkError('ERR_REDIRECT', `${this.#url} redirects to '${location}', which is no URL`);
    const { href } = parsed;
    if (!StringPrototypeStartsWith(href, 'http:') && !StringPrototypeStartsWith(href, 'https:')) {
      throw networkError('ERR_REDIRECT', `${this.#url} redirects to ${href}, which is not fetched by HTTP`);
    }
    if (++this.#redirects > mostRedirects) {
      throw networkError('ERR_REDIRECT', `there were more than ${mostRedirects} redirects`);
    }
    const content = this.#content;
    const isStream = content !== null && typeof content !== 'string' && streams.isReadableStream(content);
    if (status !== 303 && isStream) {
      throw networkError('ERR_REDIRECT', 'a request whose body is a stream cannot be sent again');
    }
    const becomesGet = status === 303 ? this.#method !== 'GET' && this.#method !== 'HEAD' :
      (status === 301 || status === 302) && this.#method === 'POST';
    if (becomesGet) {
      this.#method = 'GET';
      this.#content = null;
    }
    const crossOrigin =
      RegExpPrototypeExec(originPattern, href)[0] !== RegExpPrototypeExec(originPattern, this.#url)[0];
    this.#list = redirectedList(this.#list, becomesGet, crossOrigin);
    if (this.#timing !== undefined) resourceTiming.redirected(this.#timing);
    const fragment = RegExpPrototypeExec(fragmentPattern, this.#url);
    this.#url = fragment !== null && StringPrototypeIndexOf(href, '#') === -1 ? href + fragment[0] : href;
    this.#send();
  }

  // The promise gets its value: from here on an abort concerns the body alone.
  #settle(body = null) {
    this.#settled = true;
    if (this.#signal === undefined) return;
    if (isFetched(body) || this.#reader !== undefined) {
      // A signal may live long, and should not keep the body.
      this.#body = isFetched(body) ? new SafeWeakRef(body) : undefined;
    } else {
      abort.removeAlgorithm(this.#signal, this.#onAbort);
    }
  }

  #abort(reason) {
    const reader = this.#reader;
    this.#reader = undefined;
    if (this.#settled) {
      this.#body?.deref()?.abort(reason);
    } else {
      const exchange = this.#exchange;
      this.#settled = true;
      if (this.#timing !== undefined) resourceTiming.end(this.#timing, 0);
      if (exchange !== undefined) {
        exchange.onFailure = undefined;
        exchange.drop(reason);
      }
      this.#reject(reason);
    }
    if (reader !== undefined) streams.cancel(reader, reason);
    else if (this.#exchange === undefined && streams.isReadableStream(this.#content)) cancelStream(this.#content, reason);
  }

  #fail(error) {
    if (this.#settled) return;
    this.#settled = true;
    if (this.#timing !== undefined) resourceTiming.end(this.#timing, 0);
    if (this.#signal !== undefined) abort.removeAlgorithm(this.#signal, this.#onAbort);
    const reader = this.#reader;
    this.#reader = undefined;
    this.#reject(error);
    if (reader !== undefined) streams.cancel(reader, error);
  }
}

// Of a body that came whole with its head: null, a text of as many bytes as characters, or bytes.
const sizeOf = (body) =>
  (body === null ? 0 : typeof body === 'string' ? body.length : TypedArrayPrototypeGetByteLength(body));

function cancelStream(stream, reason) {
  if (!streams.isLocked(stream)) streams.cancel(streams.getReader(stream), reason);
}

// The fields of a request that follows a redirect.
function redirectedList(list, withoutBody, crossOrigin) {
  const result = [];
  for (let i = 0; i < list.length; i += 2) {
    switch (list[i]) {
      case 'content-encoding':
      case 'content-language':
      case 'content-length':
      case 'content-location':
      case 'content-type':
        if (withoutBody) continue;
        break;
      case 'authorization':
      case 'cookie':
      case 'proxy-authorization':
        // Meant for whoever the script named.
        if (crossOrigin) continue;
        break;
    }
    ArrayPrototypePush(result, list[i], list[i + 1]);
  }
  return result;
}

// ---- Subresource Integrity ----

const integrityPattern = /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})(?:\?.*)?$/;
const hashNames = { __proto__: null, sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };

// SRI, "do bytes match metadata list": of the strongest algorithm that is named, one digest has to be right.
function matchesIntegrity(bytes, integrity) {
  let strongest = '';
  let digests = [];
  const items = StringPrototypeSplit(integrity, ' ');
  for (let i = 0; i < items.length; i++) {
    const match = RegExpPrototypeExec(integrityPattern, items[i]);
    if (match === null || match[1] < strongest) continue;
    if (match[1] > strongest) digests = [];
    strongest = match[1];
    ArrayPrototypePush(digests, match[2]);
  }
  if (strongest === '') return true;
  const found = new Uint8Array(ops.digest(hashNames[strongest], bytes));
  for (let i = 0; i < digests.length; i++) {
    // The bytes as characters; undefined where it is no base64.
    const digest = ops.base64Decode(plainAlphabet(digests[i]));
    let equal = digest !== undefined && digest.length === found.length;
    for (let at = 0; equal && at < found.length; at++) equal = StringPrototypeCharCodeAt(digest, at) === found[at];
    if (equal) return true;
  }
  return false;
}

function plainAlphabet(text) {
  let plain = '';
  for (let i = 0; i < text.length; i++) plain += text[i] === '-' ? '+' : text[i] === '_' ? '/' : text[i];
  return plain;
}

async function checkIntegrity(response, integrity) {
  const bytes = await requests.takeBytes(response);
  if (!matchesIntegrity(bytes, integrity)) {
    throw networkError('ERR_INTEGRITY', 'the response is not what the integrity of the request asks for');
  }
  return requests.withBytes(response, bytes);
}

// ---- fetch ----

// A promise of the response to a request that is no script's: its parts are as `partsOf` gives them.
requests.fetchParts = (parts, initiatorType) => new Promise((resolve, reject) => {
  new Fetching(parts, resolve, reject).start(initiatorType);
});

core.defineGlobalFunction('fetch', function fetch(input, init = undefined) {
  let parts;
  try {
    webidl.requiredArguments(arguments.length, 1, "Failed to execute 'fetch'");
    parts = requests.partsOf(new Request(input, init));
    if (parts.signal !== undefined && abort.isAborted(parts.signal)) {
      const reason = abort.reason(parts.signal);
      if (parts.body !== null) cancelStream(bodies.streamOf(parts.body), reason);
      return PromiseReject(reason);
    }
  } catch (error) {
    return PromiseReject(error);
  }
  return requests.fetchParts(parts, 'fetch');
});
