"""BroadcastChannel between the workers of an app."""

import json

from http_client import wait_for
from test_reload import reload

# Tells which worker it is on by a random name, and what that has been sent.
SCRIPT = '''
const id = crypto.randomUUID();
const channel = new BroadcastChannel('news');
const seen = [];
let errors = 0;
channel.onmessage = async ({ data }) => {
  if (data.blob) data = { ...data, text: await data.blob.text(), type: data.blob.type };
  if (data.key) {
    const signature = await crypto.subtle.sign('HMAC', data.key, new Uint8Array(3));
    data = { from: data.from, signature: [...new Uint8Array(signature)].join() };
  }
  seen.push(data);
};
channel.onmessageerror = () => { errors++; };
export default { async fetch(request) {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case '/id': return new Response(id);
    case '/seen': return Response.json({ id, seen, errors });
    case '/post': channel.postMessage({ from: id, text: searchParams.get('text') }); break;
    case '/blob': channel.postMessage({ from: id, blob: new Blob(['of ', 'pieces'], { type: 'a/b' }) }); break;
    case '/shared': channel.postMessage({ from: id, memory: new SharedArrayBuffer(8) }); break;
    case '/module': {
      const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
      channel.postMessage({ from: id, module: new WebAssembly.Module(bytes) });
      break;
    }
    case '/key': {
      const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
      channel.postMessage({ from: id, key });
      const signature = await crypto.subtle.sign('HMAC', key, new Uint8Array(3));
      return new Response([...new Uint8Array(signature)].join());
    }
  }
  return new Response('done');
} };
'''


class Workers:
    """Connections to two workers of one server: a connection stays where it is."""

    def __init__(self, server):
        self.connections = []
        by_id = {}
        # New connections go to the worker with the fewest.
        while len(by_id) < 2:
            connection = server.connect()
            self.connections.append(connection)
            by_id.setdefault(connection.get('/id').text, connection)
        (self.one_id, self.one), (self.two_id, self.two) = by_id.items()

    def close(self):
        for connection in self.connections:
            connection.close()


def seen(connection):
    return json.loads(connection.get('/seen').text)


def wait_for_messages(connection, count):
    wait_for(lambda: len(seen(connection)['seen']) >= count, f'{count} messages')
    return seen(connection)['seen']


def test_workers_hear_each_other(jsd):
    workers = Workers(jsd(SCRIPT, workers=2))
    workers.one.get('/post?text=hello')
    assert wait_for_messages(workers.two, 1) == [{'from': workers.one_id, 'text': 'hello'}]
    for number in range(50):
        workers.two.get(f'/post?text={number}')
    assert [message['text'] for message in wait_for_messages(workers.one, 50)] == [str(i) for i in range(50)]
    assert len(seen(workers.two)['seen']) == 1
    workers.close()


def test_platform_objects_cross_threads(jsd):
    workers = Workers(jsd(SCRIPT, workers=2))
    workers.one.get('/blob')
    message = wait_for_messages(workers.two, 1)[0]
    assert message['text'] == 'of pieces' and message['type'] == 'a/b'
    signature = workers.one.get('/key').text
    assert wait_for_messages(workers.two, 2)[1] == {'from': workers.one_id, 'signature': signature}
    workers.close()


def test_what_workers_cannot_share_is_a_message_error(jsd):
    workers = Workers(jsd(SCRIPT, workers=2))
    for number, path in enumerate(['/shared', '/module']):
        workers.one.get(path)
        wait_for(lambda: seen(workers.two)['errors'] == number + 1, 'messageerror')
    assert seen(workers.two)['seen'] == []
    workers.close()


def test_apps_do_not_hear_each_other(jsd, write):
    script = str(write('app.mjs', SCRIPT))
    server = jsd(None, {'app': [
        {'name': 'one', 'script': script, 'host': 'one.test'},
        {'name': 'two', 'script': script, 'host': 'two.test'},
        {'name': 'three', 'script': script, 'host': 'three.test'},
    ]})
    with server.connect() as client:
        for name in ['one', 'two', 'three', 'one']:
            client.get(f'/post?text={name}', host=f'{name}.test')
            assert json.loads(client.get('/seen', host=f'{name}.test').text)['seen'] == []


def test_channels_cross_a_reload_and_leave_nothing_behind(jsd):
    server = jsd(SCRIPT, workers=2)
    for _ in range(5):
        reload(server)
    workers = Workers(server)
    workers.one.get('/post?text=new')
    # From one channel to one channel: none of the replaced scripts is there any more.
    assert wait_for_messages(workers.two, 1) == [{'from': workers.one_id, 'text': 'new'}]
    workers.close()
