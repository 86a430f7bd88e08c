const text = '0123456789abcdef'.repeat(100 * 64);

export default {
  text,
  fetch() {
    return new Response(text);
  },
};
