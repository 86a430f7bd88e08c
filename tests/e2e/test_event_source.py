"""EventSource in scripts, against servers that send exactly what the test says."""

import queue
import threading

import pytest

from http_client import TIMEOUT

HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
# What the tests' scripts begin with: listen(path, types) → a source that notes its events.
HELP = '''
const notes = [];
const note = ({ type, data, lastEventId }) => notes.push([type, data, lastEventId]);
const listen = (path, types = ['message']) => {
  const source = new EventSource(env.URL + path);
  for (const type of types) source.addEventListener(type, note);
  return source;
};
const event = (source, type) => new Promise((resolve) => source.addEventListener(type, resolve, { once: true }));
'''


@pytest.fixture
def streams(backend, script):
    """streams(serve) → run(code) with serve(peer, head) for each request, after which the connection ends."""

    def start(serve, settings=None):
        def once(peer):
            head = peer.read_head()
            if head is not None:
                serve(peer, head)

        run = script(backend(once), settings)
        return lambda code: run(HELP + code)

    return start


@pytest.mark.parametrize('text, expected', [
    ('data: one\n\n', [['message', 'one', '']]),
    ('data:one\ndata: two\ndata:  three\n\n', [['message', 'one\ntwo\n three', '']]),
    ('data\n\ndata\ndata\n\ndata:', [['message', '', ''], ['message', '\n', '']]),
    (': comment\n:\n\ndata: x\n: more\n\n', [['message', 'x', '']]),
    ('event: other\ndata: x\n\ndata: y\n\nevent: other\n\ndata: z\n\n',
     [['other', 'x', ''], ['message', 'y', ''], ['message', 'z', '']]),
    ('id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n', [['message', 'a', '1'], ['message', 'b', '1'], ['message', 'c', '']]),
    ('id: 1\0 2\ndata: a\n\n', [['message', 'a', '']]),
    ('data: cr\rdata: lf\ndata: crlf\r\n\r\ndata: x\r\rdata: y\r\n\n',
     [['message', 'cr\nlf\ncrlf', ''], ['message', 'x', ''], ['message', 'y', '']]),
    ('\ufeffdata: after a mark\n\n\ufeffdata: no field\n\n', [['message', 'after a mark', '']]),
    ('data: héé€😀\n\n', [['message', 'héé€😀', '']]),
    ('Data: x\n data: x\nunknown: x\ndata : x\n\ndata: end\n\n', [['message', 'end', '']]),
    ('data: unfinished', []), ('data: unfinished\n', [])])
@pytest.mark.parametrize('step', [1, 1000])
def test_streams(streams, text, expected, step):
    def serve(peer, head):
        data = text.encode()
        peer.send(HEAD)
        for at in range(0, len(data), step):
            peer.send(data[at:at + step])

    run = streams(serve)
    assert run('''const source = listen('/', ['message', 'other']);
      await event(source, 'error'); source.close(); return notes;''')['value'] == expected


def test_bytes_that_are_not_utf8(streams):
    run = streams(lambda peer, head: peer.send(HEAD.encode() + b'data: a\xffb\xe2\x82\n\n'))
    assert run("const source = listen('/'); await event(source, 'error'); source.close(); return notes;")['value'] == [
        ['message', 'a\ufffdb\ufffd', '']]


def test_attributes_and_events(streams):
    heads = queue.Queue()
    go = threading.Event()

    def serve(peer, head):
        heads.put(head)
        peer.send(HEAD.replace('event-stream', 'event-stream; charset=utf-8') + 'data: x\n\n')
        assert go.wait(TIMEOUT)

    run = streams(serve)
    try:
        assert run('''
          const source = new EventSource(env.URL + '/a?b#c', { withCredentials: true });
          const seen = [source.readyState, source.url === env.URL + '/a?b#c', source.withCredentials];
          source.onopen = ({ type, constructor }) => seen.push(type, constructor === Event, source.readyState);
          source.onmessage = (e) => seen.push(e.constructor === MessageEvent, e.origin === env.URL, e.data, e.isTrusted);
          await event(source, 'message');
          source.close();
          seen.push(source.readyState, EventSource.CLOSED);
          return seen;''')['value'] == [0, True, True, 'open', True, 1, True, True, 'x', True, 2, 2]
    finally:
        go.set()
    method, target, fields = heads.get(timeout=TIMEOUT)
    assert (method, target) == ('GET', '/a?b')
    names = dict(fields)
    assert (names['accept'], names['cache-control']) == ('text/event-stream', 'no-store')
    assert 'last-event-id' not in names
    assert run("new EventSource('relative')")['error'] == 'SyntaxError'


def test_it_connects_again_where_it_was(streams):
    seen = queue.Queue()

    def serve(peer, head):
        seen.put(dict(head[2]).get('last-event-id'))
        number = seen.qsize()
        peer.send(HEAD + f'retry: 20\nid: é{number}\ndata: {number}\n\n')

    run = streams(serve)
    assert run('''
      const source = listen('/', ['open', 'message', 'error']);
      for (let i = 0; i < 3; i++) await event(source, 'error');
      source.close();
      return notes.map(([type, data]) => data === undefined ? type : data).join();
      ''')['value'] == 'open,1,error,open,2,error,open,3,error'
    assert [seen.get(timeout=TIMEOUT) for _ in range(3)] == [None, 'é1'.encode().decode('latin-1'),
                                                            'é2'.encode().decode('latin-1')]


def test_it_connects_again_when_there_is_nobody(backend, script):
    count = queue.Queue()

    def serve(peer):
        count.put(1)
        if count.qsize() == 1:
            peer.read_head()
            peer.send(HEAD + 'retry: 10\n\n')
        elif count.qsize() < 4:
            peer.reset()
        else:
            peer.read_head()
            peer.send(HEAD + 'data: at last\n\n')

    run = script(backend(serve))
    assert run(HELP + '''
      const source = listen('/');
      let errors = 0;
      source.onerror = ({ error }) => { errors++; };
      await event(source, 'message');
      const state = source.readyState;
      source.close();
      return [notes, errors, state];''')['value'] == [[['message', 'at last', '']], 3, 1]


@pytest.mark.parametrize('reply', [
    'HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 500 Oops\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\ndata: x\n\n', 'HTTP/1.1 200 OK\r\n\r\ndata: x\n\n'])
def test_responses_that_end_it(streams, reply):
    connections = queue.Queue()

    def serve(peer, head):
        connections.put(head)
        peer.send(reply)

    run = streams(serve)
    result = run('''const source = listen('/', ['open', 'message']); const { error } = await event(source, 'error');
      return [source.readyState, notes, error.cause.code];''')
    assert result.get('value') == [2, [], 'ERR_EVENT_SOURCE'], result
    assert connections.qsize() == 1


def test_only_what_the_permissions_list(script):
    run = script('http://unused')
    assert run('''const source = new EventSource('http://elsewhere.example/');
      const { error } = await new Promise((resolve) => { source.onerror = resolve; });
      return [source.readyState, error.name];''')['value'] == [2, 'NotAllowedError']


def test_close_ends_the_request(streams):
    ended = queue.Queue()

    def serve(peer, head):
        peer.send(HEAD + 'data: x\n\ndata: y\n\n')
        ended.put(peer.at_end())

    run = streams(serve)
    # From inside of a listener: the event behind is not dispatched.
    assert run('''const source = listen('/'); source.addEventListener('message', () => source.close());
      await event(source, 'message'); await new Promise((resolve) => setTimeout(resolve, 20)); return notes;
      ''')['value'] == [['message', 'x', '']]
    assert ended.get(timeout=TIMEOUT)


def test_redirects_lead_to_the_stream(streams):
    def serve(peer, head):
        if head[1] == '/':
            peer.reply(b'', '307 Temporary Redirect', 'Location: /there')
        else:
            peer.send(HEAD + f'data: {head[1]}\n\n')

    run = streams(serve)
    assert run("const source = listen('/'); const { data } = await event(source, 'message'); source.close(); return data;")[
        'value'] == '/there'


def test_an_event_without_end(streams):
    def serve(peer, head):
        peer.send(HEAD)
        for _ in range(40):
            peer.send(b'data: ' + b'x' * 500_000)
        peer.at_end()

    run = streams(serve)
    assert run('''const source = listen('/'); const { error } = await event(source, 'error');
      return [source.readyState, error.cause.code];''')['value'] == [2, 'ERR_EVENT_SOURCE']
