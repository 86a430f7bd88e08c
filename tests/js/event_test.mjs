// Events, event targets, aborting and DOMException.

import {
  assert, assertEquals, assertStrictEquals, assertThrows, checkInterface, sleep, test, whileSpoiled,
} from './harness.mjs';

test('listeners meet nothing that a script adds to Object.prototype', async () => {
  const target = new EventTarget();
  const event = new Event('x');
  let count = 0;
  const keys = ['type', 'callback', 'capture', 'once', 'passive', 'signal', 'onAbort', 'removed'];
  await whileSpoiled(keys, () => {
    target.addEventListener('x', () => count++);
    target.dispatchEvent(event);
  });
  assertEquals(count, 1);
});

test('the interfaces are what their IDL says', () => {
  checkInterface('Event', {
    length: 1,
    members: {
      type: 'readonly', target: 'readonly', srcElement: 'readonly', currentTarget: 'readonly', composedPath: 0,
      eventPhase: 'readonly', stopPropagation: 0, cancelBubble: 'attribute', stopImmediatePropagation: 0,
      bubbles: 'readonly', cancelable: 'readonly', returnValue: 'attribute', preventDefault: 0,
      defaultPrevented: 'readonly', composed: 'readonly', timeStamp: 'readonly', initEvent: 1,
    },
  });
  checkInterface('EventTarget', {
    length: 0, members: { addEventListener: 2, removeEventListener: 2, dispatchEvent: 1 },
  });
  checkInterface('CustomEvent', { length: 1, members: { detail: 'readonly', initCustomEvent: 1 }, parent: Event });
  checkInterface('ErrorEvent', {
    length: 1, parent: Event,
    members: { message: 'readonly', filename: 'readonly', lineno: 'readonly', colno: 'readonly', error: 'readonly' },
  });
  checkInterface('PromiseRejectionEvent', {
    length: 2, members: { promise: 'readonly', reason: 'readonly' }, parent: Event,
  });
  checkInterface('MessageEvent', {
    length: 1, parent: Event,
    members: {
      data: 'readonly', origin: 'readonly', lastEventId: 'readonly', source: 'readonly', ports: 'readonly',
      initMessageEvent: 1,
    },
  });
  checkInterface('CloseEvent', {
    length: 1, members: { wasClean: 'readonly', code: 'readonly', reason: 'readonly' }, parent: Event,
  });
  checkInterface('AbortController', { length: 0, members: { signal: 'readonly', abort: 0 } });
  checkInterface('AbortSignal', {
    length: 0, statics: { abort: 0, timeout: 1, any: 1 }, parent: EventTarget,
    members: { aborted: 'readonly', reason: 'readonly', throwIfAborted: 0, onabort: 'attribute' },
  });
  checkInterface('DOMException', { length: 0, members: { name: 'readonly', message: 'readonly', code: 'readonly' } });
  checkInterface('QuotaExceededError', {
    length: 0, members: { quota: 'readonly', requested: 'readonly' }, parent: DOMException,
  });
  for (const owner of [Event, Event.prototype]) {
    assertEquals(Object.getOwnPropertyDescriptor(owner, 'AT_TARGET'),
      { value: 2, writable: false, enumerable: true, configurable: false });
  }
  assertThrows(() => new AbortSignal(), TypeError, 'Illegal constructor');
});

test('an event is what its initialiser says', () => {
  const event = new Event('x', { bubbles: 1, cancelable: true });
  assertEquals([event.type, event.bubbles, event.cancelable, event.composed, event.isTrusted, event.eventPhase],
    ['x', true, true, false, false, Event.NONE]);
  const isTrusted = Object.getOwnPropertyDescriptor(event, 'isTrusted');
  assertEquals([isTrusted.enumerable, isTrusted.configurable, isTrusted.set], [true, false, undefined]);
  assertStrictEquals(isTrusted.get, Object.getOwnPropertyDescriptor(new Event('y'), 'isTrusted').get);
  assertEquals(new CustomEvent('x', { detail: { a: 1 } }).detail, { a: 1 });
  assertEquals(new CustomEvent('x').detail, null);
  assertEquals(new ErrorEvent('e', { lineno: '3', message: 5 }).lineno, 3);
  assertThrows(() => new PromiseRejectionEvent('p', {}), TypeError, "lacks the member 'promise'");
  assertThrows(() => new Event(), TypeError);
  assertThrows(() => new Event('x', 1), TypeError, 'is not an object');
  assertThrows(() => new MessageEvent('m', { source: {} }), TypeError);
  const message = new MessageEvent('m', { data: 1, origin: 'o' });
  message.initMessageEvent('n', true, false, 2);
  assertEquals([message.type, message.bubbles, message.data, message.origin, message.ports], ['n', true, 2, '', []]);
  const close = new CloseEvent('close', { wasClean: true, code: 1000, reason: 'bye' });
  assertEquals([close.wasClean, close.code, close.reason], [true, 1000, 'bye']);
  assertEquals(new CloseEvent('close').code, 0);
});

test('listeners run in order, capturing ones first, each once', () => {
  const target = new EventTarget();
  const calls = [];
  const listener = () => calls.push('function');
  target.addEventListener('x', listener);
  target.addEventListener('x', listener);
  target.addEventListener('x', {
    name: 'object',
    handleEvent(event) { calls.push(this.name, event.target === target); },
  });
  target.addEventListener('x', () => calls.push('capture'), true);
  target.addEventListener('x', () => calls.push('once'), { once: true });
  target.addEventListener('x', null);
  assert(target.dispatchEvent(new Event('x')));
  assertEquals(calls.splice(0), ['capture', 'function', 'object', true, 'once']);
  target.removeEventListener('x', listener, true);
  target.removeEventListener('x', listener);
  target.dispatchEvent(new Event('x'));
  assertEquals(calls, ['capture', 'object', true]);
  assertThrows(() => target.addEventListener('x', 1), TypeError);
  assertThrows(() => target.dispatchEvent({}), TypeError);
  assertThrows(() => target.addEventListener('x', () => {}, { signal: null }), TypeError);
});

test('listeners that come or go during a dispatch', () => {
  const target = new EventTarget();
  const calls = [];
  const removed = () => calls.push('removed');
  target.addEventListener('x', () => {
    calls.push('first');
    target.removeEventListener('x', removed);
    target.addEventListener('x', () => calls.push('added'));
  }, { once: true });
  target.addEventListener('x', removed);
  target.dispatchEvent(new Event('x'));
  assertEquals(calls, ['first']);
  target.dispatchEvent(new Event('x'));
  assertEquals(calls, ['first', 'added']);
});

test('canceling, passive listeners and stopping', () => {
  const target = new EventTarget();
  target.addEventListener('x', (event) => event.preventDefault(), { passive: true });
  assertEquals(target.dispatchEvent(new Event('x', { cancelable: true })), true);
  target.addEventListener('x', (event) => event.preventDefault());
  assertEquals(target.dispatchEvent(new Event('x')), true);
  const event = new Event('x', { cancelable: true });
  assertEquals([target.dispatchEvent(event), event.defaultPrevented, event.returnValue], [false, true, false]);
  target.addEventListener('y', (stopped) => stopped.stopImmediatePropagation());
  target.addEventListener('y', () => { throw new Error('must not run'); });
  target.dispatchEvent(new Event('y'));
  const again = new Event('z');
  target.addEventListener('z', () => {
    assertEquals(again.composedPath(), [target]);
    assertThrows(() => target.dispatchEvent(again), 'InvalidStateError');
  });
  target.dispatchEvent(again);
  assertEquals([again.currentTarget, again.target === target, again.composedPath()], [null, true, []]);
});

test('an error in a listener is reported, and the others run', () => {
  const target = new EventTarget();
  const errors = [];
  let ran = false;
  const report = (event) => {
    errors.push([event.error.message, event.message, event.isTrusted, event.filename.endsWith('event_test.mjs')]);
    event.preventDefault();
  };
  addEventListener('error', report);
  target.addEventListener('x', () => { throw new TypeError('broken'); });
  target.addEventListener('x', { handleEvent: 5 });
  target.addEventListener('x', () => { ran = true; });
  target.dispatchEvent(new Event('x'));
  removeEventListener('error', report);
  assertEquals(errors[0], ['broken', 'Uncaught TypeError: broken', true, true]);
  assertEquals(errors[1][0], "The event listener's 'handleEvent' is not a function");
  assert(ran);
});

test('the global object is an event target', () => {
  assert(globalThis instanceof EventTarget);
  assertStrictEquals(self, globalThis);
  let event;
  const listener = (dispatched) => { event = dispatched; };
  addEventListener('custom', listener);
  dispatchEvent(new Event('custom'));
  removeEventListener('custom', listener);
  assertStrictEquals(event.target, globalThis);
  dispatchEvent(new Event('custom'));
  EventTarget.prototype.addEventListener.call(undefined, 'custom', listener, { once: true });
  assert(globalThis.dispatchEvent(new Event('custom')));
});

test('reportError, onerror and its five arguments', () => {
  assertEquals(onerror, null);
  let args;
  globalThis.onerror = function (...rest) {
    args = rest;
    return true;
  };
  const error = new Error('reported');
  reportError(error);
  assertEquals([args.length, args[0], args[4] === error], [5, 'Uncaught Error: reported', true]);
  reportError(undefined);
  assertEquals(args[0], 'Uncaught undefined');
  globalThis.onerror = 'nothing';
  assertEquals(onerror, null);
  assertThrows(() => reportError(), TypeError);
});

test('unhandled rejections arrive as events', async () => {
  const events = [];
  globalThis.onunhandledrejection = (event) => {
    events.push([event.type, event.reason, event.promise === promise, event.cancelable]);
    event.preventDefault();
  };
  globalThis.onrejectionhandled = (event) => events.push([event.type, event.reason, event.promise === promise]);
  const promise = Promise.reject('why');
  Promise.reject('handled in time').catch(() => {});
  await sleep(1);
  promise.catch(() => {});
  await sleep(1);
  globalThis.onunhandledrejection = null;
  globalThis.onrejectionhandled = null;
  assertEquals(events, [['unhandledrejection', 'why', true, true], ['rejectionhandled', 'why', true]]);
});

test('a signal removes listeners', () => {
  const target = new EventTarget();
  const controller = new AbortController();
  let calls = 0;
  target.addEventListener('x', () => ++calls, { signal: controller.signal });
  target.dispatchEvent(new Event('x'));
  controller.abort();
  target.dispatchEvent(new Event('x'));
  target.addEventListener('x', () => ++calls, { signal: AbortSignal.abort() });
  target.dispatchEvent(new Event('x'));
  assertEquals(calls, 1);
});

test('aborting happens once, with a reason', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const calls = [];
  signal.onabort = (event) => calls.push(event.isTrusted, event.target === signal);
  assertEquals([signal.aborted, signal.reason, signal.throwIfAborted()], [false, undefined, undefined]);
  controller.abort();
  controller.abort('again');
  assertEquals(calls, [true, true]);
  assertEquals([signal.aborted, signal.reason.name, signal.reason instanceof DOMException], [true, 'AbortError', true]);
  assertStrictEquals(assertThrows(() => signal.throwIfAborted()), signal.reason);
  assertEquals([AbortSignal.abort('r').reason, AbortSignal.abort(undefined).reason.code], ['r', 20]);
  const other = new AbortController();
  other.abort(null);
  assertEquals([other.signal.aborted, other.signal.reason], [true, null]);
});

test('AbortSignal.any follows its sources', () => {
  const first = new AbortController();
  const second = new AbortController();
  const any = AbortSignal.any([first.signal, second.signal]);
  const nested = AbortSignal.any([any]);
  const order = [];
  second.signal.addEventListener('abort', () => order.push('source', any.aborted, nested.aborted));
  any.addEventListener('abort', () => order.push('any'));
  nested.addEventListener('abort', () => order.push('nested'));
  second.abort('reason');
  first.abort('late');
  assertEquals(order, ['source', true, true, 'any', 'nested']);
  assertEquals([any.reason, nested.reason], ['reason', 'reason']);
  assertEquals(AbortSignal.any([]).aborted, false);
  assertEquals(AbortSignal.any([new AbortController().signal, AbortSignal.abort(1)]).reason, 1);
  assertThrows(() => AbortSignal.any([{}]), TypeError, "element 0 is not of type 'AbortSignal'");
  assertThrows(() => AbortSignal.any(), TypeError);
});

test('a signal with thousands of dependents', () => {
  const controller = new AbortController();
  let aborted = 0;
  const kept = [];
  for (let i = 0; i < 5000; i++) {
    const signal = AbortSignal.any([controller.signal]);
    if (i % 100 !== 0) continue;
    kept.push(signal);
    signal.onabort = () => ++aborted;
  }
  controller.abort();
  assertEquals([aborted, kept.every((signal) => signal.aborted)], [50, true]);
});

test('AbortSignal.timeout aborts with a TimeoutError', async () => {
  const signal = AbortSignal.timeout(5);
  const reason = await new Promise((resolve) => {
    signal.onabort = () => resolve(signal.reason);
  });
  assertEquals([reason.name, reason.code], ['TimeoutError', 23]);
  assertThrows(() => AbortSignal.timeout(-1), TypeError, 'outside the range');
  assertThrows(() => AbortSignal.timeout(NaN), TypeError);
});

test('DOMException is a native error with names and codes', () => {
  const error = new DOMException('message', 'NotFoundError');
  assertEquals([error.name, error.message, error.code, String(error)],
    ['NotFoundError', 'message', 8, 'NotFoundError: message']);
  assert(error instanceof Error && Error.isError(error));
  assert(error.stack.startsWith('NotFoundError: message\n    at ') && error.stack.includes('event_test.mjs'));
  const plain = new DOMException();
  assertEquals([plain.name, plain.message, new DOMException('', 'None').code], ['Error', '', 0]);
  assertEquals([DOMException.DATA_CLONE_ERR, error.QUOTA_EXCEEDED_ERR], [25, 22]);
  assertStrictEquals(Object.getPrototypeOf(DOMException.prototype), Error.prototype);
  assertThrows(() => DOMException.prototype.name, TypeError);
  class Custom extends DOMException {}
  assert(new Custom() instanceof Custom);
  const quota = new QuotaExceededError('full', { quota: 1, requested: 2 });
  assertEquals([quota.name, quota.code, quota.quota, quota.requested], ['QuotaExceededError', 22, 1, 2]);
  assertThrows(() => new QuotaExceededError('', { quota: 2, requested: 1 }), RangeError);
});
