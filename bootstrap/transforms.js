// The transform streams of other standards: TextEncoderStream and TextDecoderStream (Encoding, section 7.5 and 7.6),
// CompressionStream and DecompressionStream (Compression).

const { encoding: encodings, ops, streams, webidl } = core;
const {
  RangeError,
  StringPrototypeCharCodeAt,
  StringPrototypeSlice,
  StringPrototypeToUpperCase,
  TypeError,
  Uint8Array,
} = core.primordials;

// Streams, the mixin GenericTransformStream.
const mixGenericTransformStream = (Class, transformOf) => {
  const { readable, writable } = Object.getOwnPropertyDescriptors({
    get readable() {
      return transformOf(this).readable;
    },
    get writable() {
      return transformOf(this).writable;
    },
  });
  Object.defineProperties(Class.prototype, { readable, writable });
};

// ---- Encoding ----

const isHighSurrogate = (unit) => (unit & 0xfc00) === 0xd800;
const replacementBytes = () => new Uint8Array([0xef, 0xbf, 0xbd]);

class TextEncoderStream {
  #transform;

  constructor() {
    // The leading surrogate that ended a chunk: the one behind it may come with the next.
    let pending = '';
    this.#transform = streams.makeTransform({
      __proto__: null,
      transform(chunk, controller) {
        let text = pending + webidl.DOMString(chunk, 'The chunk');
        pending = '';
        if (text.length > 0 && isHighSurrogate(StringPrototypeCharCodeAt(text, text.length - 1))) {
          pending = text[text.length - 1];
          text = StringPrototypeSlice(text, 0, text.length - 1);
        }
        if (text !== '') streams.enqueueTransformed(controller, ops.encodeUtf8(text));
      },
      flush(controller) {
        if (pending !== '') streams.enqueueTransformed(controller, replacementBytes());
      },
    });
  }

  get encoding() {
    if (!(#transform in this)) throw webidl.illegalInvocation('TextEncoderStream');
    return 'utf-8';
  }

  static {
    mixGenericTransformStream(this, (stream) => stream.#transform);
  }
}
webidl.configureInterface(TextEncoderStream);
core.defineGlobal('TextEncoderStream', TextEncoderStream);

const convertDecoderOptions = webidl.dictionary('TextDecoderOptions', [
  { key: 'fatal', convert: webidl.boolean, default: false },
  { key: 'ignoreBOM', convert: webidl.boolean, default: false },
]);
const noBytes = new Uint8Array(0);

class TextDecoderStream {
  #encoding;
  #fatal;
  #ignoreBOM;
  #transform;

  constructor(label = 'utf-8', options = {}) {
    const context = "Failed to construct 'TextDecoderStream'";
    label = webidl.DOMString(label, `${context}: Argument 1`);
    const { fatal, ignoreBOM } = convertDecoderOptions(options, `${context}: Argument 2`);
    const encoding = encodings.getEncoding(label);
    if (encoding === undefined) throw new RangeError(`${context}: '${label}' is not an encoding that can be decoded`);
    this.#encoding = encoding;
    this.#fatal = fatal;
    this.#ignoreBOM = ignoreBOM;
    const decoder = ops.decoderOpen(encoding, fatal, ignoreBOM);
    const decode = (bytes, last, controller) => {
      const text = ops.decoderDecode(decoder, bytes, last);
      if (text === undefined) throw new TypeError(`The data is not valid ${StringPrototypeToUpperCase(encoding)}`);
      if (text !== '') streams.enqueueTransformed(controller, text);
    };
    this.#transform = streams.makeTransform({
      __proto__: null,
      transform(chunk, controller) {
        decode(webidl.AllowSharedBufferSource(chunk, 'The chunk'), false, controller);
      },
      flush(controller) {
        decode(noBytes, true, controller);
      },
    });
  }

  get encoding() {
    return this.#encoding;
  }

  get fatal() {
    if (!(#transform in this)) throw webidl.illegalInvocation('TextDecoderStream');
    return this.#fatal;
  }

  get ignoreBOM() {
    if (!(#transform in this)) throw webidl.illegalInvocation('TextDecoderStream');
    return this.#ignoreBOM;
  }

  static {
    mixGenericTransformStream(this, (stream) => stream.#transform);
  }
}
webidl.configureInterface(TextDecoderStream);
core.defineGlobal('TextDecoderStream', TextDecoderStream);

// ---- Compression ----

// In the order of the native enumeration.
const formats = { __proto__: null, 'gzip': 0, 'deflate': 1, 'deflate-raw': 2, 'brotli': 3 };
const CompressionFormat = webidl.enumeration('CompressionFormat', Object.keys(formats));

// The values of ops.codecState.
const states = { __proto__: null, needsInput: 0, hasMore: 1, ended: 2, broken: 3, trailingData: 4 };

// Native code gives what comes out in pieces. A small chunk can come out as gigabytes, so the next piece is made when
// the one before it has been read: the memory that a stream takes does not depend on what it is fed.
async function runCodec(codec, bytes, last, controller) {
  for (;;) {
    const piece = ops.codecRun(codec, bytes, last);
    bytes = undefined;
    if (piece !== undefined) streams.enqueueTransformed(controller, piece);
    const state = ops.codecState(codec);
    if (state !== states.hasMore) return state;
    const room = streams.roomAfterTransform(controller);
    if (room === undefined) continue;
    await room;
    // The stream was aborted or cancelled meanwhile.
    if (!streams.isWanted(controller)) return states.ended;
  }
}

class CompressionStream {
  #transform;

  constructor(format) {
    const context = "Failed to construct 'CompressionStream'";
    webidl.requiredArguments(arguments.length, 1, context);
    const codec = ops.codecOpen(formats[CompressionFormat(format, `${context}: Argument 1`)], false);
    this.#transform = streams.makeTransform({
      __proto__: null,
      transform: (chunk, controller) => runCodec(codec, webidl.BufferSource(chunk, 'The chunk'), false, controller),
      flush: (controller) => runCodec(codec, noBytes, true, controller),
    });
  }

  static {
    mixGenericTransformStream(this, (stream) => stream.#transform);
  }
}
webidl.configureInterface(CompressionStream);
core.defineGlobal('CompressionStream', CompressionStream);

class DecompressionStream {
  #transform;

  constructor(format) {
    const context = "Failed to construct 'DecompressionStream'";
    webidl.requiredArguments(arguments.length, 1, context);
    const name = CompressionFormat(format, `${context}: Argument 1`);
    const codec = ops.codecOpen(formats[name], true);
    const decompress = async (bytes, last, controller) => {
      const state = await runCodec(codec, bytes, last, controller);
      if (state === states.broken) throw new TypeError(`The compressed data is not valid ${name}`);
      if (state === states.trailingData) throw new TypeError('There is more data behind the end of the compressed data');
      if (last && state !== states.ended) throw new TypeError('The compressed data is cut short');
    };
    this.#transform = streams.makeTransform({
      __proto__: null,
      transform: (chunk, controller) => decompress(webidl.BufferSource(chunk, 'The chunk'), false, controller),
      flush: (controller) => decompress(noBytes, true, controller),
    });
  }

  static {
    mixGenericTransformStream(this, (stream) => stream.#transform);
  }
}
webidl.configureInterface(DecompressionStream);
core.defineGlobal('DecompressionStream', DecompressionStream);
