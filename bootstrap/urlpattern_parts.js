// Pattern strings (URL Pattern standard, sections 2 and 4): a text becomes tokens, tokens become parts, and parts a
// regular expression or a text again.

const {
  ArrayPrototypePush,
  NumberPrototypeToString,
  RegExpPrototypeExec,
  SafeSet,
  StringFromCodePoint,
  StringPrototypeCharCodeAt,
  StringPrototypeCodePointAt,
  StringPrototypeEndsWith,
  StringPrototypeIncludes,
  StringPrototypeSlice,
  TypeError,
} = core.primordials;

const types = {
  __proto__: null,
  open: 'open', close: 'close', regexp: 'regexp', name: 'name', char: 'char', escapedChar: 'escaped-char',
  modifier: 'other-modifier', asterisk: 'asterisk', end: 'end', invalidChar: 'invalid-char',
};

const nameStart = /^[$_\p{ID_Start}]$/u;
const namePart = /^[$\u200c\u200d\p{ID_Continue}]$/u;
const isNameCharacter = (character, isFirst) => RegExpPrototypeExec(isFirst ? nameStart : namePart, character) !== null;
const isDigit = (character) => character >= '0' && character <= '9';

// The code point at an index, as a string.
const characterAt = (text, index) => StringFromCodePoint(StringPrototypeCodePointAt(text, index));

// ---- Tokens: { type, index, value } ----

// The end of a name that begins at `start`; `start` itself where there is none.
function endOfName(input, start) {
  let at = start;
  while (at < input.length) {
    const character = characterAt(input, at);
    if (!isNameCharacter(character, at === start)) break;
    at += character.length;
  }
  return at;
}

// Where the group of a regular expression ends whose text begins at `start`, behind its ')'. -1 where it is not one:
// all of it is ASCII, and groups within do not capture.
function endOfRegExp(input, start) {
  let depth = 1;
  for (let at = start; at < input.length; at++) {
    if (StringPrototypeCharCodeAt(input, at) > 0x7f) return -1;
    switch (input[at]) {
      case '?':
        if (at === start) return -1;
        break;
      case '\\':
        at++;
        if (at === input.length || StringPrototypeCharCodeAt(input, at) > 0x7f) return -1;
        break;
      case ')':
        if (--depth === 0) return at === start ? -1 : at + 1;
        break;
      case '(':
        depth++;
        if (input[at + 1] !== '?') return -1;
        break;
      default:
    }
  }
  return -1;
}

// Strictly, or with tokens of the type 'invalid-char' for what is none.
function tokenize(input, isStrict) {
  const tokens = [];
  let index = 0;
  const add = (type, end, valueStart = index, valueEnd = end) => {
    ArrayPrototypePush(tokens, { __proto__: null, type, index, value: StringPrototypeSlice(input, valueStart, valueEnd) });
    index = end;
  };
  const invalid = (end, valueStart = index) => {
    if (isStrict) throw new TypeError(`'${input}' is not a pattern: '${input[index]}' at ${index} stands for nothing`);
    add(types.invalidChar, end, valueStart);
  };
  while (index < input.length) {
    const character = characterAt(input, index);
    const next = index + character.length;
    switch (character) {
      case '*':
        add(types.asterisk, next);
        break;
      case '+':
      case '?':
        add(types.modifier, next);
        break;
      case '\\':
        if (next === input.length) invalid(next);
        else add(types.escapedChar, next + characterAt(input, next).length, next);
        break;
      case '{':
        add(types.open, next);
        break;
      case '}':
        add(types.close, next);
        break;
      case ':': {
        const end = endOfName(input, next);
        if (end === next) invalid(next);
        else add(types.name, end, next);
        break;
      }
      case '(': {
        const end = endOfRegExp(input, next);
        if (end === -1) invalid(next);
        else add(types.regexp, end, next, end - 1);
        break;
      }
      default:
        add(types.char, next);
    }
  }
  add(types.end, index);
  return tokens;
}

// ---- Parts: { type, value, modifier, name, prefix, suffix } ----

const partTypes = {
  __proto__: null,
  fullWildcard: 'full-wildcard', segmentWildcard: 'segment-wildcard', regexp: 'regexp', fixedText: 'fixed-text',
};

function escape(text, characters) {
  let result = '';
  for (let i = 0; i < text.length; i++) {
    result += StringPrototypeIncludes(characters, text[i]) ? `\\${text[i]}` : text[i];
  }
  return result;
}
const escapeRegExp = (text) => escape(text, '.+*?^${}()[]|/\\');
const escapePattern = (text) => escape(text, '+*?:{}()\\');

// A component's options: `delimiter` ends a segment, `prefix` may stand before a group and then belongs to it.
const segmentRegExp = ({ delimiter }) => (delimiter === '' ? '[^]+?' : `[^${escapeRegExp(delimiter)}]+?`);

// "Parse a pattern string"; `encode` brings fixed texts into the form that URLs have.
class PatternParser {
  parts = [];
  #tokens;
  #index = 0;
  #pending = '';
  #names = new SafeSet();
  #nextNumber = 0;
  #options;
  #segment;
  #encode;

  constructor(input, options, encode) {
    this.#tokens = tokenize(input, true);
    this.#options = options;
    this.#segment = segmentRegExp(options);
    this.#encode = encode;
  }

  #take(type) {
    const token = this.#tokens[this.#index];
    if (token.type !== type) return undefined;
    this.#index++;
    return token.value;
  }

  #require(type) {
    if (this.#take(type) === undefined) {
      const { index, value } = this.#tokens[this.#index];
      throw new TypeError(`The pattern has '${value}' at ${index} where it should have its ${type}`);
    }
  }

  #takeText() {
    let text = '';
    for (;;) {
      const value = this.#take(types.char) ?? this.#take(types.escapedChar);
      if (value === undefined) return text;
      text += value;
    }
  }

  // What a group matches: the text of a regular expression, '*', or undefined for what a name alone stands for.
  #takeMatcher(name) {
    const regexp = this.#take(types.regexp);
    if (regexp !== undefined) return { __proto__: null, regexp };
    if (name === undefined && this.#take(types.asterisk) !== undefined) return { __proto__: null, regexp: '.*' };
    return undefined;
  }

  #takeModifier() {
    return this.#take(types.modifier) ?? this.#take(types.asterisk) ?? '';
  }

  #addFixed(text, modifier) {
    if (text === '') return;
    ArrayPrototypePush(this.parts, {
      __proto__: null, type: partTypes.fixedText, value: this.#encode(text), modifier, name: '', prefix: '', suffix: '',
    });
  }

  #addPending() {
    this.#addFixed(this.#pending, '');
    this.#pending = '';
  }

  #addPart(prefix, name, matcher, suffix, modifier) {
    if (name === undefined && matcher === undefined && modifier === '') {
      this.#pending += prefix;
      return;
    }
    this.#addPending();
    if (name === undefined && matcher === undefined) {
      this.#addFixed(prefix, modifier);
      return;
    }
    let type = partTypes.regexp;
    let value = matcher === undefined ? this.#segment : matcher.regexp;
    if (value === this.#segment) type = partTypes.segmentWildcard;
    else if (value === '.*') type = partTypes.fullWildcard;
    if (type !== partTypes.regexp) value = '';
    const ownName = name ?? NumberPrototypeToString(this.#nextNumber++);
    if (this.#names.has(ownName)) throw new TypeError(`The pattern has two groups of the name '${ownName}'`);
    this.#names.add(ownName);
    ArrayPrototypePush(this.parts, {
      __proto__: null, type, value, modifier, name: ownName, prefix: this.#encode(prefix), suffix: this.#encode(suffix),
    });
  }

  parse() {
    while (this.#index < this.#tokens.length) {
      const character = this.#take(types.char);
      const name = this.#take(types.name);
      const matcher = this.#takeMatcher(name);
      if (name !== undefined || matcher !== undefined) {
        let prefix = character ?? '';
        if (prefix !== this.#options.prefix) {
          this.#pending += prefix;
          prefix = '';
        }
        this.#addPending();
        this.#addPart(prefix, name, matcher, '', this.#takeModifier());
        continue;
      }
      const fixed = character ?? this.#take(types.escapedChar);
      if (fixed !== undefined) {
        this.#pending += fixed;
      } else if (this.#take(types.open) !== undefined) {
        const prefix = this.#takeText();
        const groupName = this.#take(types.name);
        const groupMatcher = this.#takeMatcher(groupName);
        const suffix = this.#takeText();
        this.#require(types.close);
        this.#addPart(prefix, groupName, groupMatcher, suffix, this.#takeModifier());
      } else {
        this.#addPending();
        this.#require(types.end);
      }
    }
    return this.parts;
  }
}

const parsePattern = (input, options, encode) => new PatternParser(input, options, encode).parse();

// The text of a regular expression that matches the parts; its groups are theirs, in their order.
function regExpOf(parts, options) {
  let result = '^';
  for (let i = 0; i < parts.length; i++) {
    const { type, value, modifier, prefix, suffix } = parts[i];
    if (type === partTypes.fixedText) {
      result += modifier === '' ? escapeRegExp(value) : `(?:${escapeRegExp(value)})${modifier}`;
      continue;
    }
    const inner =
      type === partTypes.regexp ? value : type === partTypes.fullWildcard ? '.*' : segmentRegExp(options);
    const isRepeated = modifier === '*' || modifier === '+';
    const before = escapeRegExp(prefix);
    const behind = escapeRegExp(suffix);
    if (prefix === '' && suffix === '') {
      result += isRepeated ? `((?:${inner})${modifier})` : `(${inner})${modifier}`;
    } else if (isRepeated) {
      result += `(?:${before}((?:${inner})(?:${behind}${before}(?:${inner}))*)${behind})${modifier === '*' ? '?' : ''}`;
    } else {
      result += `(?:${before}(${inner})${behind})${modifier}`;
    }
  }
  return `${result}$`;
}

const isWildcard = (part) => part !== undefined && part.type !== partTypes.fixedText;

// Whether a part has to stand in braces, lest what is around it be taken for its own.
function needsBraces(parts, i, isNamed, options) {
  const part = parts[i];
  const previous = parts[i - 1];
  const next = parts[i + 1];
  if (part.suffix !== '' || (part.prefix !== '' && part.prefix !== options.prefix)) return true;
  if (isNamed && part.type === partTypes.segmentWildcard && part.modifier === '' && next !== undefined &&
      next.prefix === '' && next.suffix === '') {
    if (isWildcard(next) ? isDigit(next.name[0]) : isNameCharacter(characterAt(next.value, 0), false)) return true;
  }
  return part.prefix === '' && previous !== undefined && !isWildcard(previous) && options.prefix !== '' &&
    StringPrototypeEndsWith(previous.value, options.prefix);
}

// What stands for the group of a part: its name, its regular expression, or both.
function groupText(part, previous, isNamed, hasBraces, options) {
  const name = isNamed ? `:${part.name}` : '';
  if (part.type === partTypes.regexp) return `${name}(${part.value})`;
  if (part.type === partTypes.segmentWildcard) return isNamed ? name : `(${segmentRegExp(options)})`;
  const isAsterisk = !isNamed && (previous === undefined || !isWildcard(previous) || previous.modifier !== '' ||
    hasBraces || part.prefix !== '');
  return isAsterisk ? '*' : `${name}(.*)`;
}

// The pattern string of the parts, in its normal form.
function patternOf(parts, options) {
  let result = '';
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    const { type, value, modifier, prefix, suffix } = part;
    if (type === partTypes.fixedText) {
      result += modifier === '' ? escapePattern(value) : `{${escapePattern(value)}}${modifier}`;
      continue;
    }
    const isNamed = !isDigit(part.name[0]);
    const hasBraces = needsBraces(parts, i, isNamed, options);
    let text = escapePattern(prefix) + groupText(part, parts[i - 1], isNamed, hasBraces, options);
    if (type === partTypes.segmentWildcard && isNamed && suffix !== '' &&
        isNameCharacter(characterAt(suffix, 0), false)) text += '\\';
    text += escapePattern(suffix);
    result += (hasBraces ? `{${text}}` : text) + modifier;
  }
  return result;
}

core.urlPattern = { __proto__: null, escapePattern, parsePattern, partTypes, patternOf, regExpOf, tokenize, types };
