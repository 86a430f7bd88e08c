// Runs right after testharness.js: tells the runner each result, and the end.

(() => {
  const tell = self.wptTell;
  delete self.wptTell;
  add_result_callback(({ name, status, message }) => tell({ kind: 'result', test: { name, status, message } }));
  add_completion_callback((tests, { status, message }) => tell({ kind: 'completion', status: { status, message } }));
})();
