"""What is measured: one row of CASES per case, one row of GOALS per promise about the numbers.

A case is a script of apps/ that every JavaScript server runs unchanged (node.mjs holds Node's own way of it), the
request sent to it and the reply that is right. A new case is a script, a row here and a handler in apps/node.mjs.
"""

import dataclasses
import json
import operator


@dataclasses.dataclass(frozen=True)
class Request:
    method: str = 'GET'
    target: str = '/'
    headers: tuple = ()
    body: bytes = b''

    def bytes_for(self, host):
        """The request as it is sent, here and by wrk."""
        lines = [f'{self.method} {self.target} HTTP/1.1', f'Host: {host}']
        lines += [f'{name}: {value}' for name, value in self.headers]
        if self.body:
            lines.append(f'Content-Length: {len(self.body)}')
        return '\r\n'.join([*lines, '', '']).encode() + self.body


@dataclasses.dataclass(frozen=True)
class Expected:
    """The reply every server must give. Content types are compared without parameters, which servers choose."""
    body: bytes
    content_type: str = 'text/plain'
    headers: tuple = ()
    status: int = 200


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    title: str
    script: str
    expected: Expected
    request: Request = Request()
    pipeline: int = 1  # Requests in one write of the client.
    websocket: bytes = b''  # The text that is echoed by WebSockets in place of requests, at most 125 bytes.
    tls: bool = False
    backend: bool = False  # The script has another server to ask, which gives the reply that is expected.
    without: tuple = ()  # Servers that have no part in it.

    @property
    def node_handler(self):
        return self.script.removesuffix('.mjs')


@dataclasses.dataclass(frozen=True)
class Goal:
    """`limit` bounds jsd's `measure`, in units of `against` where that is a server (or the best peer).

    `measure` is a case's name (CPU per request), 'start' (ms) or 'memory' (MB). Without `against`, the limit is
    absolute; with `offset`, it is added to the other's value. `than` is the other's measure where that is not the same.
    """
    measure: str
    limit: float
    against: str = ''
    offset: bool = False
    strict: bool = False
    than: str = ''

    def bound(self, other):
        if not self.against:
            return self.limit
        return other + self.limit if self.offset else other * self.limit

    def met(self, value, other):
        return (operator.lt if self.strict else operator.le)(value, self.bound(other))


def _json(value):
    return json.dumps(value, separators=(',', ':')).encode()


def _order():
    """An order of exactly 1 KiB, and what it comes to."""
    items = [{'sku': f'item-{i:04}', 'quantity': i + 1, 'cents': 250 + 10 * i, 'gift': i % 2 == 0}
             for i in range(14)]
    customer = {'name': 'Grace Hopper', 'country': 'US'}
    order = {'id': 'order-2718281828', 'customer': customer, 'items': items, 'note': ''}
    order['note'] = 'n' * (1024 - len(_json(order)))
    invoice = {
        'order': order['id'],
        'customer': order['customer']['name'],
        'quantity': sum(item['quantity'] for item in items),
        'cents': sum(item['quantity'] * item['cents'] for item in items),
    }
    return _json(order), _json(invoice)


_ORDER, _INVOICE = _order()

_ARTICLE = _json({
    'id': 4711,
    'title': 'How a request travels',
    'tags': ['http', 'json', 'server'],
    'author': {'name': 'Ada', 'verified': True},
    'score': 9.5,
    'fresh': True,
    'parent': None,
})

_BROWSER_HEADERS = (
    ('User-Agent',
     'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36'),
    ('Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'),
    ('Accept-Language', 'de-CH,de;q=0.9,en;q=0.8'),
    ('Accept-Encoding', 'gzip, deflate, br'),
    ('Cookie', 'theme=dark; session=f81d4fae7dec11d0a76500a0c91e6bf6; consent=1'),
    ('Referer', 'http://www.example.org/catalogue?page=3'),
    ('X-Forwarded-For', '203.0.113.7'),
    ('X-Request-Id', '0193b5a2-7c44-7a8e-9f60-4d1c2b3a5e6f'),
)

_HELLO = Expected(b'Hello, World!')
_ECHO = Expected(b'a small message of thirty-two B.')

CASES = (
    Case('hello', 'hello', 'hello.mjs', _HELLO),
    Case('pipelined', '16 pipelined', 'hello.mjs', _HELLO, pipeline=16),
    Case('json', 'JSON GET', 'json.mjs', Expected(_ARTICLE, 'application/json')),
    Case('post', 'JSON POST 1 KB', 'post.mjs', Expected(_INVOICE, 'application/json'),
         Request('POST', '/orders', (('Content-Type', 'application/json'),), _ORDER)),
    Case('headers', 'headers in and out', 'headers.mjs',
         Expected(b'0193b5a2-7c44-7a8e-9f60-4d1c2b3a5e6f de 203.0.113.7 false '
                  b'f81d4fae7dec11d0a76500a0c91e6bf6 false',
                  headers=(('content-language', 'de'),
                           ('x-request-id', '0193b5a2-7c44-7a8e-9f60-4d1c2b3a5e6f'),
                           ('cache-control', 'private, max-age=60'),
                           ('etag', '"33a64df551425fcc"'),
                           ('vary', 'accept-language, cookie'),
                           ('x-content-type-options', 'nosniff'),
                           ('set-cookie', 'session=f81d4fae7dec11d0a76500a0c91e6bf6; Path=/; HttpOnly'))),
         Request(headers=_BROWSER_HEADERS)),
    Case('router', 'URL + router', 'router.mjs', Expected(b'post 7 of user 42, page 3, sorted by date'),
         Request(target='/users/42/posts/7?page=3&sort=date')),
    Case('timer', 'async, timer of 1 ms', 'timer.mjs', _HELLO),
    Case('websocket', 'WebSocket echo', 'websocket.mjs', _ECHO, websocket=_ECHO.body, without=('raw', 'node')),
    Case('messages', '16 messages', 'websocket.mjs', _ECHO, websocket=_ECHO.body, pipeline=16,
         without=('raw', 'node')),
    Case('text', '100 KB string', 'text.mjs', Expected(b'0123456789abcdef' * 6400)),
    Case('stream', '64 chunks of 16 KB', 'stream.mjs', Expected(b'0123456789abcdef' * 65536), without=('raw',)),
    Case('upload', 'upload of 1 MB', 'upload.mjs', Expected(b'1048576'), Request('POST', body=b'u' * 1048576),
         without=('raw',)),
    Case('buffer', '1 MB buffer', 'buffer.mjs', Expected(b'0123456789abcdef' * 65536), without=('raw',)),
    Case('connection', 'connection per request', 'hello.mjs', _HELLO, Request(headers=(('Connection', 'close'),)),
         without=('raw',)),
    Case('tls', 'hello over TLS', 'hello.mjs', _HELLO, tls=True, without=('raw', 'workerd')),
    Case('gateway', 'gateway', 'gateway.mjs', _HELLO, Request(target='/path?query', headers=_BROWSER_HEADERS),
         backend=True, without=('raw',)),
)

BEST_PEER = 'best peer'

GOALS = (
    Goal('hello', 1.15, 'raw'),
    Goal('hello', 1.0, BEST_PEER, strict=True),
    Goal('pipelined', 1 / 6, BEST_PEER),
    Goal('post', 0.85, 'bun'),
    Goal('headers', 0.9, 'bun'),
    Goal('router', 1.0, 'deno'),
    Goal('timer', 1.0, 'deno'),
    Goal('websocket', 1.0, 'bun'),
    Goal('text', 1.05, 'raw'),
    Goal('stream', 0.8, BEST_PEER),
    Goal('upload', 0.9, BEST_PEER),
    Goal('buffer', 0.95, BEST_PEER),
    Goal('connection', 1.0, 'deno'),
    Goal('tls', 1.25, 'jsd', than='hello'),
    Goal('tls', 1.0, 'deno'),
    Goal('gateway', 0.7, BEST_PEER),
    Goal('start', 20, 'raw', offset=True),
    Goal('memory', 50),
)
