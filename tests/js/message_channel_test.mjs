import { assert, assertEquals, assertThrows, checkInterface, test } from './harness.mjs';

const next = (target, type = 'message') =>
  new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test('the interfaces', () => {
  checkInterface('MessageChannel', { length: 0, members: { port1: 'readonly', port2: 'readonly' } });
  checkInterface('MessagePort', {
    length: 0, parent: EventTarget,
    members: {
      postMessage: 1, start: 0, close: 0, onmessage: 'attribute', onmessageerror: 'attribute', onclose: 'attribute',
    },
  });
  assertThrows(() => new MessagePort(), TypeError);
});

test('messages arrive in order, as copies, once the port is started', async () => {
  const { port1, port2 } = new MessageChannel();
  const sent = { a: [1] };
  port1.postMessage(sent);
  port1.postMessage('second');
  sent.a.push(2);
  const heard = [];
  port2.addEventListener('message', ({ data }) => heard.push(data));
  await sleep(5);
  assertEquals(heard, []);
  port2.start();
  assertEquals(heard, []);
  while (heard.length < 2) await next(port2);
  assertEquals(heard, [{ a: [1] }, 'second']);
  port1.close();
});

test('ports and buffers are transferred', async () => {
  const outer = new MessageChannel();
  const inner = new MessageChannel();
  const buffer = new ArrayBuffer(8);
  outer.port1.postMessage({ port: inner.port2, buffer }, [inner.port2, buffer]);
  inner.port1.postMessage('early');
  assertEquals(buffer.byteLength, 0);
  outer.port2.onmessage = () => {};
  const { data, ports } = await next(outer.port2);
  assert(data.port === ports[0] && data.port !== inner.port2 && data.port instanceof MessagePort);
  assertEquals(data.buffer.byteLength, 8);
  data.port.start();
  assertEquals((await next(data.port)).data, 'early');
  data.port.postMessage('back');
  inner.port1.start();
  assertEquals((await next(inner.port1)).data, 'back');
  inner.port2.postMessage('to nobody');
  assertThrows(() => outer.port1.postMessage(0, [inner.port2]), DOMException, 'transferred already');
  assertThrows(() => structuredClone(inner.port1), DOMException, 'cannot be cloned');
  assert(structuredClone(inner.port1, { transfer: [inner.port1] }) instanceof MessagePort);
});

test('what cannot be sent throws and leaves everything as it was', () => {
  const { port1, port2 } = new MessageChannel();
  const buffer = new ArrayBuffer(8);
  for (const [message, transfer] of [
    [() => {}, [buffer]], [Symbol(), [buffer]], [new URL('http://a/'), [buffer]], [port2, [buffer]],
    [0, [buffer, buffer]], [0, [port2, port2]], [0, [port1]], [0, [{}]], [new ReadableStream(), [buffer]],
    [{ get a() { throw new DOMException('', 'DataCloneError'); } }, [buffer, port2]],
  ]) {
    const error = assertThrows(() => port1.postMessage(message, transfer), DOMException);
    assertEquals(error?.name ?? 'DataCloneError', 'DataCloneError');
  }
  assertEquals(buffer.byteLength, 8);
  assertThrows(() => port1.postMessage(), TypeError);
  assertThrows(() => port1.postMessage(0, { transfer: 1 }), TypeError);
});

test('closing a port tells the other one', async () => {
  const { port1, port2 } = new MessageChannel();
  const heard = [];
  port2.onmessage = () => heard.push('message');
  const closed = next(port2, 'close');
  port1.close();
  port1.postMessage('late');
  await closed;
  assertEquals(heard, []);
});

test('navigator', () => {
  checkInterface('Navigator', { length: 0, members: { userAgent: 'readonly', hardwareConcurrency: 'readonly' } });
  assertEquals(navigator.userAgent, `jsd/${jsd.version}`);
  assert(Number.isInteger(navigator.hardwareConcurrency) && navigator.hardwareConcurrency > 0);
});
