// Values as text for people, as the console shows them. Looks into a value without running its code: no getters, no
// proxy traps, no methods of scripts; what little cannot be had otherwise (`toString` for %s) is guarded.

const {
  ArrayPrototypeIncludes, ArrayPrototypeJoin, ArrayPrototypePop, ArrayPrototypePush, BigIntPrototypeToString,
  BigIntPrototypeValueOf, BooleanPrototypeValueOf, DataViewPrototypeGetBuffer, DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset, DatePrototypeGetTime, DatePrototypeToISOString, ErrorPrototypeToString,
  FunctionPrototypeCall, FunctionPrototypeToString, MapPrototypeGetSize, MathCeil, MathFloor, MathMax, MathMin,
  MathSqrt, Number, NumberIsNaN, NumberPrototypeToString, NumberPrototypeValueOf, ObjectGetPrototypeOf, ObjectIs,
  ObjectPrototypeHasOwnProperty, ReflectGetOwnPropertyDescriptor, ReflectOwnKeys, RegExpPrototypeExec,
  RegExpPrototypeToString, SafeMap, SetPrototypeGetSize, String, StringPrototypeCharCodeAt, StringPrototypeIncludes,
  StringPrototypePadEnd, StringPrototypePadStart, StringPrototypeRepeat, StringPrototypeReplaceAll,
  StringPrototypeSlice, StringPrototypeStartsWith, StringPrototypeValueOf, SymbolPrototypeToString,
  SymbolPrototypeValueOf, SymbolToStringTag, TypedArrayPrototypeGetLength, TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array, WeakRefPrototypeDeref,
} = core.primordials;
const { ops, webidl } = core;

const defaultDepth = 4;
const lineWidth = 76;
const maxElements = 100;
const maxStringLength = 10_000;
// Objects that hold at most this many levels may share one line.
const levelsOnOneLine = 3;

// How objects of an interface are shown: by prototype, { describe, hidesOwn }; `describe` makes [label, value, …] of an
// object, `hidesOwn` leaves out what properties it has.
const describers = new SafeMap();

// ---- Text ----

const identifierPattern = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

const escapes = ['\\b', '\\t', '\\n', '\\x0B', '\\f', '\\r'];

const escapeControl = (code) => {
  if (code >= 8 && code <= 13) return escapes[code - 8];
  return `\\x${StringPrototypePadStart(NumberPrototypeToString(code, 16), 2, '0')}`;
};

// A string literal, with the quotes that need the fewest escapes.
function quote(text) {
  let mark = "'";
  if (StringPrototypeIncludes(text, "'")) {
    if (!StringPrototypeIncludes(text, '"')) mark = '"';
    else if (!StringPrototypeIncludes(text, '`') && !StringPrototypeIncludes(text, '${')) mark = '`';
  }
  const markCode = StringPrototypeCharCodeAt(mark, 0);
  let result = mark;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code >= 0x20 && code !== 0x7F && code !== markCode && code !== 0x5C) continue;
    result += StringPrototypeSlice(text, from, i);
    if (code === markCode || code === 0x5C) result += `\\${text[i]}`;
    else result += escapeControl(code);
    from = i + 1;
  }
  return result + StringPrototypeSlice(text, from) + mark;
}

function showString(text) {
  if (text.length <= maxStringLength) return quote(text);
  return `${quote(StringPrototypeSlice(text, 0, maxStringLength))}... ${text.length - maxStringLength} more characters`;
}

function showPrimitive(value) {
  switch (typeof value) {
    case 'string': return showString(value);
    case 'number': return ObjectIs(value, -0) ? '-0' : String(value);
    case 'bigint': return `${BigIntPrototypeToString(value)}n`;
    case 'symbol': return SymbolPrototypeToString(value);
    default: return String(value);
  }
}

const showKey = (key) => {
  if (typeof key === 'symbol') return `[${SymbolPrototypeToString(key)}]`;
  return RegExpPrototypeExec(identifierPattern, key) !== null ? key : quote(key);
};

const attempt = (read, fallback) => {
  try {
    return read();
  } catch {
    return fallback;
  }
};

const isProxy = (value) => ops.isProxy(value);

// A property as data, from the object or its prototypes, as long as no code runs for it.
function dataProperty(object, key) {
  for (let at = object; at !== null && !isProxy(at); at = ObjectGetPrototypeOf(at)) {
    const descriptor = ReflectGetOwnPropertyDescriptor(at, key);
    if (descriptor !== undefined) return descriptor.value;
  }
  return undefined;
}

// The name of the class that an object is an instance of; null where its prototypes lead to none.
function classNameOf(object) {
  for (let at = object; at !== null; at = ObjectGetPrototypeOf(at)) {
    if (isProxy(at)) return 'Object';
    const descriptor = ReflectGetOwnPropertyDescriptor(at, 'constructor');
    if (descriptor === undefined || typeof descriptor.value !== 'function' || isProxy(descriptor.value)) continue;
    const name = ReflectGetOwnPropertyDescriptor(descriptor.value, 'name')?.value;
    if (typeof name === 'string' && name !== '') return name;
  }
  return null;
}

// ---- One inspection ----

class Inspection {
  #maxDepth;
  // The objects that contain what is being shown, outermost first.
  #ancestors = [];
  // Numbers of the objects that were met inside themselves.
  #circular = new SafeMap();
  #indentation = 0;
  // The level of the innermost object shown last.
  #level = 0;

  constructor(maxDepth) {
    this.#maxDepth = maxDepth;
  }

  show(value, level = 0) {
    if (!webidl.isObject(value)) return showPrimitive(value);
    const kind = ops.kindOf(value);
    if (kind === 'Proxy') {
      const target = ops.proxyDetails(value)[0];
      return target === null ? '<Revoked Proxy>' : this.show(target, level);
    }
    if (ArrayPrototypeIncludes(this.#ancestors, value)) {
      let number = this.#circular.get(value);
      if (number === undefined) {
        number = this.#circular.size + 1;
        this.#circular.set(value, number);
      }
      return `[Circular *${number}]`;
    }
    const parts = {
      __proto__: null, base: '', open: '{', close: '}', isList: false, fill: undefined, hidesOwn: false,
    };
    this.#describe(value, kind, parts);
    if (level > this.#maxDepth) return this.#abbreviate(value, kind, parts);
    ArrayPrototypePush(this.#ancestors, value);
    this.#level = level;
    this.#indentation += 2;
    const entries = [];
    if (parts.fill !== undefined) parts.fill(entries, level + 1);
    if (!parts.hidesOwn) this.#showProperties(value, kind, entries, level + 1);
    this.#indentation -= 2;
    ArrayPrototypePop(this.#ancestors);
    const number = this.#circular.get(value);
    const reference = number === undefined ? '' : `<ref *${number}> `;
    return reference + this.#layOut(parts, entries, level);
  }

  #abbreviate(value, kind, parts) {
    if (parts.fill === undefined && parts.base !== '') return parts.base;
    if (kind === 'Array') return '[Array]';
    const name = classNameOf(value);
    return name === null ? '[Object: null prototype]' : `[${name}]`;
  }

  // "Map(2) ", "Foo [tag] ", "[Object: null prototype] ": what stands before the bracket.
  #prefix(value, fallback, size = '') {
    const name = classNameOf(value);
    const tag = dataProperty(value, SymbolToStringTag);
    const shownTag = typeof tag === 'string' && tag !== '' && tag !== name && tag !== fallback ? ` [${tag}]` : '';
    return name === null ? `[${fallback}${size}: null prototype]${shownTag}` : `${name}${size}${shownTag}`;
  }

  // Fills in what is special about a kind: `base` alone, or brackets with what stands before them and a function that
  // adds entries.
  #describe(value, kind, parts) {
    switch (kind) {
      case 'Array': {
        const prefix = this.#prefix(value, 'Array', `(${value.length})`);
        parts.open = prefix === `Array(${value.length})` ? '[' : `${prefix} [`;
        this.#describeList(parts, value, value.length);
        return;
      }
      case 'TypedArray': {
        const name = TypedArrayPrototypeGetSymbolToStringTag(value);
        const length = TypedArrayPrototypeGetLength(value);
        parts.open = `${this.#prefix(value, name, `(${length})`)} [`;
        this.#describeList(parts, value, length);
        return;
      }
      case 'Arguments':
        parts.open = '[Arguments] [';
        this.#describeList(parts, value, attempt(() => Number(dataProperty(value, 'length')), 0));
        return;
      case 'Map':
        parts.open = `${this.#prefix(value, 'Map', `(${MapPrototypeGetSize(value)})`)} {`;
        parts.fill = (entries, level) => this.#showEntries(value, entries, level, ' => ');
        return;
      case 'Set':
        parts.open = `${this.#prefix(value, 'Set', `(${SetPrototypeGetSize(value)})`)} {`;
        parts.fill = (entries, level) => this.#showEntries(value, entries, level, ' => ');
        return;
      case 'MapIterator':
      case 'SetIterator':
        parts.open = `[${dataProperty(value, SymbolToStringTag) ?? 'Iterator'}] {`;
        parts.fill = (entries, level) => this.#showEntries(value, entries, level, ', ');
        return;
      case 'Promise':
        parts.open = `${this.#prefix(value, 'Promise')} {`;
        parts.fill = (entries, level) => {
          const { 0: state, 1: result } = ops.promiseDetails(value);
          if (state === 'pending') ArrayPrototypePush(entries, '<pending>');
          else ArrayPrototypePush(entries, (state === 'rejected' ? '<rejected> ' : '') + this.show(result, level));
        };
        return;
      case 'WeakMap':
      case 'WeakSet':
        parts.open = `${this.#prefix(value, kind)} {`;
        parts.fill = (entries) => ArrayPrototypePush(entries, '<items unknown>');
        return;
      case 'WeakRef':
        parts.open = `${this.#prefix(value, kind)} {`;
        parts.fill = (entries, level) => ArrayPrototypePush(entries, this.show(WeakRefPrototypeDeref(value), level));
        return;
      case 'ArrayBuffer':
      case 'SharedArrayBuffer':
        parts.open = `${this.#prefix(value, kind)} {`;
        parts.fill = (entries) => showBuffer(value, entries);
        return;
      case 'DataView':
        parts.open = `${this.#prefix(value, kind)} {`;
        parts.fill = (entries, level) => {
          ArrayPrototypePush(entries, `byteLength: ${attempt(() => DataViewPrototypeGetByteLength(value), 0)}`,
                             `byteOffset: ${attempt(() => DataViewPrototypeGetByteOffset(value), 0)}`,
                             `buffer: ${this.show(DataViewPrototypeGetBuffer(value), level)}`);
        };
        return;
      case 'Module':
        parts.open = '[Module: null prototype] {';
        return;
      case 'External':
        parts.base = '[External]';
        return;
      default:
        this.#describeByText(value, kind, parts);
    }
  }

  // Kinds that are a text, with properties behind it if there are any.
  #describeByText(value, kind, parts) {
    switch (kind) {
      case 'Function':
        parts.base = showFunction(value);
        return;
      case 'Date': {
        const isValid = !NumberIsNaN(DatePrototypeGetTime(value));
        parts.base = isValid ? DatePrototypeToISOString(value) : 'Invalid Date';
        return;
      }
      case 'RegExp':
        parts.base = attempt(() => RegExpPrototypeToString(value), '[RegExp]');
        return;
      case 'Number':
        parts.base = `[Number: ${showPrimitive(NumberPrototypeValueOf(value))}]`;
        return;
      case 'String':
        parts.base = `[String: ${showPrimitive(StringPrototypeValueOf(value))}]`;
        return;
      case 'Boolean':
        parts.base = `[Boolean: ${BooleanPrototypeValueOf(value)}]`;
        return;
      case 'BigInt':
        parts.base = `[BigInt: ${showPrimitive(BigIntPrototypeValueOf(value))}]`;
        return;
      case 'Symbol':
        parts.base = `[Symbol: ${showPrimitive(SymbolPrototypeValueOf(value))}]`;
        return;
      default:
        if (kind === 'Error' || core.isDOMException(value)) this.#describeError(value, parts);
        else this.#describeObject(value, parts);
    }
  }

  #describeObject(value, parts) {
    const prefix = this.#prefix(value, 'Object');
    if (prefix !== 'Object') parts.open = `${prefix} {`;
    const describer = findDescriber(value);
    if (describer === undefined) return;
    parts.hidesOwn = describer.hidesOwn;
    parts.fill = (entries, level) => {
      // Fails for what only has the prototype.
      const pairs = attempt(() => describer.describe(value), []);
      for (let i = 0; i < pairs.length; i += 2) {
        ArrayPrototypePush(entries, `${showKey(pairs[i])}: ${this.show(pairs[i + 1], level)}`);
      }
    };
  }

  #describeError(value, parts) {
    const stack = attempt(() => value.stack);
    let text = typeof stack === 'string' && stack !== '' ?
      core.mapStack(stack) :
      attempt(() => ErrorPrototypeToString(value), `[${classNameOf(value) ?? 'Error'}]`);
    if (!StringPrototypeIncludes(text, '\n    at ') && !StringPrototypeStartsWith(text, '[')) text = `[${text}]`;
    if (this.#indentation > 0) {
      text = StringPrototypeReplaceAll(text, '\n', `\n${StringPrototypeRepeat(' ', this.#indentation)}`);
    }
    parts.base = text;
    // Both are there without being enumerable.
    const hidden = [];
    if (isHidden(value, 'cause')) ArrayPrototypePush(hidden, 'cause');
    if (isHidden(value, 'errors')) ArrayPrototypePush(hidden, 'errors');
    if (hidden.length === 0) return;
    parts.fill = (entries, level) => {
      for (let i = 0; i < hidden.length; i++) {
        ArrayPrototypePush(entries, `[${hidden[i]}]: ${this.show(dataProperty(value, hidden[i]), level)}`);
      }
    };
  }

  #describeList(parts, list, length) {
    parts.close = ']';
    parts.isList = true;
    parts.fill = (entries, level) => {
      let shown = 0;
      let i = 0;
      for (; i < length && shown < maxElements; shown++) {
        let hole = i;
        while (hole < length && !ObjectPrototypeHasOwnProperty(list, hole)) {
          // Past the last element there is nothing but holes; a sparse array may have billions.
          hole = nextIndex(list, hole, length);
        }
        if (hole > i) {
          ArrayPrototypePush(entries, `<${hole - i} empty item${hole - i === 1 ? '' : 's'}>`);
          i = hole;
        } else {
          ArrayPrototypePush(entries, this.#showProperty(list, i, level));
          i++;
        }
      }
      if (i < length) ArrayPrototypePush(entries, `... ${length - i} more item${length - i === 1 ? '' : 's'}`);
    };
  }

  #showEntries(collection, entries, level, separator) {
    const preview = ops.previewEntries(collection);
    if (preview === undefined) return;
    const { 0: items, 1: areKeyValues } = preview;
    const step = areKeyValues ? 2 : 1;
    for (let i = 0; i < items.length; i += step) {
      if (i / step >= maxElements) {
        const rest = items.length / step - maxElements;
        ArrayPrototypePush(entries, `... ${rest} more item${rest === 1 ? '' : 's'}`);
        return;
      }
      const first = this.show(items[i], level);
      if (!areKeyValues) ArrayPrototypePush(entries, first);
      else if (separator === ', ') ArrayPrototypePush(entries, `[ ${first}, ${this.show(items[i + 1], level)} ]`);
      else ArrayPrototypePush(entries, first + separator + this.show(items[i + 1], level));
    }
  }

  #showProperties(value, kind, entries, level) {
    // Indices are shown as elements, or are the characters of a String object.
    const keys = kind === 'Array' || kind === 'TypedArray' || kind === 'Arguments' || kind === 'String' ?
      ops.ownNonIndexKeys(value) :
      ReflectOwnKeys(value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const descriptor = attempt(() => ReflectGetOwnPropertyDescriptor(value, key), uninitialized);
      if (descriptor === undefined || !descriptor.enumerable) continue;
      // The stack of an error is its text already.
      if (kind === 'Error' && (key === 'stack' || key === 'message')) continue;
      ArrayPrototypePush(entries, `${showKey(key)}: ${this.#showDescriptor(descriptor, level)}`);
    }
  }

  #showProperty(object, key, level) {
    return this.#showDescriptor(ReflectGetOwnPropertyDescriptor(object, key), level);
  }

  #showDescriptor(descriptor, level) {
    if (descriptor === uninitialized) return '<uninitialized>';
    if (descriptor.get !== undefined) return descriptor.set !== undefined ? '[Getter/Setter]' : '[Getter]';
    if (descriptor.set !== undefined) return '[Setter]';
    return this.show(descriptor.value, level);
  }

  // Puts entries on one line where they fit, or each on its own; long lists of short elements in columns.
  #layOut({ base, open, close, isList }, entries, level) {
    if (base !== '' && entries.length === 0) return base;
    const before = base === '' ? open : `${base} ${open}`;
    if (entries.length === 0) return before + close;
    let lines = entries;
    if (isList && entries.length > 6) lines = intoColumns(entries, lineWidth - this.#indentation);
    if (lines === entries && this.#level - level < levelsOnOneLine) {
      let length = before.length + this.#indentation + entries.length * 2 + close.length;
      for (let i = 0; i < entries.length; i++) length += entries[i].length;
      if (length <= lineWidth) {
        const text = `${before} ${ArrayPrototypeJoin(entries, ', ')} ${close}`;
        if (!StringPrototypeIncludes(text, '\n')) return text;
      }
    }
    const indent = `\n${StringPrototypeRepeat(' ', this.#indentation)}`;
    return `${before}${indent}  ${ArrayPrototypeJoin(lines, `,${indent}  `)}${indent}${close}`;
  }
}

// Stands for the descriptor of a module's binding that has no value yet.
const uninitialized = { __proto__: null, enumerable: true };

// ---- Kinds ----

const isHidden = (object, key) => {
  const descriptor = ReflectGetOwnPropertyDescriptor(object, key);
  return descriptor !== undefined && !descriptor.enumerable && descriptor.value !== undefined;
};

// The first index after `index` that has an element, or `length`. Indices are the first of an object's keys, in order.
function nextIndex(list, index, length) {
  for (let i = index + 1; i < length && i < index + 1000; i++) if (ObjectPrototypeHasOwnProperty(list, i)) return i;
  if (index + 1000 >= length) return length;
  const keys = ReflectOwnKeys(list);
  for (let i = 0; i < keys.length; i++) {
    const key = Number(typeof keys[i] === 'symbol' ? NaN : keys[i]);
    if (!(key < length)) return length;
    if (key > index) return key;
  }
  return length;
}

function showFunction(value) {
  const name = dataProperty(value, 'name');
  const shownName = typeof name === 'string' && name !== '' ? name : undefined;
  const prototype = ReflectGetOwnPropertyDescriptor(value, 'prototype');
  const isClass = prototype !== undefined && prototype.writable === false &&
    StringPrototypeStartsWith(attempt(() => FunctionPrototypeToString(value), ''), 'class');
  if (isClass) {
    const parent = ObjectGetPrototypeOf(value);
    const parentName = typeof parent === 'function' && !isProxy(parent) ? dataProperty(parent, 'name') : undefined;
    const heritage = typeof parentName === 'string' && parentName !== '' ? ` extends ${parentName}` : '';
    return `[class ${shownName ?? '(anonymous)'}${heritage}]`;
  }
  const kind = classNameOf(value) ?? 'Function (null prototype)';
  return shownName === undefined ? `[${kind} (anonymous)]` : `[${kind}: ${shownName}]`;
}

function showBuffer(buffer, entries) {
  const bytes = attempt(() => new Uint8Array(buffer));
  if (bytes === undefined) {
    ArrayPrototypePush(entries, '(detached)');
    return;
  }
  const length = TypedArrayPrototypeGetLength(bytes);
  const shown = MathMin(length, 50);
  let text = '';
  for (let i = 0; i < shown; i++) {
    text += (i === 0 ? '' : ' ') + StringPrototypePadStart(NumberPrototypeToString(bytes[i], 16), 2, '0');
  }
  if (length > shown) text += ` ... ${length - shown} more byte${length - shown === 1 ? '' : 's'}`;
  ArrayPrototypePush(entries, `[Uint8Contents]: <${text}>`, `byteLength: ${length}`);
}

function findDescriber(value) {
  for (let at = ObjectGetPrototypeOf(value); at !== null && !isProxy(at); at = ObjectGetPrototypeOf(at)) {
    const describer = describers.get(at);
    if (describer !== undefined) return describer;
  }
  return undefined;
}

// Rows of as many columns as fit; the entries themselves where they are too long for that to help.
function intoColumns(entries, width) {
  const last = entries[entries.length - 1];
  const hasRest = StringPrototypeStartsWith(last, '... ') && StringPrototypeIncludes(last, ' more item');
  const count = hasRest ? entries.length - 1 : entries.length;
  let longest = 0;
  let numeric = true;
  for (let i = 0; i < count; i++) {
    if (StringPrototypeIncludes(entries[i], '\n')) return entries;
    longest = MathMax(longest, entries[i].length);
    numeric &&= RegExpPrototypeExec(numberPattern, entries[i]) !== null;
  }
  const cell = longest + 2;
  // About as wide as high, where a character is some two and a half times as high as wide.
  const columns = MathMin(MathFloor(width / cell), MathCeil(MathSqrt(2.5 * cell * count) / cell), 16);
  if (columns <= 1) return entries;
  const pad = numeric ? StringPrototypePadStart : StringPrototypePadEnd;
  const rows = [];
  for (let i = 0; i < count; i += columns) {
    let row = '';
    const end = MathMin(i + columns, count);
    for (let j = i; j < end; j++) {
      const isLast = j === end - 1;
      const text = isLast ? entries[j] : `${entries[j]}, `;
      if (isLast) row += numeric ? pad(text, longest) : text;
      else row += pad(text, cell);
    }
    ArrayPrototypePush(rows, row);
  }
  if (hasRest) ArrayPrototypePush(rows, last);
  return rows;
}

const numberPattern = /^-?[0-9.e+]+n?$/;

// ---- What other files use ----

function inspect(value, depth = defaultDepth) {
  try {
    return new Inspection(depth).show(value);
  } catch {
    // Only a full stack or heap, or a value that fights back, leads here.
    return '[a value that cannot be shown]';
  }
}

function register(Class, describe, hidesOwn = false) {
  describers.set(Class.prototype, { describe, hidesOwn });
}

core.inspect = {
  __proto__: null,
  inspect,
  showPrimitive,
  dataProperty,
  // Shows the objects of an interface by what `describe` makes of them: [label, value, …].
  register,
  // Shows them by the values of those attributes, read by the getters that they have now.
  showAttributes(Class, names, hidesOwn = false) {
    const getters = [];
    for (let i = 0; i < names.length; i++) {
      ArrayPrototypePush(getters, ReflectGetOwnPropertyDescriptor(Class.prototype, names[i]).get);
    }
    register(Class, (value) => {
      const pairs = [];
      for (let i = 0; i < names.length; i++) {
        ArrayPrototypePush(pairs, names[i], FunctionPrototypeCall(getters[i], value));
      }
      return pairs;
    }, hidesOwn);
  },
};

core.inspect.showAttributes(core.event.Event, ['type', 'cancelable', 'defaultPrevented', 'timeStamp']);
core.inspect.showAttributes(core.abort.AbortSignal, ['aborted', 'reason']);
