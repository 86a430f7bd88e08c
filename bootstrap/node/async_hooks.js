// node:async_hooks: AsyncLocalStorage and AsyncResource, over the value that V8 hands on from code to what continues it.
//
// That value is what the runtime keeps there (the request's handle or undefined), or a frozen list: first that value, then
// storages and their stores by turns. A list is never changed, so that continuations can share it.
const { ops, primordials } = core;
const { ArrayIsArray, ArrayPrototypePush, ArrayPrototypeSlice, ObjectFreeze, ReflectApply } = primordials;

function storeOf(context, storage) {
  if (!ArrayIsArray(context)) return undefined;
  for (let i = 1; i < context.length; i += 2) {
    if (context[i] === storage) return context[i + 1];
  }
  return undefined;
}

function withStore(context, storage, store) {
  const list = ArrayIsArray(context) ? ArrayPrototypeSlice(context) : [context];
  for (let i = 1; i < list.length; i += 2) {
    if (list[i] !== storage) continue;
    list[i + 1] = store;
    return ObjectFreeze(list);
  }
  ArrayPrototypePush(list, storage, store);
  return ObjectFreeze(list);
}

// Calls a function in a context and comes back to the present one, however it ends.
function callIn(context, callback, receiver, parameters) {
  const before = ops.asyncContext();
  ops.setAsyncContext(context);
  try {
    return ReflectApply(callback, receiver, parameters);
  } finally {
    ops.setAsyncContext(before);
  }
}

function checkFunction(value) {
  if (typeof value === 'function') return;
  const error = new TypeError('The "fn" argument must be of type function.');
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

class AsyncLocalStorage {
  #defaultValue;
  #name;

  constructor(options = {}) {
    this.#defaultValue = options.defaultValue;
    this.#name = options.name ?? '';
  }

  get name() { return this.#name; }

  static bind(callback) {
    checkFunction(callback);
    const context = ops.asyncContext();
    return function bound(...parameters) {
      return callIn(context, callback, this, parameters);
    };
  }

  static snapshot() {
    const context = ops.asyncContext();
    return (callback, ...parameters) => callIn(context, callback, undefined, parameters);
  }

  run(store, callback, ...parameters) {
    return callIn(withStore(ops.asyncContext(), this, store), callback, undefined, parameters);
  }

  exit(callback, ...parameters) {
    return this.run(undefined, callback, ...parameters);
  }

  enterWith(store) {
    ops.setAsyncContext(withStore(ops.asyncContext(), this, store));
  }

  disable() {
    this.enterWith(undefined);
  }

  getStore() {
    return storeOf(ops.asyncContext(), this) ?? this.#defaultValue;
  }
}

let lastId = 1;

class AsyncResource {
  #context = ops.asyncContext();
  #id = ++lastId;

  constructor(type) {
    if (typeof type === 'string') return;
    const error = new TypeError('The "type" argument must be of type string.');
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }

  runInAsyncScope(callback, receiver, ...parameters) {
    return callIn(this.#context, callback, receiver, parameters);
  }

  bind(callback, receiver) {
    checkFunction(callback);
    const resource = this;
    return function bound(...parameters) {
      return resource.runInAsyncScope(callback, receiver ?? this, ...parameters);
    };
  }

  static bind(callback, type, receiver) {
    return new AsyncResource(type ?? callback.name ?? 'bound-anonymous-fn').bind(callback, receiver);
  }

  asyncId() { return this.#id; }
  triggerAsyncId() { return 0; }
  emitDestroy() { return this; }
}

// Nothing follows single resources, so a hook that is enabled hears of none.
const createHook = () => ({
  enable() { return this; },
  disable() { return this; },
});

module.exports = {
  AsyncLocalStorage, AsyncResource, createHook,
  executionAsyncId: () => 1,
  triggerAsyncId: () => 0,
  executionAsyncResource: () => ({}),
};
