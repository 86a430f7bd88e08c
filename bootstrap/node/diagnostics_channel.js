// node:diagnostics_channel: named channels on which packages tell what they do.
const channels = new Map();

class Channel {
  #subscribers = [];

  constructor(name) {
    this.name = name;
  }

  get hasSubscribers() { return this.#subscribers.length !== 0; }

  subscribe(subscriber) {
    if (typeof subscriber !== 'function') throw new TypeError('The "subscription" argument must be of type function.');
    this.#subscribers = [...this.#subscribers, subscriber];
  }

  unsubscribe(subscriber) {
    const at = this.#subscribers.indexOf(subscriber);
    if (at === -1) return false;
    this.#subscribers = this.#subscribers.toSpliced(at, 1);
    return true;
  }

  publish(message) {
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(message, this.name);
      } catch (error) {
        reportError(error);
      }
    }
  }

  runStores(message, callback, receiver, ...parameters) {
    this.publish(message);
    return callback.apply(receiver, parameters);
  }
}

function channel(name) {
  let known = channels.get(name);
  if (known === undefined) channels.set(name, known = new Channel(name));
  return known;
}

const kinds = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

class TracingChannel {
  constructor(names) {
    for (const kind of kinds) {
      this[kind] = typeof names === 'string' ? channel(`tracing:${names}:${kind}`) : names[kind];
    }
  }

  get hasSubscribers() { return kinds.some((kind) => this[kind].hasSubscribers); }

  subscribe(handlers) {
    for (const kind of kinds) if (handlers[kind]) this[kind].subscribe(handlers[kind]);
  }

  unsubscribe(handlers) {
    return kinds.filter((kind) => handlers[kind]).every((kind) => this[kind].unsubscribe(handlers[kind]));
  }

  traceSync(callback, context = {}, receiver, ...parameters) {
    this.start.publish(context);
    try {
      return context.result = callback.apply(receiver, parameters);
    } catch (error) {
      context.error = error;
      this.error.publish(context);
      throw error;
    } finally {
      this.end.publish(context);
    }
  }

  async tracePromise(callback, context = {}, receiver, ...parameters) {
    const promise = this.traceSync(callback, context, receiver, ...parameters);
    try {
      context.result = await promise;
      return context.result;
    } catch (error) {
      context.error = error;
      this.error.publish(context);
      throw error;
    } finally {
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
    }
  }
}

module.exports = {
  Channel, channel,
  hasSubscribers: (name) => channels.get(name)?.hasSubscribers ?? false,
  subscribe: (name, subscriber) => channel(name).subscribe(subscriber),
  unsubscribe: (name, subscriber) => channel(name).unsubscribe(subscriber),
  tracingChannel: (names) => new TracingChannel(names),
};
