// EventSource (HTML, section 9.2): a response that never ends, read line by line, asked for again when it breaks off.

const {
  ArrayPrototypeJoin, ArrayPrototypePush, MathMin, NumberParseInt, RegExpPrototypeExec, StringFromCharCode,
  StringPrototypeIndexOf, StringPrototypeSlice,
} = core.primordials;
const { abort, event: events, fetch: requests, mime, ops, outgoing, streams, timers, url: urls, webidl } = core;
const { ErrorEvent, Event, dispatchTrusted } = events;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

// Milliseconds until the next attempt, unless the stream says otherwise; doubled for each attempt in a row that does not
// reach the server, up to the longest.
const firstDelay = 3000;
const longestDelay = 60000;
// Code units of one event, in fields that are not dispatched yet. A server that never ends one is not listened to.
const mostBuffered = 16 * 1024 * 1024;

const digitsPattern = /^[0-9]+$/;
const originPattern = /^[^:]*:\/\/(?:[^/?#]*@)?([^/?#]*)/;
const schemePattern = /^[^:]*/;

// "event stream interpretation": text in pieces becomes calls of `dispatch(type, data)`.
class StreamParser {
  // The "last event ID buffer".
  id;
  #source;
  #rest = '';
  // The piece before ended in a carriage return: a line feed that comes next belongs to it.
  #skipLineFeed = false;
  #type = '';
  #data = [];
  #size = 0;

  constructor(source, id) {
    this.#source = source;
    this.id = id;
  }

  // False: there is more in an event than one may have.
  feed(text) {
    if (text === '') return true;
    if (this.#skipLineFeed && text[0] === '\n') text = StringPrototypeSlice(text, 1);
    this.#skipLineFeed = false;
    let from = 0;
    let feed = StringPrototypeIndexOf(text, '\n');
    let carriage = StringPrototypeIndexOf(text, '\r');
    while (feed !== -1 || carriage !== -1) {
      const end = feed === -1 ? carriage : carriage === -1 ? feed : MathMin(feed, carriage);
      const line = this.#rest + StringPrototypeSlice(text, from, end);
      this.#rest = '';
      from = end + 1;
      if (end === carriage) {
        if (from === text.length) this.#skipLineFeed = true;
        else if (feed === from) from++;
      }
      if (feed !== -1 && feed < from) feed = StringPrototypeIndexOf(text, '\n', from);
      if (carriage !== -1 && carriage < from) carriage = StringPrototypeIndexOf(text, '\r', from);
      this.#takeLine(line);
    }
    this.#rest += StringPrototypeSlice(text, from);
    return this.#size + this.#rest.length <= mostBuffered;
  }

  #takeLine(line) {
    if (line === '') return this.#dispatch();
    const colon = StringPrototypeIndexOf(line, ':');
    if (colon === 0) return undefined;
    const name = colon === -1 ? line : StringPrototypeSlice(line, 0, colon);
    const start = colon === -1 ? line.length : line[colon + 1] === ' ' ? colon + 2 : colon + 1;
    const value = StringPrototypeSlice(line, start);
    switch (name) {
      case 'event':
        this.#type = value;
        break;
      case 'data':
        ArrayPrototypePush(this.#data, value);
        this.#size += value.length + 1;
        break;
      case 'id':
        if (StringPrototypeIndexOf(value, '\0') === -1) this.id = value;
        break;
      case 'retry':
        if (RegExpPrototypeExec(digitsPattern, value) !== null) this.#source.setDelay(NumberParseInt(value, 10));
        break;
    }
    return undefined;
  }

  #dispatch() {
    const data = this.#data;
    const type = this.#type === '' ? 'message' : this.#type;
    this.#data = [];
    this.#type = '';
    this.#size = 0;
    this.#source.dispatch(type, data.length === 0 ? undefined : ArrayPrototypeJoin(data, '\n'), this.id);
  }
}

// A header's value is bytes: those of the text in UTF-8.
function asByteString(text) {
  const bytes = ops.encodeUtf8(text);
  let value = '';
  for (let i = 0; i < bytes.length; i++) value += StringFromCharCode(bytes[i]);
  return value;
}

const toEventSourceInit = webidl.dictionary('EventSourceInit', [
  { key: 'withCredentials', convert: webidl.boolean, default: false },
]);

class EventSource extends events.EventTarget {
  #url;
  #withCredentials;
  #state = CONNECTING;
  #lastEventId = '';
  #delay = firstDelay;
  // Attempts in a row that failed.
  #failures = 0;
  #origin = '';
  #signal = undefined;
  #timer = 0;

  constructor(url, eventSourceInitDict = {}) {
    super();
    const context = "Failed to construct 'EventSource'";
    webidl.requiredArguments(arguments.length, 1, context);
    const text = webidl.USVString(url, `${context}: Argument 1`);
    const { withCredentials } = toEventSourceInit(eventSourceInitDict, `${context}: Argument 2`);
    const parsed = urls.parse(text);
    if (parsed === null) throw new core.DOMException(`${context}: '${text}' is not a valid URL`, 'SyntaxError');
    this.#url = parsed.href;
    this.#withCredentials = withCredentials;
    this.#connect();
  }

  get url() { return this.#url; }
  get withCredentials() { return this.#withCredentials; }
  get readyState() { return this.#state; }

  close() {
    const signal = this.#signal;
    this.#state = CLOSED;
    if (this.#timer !== 0) timers.cancel(this.#timer);
    this.#timer = 0;
    this.#signal = undefined;
    if (signal !== undefined) abort.signalAbort(signal);
  }

  async #connect() {
    const signal = this.#signal = abort.makeSignal();
    const list = ['accept', 'text/event-stream', 'cache-control', 'no-store'];
    if (this.#lastEventId !== '') ArrayPrototypePush(list, 'last-event-id', asByteString(this.#lastEventId));
    const parts = {
      __proto__: null,
      url: this.#url,
      method: 'GET',
      list,
      body: null,
      settings: { __proto__: null, redirect: 'follow', integrity: '' },
      signal,
    };
    let failure;
    try {
      const response = await requests.fetchParts(parts, 'other');
      // Closed meanwhile.
      if (this.#signal !== signal) return;
      const problem = this.#announce(response);
      if (problem !== undefined) {
        this.#fail(problem);
        return;
      }
      await this.#read(requests.describeResponse(response).takeBody(''), signal);
      if (this.#signal !== signal) return;
    } catch (error) {
      if (this.#signal !== signal) return;
      // What a permission refuses will be refused again.
      if (error?.name === 'NotAllowedError' || this.#state === CLOSED) {
        this.#fail(error);
        return;
      }
      if (this.#state === CONNECTING) this.#failures++;
      failure = error;
    }
    this.#reconnect(failure);
  }

  // Undefined, or what is wrong with the response.
  #announce(response) {
    const { status, type, url } = requests.describeResponse(response);
    if (status !== 200) return outgoing.networkError('ERR_EVENT_SOURCE', `${this.#url} answered with status ${status}`);
    if (mime.extract(type === '' ? null : type)?.essence !== 'text/event-stream') {
      return outgoing.networkError('ERR_EVENT_SOURCE', `${this.#url} answered with '${type}' instead of text/event-stream`);
    }
    this.#origin = originOf(url);
    this.#failures = 0;
    this.#state = OPEN;
    dispatchTrusted(this, new Event('open'));
    return undefined;
  }

  async #read(stream, signal) {
    if (stream === null || this.#signal !== signal) return;
    const reader = streams.getReader(stream);
    const decoder = ops.decoderOpen('utf-8', false, false);
    const parser = new StreamParser({
      __proto__: null,
      setDelay: (delay) => {
        this.#delay = delay;
      },
      dispatch: (type, data, id) => {
        // A listener may have closed it.
        if (this.#signal !== signal) return;
        this.#lastEventId = id;
        if (data !== undefined) dispatchTrusted(this, events.makeStreamEvent(type, data, this.#origin, id));
      },
    }, this.#lastEventId);
    for (;;) {
      const { done, value } = await streams.read(reader);
      if (this.#signal !== signal) return;
      // What an unfinished event has is dropped with it.
      if (done) return;
      if (parser.feed(ops.decoderDecode(decoder, value, false))) continue;
      this.#state = CLOSED;
      const error = outgoing.networkError('ERR_EVENT_SOURCE', `an event of ${this.#url} is larger than ${mostBuffered}`);
      abort.signalAbort(signal, error);
      throw error;
    }
  }

  // "Reestablish the connection".
  #reconnect(error) {
    this.#state = CONNECTING;
    this.#signal = undefined;
    this.#dispatchError(error);
    if (this.#state !== CONNECTING) return;
    const delay = this.#failures < 2 ? this.#delay :
      MathMin(this.#delay * 2 ** (this.#failures - 1), this.#delay > longestDelay ? this.#delay : longestDelay);
    this.#timer = timers.start(() => {
      this.#timer = 0;
      this.#connect();
    }, delay);
  }

  // "Fail the connection".
  #fail(error) {
    const signal = this.#signal;
    this.#state = CLOSED;
    this.#signal = undefined;
    // What is left of the response is not wanted.
    if (signal !== undefined && !abort.isAborted(signal)) abort.signalAbort(signal);
    this.#dispatchError(error);
  }

  // Scripts learn why, which the standard keeps from pages.
  #dispatchError(error) {
    if (error === undefined) dispatchTrusted(this, new Event('error'));
    else dispatchTrusted(this, new ErrorEvent('error', { __proto__: null, message: `${error?.message}`, error }));
  }
}

// The origin of an http: or https: URL, serialized.
function originOf(url) {
  const scheme = RegExpPrototypeExec(schemePattern, url)[0];
  return `${scheme}://${RegExpPrototypeExec(originPattern, url)?.[1] ?? ''}`;
}

for (const type of ['open', 'message', 'error']) events.defineEventHandler(EventSource.prototype, type);
webidl.configureInterface(EventSource, { constants: { __proto__: null, CONNECTING, OPEN, CLOSED } });
core.inspect.showAttributes(EventSource, ['url', 'readyState', 'withCredentials']);
core.defineGlobal('EventSource', EventSource);
