const buffer = new TextEncoder().encode('0123456789abcdef'.repeat(65536));

export default {
  buffer,
  fetch() {
    return new Response(buffer, { headers: { 'content-type': 'text/plain' } });
  },
};
