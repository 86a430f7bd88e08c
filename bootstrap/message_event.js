// The events of messages and connections: MessageEvent (HTML, section 9.1) and CloseEvent (WebSockets, section 6).

const { event, webidl } = core;
const { ObjectFreeze, ReflectApply, TypeError } = core.primordials;

// Where an event comes from: no Window or ServiceWorker is here, so null or an event target (a MessagePort).
function convertEventSource(value, context) {
  if (value === null) return null;
  try {
    event.checkTarget(value);
  } catch {
    throw new TypeError(`${context} is not an event source`);
  }
  return value;
}

function convertPort(value, context) {
  if (!core.isMessagePort(value)) throw new TypeError(`${context} is not of type 'MessagePort'`);
  return value;
}

const convertMessageEventInit = webidl.dictionary('MessageEventInit', [
  { key: 'data', convert: webidl.any, default: null },
  { key: 'lastEventId', convert: webidl.DOMString, default: '' },
  { key: 'origin', convert: webidl.USVString, default: '' },
  { key: 'ports', convert: webidl.sequence(convertPort), makeDefault: () => [] },
  { key: 'source', convert: convertEventSource, default: null },
]);

const { initEvent } = event.Event.prototype;
let makeMessageEvent;

class MessageEvent extends event.Event {
  #fields;

  constructor(type, eventInitDict = {}, key = undefined) {
    if (key === webidl.internal) {
      super(type);
      this.#fields = eventInitDict;
      return;
    }
    webidl.requiredArguments(arguments.length, 1, "Failed to construct 'MessageEvent'");
    super(type, eventInitDict);
    this.#fields = convertMessageEventInit(eventInitDict, "Failed to construct 'MessageEvent': Argument 2");
    ObjectFreeze(this.#fields.ports);
  }

  get data() {
    return this.#fields.data;
  }

  get origin() {
    return this.#fields.origin;
  }

  get lastEventId() {
    return this.#fields.lastEventId;
  }

  get source() {
    return this.#fields.source;
  }

  get ports() {
    return this.#fields.ports;
  }

  initMessageEvent(type, bubbles = false, cancelable = false, data = null, origin = '', lastEventId = '', source = null,
    ports = []) {
    const context = "Failed to execute 'initMessageEvent' on 'MessageEvent'";
    if (!(#fields in this)) throw webidl.illegalInvocation('MessageEvent');
    webidl.requiredArguments(arguments.length, 1, context);
    const fields = convertMessageEventInit({ __proto__: null, data, origin, lastEventId, source, ports }, context);
    if (event.isDispatching(this)) return;
    ObjectFreeze(fields.ports);
    this.#fields = fields;
    ReflectApply(initEvent, this, [type, bubbles, cancelable]);
  }

  static {
    const model = new MessageEvent('message', undefined, webidl.internal);
    const { copy } = event;
    makeMessageEvent = (data, origin) => {
      const made = copy(model);
      made.#fields = new RuntimeFields(data, origin);
      return made;
    };
  }
}
webidl.configureInterface(MessageEvent);
core.defineGlobal('MessageEvent', MessageEvent);

const convertCloseEventInit = webidl.dictionary('CloseEventInit', [
  { key: 'code', convert: webidl.unsignedShort, default: 0 },
  { key: 'reason', convert: webidl.USVString, default: '' },
  { key: 'wasClean', convert: webidl.boolean, default: false },
]);

class CloseEvent extends event.Event {
  #fields;

  constructor(type, eventInitDict = {}) {
    webidl.requiredArguments(arguments.length, 1, "Failed to construct 'CloseEvent'");
    super(type, eventInitDict);
    this.#fields = convertCloseEventInit(eventInitDict, "Failed to construct 'CloseEvent': Argument 2");
  }

  get wasClean() {
    return this.#fields.wasClean;
  }

  get code() {
    return this.#fields.code;
  }

  get reason() {
    return this.#fields.reason;
  }
}
webidl.configureInterface(CloseEvent);
core.defineGlobal('CloseEvent', CloseEvent);

const noPorts = ObjectFreeze([]);

// The fields of an event that the runtime makes, as convertMessageEventInit makes them of a script's: a class, because
// objects without a prototype are slow to make.
class RuntimeFields {
  data;
  origin;
  lastEventId = '';
  ports = noPorts;
  source = null;

  constructor(data, origin) {
    this.data = data;
    this.origin = origin;
  }
}

core.event.MessageEvent = MessageEvent;
// An event 'message' that the runtime makes.
core.event.makeMessageEvent = makeMessageEvent;
// The same of any type, with the id that an event stream gives it.
core.event.makeStreamEvent = (type, data, origin, lastEventId) => {
  const fields = new RuntimeFields(data, origin);
  fields.lastEventId = lastEventId;
  return new MessageEvent(type, fields, webidl.internal);
};
core.event.CloseEvent = CloseEvent;
