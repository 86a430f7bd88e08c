import { assert, assertEquals, assertThrows, test } from './harness.mjs';

const bytes = (...values) => new Uint8Array(values);

test('the methods are as the language has them', () => {
  for (const [owner, name, length] of [
    [Uint8Array, 'fromBase64', 1], [Uint8Array, 'fromHex', 1], [Uint8Array.prototype, 'toBase64', 0],
    [Uint8Array.prototype, 'toHex', 0], [Uint8Array.prototype, 'setFromBase64', 1], [Uint8Array.prototype, 'setFromHex', 1],
  ]) {
    const { value, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(owner, name);
    assertEquals([value.name, value.length, writable, enumerable, configurable], [name, length, true, false, true]);
    assertThrows(() => new value('00'), TypeError);
  }
  assert(!Object.hasOwn(Uint16Array, 'fromBase64'));
});

test('toBase64', () => {
  const cases = ['', 'Zg==', 'Zm8=', 'Zm9v', 'Zm9vYg==', 'Zm9vYmE=', 'Zm9vYmFy'];
  for (const [length, text] of cases.entries()) {
    const array = new TextEncoder().encode('foobar'.slice(0, length));
    assertEquals(array.toBase64(), text);
    assertEquals(array.toBase64({ omitPadding: true }), text.replaceAll('=', ''));
  }
  const special = bytes(199, 239, 242);
  assertEquals([special.toBase64(), special.toBase64({ alphabet: 'base64url' })], ['x+/y', 'x-_y']);
  assertEquals(bytes(255).toBase64({ alphabet: 'base64url' }), '_w==');
  assertThrows(() => special.toBase64({ alphabet: 'other' }), TypeError);
  assertThrows(() => special.toBase64({ alphabet: Object('base64') }), TypeError);
  assertThrows(() => special.toBase64(null), TypeError);
  assertThrows(() => Uint8Array.prototype.toBase64.call(new Int8Array(1)), TypeError);
});

test('a view that begins inside its buffer is written from where it begins', () => {
  const whole = new Uint8Array(4096).map((_, i) => i);
  for (const array of [whole.subarray(500, 504), whole.slice(0, 600).subarray(500, 504)]) {
    assertEquals([array.toBase64(), array.toHex()], ['9PX29w==', 'f4f5f6f7']);
  }
});

test('fromBase64', () => {
  for (const [text, expected] of [['', []], ['Zg==', [102]], ['Zm9v', [102, 111, 111]], ['Z g\t=\n=', [102]], ['Zg', [102]],
    ['Zm9vYmE', [102, 111, 111, 98, 97]], ['ZgZ=', [102, 6]]]) {
    assertEquals(Uint8Array.fromBase64(text), bytes(...expected), text);
  }
  for (const text of ['=', 'Z', 'Zg=', 'Zg===', 'Zm9v=', 'Zm9v Z', 'x-_y', 'Zm9v\u00a0', 'Ÿg==', 'Zg==Zg==']) {
    assertThrows(() => Uint8Array.fromBase64(text), SyntaxError);
  }
  assertEquals(Uint8Array.fromBase64('x-_y', { alphabet: 'base64url' }), bytes(199, 239, 242));
  assertThrows(() => Uint8Array.fromBase64('x+/y', { alphabet: 'base64url' }), SyntaxError);
  const strict = { lastChunkHandling: 'strict' };
  assertEquals(Uint8Array.fromBase64('Zg==', strict), bytes(102));
  for (const text of ['Zg', 'Zh==', 'Zm9=', 'Zg=']) assertThrows(() => Uint8Array.fromBase64(text, strict), SyntaxError);
  const partial = { lastChunkHandling: 'stop-before-partial' };
  for (const text of ['Zm9v', 'Zm9vZ', 'Zm9vZg', 'Zm9vZg=', 'Zm9vZm8']) {
    assertEquals(Uint8Array.fromBase64(text, partial), bytes(102, 111, 111), text);
  }
  assertThrows(() => Uint8Array.fromBase64('Zm9v', { lastChunkHandling: 'other' }), TypeError);
  assertThrows(() => Uint8Array.fromBase64(Object('Zm9v')), TypeError);
  const large = crypto.getRandomValues(new Uint8Array(50_001));
  assertEquals(Uint8Array.fromBase64(large.toBase64()), large);
});

test('setFromBase64', () => {
  const array = new Uint8Array(6);
  assertEquals(array.subarray(2).setFromBase64('Zm9vYmFy'), { read: 4, written: 3 });
  assertEquals(array, bytes(0, 0, 102, 111, 111, 0));
  assertEquals(array.setFromBase64('Zm9vYmFy'), { read: 8, written: 6 });
  assertEquals(new Uint8Array(5).setFromBase64('Zm9vYmFy'), { read: 4, written: 3 });
  assertEquals(new Uint8Array(5).setFromBase64('Zm9vYmE='), { read: 8, written: 5 });
  assertEquals(new Uint8Array(0).setFromBase64('not base64!'), { read: 0, written: 0 });
  array.fill(0);
  assertThrows(() => array.setFromBase64('Zm9v!'), SyntaxError);
  assertEquals(array, bytes(102, 111, 111, 0, 0, 0));
  assertEquals(new Uint8Array(9).setFromBase64('Zm9v Zg', { lastChunkHandling: 'stop-before-partial' }),
    { read: 4, written: 3 });
  const detached = new Uint8Array(4);
  structuredClone(detached, { transfer: [detached.buffer] });
  for (const run of [() => detached.setFromBase64(''), () => detached.toBase64(), () => detached.toHex(), () => detached.setFromHex('')]) {
    assertThrows(run, TypeError);
  }
  const buffer = new ArrayBuffer(8, { maxByteLength: 8 });
  const beyond = new Uint8Array(buffer, 4, 4);
  buffer.resize(2);
  assertThrows(() => beyond.toBase64(), TypeError);
});

test('hex', () => {
  assertEquals(bytes(0, 15, 255).toHex(), '000fff');
  assertEquals(Uint8Array.fromHex('000fFF'), bytes(0, 15, 255));
  for (const text of ['0', '0g', '０0', ' 00 ']) assertThrows(() => Uint8Array.fromHex(text), SyntaxError);
  const array = new Uint8Array(2);
  assertEquals(array.setFromHex('010203'), { read: 4, written: 2 });
  assertEquals(array, bytes(1, 2));
  assertThrows(() => array.setFromHex('05zz'), SyntaxError);
  assertEquals(array, bytes(5, 2));
  assertThrows(() => array.setFromHex('123'), SyntaxError);
  assertThrows(() => Uint8Array.fromHex(12), TypeError);
});
