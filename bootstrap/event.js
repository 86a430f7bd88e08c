// Events (DOM, section 2) and the event interfaces of HTML that a server uses.

const { ops, webidl } = core;
const {
  ArrayIsArray,
  ArrayPrototypeIndexOf,
  ArrayPrototypePush,
  ArrayPrototypeSlice,
  ArrayPrototypeSplice,
  FunctionPrototypeCall,
  ObjectDefineProperty,
  ObjectFreeze,
  ReflectGetOwnPropertyDescriptor,
  SafeMap,
  TypeError,
} = core.primordials;

const globalObject = globalThis;

const phases = { __proto__: null, NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 };

// What other files and the classes below do with the private fields of Event. An instance of a class, as an object
// without a prototype is a dictionary, slow to look up; its fields are its own, so that nothing else is looked at.
class EventState {
  isEvent;
  isTrusted;
  isDispatching;
  isCanceled;
  isStopped;
  propagationStopped;
  type;
  cancel;
  setPassive;
  copy;
  begin;
  end;
}
const state = new EventState();

// [LegacyUnforgeable]: an accessor of its own on every event, with one getter.
const isTrusted = ReflectGetOwnPropertyDescriptor({
  get isTrusted() {
    return state.isTrusted(this);
  },
}, 'isTrusted');
const getIsTrusted = isTrusted.get;
const { copyObject, defineUnforgeable, now } = ops;

const convertEventInit = webidl.dictionary('EventInit', [
  { key: 'bubbles', convert: webidl.boolean, default: false },
  { key: 'cancelable', convert: webidl.boolean, default: false },
  { key: 'composed', convert: webidl.boolean, default: false },
]);

class Event {
  #type;
  #bubbles = false;
  #cancelable = false;
  #composed = false;
  #target = null;
  #currentTarget = null;
  #phase = phases.NONE;
  #dispatching = false;
  #stopPropagation = false;
  #stopImmediatePropagation = false;
  #canceled = false;
  #inPassiveListener = false;
  #isTrusted = false;
  #timeStamp = now();

  constructor(type, eventInitDict = {}) {
    const context = "Failed to construct 'Event'";
    webidl.requiredArguments(arguments.length, 1, context);
    this.#type = webidl.DOMString(type, `${context}: Argument 1`);
    if (arguments.length > 1) {
      const init = convertEventInit(eventInitDict, `${context}: Argument 2`);
      this.#bubbles = init.bubbles;
      this.#cancelable = init.cancelable;
      this.#composed = init.composed;
    }
    defineUnforgeable(this, 'isTrusted', getIsTrusted);
  }

  get type() {
    return this.#type;
  }

  get target() {
    return this.#target;
  }

  get srcElement() {
    return this.#target;
  }

  get currentTarget() {
    return this.#currentTarget;
  }

  composedPath() {
    return this.#currentTarget === null ? [] : [this.#currentTarget];
  }

  get eventPhase() {
    return this.#phase;
  }

  stopPropagation() {
    this.#stopPropagation = true;
  }

  get cancelBubble() {
    return this.#stopPropagation;
  }

  set cancelBubble(value) {
    this.#stopPropagation = this.#stopPropagation || !!value;
  }

  stopImmediatePropagation() {
    this.#stopPropagation = true;
    this.#stopImmediatePropagation = true;
  }

  get bubbles() {
    return this.#bubbles;
  }

  get cancelable() {
    return this.#cancelable;
  }

  get returnValue() {
    return !this.#canceled;
  }

  set returnValue(value) {
    const canceled = this.#canceled;
    if (!value && !canceled) this.#cancel();
  }

  preventDefault() {
    this.#cancel();
  }

  get defaultPrevented() {
    return this.#canceled;
  }

  get composed() {
    return this.#composed;
  }

  get timeStamp() {
    return this.#timeStamp;
  }

  initEvent(type, bubbles = false, cancelable = false) {
    const dispatching = this.#dispatching;
    const context = "Failed to execute 'initEvent' on 'Event'";
    webidl.requiredArguments(arguments.length, 1, context);
    type = webidl.DOMString(type, `${context}: Argument 1`);
    if (dispatching) return;
    this.#type = type;
    this.#bubbles = !!bubbles;
    this.#cancelable = !!cancelable;
    this.#stopPropagation = false;
    this.#stopImmediatePropagation = false;
    this.#canceled = false;
    this.#isTrusted = false;
    this.#target = null;
  }

  #cancel() {
    if (this.#cancelable && !this.#inPassiveListener) this.#canceled = true;
  }

  static {
    state.isEvent = (value) => webidl.isObject(value) && #type in value;
    state.isTrusted = (event) => event.#isTrusted;
    state.isDispatching = (event) => event.#dispatching;
    state.isCanceled = (event) => event.#canceled;
    state.isStopped = (event) => event.#stopImmediatePropagation;
    state.propagationStopped = (event) => event.#stopPropagation;
    state.type = (event) => event.#type;
    state.cancel = (event) => event.#cancel();
    state.setPassive = (event, passive) => {
      event.#inPassiveListener = passive;
    };
    state.copy = (model) => {
      const event = copyObject(model);
      event.#timeStamp = now();
      return event;
    };
    state.begin = (event, target, trusted) => {
      event.#isTrusted = trusted;
      event.#dispatching = true;
      event.#target = target;
      event.#currentTarget = target;
      event.#phase = phases.AT_TARGET;
    };
    state.end = (event) => {
      event.#phase = phases.NONE;
      event.#currentTarget = null;
      event.#dispatching = false;
      event.#stopPropagation = false;
      event.#stopImmediatePropagation = false;
    };
  }
}
webidl.configureInterface(Event, { constants: phases });
core.defineGlobal('Event', Event);

// ---- EventTarget ----

// The listeners of one target: by type, in order of registration. A registration that was removed is marked, because a
// dispatch under way goes over a copy of the list.
class ListenerTable {
  byType = new SafeMap();
  // Event handler attributes by type: { value, registration }.
  handlers = new SafeMap();
  // Called with the type after each addition and removal.
  onChange = undefined;

  find(type, callback, capture) {
    const list = this.byType.get(type);
    if (list === undefined) return undefined;
    for (let i = 0; i < list.length; i++) {
      if (list[i].callback === callback && list[i].capture === capture) return list[i];
    }
    return undefined;
  }

  add(registration) {
    const list = this.byType.get(registration.type);
    if (list === undefined) {
      this.byType.set(registration.type, [registration]);
    } else {
      ArrayPrototypePush(list, registration);
    }
    this.onChange?.(registration.type);
  }

  remove(registration) {
    if (registration.removed) return;
    registration.removed = true;
    if (registration.signal !== null) core.abort.removeAlgorithm(registration.signal, registration.onAbort);
    const list = this.byType.get(registration.type);
    ArrayPrototypeSplice(list, ArrayPrototypeIndexOf(list, registration), 1);
    if (list.length === 0) this.byType.delete(registration.type);
    this.onChange?.(registration.type);
  }
}

class Registration {
  type;
  callback;
  capture;
  once = false;
  passive = false;
  signal = null;
  onAbort = undefined;
  removed = false;

  constructor(type, callback, capture) {
    this.type = type;
    this.callback = callback;
    this.capture = capture;
  }
}

// The global object cannot hold a private field through a snapshot, so its table stands here.
let globalTable = null;
let tableOf;
let existingTableOf;

class EventTarget {
  #table = null;

  addEventListener(type, callback, options = undefined) {
    const target = this ?? globalObject;
    const table = tableOf(target);
    const context = "Failed to execute 'addEventListener' on 'EventTarget'";
    webidl.requiredArguments(arguments.length, 2, context);
    type = webidl.DOMString(type, `${context}: Argument 1`);
    callback = convertListener(callback, `${context}: Argument 2`);
    const registration = new Registration(type, callback, false);
    readAddOptions(options, registration, `${context}: Argument 3`);
    const { signal } = registration;
    if (signal !== null && core.abort.isAborted(signal)) return;
    if (callback === null || table.find(type, callback, registration.capture) !== undefined) return;
    if (signal !== null) {
      registration.onAbort = () => table.remove(registration);
      core.abort.addAlgorithm(signal, registration.onAbort);
    }
    table.add(registration);
  }

  removeEventListener(type, callback, options = undefined) {
    const table = existingTableOf(this ?? globalObject);
    const context = "Failed to execute 'removeEventListener' on 'EventTarget'";
    webidl.requiredArguments(arguments.length, 2, context);
    type = webidl.DOMString(type, `${context}: Argument 1`);
    callback = convertListener(callback, `${context}: Argument 2`);
    const capture = webidl.isObject(options) ? !!options.capture : !!options;
    const registration = table?.find(type, callback, capture);
    if (registration !== undefined) table.remove(registration);
  }

  dispatchEvent(event) {
    const target = this ?? globalObject;
    existingTableOf(target);
    const context = "Failed to execute 'dispatchEvent' on 'EventTarget'";
    webidl.requiredArguments(arguments.length, 1, context);
    if (!state.isEvent(event)) throw new TypeError(`${context}: Argument 1 is not of type 'Event'`);
    if (state.isDispatching(event)) {
      throw new core.DOMException(`${context}: The event is being dispatched`, 'InvalidStateError');
    }
    return dispatch(target, event, false);
  }

  static {
    // Null where nothing has been registered; throws where the object is no event target.
    existingTableOf = (target) => {
      if (target === globalObject) return globalTable;
      if (!webidl.isObject(target) || !(#table in target)) throw webidl.illegalInvocation('EventTarget');
      return target.#table;
    };
    tableOf = (target) => {
      const table = existingTableOf(target);
      if (table !== null) return table;
      const made = new ListenerTable();
      if (target === globalObject) {
        globalTable = made;
      } else {
        target.#table = made;
      }
      return made;
    };
  }
}
webidl.configureInterface(EventTarget);
core.defineGlobal('EventTarget', EventTarget);

function convertListener(callback, context) {
  if (callback === null || callback === undefined) return null;
  if (!webidl.isObject(callback)) throw new TypeError(`${context} is neither a function nor an object`);
  return callback;
}

// (AddEventListenerOptions or boolean), members in the order of the dictionaries.
function readAddOptions(options, registration, context) {
  if (!webidl.isObject(options)) {
    registration.capture = !!options;
    return;
  }
  registration.capture = !!options.capture;
  registration.once = !!options.once;
  registration.passive = !!options.passive;
  const { signal } = options;
  if (signal === undefined) return;
  if (!core.abort.isAbortSignal(signal)) {
    throw new TypeError(`${context}, member 'signal' is not of type 'AbortSignal'`);
  }
  registration.signal = signal;
}

// DOM, "dispatch" on a target without parents: capturing listeners, then the others. Returns false if canceled.
function dispatch(target, event, trusted) {
  state.begin(event, target, trusted);
  const table = existingTableOf(target);
  if (table !== null && !state.propagationStopped(event)) {
    const list = table.byType.get(state.type(event));
    if (list !== undefined) {
      if (list.length === 1) {
        invoke(target, event, table, list[0]);
      } else {
        invokeAll(target, event, table, ArrayPrototypeSlice(list));
      }
    }
  }
  state.end(event);
  return !state.isCanceled(event);
}

function invokeAll(target, event, table, list) {
  for (let pass = 0; pass < 2; pass++) {
    if (state.propagationStopped(event)) return;
    for (let i = 0; i < list.length; i++) {
      const registration = list[i];
      if (registration.capture !== (pass === 0) || registration.removed) continue;
      invoke(target, event, table, registration);
      if (state.isStopped(event)) return;
    }
  }
}

function invoke(target, event, table, registration) {
  const { callback } = registration;
  if (registration.once) table.remove(registration);
  if (registration.passive) state.setPassive(event, true);
  try {
    if (typeof callback === 'function') {
      FunctionPrototypeCall(callback, target, event);
    } else {
      const { handleEvent } = callback;
      if (typeof handleEvent !== 'function') {
        throw new TypeError("The event listener's 'handleEvent' is not a function");
      }
      FunctionPrototypeCall(handleEvent, callback, event);
    }
  } catch (error) {
    core.reportException(error, 'event listener');
  }
  if (registration.passive) state.setPassive(event, false);
}

// ---- Event handler attributes (HTML, section 8.1.8.1) ----

// `error` at the global object is called with five arguments, and cancels by true instead of false.
function callHandler(target, handler, event) {
  if (typeof handler !== 'function') return;
  if (target === globalObject && errorEventState.isErrorEvent(event) && state.type(event) === 'error') {
    const { message, filename, lineno, colno, error } = errorEventState.fields(event);
    if (FunctionPrototypeCall(handler, target, message, filename, lineno, colno, error) === true) state.cancel(event);
  } else if (FunctionPrototypeCall(handler, target, event) === false) {
    state.cancel(event);
  }
}

function setHandler(target, type, value) {
  const table = tableOf(target);
  const handler = table.handlers.get(type);
  // [LegacyTreatNonObjectAsNull]
  if (!webidl.isObject(value)) {
    if (handler === undefined) return;
    table.remove(handler.registration);
    table.handlers.delete(type);
  } else if (handler !== undefined) {
    handler.value = value;
  } else {
    const made = { __proto__: null, value, registration: undefined };
    made.registration = new Registration(type, (event) => callHandler(target, made.value, event), false);
    table.handlers.set(type, made);
    table.add(made.registration);
  }
}

// Gives `owner`, a prototype or the global object, the attribute `on<type>`. `onSet(target)` runs after it was set.
function defineEventHandler(owner, type, onSet = undefined) {
  const name = `on${type}`;
  const descriptor = ReflectGetOwnPropertyDescriptor({
    get [name]() {
      return existingTableOf(this ?? globalObject)?.handlers.get(type)?.value ?? null;
    },
    set [name](value) {
      setHandler(this ?? globalObject, type, value);
      onSet?.(this);
    },
  }, name);
  ObjectDefineProperty(owner, name, {
    __proto__: null, get: descriptor.get, set: descriptor.set, enumerable: true, configurable: true,
  });
}

// ---- Event interfaces ----

class CustomEvent extends Event {
  #detail = null;

  constructor(type, eventInitDict = {}) {
    webidl.requiredArguments(arguments.length, 1, "Failed to construct 'CustomEvent'");
    super(type, eventInitDict);
    const detail = eventInitDict?.detail;
    if (detail !== undefined) this.#detail = detail;
  }

  get detail() {
    return this.#detail;
  }

  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    const dispatching = #detail in this && state.isDispatching(this);
    webidl.requiredArguments(arguments.length, 1, "Failed to execute 'initCustomEvent' on 'CustomEvent'");
    // Writing first checks the brand.
    if (!dispatching) this.#detail = detail;
    FunctionPrototypeCall(initEvent, this, type, bubbles, cancelable);
  }
}
const { initEvent } = Event.prototype;
webidl.configureInterface(CustomEvent);
core.defineGlobal('CustomEvent', CustomEvent);

const convertErrorEventInit = webidl.dictionary('ErrorEventInit', [
  { key: 'colno', convert: webidl.unsignedLong, default: 0 },
  { key: 'error', convert: webidl.any },
  { key: 'filename', convert: webidl.USVString, default: '' },
  { key: 'lineno', convert: webidl.unsignedLong, default: 0 },
  { key: 'message', convert: webidl.DOMString, default: '' },
]);
const errorEventState = { __proto__: null };

class ErrorEvent extends Event {
  #fields;

  constructor(type, eventInitDict = {}) {
    webidl.requiredArguments(arguments.length, 1, "Failed to construct 'ErrorEvent'");
    super(type, eventInitDict);
    this.#fields = convertErrorEventInit(eventInitDict, "Failed to construct 'ErrorEvent': Argument 2");
  }

  get message() {
    return this.#fields.message;
  }

  get filename() {
    return this.#fields.filename;
  }

  get lineno() {
    return this.#fields.lineno;
  }

  get colno() {
    return this.#fields.colno;
  }

  get error() {
    return this.#fields.error;
  }

  static {
    errorEventState.isErrorEvent = (event) => #fields in event;
    errorEventState.fields = (event) => event.#fields;
  }
}
webidl.configureInterface(ErrorEvent);
core.defineGlobal('ErrorEvent', ErrorEvent);

// What AsyncLocalStorage keeps for the code that runs, to be used for events that come later by dispatchIn; undefined
// where it keeps nothing. The request, which may be over by then, is not part of it.
function captureStores() {
  const context = ops.asyncContext();
  if (!ArrayIsArray(context)) return undefined;
  const stores = ArrayPrototypeSlice(context);
  stores[0] = undefined;
  return ObjectFreeze(stores);
}

function dispatchIn(stores, target, event) {
  if (stores === undefined) return dispatch(target, event, true);
  const before = ops.asyncContext();
  ops.setAsyncContext(stores);
  try {
    return dispatch(target, event, true);
  } finally {
    ops.setAsyncContext(before);
  }
}

const hasListeners = (target, type) => existingTableOf(target)?.byType.has(type) ?? false;

core.event = {
  __proto__: null,
  ErrorEvent,
  Event,
  EventTarget,
  // Throws where the value is no event target.
  checkTarget: existingTableOf,
  captureStores,
  dispatchIn,
  isDispatching: state.isDispatching,
  // A new event like `model`, which is at rest: what every event gets in its constructor takes longer than copying it.
  copy: state.copy,
  // Dispatches an event that the runtime made; false if a listener canceled it.
  dispatchTrusted: (target, event) => dispatch(target, event, true),
  defineEventHandler,
  hasListeners,
  globalListeners: (type) => existingTableOf(globalObject)?.byType.get(type)?.length ?? 0,
  // `callback(type)` runs after each addition and removal of a listener.
  onListenersChange(target, callback) {
    tableOf(target).onChange = callback;
  },
};
