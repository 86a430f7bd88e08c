// TextEncoder and TextDecoder (Encoding standard, section 7).

const { ops, webidl } = core;
const {
  ArrayBufferIsView,
  ArrayPrototypeIncludes,
  RangeError,
  SafeMap,
  StringPrototypeCharCodeAt,
  StringPrototypeSlice,
  StringPrototypeSplit,
  StringPrototypeToLowerCase,
  StringPrototypeToUpperCase,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet,
  Uint32Array,
  Uint8Array,
} = core.primordials;

// The standard's names with their labels (section 4.2); a name is a label of itself unless it is `replacement`'s.
const encodings = {
  __proto__: null,
  'utf-8': 'unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf8 x-unicode20utf8',
  'ibm866': '866 cp866 csibm866',
  'iso-8859-2': 'csisolatin2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2',
  'iso-8859-3': 'csisolatin3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3',
  'iso-8859-4': 'csisolatin4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4',
  'iso-8859-5': 'csisolatincyrillic cyrillic iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988',
  'iso-8859-6': 'arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e iso-8859-6-i ' +
    'iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987',
  'iso-8859-7': 'csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso8859-7 iso88597 iso_8859-7 ' +
    'iso_8859-7:1987 sun_eu_greek',
  'iso-8859-8': 'csiso88598e csisolatinhebrew hebrew iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 ' +
    'iso_8859-8:1988 visual',
  'iso-8859-8-i': 'csiso88598i logical',
  'iso-8859-10': 'csisolatin6 iso-ir-157 iso8859-10 iso885910 l6 latin6',
  'iso-8859-13': 'iso8859-13 iso885913',
  'iso-8859-14': 'iso8859-14 iso885914',
  'iso-8859-15': 'csisolatin9 iso8859-15 iso885915 iso_8859-15 l9',
  'iso-8859-16': '',
  'koi8-r': 'cskoi8r koi koi8 koi8_r',
  'koi8-u': 'koi8-ru',
  'macintosh': 'csmacintosh mac x-mac-roman',
  'windows-874': 'dos-874 iso-8859-11 iso8859-11 iso885911 tis-620',
  'windows-1250': 'cp1250 x-cp1250',
  'windows-1251': 'cp1251 x-cp1251',
  'windows-1252': 'ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 ' +
    'iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii x-cp1252',
  'windows-1253': 'cp1253 x-cp1253',
  'windows-1254': 'cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 ' +
    'x-cp1254',
  'windows-1255': 'cp1255 x-cp1255',
  'windows-1256': 'cp1256 x-cp1256',
  'windows-1257': 'cp1257 x-cp1257',
  'windows-1258': 'cp1258 x-cp1258',
  'x-mac-cyrillic': 'x-mac-ukrainian',
  'gbk': 'chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 iso-ir-58 x-gbk',
  'gb18030': '',
  'big5': 'big5-hkscs cn-big5 csbig5 x-x-big5',
  'euc-jp': 'cseucpkdfmtjapanese x-euc-jp',
  'iso-2022-jp': 'csiso2022jp',
  'shift_jis': 'csshiftjis ms932 ms_kanji shift-jis sjis windows-31j x-sjis',
  'euc-kr': 'cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949',
  'utf-16be': 'unicodefffe',
  'utf-16le': 'csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16',
  'x-user-defined': '',
};
const names = new SafeMap();
for (const name of Object.keys(encodings)) {
  names.set(name, name);
  if (encodings[name] === '') continue;
  for (const label of StringPrototypeSplit(encodings[name], ' ')) names.set(label, name);
}

const asciiWhitespace = [0x09, 0x0a, 0x0c, 0x0d, 0x20];

// "Get an encoding": the name, or undefined. What belongs to `replacement` cannot be decoded, so it is not there.
function getEncoding(label) {
  const isSpace = (i) => ArrayPrototypeIncludes(asciiWhitespace, StringPrototypeCharCodeAt(label, i));
  let start = 0;
  let end = label.length;
  while (start < end && isSpace(start)) start++;
  while (end > start && isSpace(end - 1)) end--;
  // Only ASCII letters have two cases here: U+212A KELVIN SIGN is not a k.
  for (let i = start; i < end; i++) if (StringPrototypeCharCodeAt(label, i) > 0x7f) return undefined;
  return names.get(StringPrototypeToLowerCase(StringPrototypeSlice(label, start, end)));
}

const noBytes = new Uint8Array(0);
// What ops.encodeInto read and wrote.
let counts;

class TextEncoder {
  #brand;

  get encoding() {
    if (!(#brand in this)) throw webidl.illegalInvocation('TextEncoder');
    return 'utf-8';
  }

  encode(input = '') {
    if (!(#brand in this)) throw webidl.illegalInvocation('TextEncoder');
    return ops.encodeUtf8(
      typeof input === 'string' ? input : webidl.DOMString(input, "Failed to execute 'encode': Argument 1"));
  }

  encodeInto(source, destination) {
    if (!(#brand in this)) throw webidl.illegalInvocation('TextEncoder');
    const context = "Failed to execute 'encodeInto' on 'TextEncoder'";
    webidl.requiredArguments(arguments.length, 2, context);
    source = webidl.DOMString(source, `${context}: Argument 1`);
    if (TypedArrayPrototypeGetSymbolToStringTag(destination) !== 'Uint8Array') {
      throw new TypeError(`${context}: Argument 2 is not a Uint8Array`);
    }
    counts ??= new Uint32Array(2);
    ops.encodeInto(source, destination, counts);
    return { read: counts[0], written: counts[1] };
  }
}
webidl.configureInterface(TextEncoder);
core.defineGlobal('TextEncoder', TextEncoder);

const convertDecoderOptions = webidl.dictionary('TextDecoderOptions', [
  { key: 'fatal', convert: webidl.boolean, default: false },
  { key: 'ignoreBOM', convert: webidl.boolean, default: false },
]);

class TextDecoder {
  #encoding = 'utf-8';
  #fatal = false;
  #ignoreBOM = false;
  // The native decoder of a text in pieces, or in another encoding than UTF-8.
  #decoder = undefined;
  #streaming = false;

  constructor(label = 'utf-8', options = {}) {
    if (arguments.length === 0) return;
    const context = "Failed to construct 'TextDecoder'";
    label = webidl.DOMString(label, `${context}: Argument 1`);
    const { fatal, ignoreBOM } = convertDecoderOptions(options, `${context}: Argument 2`);
    const encoding = getEncoding(label);
    if (encoding === undefined) throw new RangeError(`${context}: '${label}' is not an encoding that can be decoded`);
    this.#encoding = encoding;
    this.#fatal = fatal;
    this.#ignoreBOM = ignoreBOM;
  }

  get encoding() {
    return this.#encoding;
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input = noBytes, options = undefined) {
    const encoding = this.#encoding;
    const context = "Failed to execute 'decode' on 'TextDecoder'";
    if (!ArrayBufferIsView(input)) webidl.AllowSharedBufferSource(input, `${context}: Argument 1`);
    const stream = readStreamOption(options, `${context}: Argument 2`);
    let text;
    if (encoding === 'utf-8' && !stream && !this.#streaming) {
      text = ops.decodeUtf8(input, this.#fatal, this.#ignoreBOM);
    } else {
      this.#decoder ??= ops.decoderOpen(encoding, this.#fatal, this.#ignoreBOM);
      text = ops.decoderDecode(this.#decoder, input, !stream);
      this.#streaming = stream && text !== undefined;
    }
    if (text === undefined) {
      throw new TypeError(`${context}: The data is not valid ${StringPrototypeToUpperCase(encoding)}`);
    }
    return text;
  }
}
webidl.configureInterface(TextDecoder);
core.defineGlobal('TextDecoder', TextDecoder);

function readStreamOption(options, context) {
  if (options === undefined || options === null) return false;
  if (!webidl.isObject(options)) throw new TypeError(`${context} is not an object (TextDecodeOptions)`);
  return !!options.stream;
}

// One array of all the bytes of Uint8Arrays, `length` in all.
function concatenate(pieces, length) {
  const bytes = new Uint8Array(length);
  for (let i = 0, at = 0; i < pieces.length; i++) {
    TypedArrayPrototypeSet(bytes, pieces[i], at);
    at += TypedArrayPrototypeGetByteLength(pieces[i]);
  }
  return bytes;
}

core.encoding = {
  __proto__: null,
  concatenate,
  // "UTF-8 decode": a byte order mark is dropped.
  decodeUtf8: (bytes) => ops.decodeUtf8(bytes, false, false),
  encodeUtf8: ops.encodeUtf8,
  getEncoding,
  // "Decode" (section 6.1) whole bytes: a byte order mark overrules the encoding, one of getEncoding.
  decodeBytes(encoding, bytes) {
    let name = encoding;
    if (bytes[0] === 0xEF && bytes[1] === 0xBB && bytes[2] === 0xBF) name = 'utf-8';
    else if (bytes[0] === 0xFE && bytes[1] === 0xFF) name = 'utf-16be';
    else if (bytes[0] === 0xFF && bytes[1] === 0xFE) name = 'utf-16le';
    return ops.decoderDecode(ops.decoderOpen(name, false, false), bytes, true);
  },
};
