// `scheduler.wait`: a timer as a promise, as Cloudflare Workers and Node.js have it. Tasks with priorities (WICG's
// "Prioritized Task Scheduling") are pages' matter.

const { abort, timers, webidl } = core;
const { MathMax, Promise, PromiseReject, TypeError } = core.primordials;

function convertSignal(value, context) {
  if (abort.isAbortSignal(value)) return value;
  throw new TypeError(`${context} is not an AbortSignal`);
}

const convertOptions = webidl.dictionary('SchedulerWaitOptions', [{ key: 'signal', convert: convertSignal }]);

function wait(delay, signal) {
  if (signal === undefined) return new Promise((resolve) => timers.start(() => resolve(undefined), delay));
  if (abort.isAborted(signal)) return PromiseReject(abort.reason(signal));
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      timers.cancel(id);
      reject(abort.reason(signal));
    };
    const id = timers.start(() => {
      abort.removeAlgorithm(signal, onAbort);
      resolve(undefined);
    }, delay);
    abort.addAlgorithm(signal, onAbort);
  });
}

class Scheduler {
  // Tells an instance from another object.
  #brand;

  constructor(key = undefined) {
    webidl.illegalConstructor(key);
  }

  // Resolves after so many milliseconds; rejects with the reason of `options.signal` when that aborts.
  wait(delay, options = {}) {
    const context = "Failed to execute 'wait' on 'Scheduler'";
    try {
      if (!(#brand in this)) throw webidl.illegalInvocation('Scheduler');
      webidl.requiredArguments(arguments.length, 1, context);
      const time = MathMax(0, webidl.long(delay));
      return wait(time, convertOptions(options, `${context}: Argument 2`).signal);
    } catch (error) {
      return PromiseReject(error);
    }
  }
}
webidl.configureInterface(Scheduler);
core.defineGlobal('Scheduler', Scheduler);

const scheduler = new Scheduler(webidl.internal);
core.defineGlobalGetter('scheduler', () => scheduler);
