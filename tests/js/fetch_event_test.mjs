import { assertEquals, assertStrictEquals, assertThrows, checkInterface, test } from './harness.mjs';

// What needs a request that came in is in core/ops/fetch_event_test.cc.

test('the interface', () => {
  checkInterface('FetchEvent', {
    length: 2, parent: Event, members: { request: 'readonly', respondWith: 1, waitUntil: 1 },
  });
});

test('an event of a script has a request and cannot be answered', () => {
  const request = new Request('http://a/');
  const event = new FetchEvent('fetch', { request, cancelable: true });
  assertStrictEquals(event.request, request);
  assertEquals([event.type, event.cancelable, event.isTrusted], ['fetch', true, false]);
  assertThrows(() => event.respondWith(new Response()), 'InvalidStateError');
  addEventListener('fetch', (dispatched) => {
    assertThrows(() => dispatched.respondWith(new Response()), 'InvalidStateError');
  }, { once: true });
  dispatchEvent(event);
  assertThrows(() => new FetchEvent('fetch', {}), TypeError);
  assertThrows(() => new FetchEvent('fetch', { request: {} }), TypeError);
});
