// As much of the API as the client asks for.
let failures = 0;

const chunk = (content) => `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] })}\n\n`;

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (request.headers.get('authorization') !== 'Bearer secret') return new Response('no', { status: 401 });
    switch (`${request.method} ${pathname}`) {
      case 'POST /v1/chat/completions': {
        // The client tries again.
        if (failures++ === 0) return new Response('busy', { status: 503, headers: { 'retry-after-ms': '1' } });
        const { messages, stream } = await request.json();
        if (!stream) {
          return Response.json({ choices: [{ index: 0, message: { role: 'assistant', content: messages[0].content.slice(4) } }],
            usage: { total_tokens: 2 } });
        }
        const parts = ['hel', 'lo', ' grüße'];
        const body = new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => { setTimeout(resolve, 1); });
            const part = parts.shift();
            controller.enqueue(new TextEncoder().encode(part === undefined ? 'data: [DONE]\n\n' : chunk(part)));
            if (part === undefined) controller.close();
          },
        });
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
      }
      case 'POST /v1/files': {
        const form = await request.formData();
        const file = form.get('file');
        return Response.json({ id: 'f', filename: file.name, purpose: form.get('purpose'), bytes: file.size });
      }
      default:
        return Response.json({ error: { message: 'no such model' } }, { status: 404 });
    }
  },
};
