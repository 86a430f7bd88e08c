// node:timers/promises. Each takes `{ signal }`, and rejects with an AbortError when that aborts.
const { start, cancel } = core.timers;

function abortError(signal) {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  error.name = 'AbortError';
  error.code = 'ABORT_ERR';
  return error;
}

function wait(delay, value, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortError(signal));
      return;
    }
    const aborted = () => {
      cancel(id);
      reject(abortError(signal));
    };
    const id = start(() => {
      signal?.removeEventListener('abort', aborted);
      resolve(value);
    }, delay);
    signal?.addEventListener('abort', aborted, { once: true });
  });
}

const milliseconds = (delay) => (delay >= 1 && delay <= 0x7fffffff ? Math.trunc(delay) : 1);

const setTimeout = (delay, value, options) => wait(milliseconds(delay), value, options?.signal);
const setImmediate = (value, options) => wait(0, value, options?.signal);

async function* setInterval(delay, value, options) {
  for (;;) yield await wait(milliseconds(delay), value, options?.signal);
}

module.exports = {
  setTimeout, setImmediate, setInterval,
  scheduler: {
    wait: (delay, options) => wait(milliseconds(delay), undefined, options?.signal),
    yield: () => wait(0, undefined, undefined),
  },
};
