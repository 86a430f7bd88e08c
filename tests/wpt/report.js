// Runs right after testharness.js: tells the runner each result, and the end.

(() => {
  const tell = self.wptTell;
  delete self.wptTell;
  // Lone surrogates would get lost on the way.
  const clean = (text) => (typeof text === 'string' ? text.toWellFormed() : text);
  add_result_callback(({ name, status, message }) =>
    tell({ kind: 'result', test: { name: clean(name), status, message: clean(message) } }));
  add_completion_callback((tests, { status, message }) => tell({ kind: 'completion', status: { status, message } }));
})();
