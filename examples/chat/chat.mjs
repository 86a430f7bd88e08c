// A chat room: whoever is connected hears what anybody says.

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Chat</title>
<ul id="messages"></ul>
<form id="form"><input id="text" autocomplete="off" autofocus><button>Say</button></form>
<script>
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/room');
  const show = (text) => {
    const line = document.createElement('li');
    line.textContent = text;
    document.getElementById('messages').append(line);
  };
  socket.onmessage = (event) => {
    const { from, text } = JSON.parse(event.data);
    show(from + ': ' + text);
  };
  socket.onclose = (event) => show('disconnected (' + event.code + ')');
  document.getElementById('form').onsubmit = (event) => {
    event.preventDefault();
    const input = document.getElementById('text');
    socket.send(input.value);
    input.value = '';
  };
</script>
`;

const LONGEST = 1000;

// Each worker has the sockets of its own visitors, and tells the other workers what they say.
const sockets = new Set();
const room = new BroadcastChannel('room');
room.onmessage = ({ data }) => show(data);

function show(message) {
  const text = JSON.stringify(message);
  for (const socket of sockets) socket.send(text);
}

function say(from, text) {
  show({ from, text });
  room.postMessage({ from, text });
}

function enter(request) {
  const { socket, response } = jsd.upgradeWebSocket(request);
  const name = `guest ${crypto.randomUUID().slice(0, 4)}`;
  socket.addEventListener('open', () => {
    sockets.add(socket);
    say('room', `${name} is here`);
  });
  socket.addEventListener('message', ({ data }) => {
    if (typeof data === 'string' && data.length <= LONGEST) say(name, data);
    else socket.close(1008, 'a text of 1000 characters at most');
  });
  socket.addEventListener('close', () => {
    if (sockets.delete(socket)) say('room', `${name} has gone`);
  });
  return response;
}

export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/') return new Response(PAGE, { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
    if (pathname !== '/room') return new Response('Not Found\n', { status: 404 });
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
      return new Response('Upgrade Required\n', { status: 426 });
    }
    return enter(request);
  },
};
