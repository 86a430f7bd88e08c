// Echoes messages, in each server's own way.
const { Bun, Deno, WebSocketPair, jsd } = globalThis;

export default {
  fetch(request, server) {
    if (Bun) return server.upgrade(request) ? undefined : new Response('no WebSocket', { status: 400 });
    const upgrade = jsd?.upgradeWebSocket ?? Deno?.upgradeWebSocket;
    if (upgrade) {
      const { socket, response } = upgrade(request);
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    }
    const [client, socket] = Object.values(new WebSocketPair());
    socket.accept();
    socket.addEventListener('message', ({ data }) => socket.send(data));
    return new Response(null, { status: 101, webSocket: client });
  },
  // Bun's.
  websocket: {
    message(socket, data) {
      socket.send(data);
    },
  },
};
