import { assert, assertEquals, test } from './harness.mjs';

const thrownBy = (run) => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return { name: 'nothing' };
};

const once = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

function acceptedPair() {
  const [client, server] = Object.values(new WebSocketPair());
  client.accept();
  server.accept();
  return [client, server];
}

test('WebSocket has its constants and attributes', () => {
  assertEquals([WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSING, WebSocket.CLOSED].join(), '0,1,2,3');
  const { 0: socket } = new WebSocketPair();
  assert(socket instanceof WebSocket && socket instanceof EventTarget);
  assertEquals(Object.prototype.toString.call(socket), '[object WebSocket]');
  assertEquals(socket.readyState, 0);
  assertEquals(socket.bufferedAmount, 0);
  assertEquals(socket.binaryType, 'arraybuffer');
  socket.binaryType = 'nonsense';
  assertEquals(socket.binaryType, 'arraybuffer');
  assertEquals(socket.onmessage, null);
});

test('send before the connection is an InvalidStateError', () => {
  const { 0: socket } = new WebSocketPair();
  const error = thrownBy(() => socket.send('x'));
  assertEquals(error.name, 'InvalidStateError');
});

test('close checks code and reason', () => {
  const [socket] = acceptedPair();
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]) {
    assertEquals(thrownBy(() => socket.close(code)).name, 'InvalidAccessError');
  }
  assertEquals(thrownBy(() => socket.close(1000, 'é'.repeat(62))).name, 'SyntaxError');
  assertEquals(socket.readyState, 1);
});

test('every message is an event of its own', async () => {
  const [client, server] = acceptedPair();
  const events = [];
  const done = new Promise((resolve) => {
    server.onmessage = (event) => {
      event.mine = event.data;
      if (events.push(event) === 2) resolve();
    };
  });
  client.send('a');
  client.send('b');
  await done;
  const [a, b] = events;
  assertEquals([a.data, b.data, a.mine, b.mine].join(), 'a,b,a,b');
  for (const event of events) {
    assert(event instanceof MessageEvent && event.isTrusted && event.target === server && event.eventPhase === 0);
    const isTrusted = Object.getOwnPropertyDescriptor(event, 'isTrusted');
    assert(!isTrusted.configurable && isTrusted.get.call(event) === true);
    assertEquals(Object.keys(event).join(), 'isTrusted,mine');
  }
  assert(a.timeStamp > 0 && a.timeStamp <= b.timeStamp && b.timeStamp <= performance.now());
  a.initMessageEvent('other', false, false, 'c');
  assertEquals([a.type, a.data, b.type, b.data].join(), 'other,c,message,b');
});

test('both ends of a pair may stay in a script', async () => {
  const [client, server] = acceptedPair();
  const got = [];
  server.addEventListener('message', ({ data }) => {
    got.push(typeof data === 'string' ? data : new Uint8Array(data).join());
    server.send(`${data.length ?? data.byteLength}`);
  });
  const answers = [];
  const answered = new Promise((resolve) => {
    client.onmessage = ({ data }) => {
      if (answers.push(data) === 2) resolve();
    };
  });
  client.send('text');
  const bytes = new Uint8Array([1, 2, 3]);
  client.send(bytes);
  bytes[0] = 9;
  await answered;
  assertEquals(answers, ['4', '3']);
  assertEquals(got.join(' '), 'text 1,2,3');
  const closed = Promise.all([once(client, 'close'), once(server, 'close')]);
  client.close(4000, 'done');
  assertEquals(client.readyState, 2);
  for (const event of await closed) assertEquals(`${event.code} ${event.reason} ${event.wasClean}`, '4000 done true');
  assertEquals([client.readyState, server.readyState].join(), '3,3');
  client.send('late');
  assertEquals(client.bufferedAmount, 4);
});

test('messages may be Blobs', async () => {
  const [client, server] = acceptedPair();
  server.binaryType = 'blob';
  const message = once(server, 'message');
  client.send(new Blob(['bl', 'ob']));
  const { data } = await message;
  assert(data instanceof Blob);
  assertEquals([data.size, data.type, await data.text()], [4, '', 'blob']);
});

test('what comes before accept waits for it', async () => {
  const [client, server] = Object.values(new WebSocketPair());
  client.accept();
  client.send('early');
  await new Promise((resolve) => setTimeout(resolve, 5));
  const message = once(server, 'message');
  server.accept();
  assertEquals((await message).data, 'early');
  assertEquals(thrownBy(() => server.accept()).name, 'TypeError');
});

test('a Response of status 101 holds a WebSocket, and none else is made', () => {
  const { 0: webSocket } = new WebSocketPair();
  const response = new Response(null, { status: 101, webSocket });
  assertEquals(response.status, 101);
  assertEquals(response.webSocket, webSocket);
  assertEquals(new Response().webSocket, null);
  assertEquals(thrownBy(() => new Response(null, { status: 101 })).name, 'RangeError');
  assertEquals(thrownBy(() => new Response(null, { status: 101, webSocket: {} })).name, 'TypeError');
  assertEquals(thrownBy(() => response.clone()).name, 'TypeError');
});

test('jsd.upgradeWebSocket takes a request that asks for it', () => {
  assertEquals(thrownBy(() => jsd.upgradeWebSocket()).name, 'TypeError');
  assertEquals(thrownBy(() => jsd.upgradeWebSocket({})).name, 'TypeError');
  assertEquals(thrownBy(() => jsd.upgradeWebSocket(new Request('http://a/'))).name, 'TypeError');
});

test('new WebSocket checks its arguments', () => {
  const name = (...args) => thrownBy(() => new WebSocket(...args)).name;
  assertEquals(name(), 'TypeError');
  for (const url of ['', '/x', 'ftp://host/', 'ws://host/#', 'ws://a b/', 'about:blank']) assertEquals(name(url), 'SyntaxError');
  for (const protocols of ['', 'a b', 'a,b', ['a', 'a'], ['a', 'A'], [''], '\u00e9', ['(']]) {
    assertEquals(name('ws://host/', protocols), 'SyntaxError');
  }
  assertEquals(name('ws://host/', Symbol()), 'TypeError');
  assertEquals(name('ws://host/', { headers: { Upgrade: 'x' } }), 'TypeError');
  assertEquals(name('ws://host/', { protocols: ['('] }), 'SyntaxError');
});

test('a WebSocket is connected as an error without a network', async () => {
  const socket = new WebSocket('HTTPS://Host:443/a?b', []);
  assertEquals(`${socket.url} ${socket.readyState} ${socket.binaryType}`, 'wss://host/a?b 0 blob');
  const error = await once(socket, 'error');
  assert(error instanceof ErrorEvent);
  assertEquals(`${error.error.code} ${socket.readyState}`, 'ENETUNREACH 3');
  const closed = new WebSocket('ws://host:25/');
  const { code, wasClean } = await once(closed, 'close');
  assertEquals(`${code} ${wasClean}`, '1006 false');
});

test('a WebSocket that is closed before it is connected fails', async () => {
  const socket = new WebSocket('ws://host/');
  const seen = [];
  for (const type of ['open', 'error', 'close']) socket.addEventListener(type, () => seen.push(type));
  socket.close();
  assertEquals(socket.readyState, WebSocket.CLOSING);
  await once(socket, 'close');
  assertEquals(seen.join(), 'error,close');
});
