import { assert, assertEquals, assertThrows, checkInterface, sleep, test, whileSpoiled } from './harness.mjs';

const next = (target, type = 'message') =>
  new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

// A channel under test and another of its name.
function pair(name = crypto.randomUUID()) {
  return [new BroadcastChannel(name), new BroadcastChannel(name)];
}

test('what a script adds to Object.prototype is not met', async () => {
  const seen = [];
  await whileSpoiled(['weak', 'held', 'data', 'origin', 'lastEventId', 'ports', 'source'], async () => {
    const [one, other] = pair();
    const message = new Promise((resolve) => other.addEventListener('message', resolve));
    one.postMessage('hello');
    const { data, origin } = await message;
    seen.push(data, origin);
    one.close();
    other.close();
  });
  assertEquals(seen, ['hello', '']);
});

test('the interface', () => {
  checkInterface('BroadcastChannel', {
    length: 1,
    members: { name: 'readonly', onmessage: 'attribute', onmessageerror: 'attribute', postMessage: 1, close: 0 },
    parent: EventTarget,
  });
  const channel = new BroadcastChannel(null);
  assertEquals(channel.name, 'null');
  assertThrows(() => new BroadcastChannel(), TypeError);
  assertThrows(() => BroadcastChannel('a'), TypeError);
  assertThrows(() => channel.postMessage(), TypeError);
  channel.close();
  channel.close();
  assertThrows(() => channel.postMessage(1), 'InvalidStateError');
});

test('a message comes to all channels of the name but the sender, in the order of their creation', async () => {
  const [one, two] = pair('order');
  const three = new BroadcastChannel('order');
  const other = new BroadcastChannel('other');
  const log = [];
  for (const [name, channel] of Object.entries({ one, two, three, other })) {
    channel.onmessage = ({ data }) => log.push(`${name} ${data}`);
  }
  two.postMessage('a');
  one.postMessage('b');
  other.postMessage('c');
  assertEquals(log, []);
  await sleep(1);
  assertEquals(log, ['one a', 'three a', 'two b', 'three b']);
  for (const channel of [one, two, three, other]) channel.close();
});

test('each channel gets a copy of its own, in an event of a task of its own', async () => {
  const [one, two] = pair();
  const three = new BroadcastChannel(one.name);
  const message = { date: new Date(0), map: new Map([[1, { deep: [1n] }]]) };
  message.self = message;
  const log = [];
  for (const channel of [two, three]) {
    channel.onmessage = (event) => {
      log.push(event);
      queueMicrotask(() => log.push('microtask'));
    };
  }
  one.postMessage(message);
  message.date = 'changed';
  await sleep(1);
  const [first, microtask, second] = log;
  assertEquals(microtask, 'microtask');
  assert(first instanceof MessageEvent && first.isTrusted && first.target === two && first.source === null);
  assertEquals([first.origin, first.lastEventId, first.ports], ['', '', []]);
  assertEquals(first.data.date, new Date(0));
  assertEquals(first.data.map, new Map([[1, { deep: [1n] }]]));
  assert(first.data.self === first.data && first.data !== second.data && first.data !== message);
  for (const channel of [one, two, three]) channel.close();
});

test('a listener that is added after the message was sent gets it; a closed channel does not', async () => {
  const [one, two] = pair();
  one.postMessage('before');
  const event = next(two);
  assertEquals((await event).data, 'before');
  let count = 0;
  two.onmessage = () => { count++; };
  one.postMessage('lost');
  two.close();
  await sleep(1);
  assertEquals(count, 0);
  one.postMessage('to nobody');
  one.close();
});

test('a channel that is closed by a listener before its turn gets nothing', async () => {
  const [one, two] = pair();
  const three = new BroadcastChannel(one.name);
  let count = 0;
  two.onmessage = () => three.close();
  three.onmessage = () => { count++; };
  one.postMessage(1);
  await sleep(1);
  assertEquals(count, 0);
  one.close();
  two.close();
});

test('what cannot be cloned is refused at the sender', async () => {
  const [one, two] = pair();
  let count = 0;
  two.onmessage = () => { count++; };
  const { port1 } = new MessageChannel();
  for (const value of [() => {}, Symbol('a'), port1, new Response(), { deep: [new WeakMap()] }]) {
    assertThrows(() => one.postMessage(value), 'DataCloneError');
  }
  assertThrows(() => one.postMessage({ get a() { throw new RangeError('of the getter'); } }), RangeError);
  await sleep(1);
  assertEquals(count, 0);
  one.close();
  two.close();
});

test('platform objects arrive', async () => {
  const [one, two] = pair();
  const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
  const { publicKey, privateKey } = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-512' },
    false, ['sign', 'verify']);
  const blob = new Blob(['abc', 'def'], { type: 'text/plain' });
  const file = new File([blob, '!'], 'name', { lastModified: 5 });
  const quota = new QuotaExceededError('full', { quota: 1, requested: 2 });
  const event = next(two);
  one.postMessage([key, publicKey, privateKey, blob, file, new DOMException('gone', 'AbortError'), quota, blob]);
  const [key2, public2, private2, blob2, file2, error, quota2, again] = (await event).data;
  const data = new TextEncoder().encode('data');
  assert(await crypto.subtle.verify('HMAC', key, await crypto.subtle.sign('HMAC', key2, data), data));
  assert(key2 instanceof CryptoKey && !key2.extractable);
  assertEquals(key2.algorithm, key.algorithm);
  assertEquals(key2.usages, ['sign', 'verify']);
  assertEquals(public2.algorithm, publicKey.algorithm);
  const name = 'RSASSA-PKCS1-v1_5';
  assert(await crypto.subtle.verify(name, public2, await crypto.subtle.sign(name, private2, data), data));
  assertEquals([await blob2.text(), blob2.type, again === blob2], ['abcdef', 'text/plain', true]);
  assertEquals([await file2.text(), file2.name, file2.lastModified, file2.type], ['abcdef!', 'name', 5, '']);
  assertEquals([error.name, error.message, error.code, error instanceof DOMException], ['AbortError', 'gone', 20, true]);
  assertEquals([quota2.quota, quota2.requested, quota2.message], [1, 2, 'full']);
  one.close();
  two.close();
});

test('within a worker, memory is shared', async () => {
  const [one, two] = pair();
  const shared = new Uint8Array(new SharedArrayBuffer(1));
  const event = next(two);
  one.postMessage(shared);
  (await event).data[0] = 7;
  assertEquals(shared[0], 7);
  one.close();
  two.close();
});

test('names are compared by code units', async () => {
  const one = new BroadcastChannel('\ud800');
  const two = new BroadcastChannel('\udc00');
  const three = new BroadcastChannel('\ud800');
  let count = 0;
  two.onmessage = () => { count++; };
  const event = next(three);
  one.postMessage(1);
  await event;
  assertEquals(count, 0);
  for (const channel of [one, two, three]) channel.close();
});

test('a script that spoils built-ins spoils nothing of it', async () => {
  const [one, two] = pair();
  const blob = new Blob(['fine']);
  const { get } = Map.prototype;
  const iterator = Array.prototype[Symbol.iterator];
  Map.prototype.get = () => { throw new Error('a spoilt get'); };
  Array.prototype[Symbol.iterator] = () => { throw new Error('a spoilt iterator'); };
  Object.prototype.stack = 'spoilt';
  try {
    const event = next(two);
    one.postMessage(blob);
    assertEquals(await (await event).data.text(), 'fine');
  } finally {
    Map.prototype.get = get;
    Array.prototype[Symbol.iterator] = iterator;
    delete Object.prototype.stack;
  }
  one.close();
  two.close();
});
