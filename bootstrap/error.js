// Errors on their way out of JavaScript: the text of `error.stack`, and the report of an error that nothing caught.

const {
  ArrayIsArray, ArrayPrototypeJoin, ArrayPrototypePush, Error, ErrorPrototypeToString, MathMax, MathMin, SafeSet, String,
  StringPrototypeCharCodeAt, StringPrototypeEndsWith, StringPrototypeIncludes, StringPrototypeIndexOf,
  StringPrototypeLastIndexOf, StringPrototypeRepeat, StringPrototypeReplaceAll, StringPrototypeSlice,
  StringPrototypeStartsWith, uncurryThis,
} = core.primordials;

const attempt = (read, fallback) => {
  try {
    return read();
  } catch {
    return fallback;
  }
};

const describe = (value) =>
  attempt(
    () => (core.ops.isNativeError(value) ? ErrorPrototypeToString(value) : String(value)),
    '[a value that cannot be converted to a string]',
  );

// Of V8's call sites, which only the formatter below ever gets; taken from the first before a script sees any.
let callSiteToString;

// Called by V8 when the stack is first read. A script may bring its own formatter, as it may without a host.
core.bindCallback('prepareStackTrace', (error, sites) => {
  if (callSiteToString === undefined && sites.length !== 0) callSiteToString = uncurryThis(sites[0].toString);
  const custom = Error.prepareStackTrace;
  if (typeof custom === 'function') return custom(error, sites);
  let stack = describe(error);
  for (let i = 0; i < sites.length; i++) stack += `\n    at ${callSiteToString(sites[i])}`;
  return stack;
});

const excerptWidth = 100;

// The source line with a caret below the position; of a long line (a bundle's) the part around it.
const excerpt = ({ line, column, endColumn, text }) => {
  const number = String(line);
  const margin = StringPrototypeRepeat(' ', number.length);
  const from = text.length <= excerptWidth ? 0 : MathMax(0, column - excerptWidth / 2);
  // Tabs count as one column in positions, so they are shown as one.
  const shown = StringPrototypeReplaceAll(StringPrototypeSlice(text, from, from + excerptWidth), '\t', ' ');
  const carets = MathMax(1, MathMin(endColumn - column, shown.length - (column - from)));
  const underline = StringPrototypeRepeat(' ', column - from) + StringPrototypeRepeat('^', carets);
  return `\n ${number} |${shown === '' ? '' : ' '}${shown}\n ${margin} | ${underline}`;
};

// The number that digits make; 0 for anything else.
const toNumber = (digits) => {
  let number = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = StringPrototypeCharCodeAt(digits, i) - 0x30;
    if (digit < 0 || digit > 9 || i === 9) return 0;
    number = number * 10 + digit;
  }
  return number;
};

// One `    at …` line: where a source map knows what its position comes from, that instead.
const mapFrame = (frame) => {
  const isEnclosed = StringPrototypeEndsWith(frame, ')');
  const end = frame.length - (isEnclosed ? 1 : 0);
  const beforeColumn = StringPrototypeLastIndexOf(frame, ':');
  const beforeLine = StringPrototypeLastIndexOf(frame, ':', beforeColumn - 1);
  const line = toNumber(StringPrototypeSlice(frame, beforeLine + 1, beforeColumn));
  const column = toNumber(StringPrototypeSlice(frame, beforeColumn + 1, end));
  if (beforeLine === -1 || line === 0 || column === 0) return frame;
  const begin = isEnclosed ? StringPrototypeLastIndexOf(frame, ' (') + 2 :
    StringPrototypeIndexOf(frame, 'at ') + (StringPrototypeStartsWith(frame, '    at async ') ? 9 : 3);
  const original = core.ops.originalPosition(StringPrototypeSlice(frame, begin, beforeLine), line, column);
  if (original === undefined) return frame;
  const place = `${original[0]}:${original[1]}:${original[2]}`;
  return StringPrototypeSlice(frame, 0, begin) + place + (isEnclosed ? ')' : '');
};

// The text of a stack with the positions of the author's files, as far as there are source maps.
core.mapStack = (stack) => {
  const start = StringPrototypeIndexOf(stack, '\n    at ');
  if (start === -1) return stack;
  let text = StringPrototypeSlice(stack, 0, start);
  for (let begin = start + 1; begin < stack.length;) {
    const next = StringPrototypeIndexOf(stack, '\n', begin);
    const end = next === -1 ? stack.length : next;
    text += `\n${mapFrame(StringPrototypeSlice(stack, begin, end))}`;
    begin = end + 1;
  }
  return text;
};

// The position of an error, as ops.errorPosition has it, in the author's file.
const mapPosition = (position) => {
  const original = core.ops.originalPosition(position.file, position.line, position.column + 1);
  if (original === undefined) return position;
  const column = original[2] - 1;
  // A map need not hold the sources.
  const text = original[3] === '' ? undefined : original[3];
  return { __proto__: null, file: original[0], line: original[1], column, endColumn: column + 1, text };
};

// The `    at …` lines of an error's stack, which begins with a message that may itself have several lines.
const framesOf = (error) => {
  const stack = attempt(() => error.stack);
  if (typeof stack !== 'string') return '';
  const start = StringPrototypeIndexOf(stack, '\n    at ');
  return start === -1 ? '' : core.mapStack(StringPrototypeSlice(stack, start));
};

const reportError = (error, seen) => {
  let report = describe(error);
  if (!core.ops.isNativeError(error)) {
    // A thrown DOMException is an object with a stack; anything else has none.
    return (typeof error === 'object' && error !== null) ? report + framesOf(error) : report;
  }
  if (seen.has(error)) return `${report} [circular]`;
  seen.add(error);
  // In this order: V8 forgets the position when it makes the text of the stack.
  let position = core.ops.errorPosition(error);
  const frames = framesOf(error);
  if (position !== undefined) position = mapPosition(position);
  if (position !== undefined && !StringPrototypeStartsWith(position.file, 'jsd:')) {
    // Columns of WebAssembly are offsets of its bytes.
    if (position.text !== undefined && position.column <= position.text.length) report += excerpt(position);
    // A text that does not compile has no frame of its own; those there are belong to whoever wanted it compiled.
    const place = `${position.file}:${position.line}:`;
    if (!StringPrototypeIncludes(frames, place)) report += `\n    at ${place}${position.column + 1}`;
  }
  report += frames;
  const causes = [];
  const cause = attempt(() => error.cause);
  if (cause !== undefined) ArrayPrototypePush(causes, `\nCaused by: ${reportError(cause, seen)}`);
  const errors = attempt(() => error.errors);
  if (attempt(() => ArrayIsArray(errors), false)) {
    for (let i = 0; i < errors.length && i < 10; i++) {
      const member = attempt(() => errors[i]);
      ArrayPrototypePush(causes, `\nError ${i + 1} of ${errors.length}: ${reportError(member, seen)}`);
    }
  }
  return report + ArrayPrototypeJoin(causes, '');
};

// The report of an error for the log: what it is, the source line with a caret, the stack, the causes.
core.formatError = (error) => reportError(error, new SafeSet());
core.bindCallback('formatError', core.formatError);

// Logs an error that no script code caught; `origin` says where: 'timer', 'request handler' and so on.
core.reportException = (error, origin) => {
  core.ops.reportUncaught(origin, core.formatError(error));
};
