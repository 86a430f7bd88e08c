// Timers and microtasks (HTML, sections 8.7 and 8.8). Native code knows when a timer is due, this file what it calls.
//
// As servers do, nested timers are not slowed down to four milliseconds; an interval takes one millisecond at least, so
// that it leaves room for other work.

const { ops, webidl } = core;
const { MathMax, ReflectApply, SafeMap, TypeError } = core.primordials;

const globalObject = globalThis;

class Timer {
  callback;
  parameters;
  interval;  // Negative for a timer that fires once.
  asyncContext;

  constructor(callback, parameters, interval, asyncContext) {
    this.callback = callback;
    this.parameters = parameters;
    this.interval = interval;
    this.asyncContext = asyncContext;
  }
}

const timers = new SafeMap();  // By id.
let lastId = 0;

function start(callback, delay, parameters = undefined, interval = -1) {
  // Ids are positive in 32 bits; after four thousand million timers an old one may still be waiting.
  do {
    lastId = lastId >= 0x7fffffff ? 1 : lastId + 1;
  } while (timers.has(lastId));
  timers.set(lastId, new Timer(callback, parameters, interval, ops.asyncContext()));
  ops.timerAdd(lastId, delay);
  return lastId;
}

function cancel(id) {
  if (timers.delete(id)) ops.timerCancel(id);
}

core.bindCallback('fireTimer', (id) => {
  const timer = timers.get(id);
  if (timer === undefined) return;
  // An interval whose callback is terminated goes on.
  if (timer.interval < 0) timers.delete(id);
  else ops.timerAdd(id, timer.interval);
  ops.setAsyncContext(timer.asyncContext);
  try {
    if (timer.parameters === undefined) {
      timer.callback();
    } else {
      ReflectApply(timer.callback, globalObject, timer.parameters);
    }
  } catch (error) {
    core.reportException(error, 'timer');
  }
  ops.setAsyncContext(undefined);
});

function convertHandler(handler, context) {
  if (typeof handler === 'function') return handler;
  throw new TypeError(`${context}: Argument 1 is not a function (source text is not evaluated)`);
}

core.defineGlobalFunction('setTimeout', function setTimeout(handler, timeout = 0, ...parameters) {
  const context = "Failed to execute 'setTimeout'";
  webidl.requiredArguments(arguments.length, 1, context);
  handler = convertHandler(handler, context);
  return start(handler, MathMax(0, webidl.long(timeout)), parameters);
});

core.defineGlobalFunction('setInterval', function setInterval(handler, timeout = 0, ...parameters) {
  const context = "Failed to execute 'setInterval'";
  webidl.requiredArguments(arguments.length, 1, context);
  handler = convertHandler(handler, context);
  const interval = MathMax(1, webidl.long(timeout));
  return start(handler, interval, parameters, interval);
});

core.defineGlobalFunction('clearTimeout', function clearTimeout(id = 0) {
  cancel(webidl.long(id));
});

core.defineGlobalFunction('clearInterval', function clearInterval(id = 0) {
  cancel(webidl.long(id));
});

core.defineGlobalFunction('queueMicrotask', function queueMicrotask(callback) {
  const context = "Failed to execute 'queueMicrotask'";
  webidl.requiredArguments(arguments.length, 1, context);
  callback = webidl.callbackFunction(callback, `${context}: Argument 1`);
  ops.enqueueMicrotask(() => {
    try {
      ReflectApply(callback, undefined, []);
    } catch (error) {
      core.reportException(error, 'microtask');
    }
  });
});

// `start(callback, milliseconds)` returns an id for `cancel`. The callback runs without parameters.
core.timers = { __proto__: null, start, cancel };
