// Server-sent events: a page that hears of the time, by EventSource.

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Events</title>
<p id="time">…</p>
<script>
  const source = new EventSource('/events');
  source.addEventListener('time', (event) => { document.getElementById('time').textContent = event.data; });
</script>
`;

const PERIOD = 1000;

function events(request) {
  // A client that comes back says what it has heard last.
  let id = Number(request.headers.get('last-event-id') ?? 0);
  let timer;
  const body = new ReadableStream({
    start(controller) {
      const send = () => {
        // A client that does not read is not written to: the next time is as good.
        if (controller.desiredSize <= 0) return;
        controller.enqueue(encoder.encode(`id: ${++id}\nevent: time\ndata: ${new Date().toISOString()}\n\n`));
      };
      send();
      timer = setInterval(send, PERIOD);
    },
    cancel() {
      clearInterval(timer);
    },
  });
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' } });
}

const encoder = new TextEncoder();

export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/':
        return new Response(PAGE, { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
      case '/events':
        return events(request);
      default:
        return new Response('Not Found\n', { status: 404 });
    }
  },
};
