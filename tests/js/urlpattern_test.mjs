import { assert, assertEquals, assertThrows, checkInterface, test } from './harness.mjs';

test('the interface', () => {
  const members = { test: 0, exec: 0, generate: 2, hasRegExpGroups: 'readonly' };
  for (const name of ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash']) {
    members[name] = 'readonly';
  }
  checkInterface('URLPattern', { length: 0, members, statics: { compareComponent: 3 } });
});

test('patterns match and give their groups', () => {
  const pattern = new URLPattern({ pathname: '/books/:id(\\d+)/:page?' });
  assert(pattern.test('https://example.org/books/7'));
  assert(!pattern.test('https://example.org/books/x'));
  assertEquals(pattern.hasRegExpGroups, true);
  const { pathname, hostname, inputs } = pattern.exec('https://example.org/books/7/3');
  assertEquals([pathname.input, pathname.groups.id, pathname.groups.page], ['/books/7/3', '7', '3']);
  assertEquals([hostname.groups[0], inputs], ['example.org', ['https://example.org/books/7/3']]);
  assertEquals(pattern.exec({ pathname: '/other' }), null);
  const based = new URLPattern('/a/*', 'https://example.org');
  assertEquals([based.hostname, based.pathname], ['example.org', '/a/*']);
  assert(based.test('b', 'https://example.org/a/'));
  assert(new URLPattern({ pathname: '/A' }, { ignoreCase: true }).test({ pathname: '/a' }));
});

test('the parts of a text are told apart, and canonical', () => {
  const shown = (...args) => {
    const { protocol, username, password, hostname, port, pathname, search, hash } = new URLPattern(...args);
    return [protocol, username, password, hostname, port, pathname, search, hash];
  };
  assertEquals(shown('https://{:sub.}?Example.com:443/a/:b(\\d+)\\?q=*#:end'),
    ['https', '*', '*', '{:sub.}?example.com', '', '/a/:b(\\d+)', 'q=*', ':end']);
  assertEquals(shown('data\\:foobar'), ['data', '*', '*', '', '', 'foobar', '*', '*']);
  assertEquals(shown('https://me\\:secret@[\\:\\:1]:8080'),
    ['https', 'me', 'secret', '[\\:\\:1]', '8080', '*', '*', '*']);
  assertEquals(shown('?x', 'https://example.org/y'), ['https', '*', '*', 'example.org', '', '/y', 'x', '*']);
  assertEquals(shown({ pathname: '/é/{a b}+', port: '80\t' }),
    ['*', '*', '*', '*', '80', '/%C3%A9/{a%20b}+', '*', '*']);
  assertEquals(new URLPattern({ pathname: '/([[a-z]&&[^x]])' }).test({ pathname: '/x' }), false);
  assertEquals(new URLPattern({ pathname: '/:__proto__' }).exec({ pathname: '/a' }).pathname.groups['__proto__'], 'a');
});

test('generate fills the names of a component', () => {
  const pattern = new URLPattern('https://{:shop}.example.com/books/:id/*');
  assertEquals(pattern.generate('hostname', { shop: 'Bücher' }), 'xn--bcher-kva.example.com');
  assertEquals(new URLPattern({ pathname: '/books/:id' }).generate('pathname', { id: 'a b' }), '/books/a%20b');
  assertThrows(() => pattern.generate('hostname', { shop: 'a.b' }), TypeError, 'would not match');
  assertThrows(() => pattern.generate('hostname', {}), TypeError, 'no group');
  assertThrows(() => pattern.generate('pathname', { id: '1' }), TypeError);
  assertThrows(() => pattern.generate('path', {}), TypeError);
});

test('patterns are compared by how much they leave open', () => {
  const compare = (left, right) =>
    URLPattern.compareComponent('pathname', new URLPattern({ pathname: left }), new URLPattern({ pathname: right }));
  assertEquals([compare('/a', '/:a'), compare('/:a', '/*'), compare('/a/b', '/a/c'), compare('/:a', '/:b')], [1, 1, -1, 0]);
  assertThrows(() => URLPattern.compareComponent('pathname', {}, {}), TypeError);
});

test('what is no pattern throws', () => {
  for (const args of [['('], [{ pathname: '(' }], ['/relative'], [{ pathname: ':' }], [{}, 'https://a'], [1, 2, 3]]) {
    assertThrows(() => new URLPattern(...args), TypeError);
  }
  assertThrows(() => new URLPattern({ pathname: Symbol() }), TypeError);
  assertEquals(new URLPattern().test('not a URL'), false);
});

test('a script that redefines URL changes nothing', () => {
  const { URL } = globalThis;
  globalThis.URL = undefined;
  try {
    assert(new URLPattern('https://example.org/*').test('https://example.org/x'));
  } finally {
    globalThis.URL = URL;
  }
});
