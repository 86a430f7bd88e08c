// BroadcastChannel (HTML, section 9.5): messages between the channels of one name in all workers of an app.

const { DOMException, event, ops, readObjects, webidl, writeObjects } = core;
const { FinalizationRegistry, FinalizationRegistryPrototypeRegister, FinalizationRegistryPrototypeUnregister, SafeMap,
  SafeWeakRef } = core.primordials;

// The channels that are open, by the number that native code knows them by. A channel that somebody listens to lives
// until it is closed; another one may be collected.
const entries = new SafeMap();
// Made when it is first needed, because it belongs to one process.
let collected;

class Entry {
  weak;
  // Null unless somebody listens.
  held = null;

  constructor(channel) {
    this.weak = new SafeWeakRef(channel);
  }
}

const leave = (id) => {
  if (entries.delete(id)) ops.broadcastLeave(id);
};

let isClosed, deliver;

class BroadcastChannel extends event.EventTarget {
  #name;
  #id;
  #closed = false;
  // Listeners run with what AsyncLocalStorage held where the channel was made.
  #stores = event.captureStores();

  constructor(name) {
    const context = "Failed to construct 'BroadcastChannel'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.DOMString(name, `${context}: Argument 1`);
    super();
    this.#name = name;
    const id = this.#id = ops.broadcastJoin(name);
    const entry = new Entry(this);
    entries.set(id, entry);
    event.onListenersChange(this, () => {
      const channel = entry.weak.deref();
      if (channel === undefined) return;
      entry.held = event.hasListeners(channel, 'message') || event.hasListeners(channel, 'messageerror') ? channel : null;
    });
    collected ??= new FinalizationRegistry(leave);
    FinalizationRegistryPrototypeRegister(collected, this, id, entry);
  }

  get name() {
    return this.#name;
  }

  postMessage(message) {
    // Reading first checks the brand.
    const closed = this.#closed;
    const context = "Failed to execute 'postMessage' on 'BroadcastChannel'";
    webidl.requiredArguments(arguments.length, 1, context);
    if (closed) throw new DOMException(`${context}: The channel is closed`, 'InvalidStateError');
    ops.broadcastPost(this.#id, message, writeObjects);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    const entry = entries.get(this.#id);
    FinalizationRegistryPrototypeUnregister(collected, entry);
    leave(this.#id);
  }

  static {
    isClosed = (channel) => channel.#closed;
    deliver = (channel, message) => event.dispatchIn(channel.#stores, channel, message);
  }
}
event.defineEventHandler(BroadcastChannel.prototype, 'message');
event.defineEventHandler(BroadcastChannel.prototype, 'messageerror');
webidl.configureInterface(BroadcastChannel);
core.defineGlobal('BroadcastChannel', BroadcastChannel);

core.bindCallback('broadcast', (id) => {
  const channel = entries.get(id)?.weak.deref();
  if (channel === undefined || isClosed(channel)) return;
  let message;
  try {
    message = event.makeMessageEvent(ops.broadcastRead(readObjects), '');
  } catch {
    message = new event.MessageEvent('messageerror');
  }
  deliver(channel, message);
});
