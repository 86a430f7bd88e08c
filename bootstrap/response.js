// The Response class (Fetch, section 5.5), and how one becomes a reply.

const {
  ArrayPrototypePush, JSONStringify, PromiseReject, RangeError, RegExpPrototypeExec, StringPrototypeCharCodeAt,
  StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeStartsWith, StringPrototypeToLowerCase, TypeError,
} = core.primordials;
const { body: bodies, fetch, headers: headerLists, ops, outgoing, url: urls, webidl } = core;
const { internal, isObject } = webidl;
// What every reply uses, by names of their own: `core` and what is on it are dictionaries, slow to look up.
const { fromInit, list: listOf, listGet, listHas } = headerLists;
const { respond } = ops;

// A header block that is one Content-Type alone is sent by its number (kContentTypeFields of core/ops/fetch_event.cc).
const onlyContentType = { __proto__: null, none: 0, text: 1, json: 2 };
const contentTypes = [null, bodies.mediaTypes.text, 'application/json'];

// RFC 9110, section 15: replies of these statuses have no content.
const isNullBodyStatus = (status) =>
  status === 204 || status === 205 || status === 304 || status === 101 || status === 103;

const isRedirectStatus = (status) =>
  status === 301 || status === 302 || status === 303 || status === 307 || status === 308;

// RFC 9112, section 4: reason-phrase.
const reasonPhrasePattern = /^[\t \x21-\x7E\x80-\xFF]*$/;

// What an answered Response has in place of its body.
const sentBody = new bodies.Body('', undefined);
sentBody.used = true;

// The session sets these, as it frames the reply and owns the connection.
function isSessionField(name) {
  switch (name) {
    case 'connection':
    case 'content-length':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
      return true;
    default:
      return false;
  }
}

function headerBlock(list) {
  let block = '';
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i];
    if (!isSessionField(name)) block += `${name}: ${list[i + 1]}\r\n`;
  }
  return block;
}

const protocolField = 'sec-websocket-protocol';

// The fields of the reply to a handshake: what the protocol says itself is left out (RFC 6455, section 4.2.2).
function handshakeBlock(list) {
  const rest = [];
  for (let i = 0; i < list.length; i += 2) {
    if (!StringPrototypeStartsWith(list[i], 'sec-websocket-') || list[i] === protocolField) {
      ArrayPrototypePush(rest, list[i], list[i + 1]);
    }
  }
  return headerBlock(rest);
}

const hasField = (block, name) =>
  StringPrototypeIndexOf(block, `\n${name}:`) !== -1 || StringPrototypeIndexOf(block, `${name}:`) === 0;

// The script's own Content-Length, for replies whose length the session cannot know; -1 without a valid one.
function declaredLength(list) {
  const value = listGet(list, 'content-length');
  if (value === null || value.length === 0 || value.length > 15) return -1;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = StringPrototypeCharCodeAt(value, i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

class Response {
  #status = 200;
  #statusText = '';
  // Undefined while the only field is the Content-Type that #contentType numbers.
  #headers = undefined;
  #contentType = onlyContentType.none;
  // Null, a string that nothing was done with yet, or a Body.
  #body = null;
  #type = 'default';
  #url = '';
  #redirected = false;
  // The header block of a response that was fetched; its #headers are made from it when they are first asked for, and
  // are immutable.
  #fields = undefined;
  // Its Content-Length, which is not in #fields; -1 without one.
  #contentLength = -1;

  constructor(body = null, init = undefined) {
    if (body === internal) return;
    if (init === undefined) {
      if (typeof body === 'string') {
        this.#body = body;
        this.#contentType = onlyContentType.text;
        return;
      }
      if (body === null) return;
    }
    Response.#initialize(this, body, init, "Failed to construct 'Response'");
  }

  static error() {
    const response = new Response(internal);
    response.#type = 'error';
    response.#status = 0;
    response.#headers = headerLists.fromList([], 'immutable');
    return response;
  }

  static json(data, init = undefined) {
    const context = "Failed to execute 'json' on 'Response'";
    webidl.requiredArguments(arguments.length, 1, context);
    const text = JSONStringify(data);
    if (text === undefined) throw new TypeError(`${context}: the value cannot be represented in JSON`);
    const response = new Response(internal);
    if (init !== undefined) Response.#applyInit(response, init, context);
    Response.#setBody(response, text, onlyContentType.json, context);
    return response;
  }

  static redirect(url, status = 302) {
    const context = "Failed to execute 'redirect' on 'Response'";
    webidl.requiredArguments(arguments.length, 1, context);
    const text = webidl.USVString(url, `${context}: Argument 1`);
    const typedStatus = webidl.unsignedShort(status, `${context}: Argument 2`);
    const parsed = urls.parse(text);
    if (parsed === null) throw new TypeError(`${context}: '${text}' is not a valid absolute URL`);
    if (!isRedirectStatus(typedStatus)) throw new RangeError(`${context}: ${typedStatus} is not a redirect status`);
    const response = new Response(internal);
    response.#status = typedStatus;
    response.#headers = headerLists.fromList(['location', parsed.href], 'immutable');
    return response;
  }

  get type() { return this.#type; }
  get url() {
    const url = this.#url;
    const end = StringPrototypeIndexOf(url, '#');
    return end === -1 ? url : StringPrototypeSlice(url, 0, end);
  }
  get redirected() { return this.#redirected; }
  get status() { return this.#status; }
  get ok() { return this.#status >= 200 && this.#status <= 299; }
  get statusText() { return this.#statusText; }
  get headers() { return Response.#headersOf(this); }

  get body() {
    const body = Response.#bodyOf(this);
    return body === null ? null : bodies.streamOf(body);
  }
  get bodyUsed() {
    const body = this.#body;
    return body !== null && typeof body !== 'string' && bodies.isUsed(body);
  }
  arrayBuffer() { return Response.#consume(this, bodies.readers.arrayBuffer, 'arrayBuffer'); }
  blob() { return Response.#consumeTyped(this, bodies.makeReader.blob, 'blob'); }
  bytes() { return Response.#consume(this, bodies.readers.bytes, 'bytes'); }
  formData() { return Response.#consumeTyped(this, bodies.makeReader.formData, 'formData'); }
  json() { return Response.#consume(this, bodies.readers.json, 'json'); }
  text() { return Response.#consume(this, bodies.readers.text, 'text'); }

  // The WebSocket of a reply with status 101, or null.
  get webSocket() {
    return this.#status === 101 ? core.webSocket.ofResponse(this) : null;
  }

  clone() {
    const body = this.#body;
    if (this.#status === 101) throw new TypeError("Failed to execute 'clone' on 'Response': it holds a WebSocket");
    if (body !== null && typeof body !== 'string') {
      bodies.refuseUnusable(body, "Failed to execute 'clone' on 'Response'");
    }
    const copy = new Response(internal);
    copy.#status = this.#status;
    copy.#statusText = this.#statusText;
    copy.#type = this.#type;
    copy.#url = this.#url;
    copy.#redirected = this.#redirected;
    copy.#fields = this.#fields;
    copy.#contentLength = this.#contentLength;
    copy.#contentType = this.#contentType;
    if (this.#headers !== undefined && this.#fields === undefined) {
      copy.#headers = headerLists.copy(this.#headers, headerLists.guard(this.#headers));
    }
    copy.#body = body === null || typeof body === 'string' ? body : bodies.clone(body);
    return copy;
  }

  static #initialize(response, body, init, context) {
    // The body is converted before the init is looked at, and the init checked before the body is extracted.
    const isNull = body === undefined || body === null;
    const typedBody = isNull || isObject(body) ? body : webidl.DOMString(body, `${context}: Argument 1`);
    if (init !== undefined) Response.#applyInit(response, init, context);
    if (isNull) return;
    const content = bodies.extract(typedBody, `${context}: Argument 1`);
    if (isNullBodyStatus(response.#status)) throw nullBodyError(response.#status, context);
    const mediaType = bodies.mediaTypeOf(typedBody);
    if (mediaType === bodies.mediaTypes.text) {
      Response.#setBody(response, content, onlyContentType.text, context);
      return;
    }
    response.#body = content;
    if (mediaType === null) return;
    const headers = Response.#headersOf(response);
    if (!listHas(listOf(headers), 'content-type')) {
      headerLists.add(headers, 'content-type', mediaType);
    }
  }

  // Fetch, "initialize a response", but for the body.
  static #applyInit(response, init, context) {
    if (init === null) return;
    if (!isObject(init)) throw new TypeError(`${context}: Argument 2 is not an object`);
    // The members of ResponseInit, in the order of Web IDL.
    const { headers, status, statusText } = init;
    if (status !== undefined) {
      const code = (status | 0) === status ? status : webidl.unsignedShort(status, `${context}: status`);
      // As in Cloudflare Workers: a WebSocket makes a handshake's reply of it.
      if (code === 101 && init.webSocket) {
        core.webSocket.setOfResponse(response, init.webSocket, context);
      } else if (code < 200 || code > 599) {
        throw new RangeError(`${context}: the status ${code} is outside the range of 200 to 599`);
      }
      response.#status = code;
    }
    if (statusText !== undefined && statusText !== '') {
      const text = webidl.ByteString(statusText, `${context}: statusText`);
      if (RegExpPrototypeExec(reasonPhrasePattern, text) === null) {
        throw new TypeError(`${context}: the statusText is not a valid reason phrase`);
      }
      response.#statusText = text;
    }
    if (headers !== undefined) response.#headers = fromInit(headers, 'response', context);
  }

  static #setBody(response, content, contentType, context) {
    if (isNullBodyStatus(response.#status)) throw nullBodyError(response.#status, context);
    response.#body = content;
    if (response.#headers === undefined) {
      response.#contentType = contentType;
    } else if (!listHas(listOf(response.#headers), 'content-type')) {
      headerLists.add(response.#headers, 'content-type', contentTypes[contentType]);
    }
  }

  static #headersOf(response) {
    if (response.#headers === undefined) {
      if (response.#fields !== undefined) {
        const list = headerLists.parseFields(response.#fields);
        if (response.#contentLength >= 0) ArrayPrototypePush(list, 'content-length', `${response.#contentLength}`);
        return response.#headers = headerLists.fromList(list, 'immutable');
      }
      const value = contentTypes[response.#contentType];
      response.#headers = headerLists.fromList(value === null ? [] : ['content-type', value], 'response');
    }
    return response.#headers;
  }

  // The body as a Body object.
  static #bodyOf(response) {
    const body = response.#body;
    if (typeof body === 'string') return response.#body = new bodies.Body(body, undefined);
    if (body === sentBody) {
      response.#body = new bodies.Body('', undefined);
      response.#body.used = true;
    }
    return response.#body;
  }

  static #consume(response, reader, name) {
    // The brand check has to reject rather than throw.
    if (!isObject(response) || !(#status in response)) {
      return PromiseReject(webidl.illegalInvocation('Response'));
    }
    return bodies.consume(Response.#bodyOf(response), reader, `Failed to execute '${name}' on 'Response'`);
  }

  // The same where the result depends on the Content-Type.
  static #consumeTyped(response, makeReader, name) {
    if (!isObject(response) || !(#status in response)) return PromiseReject(webidl.illegalInvocation('Response'));
    const contentType = headerLists.listGet(listOf(Response.#headersOf(response)), 'content-type');
    return Response.#consume(response, makeReader(contentType), name);
  }

  // Sends the head of a reply whose body is that of a response from elsewhere.
  static #sendFetched(handle, response, source, block, length) {
    if (source.encoding === '') {
      ops.streamStart(handle, response.#status, response.#statusText, block, length);
      return source;
    }
    // The fields of the response do not have its coding, as its body is read without it.
    if (source.mayStayEncoded && !hasField(block, 'content-encoding')) {
      const encoded = `${block}content-encoding: ${source.encoding}\r\n`;
      ops.streamStart(handle, response.#status, response.#statusText, encoded, source.length);
      return source;
    }
    ops.streamStart(handle, response.#status, response.#statusText, block, length);
    return source.stream();
  }

  static {
    fetch.isResponse = (value) => typeof value === 'object' && value !== null && #status in value;

    // What other interfaces ask of a response; `takeBody` gives the stream of its body, or null.
    fetch.describeResponse = (response) => ({
      __proto__: null,
      type: StringPrototypeToLowerCase(headerLists.listGet(listOf(Response.#headersOf(response)), 'content-type') ?? ''),
      ok: response.#status >= 200 && response.#status <= 299,
      status: response.#status,
      url: response.#url,
      takeBody(context) {
        const body = Response.#bodyOf(response);
        if (body === null) return null;
        bodies.refuseUnusable(body, context);
        return bodies.streamOf(body);
      },
    });

    // The response of a server, as `fetch` resolves with it: `source` is null, a string, bytes, or a FetchedBody.
    fetch.makeFetched = (status, statusText, fields, length, source, url, redirected) => {
      const response = new Response(internal);
      response.#type = 'basic';
      response.#status = status;
      response.#statusText = statusText;
      response.#fields = fields;
      response.#contentLength = length;
      response.#url = url;
      response.#redirected = redirected;
      response.#body = source === null || typeof source === 'string' ? source : new bodies.Body(source, undefined);
      return response;
    };
    fetch.takeBytes = (response) => Response.#consume(response, bodies.readers.bytes, 'bytes');
    fetch.withBytes = (response, bytes) => {
      response.#body = new bodies.Body(bytes, undefined);
      return response;
    };

    // Answers the request of `handle`. A whole body is sent at once, and what remains of the request, a text, is
    // returned. Of a stream only the head is sent; then the stream is returned, to be sent by the caller, or the
    // FetchedBody, to be forwarded.
    // Throws a TypeError where the response cannot be sent; the request is still open then.
    fetch.sendResponse = (handle, response) => {
      const body = response.#body;
      const headers = response.#headers;
      if (typeof body === 'string') {
        response.#body = sentBody;
        const fields = response.#fields ??
          (headers === undefined ? response.#contentType : headerBlock(listOf(headers)));
        return respond(handle, response.#status, response.#statusText, fields, body, -1);
      }
      if (response.#type === 'error') throw new TypeError('A network error, Response.error(), cannot be sent');
      const list = response.#fields === undefined ? listOf(Response.#headersOf(response)) : undefined;
      const length = list === undefined ? response.#contentLength : declaredLength(list);
      const block = list === undefined ? response.#fields : headerBlock(list);
      if (body === null) {
        if (response.#status === 101) {
          return core.webSocket.accept(handle, response, handshakeBlock(list), listGet(list, protocolField) ?? '');
        }
        return respond(handle, response.#status, response.#statusText, block, null, length);
      }
      bodies.refuseUnusable(body, 'The response cannot be sent');
      if (outgoing.isFetched(body.source)) {
        return Response.#sendFetched(handle, response, bodies.takeSource(body), block, length);
      }
      if (body.source !== null && !bodies.isArriving(body.source)) {
        const { exclusive } = body;
        const content = bodies.contentOf(bodies.takeSource(body));
        return respond(handle, response.#status, response.#statusText, block, content, -1, exclusive);
      }
      ops.streamStart(handle, response.#status, response.#statusText, block, length);
      return bodies.streamOf(body);
    };
  }
}

const nullBodyError = (status, context) => new TypeError(`${context}: a response of status ${status} has no body`);

webidl.configureInterface(Response);
core.inspect.showAttributes(Response, ['status', 'statusText', 'headers', 'bodyUsed']);
core.defineGlobal('Response', Response);
