import { assert, assertEquals, assertThrows, checkInterface, test } from './harness.mjs';

test('the interface', () => {
  const members = { test: 0, exec: 0, hasRegExpGroups: 'readonly' };
  for (const name of ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash']) {
    members[name] = 'readonly';
  }
  checkInterface('URLPattern', { length: 0, members });
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
