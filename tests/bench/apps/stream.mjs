// 64 chunks of 16 KB, each made when the client has room for it.
const chunk = new TextEncoder().encode('0123456789abcdef'.repeat(1024));

export default {
  chunk,
  fetch() {
    let left = 64;
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(chunk);
        if (--left === 0) controller.close();
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/plain' } });
  },
};
