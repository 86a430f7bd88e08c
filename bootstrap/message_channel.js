// MessageChannel and MessagePort (HTML, sections 9.4.2 and 9.4.3). Both ends are in this isolate: there are no workers that
// a script could send one to.

const { DOMException, event, structuredCloneWithTransfer, webidl } = core;
const { ArrayPrototypeIndexOf, ArrayPrototypePush, ArrayPrototypeShift, ReflectApply, SymbolIterator } = core.primordials;

// One of two ends that send each other messages. It belongs to a port, and is handed on where that is transferred; or it
// has a function that gets the messages.
class End {
  port = null;
  receive = undefined;
  // Null once either side has closed.
  peer = null;
  // { data, ports } that came and were not delivered.
  queue = [];
  isEnabled = false;
  isScheduled = false;

  send(message) {
    if (this.peer === null) return;
    ArrayPrototypePush(this.peer.queue, message);
    this.peer.schedule();
  }

  // Each message in a task of its own.
  schedule() {
    if (this.isScheduled || !this.isEnabled || this.queue.length === 0) return;
    this.isScheduled = true;
    core.timers.start(() => {
      this.isScheduled = false;
      if (!this.isEnabled || this.queue.length === 0) return;
      const message = ArrayPrototypeShift(this.queue);
      this.schedule();
      if (this.receive !== undefined) return this.receive(message);
      event.dispatchTrusted(this.port, new event.MessageEvent('message', message));
    }, 0);
  }

  close() {
    const { peer } = this;
    this.isEnabled = false;
    this.queue = [];
    if (peer === null) return;
    this.peer = null;
    peer.peer = null;
    if (peer.port === null) return;
    // What was sent before comes before.
    core.timers.start(() => event.dispatchTrusted(peer.port, new event.Event('close')), 0);
  }
}

const convertOptions = webidl.dictionary('StructuredSerializeOptions', [
  { key: 'transfer', convert: webidl.sequence(webidl.object), makeDefault: () => [] },
]);

// (sequence<object> or StructuredSerializeOptions): the objects to transfer.
core.convertTransferArgument = (argument, context) => {
  if (webidl.isObject(argument)) {
    const method = argument[SymbolIterator];
    if (method !== undefined && method !== null) {
      return webidl.sequenceFromIterable(argument, method, webidl.object, context);
    }
  }
  return convertOptions(argument, context).transfer;
};

let entangle;
let isMessagePort;

class MessagePort extends event.EventTarget {
  // Undefined once the port was transferred.
  #end;

  constructor(key = undefined) {
    webidl.illegalConstructor(key);
    super();
  }

  postMessage(message, transfer = undefined) {
    const end = this.#end;
    const context = "Failed to execute 'postMessage' on 'MessagePort'";
    webidl.requiredArguments(arguments.length, 1, context);
    const objects = core.convertTransferArgument(transfer, `${context}: Argument 2`);
    if (ArrayPrototypeIndexOf(objects, this) !== -1) {
      throw new DOMException(`${context}: A port cannot be sent through itself`, 'DataCloneError');
    }
    const toPeer = end?.peer != null && ArrayPrototypeIndexOf(objects, end.peer.port) !== -1;
    const { value, moved } = structuredCloneWithTransfer(message, objects);
    // The port at the other end is under way itself: nobody will ever get the message.
    if (end === undefined || toPeer) return;
    const ports = [];
    for (let i = 0; i < moved.length; i++) if (isMessagePort(moved[i])) ArrayPrototypePush(ports, moved[i]);
    end.send({ __proto__: null, data: value, ports });
  }

  start() {
    const end = this.#end;
    if (end === undefined) return;
    end.isEnabled = true;
    end.schedule();
  }

  close() {
    this.#end?.close();
  }

  static {
    isMessagePort = (value) => webidl.isObject(value) && #end in value;
    const attach = (end) => {
      const port = new MessagePort(webidl.internal);
      port.#end = end;
      end.port = port;
      return port;
    };
    entangle = () => {
      const ends = [new End(), new End()];
      ends[0].peer = ends[1];
      ends[1].peer = ends[0];
      return [attach(ends[0]), attach(ends[1])];
    };
    core.isMessagePort = isMessagePort;
    // Two ends without ports, for `receive(message)` and send(message); they do not clone.
    core.connect = (receiveOne, receiveOther) => {
      const one = new End();
      const other = new End();
      one.peer = other;
      other.peer = one;
      one.receive = receiveOne;
      other.receive = receiveOther;
      one.isEnabled = other.isEnabled = true;
      return [one, other];
    };
    ArrayPrototypePush(core.transferables, {
      __proto__: null,
      isInstance: isMessagePort,
      isDetached: (port) => port.#end === undefined,
      transfer(port) {
        const end = port.#end;
        port.#end = undefined;
        end.isEnabled = false;
        return attach(end);
      },
    });
  }
}
event.defineEventHandler(MessagePort.prototype, 'message', (port) => ReflectApply(start, port, []));
event.defineEventHandler(MessagePort.prototype, 'messageerror');
event.defineEventHandler(MessagePort.prototype, 'close');
webidl.configureInterface(MessagePort);
core.defineGlobal('MessagePort', MessagePort);
const { start } = MessagePort.prototype;

class MessageChannel {
  #ports = entangle();

  get port1() {
    return this.#ports[0];
  }

  get port2() {
    return this.#ports[1];
  }
}
webidl.configureInterface(MessageChannel);
core.defineGlobal('MessageChannel', MessageChannel);
