// URL and URLSearchParams, by the URL standard.

import { assert, assertEquals, assertStrictEquals, assertThrows, checkInterface, test } from './harness.mjs';

test('the interfaces are what their IDL says', () => {
  checkInterface('URL', {
    length: 1,
    statics: { parse: 1, canParse: 1 },
    members: {
      href: 'attribute', origin: 'readonly', protocol: 'attribute', username: 'attribute', password: 'attribute',
      host: 'attribute', hostname: 'attribute', port: 'attribute', pathname: 'attribute', search: 'attribute',
      searchParams: 'readonly', hash: 'attribute', toJSON: 0, toString: 0,
    },
  });
  checkInterface('URLSearchParams', {
    length: 0,
    members: {
      size: 'readonly', append: 2, delete: 1, get: 1, getAll: 1, has: 1, set: 2, sort: 0, toString: 0, forEach: 1,
      entries: 0, keys: 0, values: 0,
    },
  });
  assertStrictEquals(URLSearchParams.prototype[Symbol.iterator], URLSearchParams.prototype.entries);
  assertEquals(String(new URL('http://a/')), 'http://a/');
  assertEquals(Object.prototype.toString.call(new URL('http://a/')), '[object URL]');
});

test('every part of an URL is cut out of its href', () => {
  const url = new URL('HTTPS://user:p%40ss@EXAMPLE.com:8443/a b/../c?x=1&y=é#frag');
  const { href, origin, protocol, username, password, host, hostname, port, pathname, search, hash } = url;
  assertEquals(
    { href, origin, protocol, username, password, host, hostname, port, pathname, search, hash },
    {
      href: 'https://user:p%40ss@example.com:8443/c?x=1&y=%C3%A9#frag',
      origin: 'https://example.com:8443', protocol: 'https:', username: 'user', password: 'p%40ss',
      host: 'example.com:8443', hostname: 'example.com', port: '8443', pathname: '/c', search: '?x=1&y=%C3%A9',
      hash: '#frag',
    });
  assertEquals(JSON.stringify({ url }), `{"url":"${href}"}`);
});

test('parts that are not there are empty', () => {
  const cases = {
    'http://a': ['http:', '', '', 'a', '', '/', '', '', 'http://a'],
    'http://a/?#': ['http:', '', '', 'a', '', '/', '', '', 'http://a'],
    'http://u@a/': ['http:', 'u', '', 'a', '', '/', '', '', 'http://a'],
    'http://:p@a:80/': ['http:', '', 'p', 'a', '', '/', '', '', 'http://a'],
    'file:///x': ['file:', '', '', '', '', '/x', '', '', 'null'],
    'data:text/plain,x?y#z': ['data:', '', '', '', '', 'text/plain,x', '?y', '#z', 'null'],
    'web+x:/..//p': ['web+x:', '', '', '', '', '//p', '', '', 'null'],
    'blob:https://a:1/id': ['blob:', '', '', '', '', 'https://a:1/id', '', '', 'https://a:1'],
    'blob:ftp://a/id': ['blob:', '', '', '', '', 'ftp://a/id', '', '', 'null'],
    'http://[::1]:81/': ['http:', '', '', '[::1]', '81', '/', '', '', 'http://[::1]:81'],
  };
  for (const [input, expected] of Object.entries(cases)) {
    const url = new URL(input);
    assertEquals(
      [url.protocol, url.username, url.password, url.hostname, url.port, url.pathname, url.search, url.hash,
        url.origin],
      expected, input);
  }
});

test('what is no URL is refused, with a message that shows it', () => {
  for (const input of ['', 'x', '//a', 'http://', 'http://a b/', 'http://[::1', 'http://a:99999/', 'http://%00/']) {
    assertThrows(() => new URL(input), TypeError, `'${input}' is not a valid URL`);
    assertEquals([URL.parse(input), URL.canParse(input)], [null, false], input);
  }
  assertThrows(() => new URL('x', 'y'), TypeError, "'x' with base 'y'");
  assertThrows(() => new URL(), TypeError, '1 argument required');
  assertThrows(() => new URL(Symbol()), TypeError);
  assertThrows(() => URL('http://a/'), TypeError);
});

test('relative references are resolved against a base', () => {
  const base = 'http://a/b/c/d;p?q';
  const cases = {
    'g': 'http://a/b/c/g', './g': 'http://a/b/c/g', 'g/': 'http://a/b/c/g/', '/g': 'http://a/g', '//g': 'http://g/',
    '?y': 'http://a/b/c/d;p?y', '#s': 'http://a/b/c/d;p?q#s', '': 'http://a/b/c/d;p?q', '../../../g': 'http://a/g',
    'g;x=1/../y': 'http://a/b/c/y', 'http:g': 'http://a/b/c/g', '\\x': 'http://a/x',
  };
  for (const [input, expected] of Object.entries(cases)) {
    assertEquals(new URL(input, base).href, expected, input);
    assertEquals(URL.parse(input, new URL(base)).href, expected, input);
    assert(URL.canParse(input, base));
  }
});

test('host names are lower case, in punycode, and addresses in their shortest form', () => {
  const cases = {
    'http://ＧＯ.com/': 'go.com', 'http://faß.example/': 'xn--fa-hia.example', 'http://☃.net/': 'xn--n3h.net',
    'http://0x7f.1/': '127.0.0.1', 'http://[1:0::0:2]/': '[1::2]', 'http://[::ffff:1.2.3.4]/': '[::ffff:102:304]',
    'http://%65xample/': 'example',
  };
  for (const [input, expected] of Object.entries(cases)) assertEquals(new URL(input).hostname, expected, input);
});

test('setters change what they can and ignore the rest', () => {
  const url = new URL('http://example.com/');
  const set = (name, value) => {
    url[name] = value;
    return url.href;
  };
  assertEquals(set('protocol', 'https'), 'https://example.com/');
  assertEquals(set('protocol', 'mailto'), 'https://example.com/');
  assertEquals(set('username', 'a@b'), 'https://a%40b@example.com/');
  assertEquals(set('password', 'p:w'), 'https://a%40b:p%3Aw@example.com/');
  assertEquals(set('host', 'x.org:99'), 'https://a%40b:p%3Aw@x.org:99/');
  assertEquals(set('hostname', 'y z'), 'https://a%40b:p%3Aw@x.org:99/');
  assertEquals(set('port', '443'), 'https://a%40b:p%3Aw@x.org/');
  assertEquals(set('pathname', 'a b'), 'https://a%40b:p%3Aw@x.org/a%20b');
  assertEquals(set('search', "q='1'"), 'https://a%40b:p%3Aw@x.org/a%20b?q=%271%27');
  assertEquals(set('hash', 'ü'), 'https://a%40b:p%3Aw@x.org/a%20b?q=%271%27#%C3%BC');
  assertEquals(set('hash', ''), 'https://a%40b:p%3Aw@x.org/a%20b?q=%271%27');
  assertEquals(set('href', 'file:///c'), 'file:///c');
  assertThrows(() => set('href', 'nothing'), TypeError, "'nothing' is not a valid URL");
  assertEquals(url.href, 'file:///c');
});

test('searchParams and search follow each other', () => {
  const url = new URL('http://a/?x=1&y=2#h');
  const { searchParams } = url;
  assertStrictEquals(url.searchParams, searchParams);
  searchParams.append('z', 'a b&c');
  assertEquals(url.href, 'http://a/?x=1&y=2&z=a+b%26c#h');
  searchParams.delete('x');
  searchParams.set('y', 'é');
  assertEquals(url.search, '?y=%C3%A9&z=a+b%26c');
  url.search = '?q=%zz+%f0';
  assertEquals([...searchParams], [['q', '%zz \ufffd']]);
  url.href = 'http://b/?r';
  assertEquals([...searchParams], [['r', '']]);
  searchParams.delete('r');
  assertEquals(url.href, 'http://b/');
  searchParams.append('s', '');
  searchParams.sort();
  assertEquals(url.href, 'http://b/?s=');
});

test('URLSearchParams are made of text, pairs, records and each other', () => {
  const of = (init) => new URLSearchParams(init).toString();
  assertEquals(of('?a=1&&=&b&=c&d==e'), 'a=1&=&b=&=c&d=%3De');
  assertEquals(of('??a'), '%3Fa=');
  assertEquals(of([['a', 1], ['a', null]]), 'a=1&a=null');
  assertEquals(of(new Map([['k', 'v']])), 'k=v');
  assertEquals(of({ a: 'x y', b: '\ud800', [`\u{1f600}`]: '' }), 'a=x+y&b=%EF%BF%BD&%F0%9F%98%80=');
  assertEquals(of(new URLSearchParams('q=1&q=2')), 'q=1&q=2');
  assertEquals([of(undefined), of(null), of(1)], ['', 'null=', '1=']);
  assertEquals(of({ '\ud800': '1', '\udfff': '2' }), '%EF%BF%BD=2');
  assertThrows(() => of([['a']]), TypeError, 'not a pair');
  assertThrows(() => of([['a', 'b', 'c']]), TypeError);
  assertThrows(() => of([1]), TypeError, 'not iterable');
  assertThrows(() => of({ [Symbol.iterator]: 1 }), TypeError);
  assertThrows(() => of(Symbol()), TypeError);
});

test('names and values are encoded as forms do', () => {
  assertEquals(new URLSearchParams({ q: "-._*aZ09 ~!'()+%/?" }).toString(), 'q=-._*aZ09+%7E%21%27%28%29%2B%25%2F%3F');
  assertEquals(new URLSearchParams('a=%C3%A9%2&b=%e2%82&+=%20').get('a'), 'é%2');
  assertEquals([...new URLSearchParams('b=%e2%82x&+=%20')], [['b', '\ufffdx'], [' ', ' ']]);
  assertEquals(new URLSearchParams('a=%EF%BB%BFx').get('a'), '\ufeffx');
});

test('the methods of URLSearchParams', () => {
  const params = new URLSearchParams('a=1&b=2&a=3&c=4');
  assertEquals([params.size, params.get('a'), params.get('x'), params.getAll('a')], [4, '1', null, ['1', '3']]);
  assertEquals([params.has('a'), params.has('a', '3'), params.has('a', '2'), params.has('a', undefined)],
    [true, true, false, true]);
  params.delete('a', '1');
  assertEquals(params.toString(), 'b=2&a=3&c=4');
  params.append('a', 5);
  params.set('a', 6);
  params.set('d', 7);
  assertEquals(params.toString(), 'b=2&a=6&c=4&d=7');
  assertThrows(() => params.append('a'), TypeError, '2 arguments required, but only 1 present');
});

test('sorting is stable and by UTF-16 units', () => {
  const params = new URLSearchParams(
    [['\ufb03', '1'], ['\u{1f308}', '2'], ['a', '3'], ['b', '4'], ['a', '5'], ['', '6']]);
  params.sort();
  assertEquals([...params.values()], ['6', '3', '5', '4', '2', '1']);
});

test('iterators are live and have the right prototype', () => {
  const params = new URLSearchParams('a=1&b=2&c=3');
  const seen = [];
  for (const [name] of params) {
    seen.push(name);
    params.delete(name);
  }
  assertEquals(seen, ['a', 'c']);
  const iterator = params[Symbol.iterator]();
  const prototype = Object.getPrototypeOf(iterator);
  assertEquals(Reflect.ownKeys(prototype), ['next', Symbol.toStringTag]);
  assertEquals(prototype[Symbol.toStringTag], 'URLSearchParams Iterator');
  assertStrictEquals(Object.getPrototypeOf(prototype), Object.getPrototypeOf(Object.getPrototypeOf([].values())));
  assertThrows(() => prototype.next.call({}), TypeError);
  const calls = [];
  params.forEach(function (...rest) { calls.push([this.tag, ...rest]); }, { tag: 't' });
  assertEquals(calls, [['t', '2', 'b', params]]);
  assertThrows(() => params.forEach(1), TypeError, 'not a function');
});

test('redefined built-ins change nothing', () => {
  const { push } = Array.prototype;
  const { slice } = String.prototype;
  const search = Object.getOwnPropertyDescriptor(URL.prototype, 'search');
  Array.prototype.push = () => { throw new Error('push'); };
  String.prototype.slice = () => { throw new Error('slice'); };
  Object.defineProperty(URL.prototype, 'search', { configurable: true, get() { throw new Error('search'); } });
  let path;
  let query;
  try {
    const url = new URL('http://a/b?c=d&e=f');
    path = url.pathname;
    query = url.searchParams.toString();
  } finally {
    Array.prototype.push = push;
    String.prototype.slice = slice;
    Object.defineProperty(URL.prototype, 'search', search);
  }
  assertEquals([path, query], ['/b', 'c=d&e=f']);
});

test('an input without end is refused, not parsed', () => {
  assertThrows(() => new URL(`http://a/${'x'.repeat(2 ** 28)}`), TypeError);
});

test('what the standard has come to since its parser was released', () => {
  assertEquals(new URL('https://host/a^b/../^^?^#^').href, 'https://host/%5E%5E?^#^');
  assertEquals(new URL('^', 'foo://host/a^/b').pathname, '/a%5E/%5E');
  const url = new URL('https://host/');
  url.pathname = '/^';
  assertEquals([url.pathname, url.href], ['/%5E', 'https://host/%5E']);
  assertEquals(new URL('data:a^ b').href, 'data:a^ b');
  assertEquals(new URL('data:space  ?query#hash').href, 'data:space %20?query#hash');
  assertEquals(new URL('data:space  #hash').pathname, 'space %20');
  const opaque = new URL('data:space  ?query#hash');
  opaque.search = '';
  assertEquals(opaque.href, 'data:space %20#hash');
  opaque.hash = '';
  assertEquals(opaque.href, 'data:space %20');
  assertEquals(new URL('data:no-space?query').href, 'data:no-space?query');
  // A name that is ASCII is taken as it is; any other has to be valid, by today's Unicode.
  assertEquals(new URL('http://a.XN--pokxncvks').host, 'a.xn--pokxncvks');
  assertThrows(() => new URL('http://ü.xn--pokxncvks'), TypeError);
  assertEquals(new URL('http://\u1e9e.de').host, 'xn--zca.de');
  assertEquals(new URL('http://look\u180eout.net').host, 'lookout.net');
  const host = new URL('foo://path/to');
  host.host = ':80';
  assertEquals(host.href, 'foo://path/to');
  host.pathname = '/..';
  assertEquals(host.href, 'foo://path/');
  const port = new URL('https://host:3000');
  port.port = '\n\t';
  assertEquals(port.port, '3000');
  port.port = '';
  assertEquals(port.href, 'https://host/');
});
