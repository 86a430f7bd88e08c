// WebSockets (the WebSockets standard, section 3), and the two ways in which a handler accepts one:
// `jsd.upgradeWebSocket(request)` and a `WebSocketPair` in a Response of status 101.

const {
  ArrayPrototypeIncludes, ArrayPrototypePush, Error, ObjectDefineProperty, ObjectSetPrototypeOf, PromisePrototypeThen,
  PromiseResolve, RegExpPrototypeExec, SafeMap, SafeWeakMap, StringPrototypeIndexOf, StringPrototypeSlice, StringPrototypeSplit,
  StringPrototypeTrim, TypeError,
  TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, Uint8Array,
} = core.primordials;
const { blob: blobs, event: events, fetch, headers: headerLists, ops, slotOf, webidl } = core;
const { internal } = webidl;
const { CloseEvent, ErrorEvent, Event, makeMessageEvent } = events;
const { webSocketSend } = ops;

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

// RFC 6455, section 7.4: codes that no frame may carry, and those of a connection that has ended without one.
const noStatus = 1005;
const abnormal = 1006;

// RFC 9110, section 5.6.2: what a subprotocol is written as.
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const isToken = (text) => RegExpPrototypeExec(tokenPattern, text) !== null;

const isBytes = (value) => ops.bufferKind(value) !== 0;
const byteLength = (text) => TypedArrayPrototypeGetByteLength(ops.encodeUtf8(text));
// (BufferSource or Blob or USVString), as bytes that nobody else changes or as text.
function toMessage(data, context) {
  if (isBytes(data)) return ops.copyBytes(data);
  return webidl.isObject(data) && blobs.isBlob(data) ? blobs.bytes(data) : webidl.USVString(data, context);
}
const sizeOf = (message) =>
  (typeof message === 'string' ? byteLength(message) : TypedArrayPrototypeGetByteLength(message));

// Later, as a task would.
const soon = (callback) => {
  PromisePrototypeThen(PromiseResolve(), callback);
};

// The connected sockets by the slot of their handles. Without a prototype, so that an assignment cannot find a setter.
const connected = ObjectSetPrototypeOf([], null);

// Those that scripts are connecting, by the id of the attempt.
const connecting = new SafeMap();

// What the functions below do with a socket's private fields.
const internals = { __proto__: null };
let receive;

class WebSocket extends events.EventTarget {
  #state = CONNECTING;
  // Of the native end, from the handshake to the end of the connection.
  #handle = -1;
  // Of one that is being connected; 0: it is not.
  #connecting = 0;
  #url = '';
  #origin = '';
  #protocol = '';
  #extensions = '';
  #binaryType = 'blob';
  // Made by a handler, so that its close codes may be a server's.
  #accepted = false;
  // Bytes that were sent too late; they count as buffered for ever.
  #lost = 0;
  // Of a pair: the other end, and what waits for somebody to take it.
  #other = null;
  #outbox = null;
  #inbox = null;
  // Listeners run with what AsyncLocalStorage held where the socket was made.
  #stores = events.captureStores();

  constructor(url, protocols = []) {
    super();
    if (url === internal) {
      this.#binaryType = 'arraybuffer';
      this.#accepted = true;
      return;
    }
    const context = "Failed to construct 'WebSocket'";
    webidl.requiredArguments(arguments.length, 1, context);
    core.connectWebSocket(this, url, protocols, context);
  }

  get url() { return this.#url; }
  get readyState() { return this.#state; }

  get bufferedAmount() {
    const handle = this.#handle;
    return (handle < 0 ? 0 : ops.webSocketBufferedAmount(handle)) + this.#lost;
  }

  get extensions() { return this.#extensions; }
  get protocol() { return this.#protocol; }

  close(code = undefined, reason = undefined) {
    const context = "Failed to execute 'close' on 'WebSocket'";
    const state = this.#state;
    const number = code === undefined ? 0 : webidl.unsignedShort(code, `${context}: Argument 1`, webidl.clamp);
    const text = reason === undefined ? '' : webidl.USVString(reason, `${context}: Argument 2`);
    if (code !== undefined && !isCloseCode(number, this.#accepted)) {
      throw new core.DOMException(`${context}: ${number} is not a code that may be sent`, 'InvalidAccessError');
    }
    if (byteLength(text) > 123) {
      throw new core.DOMException(`${context}: the reason is longer than 123 bytes`, 'SyntaxError');
    }
    if (state === CLOSING || state === CLOSED) return;
    this.#state = CLOSING;
    // A reason cannot stand without a code.
    const sent = number === 0 && text !== '' ? 1000 : number;
    if (this.#handle >= 0) {
      ops.webSocketClose(this.#handle, sent, text);
    } else if (this.#outbox !== null) {
      ArrayPrototypePush(this.#outbox, { __proto__: null, close: true, code: sent, reason: text });
      if (this.#other?.#inbox === null) WebSocket.#deliverLocally(this);
    } else {
      // Before the handshake is done: the standard's "fail the WebSocket connection".
      if (this.#connecting !== 0) {
        connecting.delete(this.#connecting);
        ops.webSocketAbandon(this.#connecting);
      }
      soon(() => WebSocket.#end(this, abnormal, '', false, new Event('error')));
    }
  }

  get binaryType() { return this.#binaryType; }
  set binaryType(value) {
    this.#state;
    const type = webidl.DOMString(value, "Failed to set the 'binaryType' property on 'WebSocket'");
    // What is not in the enumeration is ignored (Web IDL, section 3.7.6).
    if (type === 'arraybuffer' || type === 'blob') this.#binaryType = type;
  }

  send(data) {
    const handle = this.#handle;
    if (handle >= 0 && this.#state === OPEN && (typeof data === 'string' || isBytes(data))) {
      webSocketSend(handle, data);
      return;
    }
    const context = "Failed to execute 'send' on 'WebSocket'";
    const state = this.#state;
    webidl.requiredArguments(arguments.length, 1, context);
    const message = toMessage(data, `${context}: Argument 1`);
    if (state === CONNECTING) throw new core.DOMException(`${context}: it is still connecting`, 'InvalidStateError');
    if (state !== OPEN) {
      this.#lost += sizeOf(message);
    } else if (handle >= 0) {
      webSocketSend(handle, message);
    } else {
      ArrayPrototypePush(this.#outbox, message);
      if (this.#other.#inbox === null) WebSocket.#deliverLocally(this);
    }
  }

  // Of a WebSocketPair (as Cloudflare Workers have it): this end is the script's, and gets its messages from now on.
  accept() {
    const context = "Failed to execute 'accept' on 'WebSocket'";
    if (this.#other === null) throw new TypeError(`${context}: it is no end of a WebSocketPair`);
    if (this.#state !== CONNECTING) throw new TypeError(`${context}: it has been accepted already`);
    if (this.#outbox === null) throw new TypeError(`${context}: it has been used in a Response`);
    this.#state = OPEN;
    const inbox = this.#inbox;
    this.#inbox = null;
    soon(() => {
      for (let i = 0; i < inbox.length; i++) WebSocket.#take(this, inbox[i]);
    });
    const other = this.#other;
    if (other.#outbox !== null && other.#outbox.length !== 0) WebSocket.#deliverLocally(other);
  }

  // A message from wherever, or the end.
  static #take(socket, message) {
    if (typeof message === 'object' && message.close === true) {
      WebSocket.#end(socket, message.code === 0 ? noStatus : message.code, message.reason, true, null);
    } else {
      receive(socket, typeof message === 'string' ? message : TypedArrayPrototypeGetBuffer(message));
    }
  }

  // Both ends of a pair are in this script: what one sends the other gets.
  static #deliverLocally(socket) {
    soon(() => {
      const messages = socket.#outbox;
      socket.#outbox = [];
      for (let i = 0; i < messages.length; i++) {
        const message = messages[i];
        const other = socket.#other;
        WebSocket.#take(other, message);
        if (typeof message === 'object' && message.close === true) {
          WebSocket.#end(socket, message.code === 0 ? noStatus : message.code, message.reason, true, null);
        }
      }
    });
  }

  // `failure`: an event that comes first, or null.
  static #end(socket, code, reason, wasClean, failure) {
    if (socket.#state === CLOSED) return;
    socket.#state = CLOSED;
    socket.#handle = -1;
    if (failure !== null) events.dispatchIn(socket.#stores, socket, failure);
    events.dispatchIn(socket.#stores, socket, new CloseEvent('close', { __proto__: null, code, reason, wasClean }));
  }

  static {
    const setUrl = (socket, url) => {
      socket.#url = url;
      socket.#origin = StringPrototypeSlice(url, 0, StringPrototypeIndexOf(url, '/', 6));
    };
    const setConnected = (socket, handle, protocol) => {
      socket.#handle = handle;
      socket.#protocol = protocol;
      socket.#extensions = ops.webSocketExtensions(handle);
      connected[slotOf(handle)] = socket;
    };

    internals.isSocket = (value) => webidl.isObject(value) && #handle in value;

    internals.makePair = () => {
      const client = new WebSocket(internal);
      const server = new WebSocket(internal);
      client.#other = server;
      server.#other = client;
      for (const end of [client, server]) {
        end.#outbox = [];
        end.#inbox = [];
      }
      return [client, server];
    };

    // The end whose messages are the network's when `socket` stands in a Response; null where it cannot.
    internals.endOf = (socket) => {
      if (socket.#other === null) return socket.#state === CONNECTING && socket.#accepted ? socket : null;
      return socket.#state === CONNECTING && socket.#outbox !== null ? socket.#other : null;
    };

    // The handshake is done: `handle` is the native end of `socket`.
    internals.connect = (socket, handle, protocol, url) => {
      setUrl(socket, `ws${StringPrototypeSlice(url, 4)}`);
      setConnected(socket, handle, protocol);
      const other = socket.#other;
      if (other === null) {
        soon(() => {
          if (socket.#state !== CONNECTING) return;
          socket.#state = OPEN;
          events.dispatchIn(socket.#stores, socket, new Event('open'));
        });
        return;
      }
      other.#outbox = null;
      const outbox = socket.#outbox;
      socket.#outbox = null;
      for (let i = 0; i < outbox.length; i++) {
        const message = outbox[i];
        if (typeof message === 'object' && message.close === true) {
          ops.webSocketClose(handle, message.code, message.reason);
        } else {
          webSocketSend(handle, message);
        }
      }
    };

    // A script asks for it: `id` is that of the native attempt to connect.
    internals.begin = (socket, id, url) => {
      setUrl(socket, url);
      if (id === 0) return;  // There is none.
      socket.#connecting = id;
      connecting.set(id, socket);
    };

    core.bindCallback('webSocketOpened', (id, handle, protocol) => {
      const socket = connecting.get(id);
      connecting.delete(id);
      socket.#connecting = 0;
      socket.#state = OPEN;
      setConnected(socket, handle, protocol);
      events.dispatchIn(socket.#stores, socket, new Event('open'));
    });

    core.bindCallback('webSocketFailed', (id, code, message) => {
      const socket = connecting.get(id);
      if (socket === undefined) return;
      connecting.delete(id);
      socket.#connecting = 0;
      internals.fail(socket, code, message);
    });

    // Scripts learn why, which the standard keeps from pages.
    internals.fail = (socket, code, message) => {
      const error = new Error(message);
      error.code = code;
      WebSocket.#end(socket, abnormal, '', false, new ErrorEvent('error', { __proto__: null, message, error }));
    };

    // `data` is a string or an ArrayBuffer.
    receive = (socket, data) => {
      if (socket.#inbox !== null) {
        ArrayPrototypePush(socket.#inbox, typeof data === 'string' ? data : ops.copyBytes(data));
        return;
      }
      if (socket.#state !== OPEN) return;
      const asBlob = typeof data !== 'string' && socket.#binaryType === 'blob';
      const message = asBlob ? blobs.make(new Uint8Array(data), '') : data;
      events.dispatchIn(socket.#stores, socket, makeMessageEvent(message, socket.#origin));
    };

    core.bindCallback('webSocketMessage', (handle, data) => {
      const socket = connected[slotOf(handle)];
      if (socket !== undefined && socket.#handle === handle) receive(socket, data);
    });

    core.bindCallback('webSocketClosed', (handle, code, reason, wasClean, failed) => {
      const slot = slotOf(handle);
      const socket = connected[slot];
      if (socket === undefined || socket.#handle !== handle) return;
      connected[slot] = undefined;
      if (socket.#inbox !== null) {
        socket.#handle = -1;
        ArrayPrototypePush(socket.#inbox, { __proto__: null, close: true, code, reason });
        return;
      }
      WebSocket.#end(socket, code, reason, wasClean, failed ? new Event('error') : null);
    });
  }
}

function isCloseCode(code, accepted) {
  if (code === 1000 || (code >= 3000 && code <= 4999)) return true;
  return accepted && code > 1000 && code <= 1014 && code !== 1004 && code !== noStatus && code !== abnormal;
}

for (const type of ['open', 'error', 'close', 'message']) events.defineEventHandler(WebSocket.prototype, type);
webidl.configureInterface(WebSocket, { constants: { __proto__: null, CONNECTING, OPEN, CLOSING, CLOSED } });
core.inspect.showAttributes(WebSocket, ['url', 'readyState', 'protocol', 'binaryType', 'bufferedAmount']);
core.defineGlobal('WebSocket', WebSocket);

// ---- WebSocketPair ----

class WebSocketPair {
  constructor() {
    const [client, server] = internals.makePair();
    const define = (name, value) => {
      ObjectDefineProperty(this, name, { __proto__: null, value, writable: false, enumerable: true, configurable: true });
    };
    define('0', client);
    define('1', server);
  }
}
webidl.configureInterface(WebSocketPair);
core.defineGlobal('WebSocketPair', WebSocketPair);

// ---- Responses of status 101 ----

// The socket of a Response. Few have one.
const socketOfResponse = new SafeWeakMap();

// The names in Sec-WebSocket-Protocol, which the client would like most first.
function protocolsOf(request) {
  const value = headerLists.listGet(fetch.incomingHeaders(request), 'sec-websocket-protocol');
  const names = [];
  const parts = value === null ? [] : StringPrototypeSplit(value, ',');
  for (let i = 0; i < parts.length; i++) {
    const name = StringPrototypeTrim(parts[i]);
    if (name !== '') ArrayPrototypePush(names, name);
  }
  return names;
}

core.webSocket = {
  __proto__: null,
  isSocket: internals.isSocket,
  begin: internals.begin,
  fail: internals.fail,

  setOfResponse(response, socket, context) {
    if (!internals.isSocket(socket)) throw new TypeError(`${context}: webSocket is not of type 'WebSocket'`);
    socketOfResponse.set(response, socket);
  },
  ofResponse: (response) => socketOfResponse.get(response) ?? null,

  // Answers the request of `handle` by the socket of the response. Returns what remains of the request.
  // Throws a TypeError where that cannot be; the request is still open then.
  accept(handle, response, fields, protocol) {
    const socket = socketOfResponse.get(response);
    const end = internals.endOf(socket);
    if (end === null) throw new TypeError('The WebSocket of the response is in use already');
    if (!ops.webSocketUpgradable(handle)) throw new TypeError('The request does not ask for a WebSocket');
    const url = ops.requestUrl(handle);
    const rest = ops.requestHead(handle);
    internals.connect(end, ops.webSocketUpgrade(handle, fields), protocol, url);
    return rest;
  },
};

// ---- jsd.upgradeWebSocket ----

const upgradeOptions = webidl.dictionary('UpgradeWebSocketOptions', [
  { key: 'headers', convert: webidl.any, default: undefined },
  { key: 'protocol', convert: webidl.DOMString, default: '' },
]);

ObjectDefineProperty(core.jsd, 'upgradeWebSocket', {
  __proto__: null,
  value: function upgradeWebSocket(request, options = {}) {
    const context = "Failed to execute 'upgradeWebSocket' on 'jsd'";
    webidl.requiredArguments(arguments.length, 1, context);
    if (!fetch.isRequest(request)) throw new TypeError(`${context}: Argument 1 is not of type 'Request'`);
    const { headers, protocol } = upgradeOptions(options, `${context}: Argument 2`);
    const handle = fetch.handleOf(request);
    if (handle < 0 || !ops.webSocketUpgradable(handle)) {
      throw new TypeError(`${context}: the request does not ask for a WebSocket`);
    }
    const list = headerLists.fromInit(headers, 'response', context);
    if (protocol !== '') {
      if (!isToken(protocol) || !ArrayPrototypeIncludes(protocolsOf(request), protocol)) {
        throw new TypeError(`${context}: the client does not offer the protocol '${protocol}'`);
      }
      headerLists.add(list, 'sec-websocket-protocol', protocol);
    }
    const socket = new WebSocket(internal);
    const response = new Response(null, { __proto__: null, status: 101, webSocket: socket, headers: list });
    return { socket, response };
  },
  writable: false, enumerable: true, configurable: false,
});
