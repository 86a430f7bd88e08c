// What a small REST service answers to a GET: an object made for this request.
function article() {
  return {
    id: 4711,
    title: 'How a request travels',
    tags: ['http', 'json', 'server'],
    author: { name: 'Ada', verified: true },
    score: 9.5,
    fresh: true,
    parent: null,
  };
}

export default {
  article,
  fetch() {
    return Response.json(article());
  },
};
