// AbortController and AbortSignal (DOM, section 3).

const { DOMException, event, webidl } = core;
const {
  ArrayPrototypePush,
  SafeSet,
  SafeWeakRef,
  SetPrototypeForEach,
} = core.primordials;

// Timed signals that someone listens to; the others live as long as the script holds them.
const heldByTimer = new SafeSet();

const makeAbortError = () => new DOMException('This operation was aborted', 'AbortError');
const makeTimeoutError = () => new DOMException('The operation was aborted due to timeout', 'TimeoutError');

class AbortSignal extends event.EventTarget {
  #reason = undefined;
  // Internal algorithms that run before the event; made with the first one.
  #algorithms = null;
  // Signals of AbortSignal.any() that follow this one, weakly; `#held` keeps those alive that someone listens to.
  #dependents = null;
  #liveDependents = 16;
  #held = null;
  // The signals that this one follows; none unless it was made by AbortSignal.any().
  #sources = null;
  #isTimed = false;
  #isHeld = false;

  constructor(key = undefined) {
    webidl.illegalConstructor(key);
    super();
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(webidl.internal);
    signal.#reason = reason === undefined ? makeAbortError() : reason;
    return signal;
  }

  static timeout(milliseconds) {
    const context = "Failed to execute 'timeout' on 'AbortSignal'";
    webidl.requiredArguments(arguments.length, 1, context);
    milliseconds = webidl.unsignedLongLong(milliseconds, `${context}: Argument 1`, webidl.enforceRange);
    const signal = new AbortSignal(webidl.internal);
    signal.#isTimed = true;
    signal.#watchListeners();
    const weak = new SafeWeakRef(signal);
    core.timers.start(() => weak.deref()?.#abort(makeTimeoutError()), milliseconds);
    return signal;
  }

  static any(signals) {
    const context = "Failed to execute 'any' on 'AbortSignal'";
    webidl.requiredArguments(arguments.length, 1, context);
    return AbortSignal.#any(convertSignals(signals, `${context}: Argument 1`));
  }

  get aborted() {
    return this.#reason !== undefined;
  }

  get reason() {
    return this.#reason;
  }

  throwIfAborted() {
    if (this.#reason !== undefined) throw this.#reason;
  }

  // DOM, "create a dependent abort signal".
  static #any(signals) {
    const result = new AbortSignal(webidl.internal);
    for (let i = 0; i < signals.length; i++) {
      if (signals[i].#reason !== undefined) {
        result.#reason = signals[i].#reason;
        return result;
      }
    }
    result.#sources = new SafeSet();
    for (let i = 0; i < signals.length; i++) {
      const signal = signals[i];
      if (signal.#sources === null) {
        result.#follow(signal);
      } else {
        SetPrototypeForEach(signal.#sources, (source) => result.#follow(source));
      }
    }
    result.#watchListeners();
    return result;
  }

  #follow(source) {
    if (this.#sources.has(source)) return;
    this.#sources.add(source);
    const dependents = source.#dependents ??= [];
    // A signal that lives long sees many dependents go: the dead ones are dropped whenever the list has doubled.
    if (dependents.length >= 2 * source.#liveDependents) {
      let live = 0;
      for (let i = 0; i < dependents.length; i++) {
        if (dependents[i].deref() !== undefined) dependents[live++] = dependents[i];
      }
      dependents.length = live;
      if (live > 16) source.#liveDependents = live;
    }
    ArrayPrototypePush(dependents, new SafeWeakRef(this));
  }

  #watchListeners() {
    const weak = new SafeWeakRef(this);
    event.onListenersChange(this, () => weak.deref()?.#updateHold());
  }

  // A signal that will be aborted by something else must live on while someone waits for it.
  #updateHold() {
    const hold = this.#reason === undefined &&
      (event.hasListeners(this, 'abort') || (this.#algorithms !== null && this.#algorithms.size > 0));
    if (hold === this.#isHeld) return;
    this.#isHeld = hold;
    const change = hold ? (set) => set.add(this) : (set) => set.delete(this);
    if (this.#isTimed) change(heldByTimer);
    if (this.#sources !== null) SetPrototypeForEach(this.#sources, (source) => change(source.#held ??= new SafeSet()));
  }

  // DOM, "signal abort".
  #abort(reason) {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const following = [];
    if (this.#dependents !== null) {
      for (let i = 0; i < this.#dependents.length; i++) {
        const dependent = this.#dependents[i].deref();
        if (dependent === undefined || dependent.#reason !== undefined) continue;
        dependent.#reason = reason;
        ArrayPrototypePush(following, dependent);
      }
      this.#dependents = null;
    }
    this.#runAbortSteps();
    for (let i = 0; i < following.length; i++) following[i].#runAbortSteps();
  }

  #runAbortSteps() {
    const algorithms = this.#algorithms;
    this.#algorithms = null;
    if (this.#sources !== null || this.#isTimed) this.#updateHold();
    if (algorithms !== null) SetPrototypeForEach(algorithms, (algorithm) => algorithm());
    // Nobody else can see the event.
    if (event.hasListeners(this, 'abort')) event.dispatchTrusted(this, new event.Event('abort'));
  }

  static {
    core.abort = {
      __proto__: null,
      AbortSignal,
      isAbortSignal: (value) => webidl.isObject(value) && #reason in value,
      isAborted: (signal) => signal.#reason !== undefined,
      reason: (signal) => signal.#reason,
      makeSignal: () => new AbortSignal(webidl.internal),
      any: (signals) => AbortSignal.#any(signals),
      // Aborts with `reason`, or with an AbortError where that is undefined.
      signalAbort(signal, reason = undefined) {
        signal.#abort(reason === undefined ? makeAbortError() : reason);
      },
      // Algorithms run once, in order of addition, before the event. The signal must not have been aborted.
      addAlgorithm(signal, algorithm) {
        signal.#algorithms ??= new SafeSet();
        signal.#algorithms.add(algorithm);
        if (signal.#sources !== null || signal.#isTimed) signal.#updateHold();
      },
      removeAlgorithm(signal, algorithm) {
        if (signal.#algorithms === null) return;
        signal.#algorithms.delete(algorithm);
        if (signal.#sources !== null || signal.#isTimed) signal.#updateHold();
      },
    };
  }
}
const convertSignals =
  webidl.sequence(webidl.interfaceType('AbortSignal', core.abort.isAbortSignal));
event.defineEventHandler(AbortSignal.prototype, 'abort');
webidl.configureInterface(AbortSignal);
core.defineGlobal('AbortSignal', AbortSignal);

class AbortController {
  #signal = core.abort.makeSignal();

  get signal() {
    return this.#signal;
  }

  abort(reason = undefined) {
    core.abort.signalAbort(this.#signal, reason);
  }
}
webidl.configureInterface(AbortController);
core.defineGlobal('AbortController', AbortController);
