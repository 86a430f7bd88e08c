// Takes a body into one buffer and says how long it was.
export default {
  async fetch(request) {
    return new Response(String((await request.arrayBuffer()).byteLength));
  },
};
