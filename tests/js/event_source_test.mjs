import { assert, assertEquals, assertThrows, test } from './harness.mjs';

test('EventSource has its constants and attributes', () => {
  const source = new EventSource('HTTP://Host/a?b#c', { withCredentials: 1 });
  assert(source instanceof EventTarget);
  assertEquals(Object.prototype.toString.call(source), '[object EventSource]');
  assertEquals([EventSource.CONNECTING, EventSource.OPEN, EventSource.CLOSED, source.CLOSED].join(), '0,1,2,2');
  assertEquals(`${source.url} ${source.readyState} ${source.withCredentials}`, 'http://host/a?b#c 0 true');
  assertEquals(source.onmessage, null);
  source.close();
  assertEquals(source.readyState, 2);
});

test('EventSource checks its arguments', () => {
  assertThrows(() => new EventSource(), TypeError);
  assertThrows(() => EventSource('http://host/'), TypeError);
  assertThrows(() => new EventSource('http://host/', 1), TypeError);
  try {
    new EventSource('relative');
    assert(false);
  } catch (error) {
    assertEquals(error.name, 'SyntaxError');
  }
});

test('without a network it goes on trying', async () => {
  const source = new EventSource('http://host/');
  const error = await new Promise((resolve) => {
    source.onerror = resolve;
  });
  assertEquals(`${error.error.cause.code} ${source.readyState}`, 'ENETUNREACH 0');
  source.close();
});
