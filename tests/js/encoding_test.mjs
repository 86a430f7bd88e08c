// TextEncoder, TextDecoder, atob and btoa.

import { assert, assertEquals, assertThrows, checkInterface, test } from './harness.mjs';

const bytes = (...values) => new Uint8Array(values);
const encode = (text) => new TextEncoder().encode(text);
const decode = (input, label = 'utf-8', options = {}) => new TextDecoder(label, options).decode(input);

test('the interfaces are what their IDL says', () => {
  checkInterface('TextEncoder', { length: 0, members: { encoding: 'readonly', encode: 0, encodeInto: 2 } });
  checkInterface('TextDecoder', {
    length: 0, members: { encoding: 'readonly', fatal: 'readonly', ignoreBOM: 'readonly', decode: 0 },
  });
});

test('encoding makes UTF-8 of every kind of string', () => {
  assertEquals(encode(), bytes());
  assertEquals(encode(undefined), bytes());
  assertEquals(encode(null), bytes(110, 117, 108, 108));
  assertEquals(encode('a'), bytes(97));
  assertEquals(encode('\xe9'), bytes(0xc3, 0xa9));
  assertEquals(encode('€'), bytes(0xe2, 0x82, 0xac));
  assertEquals(encode('😀'), bytes(0xf0, 0x9f, 0x98, 0x80));
  assertEquals(encode('\ud83d'), bytes(0xef, 0xbf, 0xbd));
  assertEquals(encode('\ude00\ud83d\ude00x'), bytes(0xef, 0xbf, 0xbd, 0xf0, 0x9f, 0x98, 0x80, 0x78));
  const rope = ['x', 'é', '€', '😀'].map((text) => text.repeat(5000)).join('-');
  assertEquals(decode(encode(rope)), rope);
  assertThrows(() => encode(Symbol()), TypeError);
});

test('encodeInto fills what fits, and never half a character', () => {
  const into = (text, size) => {
    const target = new Uint8Array(size).fill(0xff);
    return [new TextEncoder().encodeInto(text, target), target];
  };
  assertEquals(into('ab', 3), [{ read: 2, written: 2 }, bytes(97, 98, 0xff)]);
  assertEquals(into('a€b', 3), [{ read: 1, written: 1 }, bytes(97, 0xff, 0xff)]);
  assertEquals(into('é', 1), [{ read: 0, written: 0 }, bytes(0xff)]);
  assertEquals(into('😀x', 4), [{ read: 2, written: 4 }, bytes(0xf0, 0x9f, 0x98, 0x80)]);
  assertEquals(into('\ud83d', 3), [{ read: 1, written: 3 }, bytes(0xef, 0xbf, 0xbd)]);
  assertEquals(into('abc', 0), [{ read: 0, written: 0 }, bytes()]);
  const buffer = new Uint8Array(8);
  new TextEncoder().encodeInto('xy', buffer.subarray(3, 5));
  assertEquals(buffer, bytes(0, 0, 0, 120, 121, 0, 0, 0));
  assertThrows(() => new TextEncoder().encodeInto('x', new Uint8ClampedArray(1)), TypeError, 'not a Uint8Array');
  assertThrows(() => new TextEncoder().encodeInto('x'), TypeError);
});

test('decoding takes buffers, views and shared memory', () => {
  const buffer = bytes(120, 0xc3, 0xa9, 121).buffer;
  assertEquals(decode(buffer), 'xéy');
  assertEquals(decode(new DataView(buffer, 1, 2)), 'é');
  assertEquals(decode(new Uint16Array(buffer)), 'xéy');
  const shared = new Uint8Array(new SharedArrayBuffer(2));
  shared.set([104, 105]);
  assertEquals([decode(shared), decode(shared.buffer)], ['hi', 'hi']);
  const detached = bytes(1, 2);
  structuredClone(detached, { transfer: [detached.buffer] });
  assertEquals([decode(detached), decode(), decode(undefined)], ['', '', '']);
  for (const wrong of [null, 1, 'x', {}, []]) assertThrows(() => decode(wrong), TypeError);
});

test('wrong UTF-8 becomes U+FFFD, once for each longest prefix, or is fatal', () => {
  const cases = [
    [[0xff], '\ufffd'], [[0xc0, 0x80], '\ufffd\ufffd'], [[0xe2, 0x82], '\ufffd'], [[0xe2, 0x82, 0x41], '\ufffdA'],
    [[0xed, 0xa0, 0x80], '\ufffd\ufffd\ufffd'], [[0xf0, 0x9f, 0x98], '\ufffd'],
    [[0xf4, 0x90, 0x80, 0x80], '\ufffd'.repeat(4)],
    [[0x61, 0x80, 0x62], 'a\ufffdb'], [[0xf0, 0x80, 0x80, 0x80], '\ufffd'.repeat(4)], [[0xc3], '\ufffd'],
  ];
  for (const [input, expected] of cases) {
    assertEquals(decode(bytes(...input)), expected, input.join());
    assertThrows(() => decode(bytes(...input), 'utf-8', { fatal: true }), TypeError, 'not valid UTF-8');
    // In pieces of one byte the same text comes out.
    const decoder = new TextDecoder();
    let text = '';
    for (const byte of input) text += decoder.decode(bytes(byte), { stream: true });
    assertEquals(text + decoder.decode(), expected, `streamed ${input.join()}`);
  }
  assertEquals(decode(bytes(0xf0, 0x9f, 0x98, 0x80), 'utf-8', { fatal: true }), '😀');
});

test('a stream of pieces may be cut anywhere', () => {
  const text = 'aé€😀\ufeffz'.repeat(50);
  const input = encode(text);
  for (let size = 1; size < 8; size++) {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let result = '';
    for (let i = 0; i < input.length; i += size) {
      result += decoder.decode(input.subarray(i, i + size), { stream: true });
    }
    assertEquals(result + decoder.decode(), text);
  }
  const decoder = new TextDecoder('utf-8', { fatal: true });
  assertEquals(decoder.decode(bytes(0xe2, 0x82), { stream: true }), '');
  assertThrows(() => decoder.decode(), TypeError);
  assertEquals(decoder.decode(bytes(97)), 'a', 'the decoder starts anew');
});

test('a byte order mark is dropped once, unless it is wanted', () => {
  const mark = [0xef, 0xbb, 0xbf];
  assertEquals(decode(bytes(...mark, 97)), 'a');
  assertEquals(decode(bytes(...mark, ...mark, 97)), '\ufeffa');
  assertEquals(decode(bytes(...mark, 97), 'utf-8', { ignoreBOM: true }), '\ufeffa');
  const decoder = new TextDecoder();
  for (const round of [1, 2]) {
    let text = '';
    for (const byte of [...mark, 97, ...mark]) text += decoder.decode(bytes(byte), { stream: true });
    assertEquals(text + decoder.decode(), 'a\ufeff', `round ${round}`);
  }
  assertEquals(decode(bytes(0xff, 0xfe, 97, 0), 'utf-16le'), 'a');
  assertEquals(decode(bytes(0xfe, 0xff, 0, 97), 'utf-16be'), 'a');
  assertEquals(decode(bytes(0xff, 0xfe, 97, 0), 'utf-16le', { ignoreBOM: true }), '\ufeffa');
});

test('UTF-16 in both orders', () => {
  assertEquals(decode(bytes(0x3d, 0xd8, 0x00, 0xde), 'utf-16'), '😀');
  assertEquals(decode(bytes(0xd8, 0x3d, 0xde, 0x00), 'utf-16be'), '😀');
  assertEquals(decode(bytes(0x3d, 0xd8, 0x41, 0x00, 0x7a), 'utf-16le'), '\ufffdA\ufffd');
  assertEquals(decode(bytes(0x00, 0xdc), 'utf-16le'), '\ufffd');
  assertThrows(() => decode(bytes(0x00, 0xd8), 'utf-16le', { fatal: true }), TypeError, 'UTF-16LE');
  const decoder = new TextDecoder('utf-16le');
  let text = '';
  for (const byte of [0x3d, 0xd8, 0x00, 0xde, 0x78, 0x00]) text += decoder.decode(bytes(byte), { stream: true });
  assertEquals(text + decoder.decode(), '😀x');
});

test('labels are those of the standard', () => {
  const cases = {
    'UTF8': 'utf-8', ' \t\n\f\rutf-8 ': 'utf-8', 'latin1': 'windows-1252', 'ascii': 'windows-1252',
    'l5': 'windows-1254',
    'logical': 'iso-8859-8-i', 'Shift-JIS': 'shift_jis', 'gb2312': 'gbk', 'utf-16': 'utf-16le', 'ucs-2': 'utf-16le',
    'iso-8859-9': 'windows-1254', 'cp866': 'ibm866', 'x-user-defined': 'x-user-defined', 'ks_c_5601-1987': 'euc-kr',
  };
  for (const [label, name] of Object.entries(cases)) assertEquals(new TextDecoder(label).encoding, name, label);
  for (const label of ['', 'utf', 'utf-8\u00a0', 'utf-32', 'replacement', 'hz-gb-2312', 'iso-2022-kr', '\u212aoi8-r']) {
    assertThrows(() => new TextDecoder(label), RangeError, 'is not an encoding that can be decoded');
  }
});

test('every encoding of the standard opens', () => {
  const names = [
    'utf-8', 'utf-16be', 'utf-16le', 'ibm866', 'koi8-r', 'koi8-u', 'macintosh', 'x-mac-cyrillic', 'windows-874',
    ...[2, 3, 4, 5, 6, 7, 8, '8-i', 10, 13, 14, 15, 16].map((part) => `iso-8859-${part}`),
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8].map((page) => `windows-125${page}`),
    'gbk', 'gb18030', 'big5', 'euc-jp', 'iso-2022-jp', 'shift_jis', 'euc-kr', 'x-user-defined',
  ];
  for (const name of names) assertEquals(new TextDecoder(name).encoding, name);
});

test('legacy encodings', () => {
  const cases = {
    'windows-1252': [[0x80, 0x81, 0xe9], '€\x81é'], 'iso-8859-2': [[0xb1], 'ą'], 'koi8-r': [[0xc1], 'а'],
    'windows-1251': [[0xe0], 'а'], 'ibm866': [[0xa0], 'а'], 'macintosh': [[0x8a], 'ä'],
    'x-user-defined': [[0x80], '\uf780'], 'iso-8859-16': [[0x80, 0xa4, 0xaa, 0xff], '\x80€Șÿ'],
    'koi8-u': [[0xae, 0xbe], 'ўЎ'], 'windows-1253': [[0xaa], '\ufffd'], 'windows-1255': [[0xca], '\u05ba'],
    'windows-874': [[0xdb, 0xa1], '\ufffdก'],
    'shift_jis': [[0x83, 0x65, 0xb1], 'テｱ'], 'euc-jp': [[0xa4, 0xa2], 'あ'], 'euc-kr': [[0xb0, 0xa1], '가'],
    'gbk': [[0xc4, 0xe3], '你'], 'gb18030': [[0x81, 0x30, 0x81, 0x30], '\x80'], 'big5': [[0xa7, 0x41], '你'],
    'iso-2022-jp': [[0x1b, 0x24, 0x42, 0x24, 0x22, 0x1b, 0x28, 0x42, 0x41], 'あA'],
  };
  for (const [label, [input, expected]] of Object.entries(cases)) {
    assertEquals(decode(bytes(...input), label), expected, label);
    const decoder = new TextDecoder(label);
    let text = '';
    for (const byte of input) text += decoder.decode(bytes(byte), { stream: true });
    assertEquals(text + decoder.decode(), expected, `streamed ${label}`);
  }
  assertEquals(decode(bytes(0xa5, 0x41), 'iso-8859-3'), '\ufffdA');
  assertThrows(() => decode(bytes(0xa5), 'iso-8859-3', { fatal: true }), TypeError);
  for (const label of ['shift_jis', 'euc-jp']) assertEquals(decode(bytes(0xff), label), '\ufffd', label);
  assertThrows(() => decode(bytes(0xb0), 'euc-kr', { fatal: true }), TypeError);
});

test('a large text comes back as it was', () => {
  for (const unit of ['a', 'é', '€', '😀']) {
    const text = unit.repeat(300_000);
    assert(decode(encode(text)) === text, unit);
  }
});

test('atob is forgiving as the standard says', () => {
  const cases = {
    '': '', 'YQ==': 'a', 'YQ': 'a', ' Y Q\t=\n= ': 'a', 'YWI=': 'ab', 'YWJj': 'abc', '/+8=': '\xff\xef', 'YR==': 'a',
  };
  for (const [input, expected] of Object.entries(cases)) assertEquals(atob(input), expected, JSON.stringify(input));
  for (const input of ['Y', 'YQ=', 'YQ===', '=', 'Y=Q=', 'Y-_=', 'YWJj=', '\u00a0YQ', '€', '\x0bYQ==']) {
    const error = assertThrows(() => atob(input), 'InvalidCharacterError');
    assertEquals([error instanceof DOMException, error.code], [true, 5], JSON.stringify(input));
  }
  assertEquals(atob(null), '\x9e\xe9e');
  assertThrows(() => atob(), TypeError);
});

test('btoa takes Latin-1', () => {
  assertEquals(['', 'a', 'ab', '\xff\x00', null].map(btoa), ['', 'YQ==', 'YWI=', '/wA=', 'bnVsbA==']);
  assertThrows(() => btoa('\u0100'), 'InvalidCharacterError');
  const wide = `${'é'.repeat(5000)}€`.slice(0, 5000);
  assertEquals(atob(btoa(wide)), wide);
});

test('large texts', async () => {
  const encoder = new TextEncoder();
  for (const piece of ['plain ASCII ', 'grüße ', 'weit — breit ', '\u{1f600} ']) {
    const text = piece.repeat(100_000);
    const bytes = encoder.encode(text);
    const decoded = new TextDecoder().decode(bytes);
    assert(decoded === text && decoded.length === text.length);
    bytes.fill(0x41);
    assert(decoded === text);
    assertEquals(decoded.slice(-piece.length), piece);
    assert(encoder.encode(decoded + '!').length === encoder.encode(text).length + 1);
    assert(await new Response(decoded).text() === text);
    assertEquals(JSON.parse(new TextDecoder().decode(encoder.encode(JSON.stringify([text])))), [text]);
  }
});
