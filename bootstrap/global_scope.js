// The global object as an event target: what HTML (section 8.1.4) says of exceptions and rejections that nobody handled.

const { event, ops, webidl } = core;
const { ErrorPrototypeToString, ObjectSetPrototypeOf, String } = core.primordials;

const globalObject = globalThis;

const convertPromiseRejectionEventInit = webidl.dictionary('PromiseRejectionEventInit', [
  { key: 'promise', convert: webidl.object, required: true },
  { key: 'reason', convert: webidl.any },
]);

class PromiseRejectionEvent extends event.Event {
  #fields;

  constructor(type, eventInitDict) {
    webidl.requiredArguments(arguments.length, 2, "Failed to construct 'PromiseRejectionEvent'");
    super(type, eventInitDict);
    this.#fields = convertPromiseRejectionEventInit(
      eventInitDict, "Failed to construct 'PromiseRejectionEvent': Argument 2");
  }

  get promise() {
    return this.#fields.promise;
  }

  get reason() {
    return this.#fields.reason;
  }
}
webidl.configureInterface(PromiseRejectionEvent);
core.defineGlobal('PromiseRejectionEvent', PromiseRejectionEvent);

// Its prototype, as in a worker; the interface has no name of its own on the global object.
class WorkerGlobalScope extends event.EventTarget {
  constructor(key = undefined) {
    webidl.illegalConstructor(key);
    super();
  }
}
webidl.configureInterface(WorkerGlobalScope);
ObjectSetPrototypeOf(globalObject, WorkerGlobalScope.prototype);
core.defineGlobalGetter('self', () => globalObject);
event.defineEventHandler(globalObject, 'error');
event.defineEventHandler(globalObject, 'rejectionhandled');
event.defineEventHandler(globalObject, 'unhandledrejection');

function describeError(error) {
  try {
    return `Uncaught ${ops.isNativeError(error) ? ErrorPrototypeToString(error) : String(error)}`;
  } catch {
    return 'Uncaught exception';
  }
}

// HTML, "report an exception": listeners of `error` come first and may cancel the entry in the log. An error that they
// throw goes to the log at once.
const logException = core.reportException;
let reporting = false;
core.reportException = (error, origin) => {
  if (!reporting && event.hasListeners(globalObject, 'error')) {
    const position = ops.isNativeError(error) ? ops.errorPosition(error) : undefined;
    const errorEvent = new event.ErrorEvent('error', {
      __proto__: null,
      cancelable: true,
      message: describeError(error),
      filename: position?.file ?? '',
      lineno: position?.line ?? 0,
      colno: position === undefined ? 0 : position.column + 1,
      error,
    });
    reporting = true;
    const proceed = event.dispatchTrusted(globalObject, errorEvent);
    reporting = false;
    if (!proceed) return;
  }
  logException(error, origin);
};
core.bindCallback('reportException', core.reportException);

core.defineGlobalFunction('reportError', function reportError(e) {
  webidl.requiredArguments(arguments.length, 1, "Failed to execute 'reportError'");
  core.reportException(e, 'reportError');
});

core.bindCallback('unhandledRejection', (promise, reason) => {
  if (event.hasListeners(globalObject, 'unhandledrejection')) {
    const init = { __proto__: null, cancelable: true, promise, reason };
    if (!event.dispatchTrusted(globalObject, new PromiseRejectionEvent('unhandledrejection', init))) return;
  }
  logException(reason, 'unhandled rejection');
});

core.bindCallback('rejectionHandled', (promise, reason) => {
  if (!event.hasListeners(globalObject, 'rejectionhandled')) return;
  const init = { __proto__: null, promise, reason };
  event.dispatchTrusted(globalObject, new PromiseRejectionEvent('rejectionhandled', init));
});
