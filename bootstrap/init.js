// What scripts see of the runtime itself: the namespace `jsd`, with the events that JavaScript manages.

const { ArrayPrototypeIndexOf, ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeSplice, ObjectDefineProperty,
  SafeMap, String, SymbolToStringTag, TypeError } = core.primordials;

// Counts a promise as work that the runtime should see to its end before it is shut down or replaced.
core.waitFor = async (promise, origin) => {
  core.ops.waitUntilStarted();
  try {
    await promise;
  } catch (error) {
    core.reportException(error, origin);
  } finally {
    core.ops.waitUntilSettled();
  }
};

// Listeners by event. A list is replaced when it changes, so that a call in progress goes on over the one it began with:
// listeners added meanwhile wait for the next call. One removed meanwhile is no longer called.
const listeners = new SafeMap();

const listen = (event, callback) => {
  if (typeof callback !== 'function') {
    throw new TypeError("Failed to execute 'listen' on 'jsd': parameter 2 is not a function.");
  }
  const name = String(event);
  const listener = { callback, active: true };
  const list = ArrayPrototypeSlice(listeners.get(name) ?? []);
  ArrayPrototypePush(list, listener);
  listeners.set(name, list);
  return () => {
    if (!listener.active) return;
    listener.active = false;
    const rest = ArrayPrototypeSlice(listeners.get(name));
    ArrayPrototypeSplice(rest, ArrayPrototypeIndexOf(rest, listener), 1);
    listeners.set(name, rest);
  };
};

// Calls the listeners of a rare event in the order of their registration; what an asynchronous one still does is waited
// for. Returns how many there were.
const invoke = (event, detail) => {
  const list = listeners.get(event);
  if (list === undefined) return 0;
  for (let i = 0; i < list.length; i++) {
    if (!list[i].active) continue;
    try {
      const callback = list[i].callback;
      const result = callback(detail);
      if (result !== undefined) core.waitFor(result, `listener of '${event}'`);
    } catch (error) {
      core.reportException(error, `listener of '${event}'`);
    }
  }
  return list.length;
};
core.invoke = invoke;
core.bindCallback('invoke', invoke);

const jsd = {};
const define = (name, value) =>
  ObjectDefineProperty(jsd, name, { __proto__: null, value, writable: false, enumerable: true, configurable: false });
define('listen', listen);
define('version', core.version);
ObjectDefineProperty(jsd, SymbolToStringTag, {
  __proto__: null, value: 'jsd', writable: false, enumerable: false, configurable: true,
});
core.jsd = jsd;
core.defineGlobal('jsd', jsd);
