// node:assert.
const { inspect } = require('util');
const deepEqual = require('_deep_equal');

class AssertionError extends Error {
  constructor({ message, actual, expected, operator, stackStartFn }) {
    super(message === undefined ? `${inspect(actual)} ${operator} ${inspect(expected)}` : String(message));
    this.generatedMessage = message === undefined;
    this.name = 'AssertionError';
    this.code = 'ERR_ASSERTION';
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
    if (stackStartFn) Error.captureStackTrace?.(this, stackStartFn);
  }
}

function check(passed, { message, ...details }) {
  if (passed) return;
  if (message instanceof Error) throw message;
  throw new AssertionError({ message, ...details });
}

function ok(value, message) {
  const text = arguments.length === 0 ? 'No value argument passed to `assert.ok()`' : message;
  check(value, { message: text, actual: value, expected: true, operator: '==', stackStartFn: ok });
}

const assert = (...parameters) => ok(...parameters);

const comparison = (operator, compare) => function compared(actual, expected, message) {
  check(compare(actual, expected), { message, actual, expected, operator, stackStartFn: compared });
};

// Whether what was thrown is what was asked for; an answer of false is a failure, an error that passes by is rethrown.
function matches(error, expected, message, operator) {
  if (expected === undefined) return;
  if (typeof expected === 'function') {
    if (expected.prototype !== undefined && error instanceof expected) return;
    if (Object.prototype.isPrototypeOf.call(Error, expected)) throw error;
    check(Reflect.apply(expected, {}, [error]) === true, {
      message: message ?? 'The validation function is expected to return "true"', actual: error, expected, operator,
    });
    return;
  }
  if (expected instanceof RegExp) {
    check(expected.test(String(error)), {
      message: message ?? `The input did not match ${expected}: ${inspect(String(error))}`, actual: error, expected, operator,
    });
    return;
  }
  const keys = Object.keys(expected);
  if (expected instanceof Error) keys.push('name', 'message');
  for (const key of keys) {
    const fits = typeof error?.[key] === 'string' && expected[key] instanceof RegExp ?
      expected[key].test(error[key]) : deepEqual(error?.[key], expected[key], true);
    check(fits, {
      message: message ?? `The property ${key} is ${inspect(error?.[key])} and not ${inspect(expected[key])}`,
      actual: error, expected, operator,
    });
  }
}

function throws(callback, expected, message) {
  if (typeof expected === 'string') [expected, message] = [undefined, expected];
  let error;
  let thrown = false;
  try {
    callback();
  } catch (caught) {
    [error, thrown] = [caught, true];
  }
  check(thrown, { message: message ?? 'Missing expected exception.', expected, operator: 'throws', stackStartFn: throws });
  matches(error, expected, message, 'throws');
}

async function rejects(promise, expected, message) {
  if (typeof expected === 'string') [expected, message] = [undefined, expected];
  let error;
  let rejected = false;
  try {
    await (typeof promise === 'function' ? promise() : promise);
  } catch (caught) {
    [error, rejected] = [caught, true];
  }
  check(rejected, { message: message ?? 'Missing expected rejection.', expected, operator: 'rejects' });
  matches(error, expected, message, 'rejects');
}

function unwanted(error, message, kind) {
  const said = typeof message === 'string' ? `: ${message}` : '.';
  check(false, { message: `Got unwanted ${kind}${said}\n${error?.message ?? error}`, actual: error, operator: 'doesNotThrow' });
}

function doesNotThrow(callback, expected, message) {
  try {
    callback();
  } catch (error) {
    unwanted(error, message ?? expected, 'exception');
  }
}

async function doesNotReject(promise, expected, message) {
  try {
    await (typeof promise === 'function' ? promise() : promise);
  } catch (error) {
    unwanted(error, message ?? expected, 'rejection');
  }
}

function checkText(text) {
  if (typeof text !== 'string') throw new TypeError('The "string" argument must be of type string.');
  return text;
}

const strictOnes = {
  AssertionError, ok, throws, rejects, doesNotThrow, doesNotReject,
  strictEqual: comparison('strictEqual', Object.is),
  notStrictEqual: comparison('notStrictEqual', (a, b) => !Object.is(a, b)),
  deepStrictEqual: comparison('deepStrictEqual', (a, b) => deepEqual(a, b, true)),
  notDeepStrictEqual: comparison('notDeepStrictEqual', (a, b) => !deepEqual(a, b, true)),
  match: comparison('match', (text, pattern) => pattern.test(checkText(text))),
  doesNotMatch: comparison('doesNotMatch', (text, pattern) => !pattern.test(checkText(text))),
  fail(message = 'Failed') {
    check(false, { message, operator: 'fail' });
  },
  ifError(value) {
    if (value !== null && value !== undefined) throw value instanceof Error ? value : new AssertionError({
      message: `ifError got unwanted exception: ${value?.message ?? inspect(value)}`, actual: value, expected: null,
      operator: 'ifError',
    });
  },
};

// eslint-disable-next-line eqeqeq
const loose = (a, b) => a == b || (a !== a && b !== b);
Object.assign(assert, strictOnes, {
  equal: comparison('==', loose),
  notEqual: comparison('!=', (a, b) => !loose(a, b)),
  deepEqual: comparison('deepEqual', (a, b) => deepEqual(a, b, false)),
  notDeepEqual: comparison('notDeepEqual', (a, b) => !deepEqual(a, b, false)),
});

const strict = (...parameters) => ok(...parameters);
Object.assign(strict, strictOnes, {
  equal: strictOnes.strictEqual,
  notEqual: strictOnes.notStrictEqual,
  deepEqual: strictOnes.deepStrictEqual,
  notDeepEqual: strictOnes.notDeepStrictEqual,
});
assert.strict = strict;
strict.strict = strict;

module.exports = assert;
