// The console (Console standard). Lines go to the host; groups indent them.

const {
  ArrayPrototypeJoin, ArrayPrototypePush, ArrayPrototypeUnshift, ErrorCaptureStackTrace, FunctionPrototypeToString,
  MathMax, Number, NumberParseFloat, NumberParseInt, NumberPrototypeToFixed, ObjectCreate, ObjectDefineProperty,
  ReflectGetOwnPropertyDescriptor, ReflectOwnKeys, SafeMap, String, StringPrototypeEndsWith, StringPrototypeIndexOf,
  StringPrototypePadEnd, StringPrototypeRepeat, StringPrototypeReplaceAll, StringPrototypeSlice, SymbolToStringTag,
} = core.primordials;
const { ops, webidl } = core;
const { dataProperty, inspect, showPrimitive } = core.inspect;

// The numbers of ConsoleLevel in core/runtime_host.h.
const levels = { __proto__: null, debug: 0, log: 1, info: 2, warn: 3, error: 4 };

// ---- Format strings ----

// Whether `String(value)` says more than "[object Object]": it has a toString that is not a built-in one.
function hasOwnText(value) {
  const toString = dataProperty(value, 'toString');
  if (typeof toString !== 'function') return false;
  return ops.kindOf(value) === 'Error' ||
    !StringPrototypeEndsWith(FunctionPrototypeToString(toString), '{ [native code] }');
}

function formatText(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && !ops.isProxy(value) && hasOwnText(value)) {
    try {
      return String(value);
    } catch {
      // Then it is shown as any other object.
    }
  }
  return inspect(value, 0);
}

function formatNumber(value, parse) {
  if (typeof value === 'bigint') return showPrimitive(value);
  return webidl.isObject(value) || typeof value === 'symbol' ? 'NaN' : showPrimitive(parse(value, 10));
}

// Console standard, "formatter". `arguments_` is an array of what was given to the console's method.
function format(arguments_) {
  let next = 0;
  let text = '';
  const template = arguments_[0];
  if (typeof template === 'string') {
    next = 1;
    let from = 0;
    for (let i = StringPrototypeIndexOf(template, '%'); i !== -1; i = StringPrototypeIndexOf(template, '%', i)) {
      const code = template[i + 1];
      if (code === '%' && arguments_.length > 1) {
        text += StringPrototypeSlice(template, from, i + 1);
        i += 2;
        from = i;
        continue;
      }
      const shown = directive(code, arguments_, next);
      if (shown === undefined) {
        i++;
        continue;
      }
      text += StringPrototypeSlice(template, from, i) + shown;
      next++;
      i += 2;
      from = i;
    }
    text += StringPrototypeSlice(template, from);
  }
  for (; next < arguments_.length; next++) {
    const value = arguments_[next];
    if (next > 0) text += ' ';
    text += typeof value === 'string' ? value : inspect(value);
  }
  return text;
}

// The text of one format specifier; undefined where it is none, or no argument is left for it.
function directive(code, arguments_, next) {
  if (next >= arguments_.length) return undefined;
  const value = arguments_[next];
  switch (code) {
    case 's': return formatText(value);
    case 'd':
    case 'i': return formatNumber(value, NumberParseInt);
    case 'f': return formatNumber(value, NumberParseFloat);
    case 'o':
    case 'O': return inspect(value);
    // Styles have no meaning in a log.
    case 'c': return '';
    default: return undefined;
  }
}

// ---- Writing ----

let indentation = '';
const counts = new SafeMap();
const timers = new SafeMap();

function write(level, text) {
  const indented = indentation === '' ?
    text :
    indentation + StringPrototypeReplaceAll(text, '\n', `\n${indentation}`);
  ops.consoleWrite(level, indented);
}

const toLabel = (label) => (label === undefined ? 'default' : webidl.DOMString(label, 'The label'));

function elapsed(label) {
  const milliseconds = ops.now() - timers.get(label);
  if (milliseconds < 1000) return `${label}: ${NumberPrototypeToFixed(milliseconds, 3)} ms`;
  return `${label}: ${NumberPrototypeToFixed(milliseconds / 1000, 3)} s`;
}

// ---- Tables ----

const keyColumn = '(index)';
const valueColumn = 'Values';

// The rows of tabular data: for each a label and the element itself. Undefined where the data is no object.
function tableRows(data) {
  if (!webidl.isObject(data)) return undefined;
  const kind = ops.kindOf(data);
  const rows = [];
  if (kind === 'Map' || kind === 'Set') {
    const { 0: items, 1: areKeyValues } = ops.previewEntries(data);
    const step = areKeyValues ? 2 : 1;
    for (let i = 0; i < items.length; i += step) {
      ArrayPrototypePush(rows, { label: String(i / step), value: items[i + step - 1] });
    }
    return rows;
  }
  const keys = kind === 'Proxy' ? [] : ReflectOwnKeys(data);
  for (let i = 0; i < keys.length; i++) {
    const descriptor = ReflectGetOwnPropertyDescriptor(data, keys[i]);
    if (typeof keys[i] === 'symbol' || !descriptor?.enumerable) continue;
    ArrayPrototypePush(rows, { label: keys[i], value: descriptor.value });
  }
  return rows;
}

// The cells of one element: by column, its text.
function tableCells(value, columns) {
  const cells = new SafeMap();
  if (!webidl.isObject(value) || typeof value === 'function' || ops.kindOf(value) === 'Proxy') {
    cells.set(valueColumn, inspect(value, 0));
    return cells;
  }
  const keys = columns ?? ReflectOwnKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const descriptor = ReflectGetOwnPropertyDescriptor(value, keys[i]);
    if (typeof keys[i] === 'symbol' || !descriptor?.enumerable) continue;
    cells.set(keys[i], inspect(descriptor.value, 0));
  }
  return cells;
}

const line = (widths, left, middle, right) => {
  const parts = [];
  for (let i = 0; i < widths.length; i++) ArrayPrototypePush(parts, StringPrototypeRepeat('─', widths[i] + 2));
  return left + ArrayPrototypeJoin(parts, middle) + right;
};

function drawTable(header, rows) {
  const widths = [];
  for (let i = 0; i < header.length; i++) {
    let width = header[i].length;
    for (let j = 0; j < rows.length; j++) width = MathMax(width, rows[j][i].length);
    ArrayPrototypePush(widths, width);
  }
  const draw = (cells) => {
    const parts = [];
    for (let i = 0; i < cells.length; i++) ArrayPrototypePush(parts, ` ${StringPrototypePadEnd(cells[i], widths[i])} `);
    return `│${ArrayPrototypeJoin(parts, '│')}│`;
  };
  let text = `${line(widths, '┌', '┬', '┐')}\n${draw(header)}\n${line(widths, '├', '┼', '┤')}\n`;
  for (let i = 0; i < rows.length; i++) text += `${draw(rows[i])}\n`;
  return text + line(widths, '└', '┴', '┘');
}

// The table as text; undefined where the data is not tabular.
function formatTable(data, properties) {
  const rows = tableRows(data);
  if (rows === undefined || rows.length === 0) return undefined;
  const names = new SafeMap();
  const cells = [];
  for (let i = 0; i < rows.length; i++) {
    const row = tableCells(rows[i].value, properties);
    ArrayPrototypePush(cells, row);
    row.forEach((text, name) => names.set(name, true));
  }
  // Primitive elements have a column of their own, the last.
  const hasValues = names.delete(valueColumn);
  const header = [keyColumn];
  if (properties === undefined) names.forEach((is, name) => ArrayPrototypePush(header, name));
  else for (let i = 0; i < properties.length; i++) ArrayPrototypePush(header, properties[i]);
  if (hasValues) ArrayPrototypePush(header, valueColumn);
  const lines = [];
  for (let i = 0; i < rows.length; i++) {
    const texts = [rows[i].label];
    for (let j = 1; j < header.length; j++) ArrayPrototypePush(texts, cells[i].get(header[j]) ?? '');
    ArrayPrototypePush(lines, texts);
  }
  return drawTable(header, lines);
}

const toProperties = webidl.sequence(webidl.DOMString);

// ---- The namespace object ----

// Without arguments the methods of a level print an empty line.
const methods = {
  assert(condition = false, ...data) {
    if (condition) return;
    const text = 'Assertion failed';
    if (data.length === 0) {
      write(levels.error, text);
      return;
    }
    if (typeof data[0] === 'string') data[0] = `${text}: ${data[0]}`;
    else ArrayPrototypeUnshift(data, `${text}:`);
    write(levels.error, format(data));
  },
  clear() {
    // A log cannot be cleared; the groups end.
    indentation = '';
  },
  debug(...data) { write(levels.debug, format(data)); },
  error(...data) { write(levels.error, format(data)); },
  info(...data) { write(levels.info, format(data)); },
  log(...data) { write(levels.log, format(data)); },
  table(tabularData = undefined, properties = undefined) {
    const columns = properties === undefined ? undefined : toProperties(properties, "Failed to execute 'table'");
    const text = formatTable(tabularData, columns);
    write(levels.log, text ?? format([tabularData]));
  },
  trace(...data) {
    const holder = { stack: '' };
    ErrorCaptureStackTrace(holder, methods.trace);
    const start = StringPrototypeIndexOf(holder.stack, '\n');
    const frames = start === -1 ? '' : StringPrototypeSlice(holder.stack, start);
    const message = data.length === 0 ? '' : `: ${format(data)}`;
    write(levels.log, `Trace${message}${frames}`);
  },
  warn(...data) { write(levels.warn, format(data)); },
  dir(item = undefined, options = undefined) {
    const depth = webidl.isObject(options) ? options.depth : undefined;
    if (depth === null) write(levels.log, inspect(item, Infinity));
    else write(levels.log, inspect(item, typeof depth === 'number' ? depth : undefined));
  },
  dirxml(...data) { write(levels.log, format(data)); },

  count(label = 'default') {
    const name = toLabel(label);
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    write(levels.info, `${name}: ${count}`);
  },
  countReset(label = 'default') {
    const name = toLabel(label);
    if (!counts.delete(name)) write(levels.warn, `Count for '${name}' does not exist`);
  },

  group(...data) {
    if (data.length > 0) write(levels.log, format(data));
    indentation += '  ';
  },
  groupCollapsed(...data) {
    if (data.length > 0) write(levels.log, format(data));
    indentation += '  ';
  },
  groupEnd() {
    indentation = StringPrototypeSlice(indentation, 2);
  },

  time(label = 'default') {
    const name = toLabel(label);
    if (timers.has(name)) write(levels.warn, `Timer '${name}' already exists`);
    else timers.set(name, ops.now());
  },
  timeLog(label = 'default', ...data) {
    const name = toLabel(label);
    if (!timers.has(name)) {
      write(levels.warn, `Timer '${name}' does not exist`);
      return;
    }
    const rest = data.length === 0 ? '' : ` ${format(data)}`;
    write(levels.info, elapsed(name) + rest);
  },
  timeEnd(label = 'default') {
    const name = toLabel(label);
    if (!timers.has(name)) {
      write(levels.warn, `Timer '${name}' does not exist`);
      return;
    }
    write(levels.info, elapsed(name));
    timers.delete(name);
  },
};

// A namespace object whose prototype is an empty object, as the standard has it for compatibility.
const namespace = ObjectCreate({});
const names = ReflectOwnKeys(methods);
for (let i = 0; i < names.length; i++) {
  ObjectDefineProperty(namespace, names[i], {
    __proto__: null, value: methods[names[i]], writable: true, enumerable: true, configurable: true,
  });
}
ObjectDefineProperty(namespace, SymbolToStringTag, {
  __proto__: null, value: 'console', writable: false, enumerable: false, configurable: true,
});
core.defineGlobal('console', namespace);
