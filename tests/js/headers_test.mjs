import { assert, assertEquals, assertStrictEquals, assertThrows, checkInterface, test } from './harness.mjs';

test('the interface', () => {
  checkInterface('Headers', {
    length: 0,
    members: {
      append: 2, delete: 1, get: 1, getSetCookie: 0, has: 1, set: 2, entries: 0, forEach: 1, keys: 0, values: 0,
    },
  });
  assertStrictEquals(Headers.prototype[Symbol.iterator], Headers.prototype.entries);
});

test('is made of records, sequences and other headers', () => {
  assertEquals([...new Headers({ B: '2', a: '1' })], [['a', '1'], ['b', '2']]);
  assertEquals([...new Headers([['x', '1'], ['X', '2']])], [['x', '1, 2']]);
  assertEquals([...new Headers(new Map([['m', 'v']]))], [['m', 'v']]);
  const first = new Headers({ a: '1' });
  const second = new Headers(first);
  second.set('a', '2');
  assertEquals([first.get('a'), second.get('a')], ['1', '2']);
  assertEquals([...new Headers()], []);
  assertEquals([...new Headers({ length: 5, nothing: null, flag: true })],
               [['flag', 'true'], ['length', '5'], ['nothing', 'null']]);
});

test('refuses what is no HeadersInit', () => {
  for (const init of [null, 1, 'text', [['a']], [['a', 'b', 'c']], ['ab', 'c'], { [Symbol('s')]: 'x' }]) {
    assertThrows(() => new Headers(init), TypeError);
  }
  const visible = { a: '1' };
  Object.defineProperty(visible, 'b', { value: '2', enumerable: false });
  assertEquals([...new Headers(visible)], [['a', '1']]);
});

test('reads a record in the order that Web IDL gives', () => {
  const log = [];
  const record = new Proxy({ a: '1', b: '2' }, {
    ownKeys(target) { log.push('ownKeys'); return Reflect.ownKeys(target); },
    getOwnPropertyDescriptor(target, key) {
      log.push(`descriptor ${key}`);
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
    get(target, key) { log.push(`get ${String(key)}`); return target[key]; },
  });
  new Headers(record);
  assertEquals(log, ['get Symbol(Symbol.iterator)', 'ownKeys', 'descriptor a', 'get a', 'descriptor b', 'get b']);
});

test('checks names and normalizes values', () => {
  const headers = new Headers();
  for (const name of ['', 'a b', 'a:', 'ä', 'a\n', '\u0141', '(x)']) {
    assertThrows(() => headers.append(name, 'v'), TypeError);
    assertThrows(() => headers.set(name, 'v'), TypeError);
    assertThrows(() => headers.get(name), TypeError);
    assertThrows(() => headers.has(name), TypeError);
    assertThrows(() => headers.delete(name), TypeError);
  }
  for (const value of ['a\nb', 'a\rb', 'a\0b', '\u0141']) assertThrows(() => headers.set('a', value), TypeError);
  headers.set('a', ' \t\r\n v w \r\n\t ');
  assertEquals(headers.get('A'), 'v w');
  headers.set('latin', 'caf\u00E9');
  assertEquals(headers.get('LATIN'), 'caf\u00E9');
  headers.set('empty', '');
  assertEquals([headers.get('empty'), headers.has('empty'), headers.get('none')], ['', true, null]);
});

test('appends, sets and deletes', () => {
  const headers = new Headers([['a', '1'], ['b', '2'], ['a', '3']]);
  assertEquals(headers.get('a'), '1, 3');
  headers.set('A', '4');
  assertEquals([...headers], [['a', '4'], ['b', '2']]);
  headers.append('b', '');
  assertEquals(headers.get('b'), '2, ');
  headers.delete('B');
  assertEquals([...headers.keys()], ['a']);
});

test('keeps each Set-Cookie for itself', () => {
  const headers = new Headers([['Set-Cookie', 'a=1'], ['x', 'y'], ['set-cookie', 'b=2']]);
  assertEquals(headers.getSetCookie(), ['a=1', 'b=2']);
  assertEquals(headers.get('set-cookie'), 'a=1, b=2');
  assertEquals([...headers], [['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['x', 'y']]);
  headers.set('set-cookie', 'c=3');
  assertEquals(headers.getSetCookie(), ['c=3']);
  assertEquals(new Headers().getSetCookie(), []);
});

test('iterators are live and have the right prototypes', () => {
  const headers = new Headers({ b: '2' });
  const iterator = headers.entries();
  assertEquals(iterator.next().value, ['b', '2']);
  headers.append('c', '3');
  assertEquals(iterator.next().value, ['c', '3']);
  assertEquals(iterator.next(), { value: undefined, done: true });
  const prototype = Object.getPrototypeOf(iterator);
  assertEquals(prototype[Symbol.toStringTag], 'Headers Iterator');
  assertStrictEquals(Object.getPrototypeOf(prototype), Iterator.prototype);
  const seen = [];
  headers.forEach(function (value, name, all) { seen.push([name, value, all === headers, this.own]); }, { own: 1 });
  assertEquals(seen, [['b', '2', true, 1], ['c', '3', true, 1]]);
  assertThrows(() => headers.forEach('x'), TypeError);
});

test('guards the headers of responses and requests', () => {
  assertThrows(() => Response.error().headers.set('a', 'b'), TypeError);
  assertThrows(() => Response.redirect('http://a/').headers.append('a', 'b'), TypeError);
  assertThrows(() => Response.redirect('http://a/').headers.delete('a'), TypeError);
  const { headers } = new Request('http://a/', {
    mode: 'no-cors',
    headers: { Accept: 'text/html', 'X-Other': '1', 'Content-Type': 'application/json', 'Accept-Language': 'de' },
  });
  assertEquals([...headers], [['accept', 'text/html'], ['accept-language', 'de']]);
  headers.append('content-type', 'text/plain;charset=utf-8');
  headers.set('authorization', 'x');
  headers.append('accept', 'x'.repeat(128));
  assertEquals([...headers.keys()], ['accept', 'accept-language', 'content-type']);
  assertEquals(headers.get('accept'), 'text/html');
});

test('a script that redefines built-ins changes nothing here', () => {
  const { push } = Array.prototype;
  const iterator = Array.prototype[Symbol.iterator];
  Array.prototype.push = () => { throw new Error('push was called'); };
  Array.prototype[Symbol.iterator] = () => { throw new Error('the iterator was used'); };
  try {
    const headers = new Headers({ b: '1' });
    headers.append('a', '2');
    assert(headers.get('a') === '2' && headers.has('b'));
  } finally {
    Array.prototype.push = push;
    Array.prototype[Symbol.iterator] = iterator;
  }
});
