// Blob and File (File API, sections 3 and 4), and the URLs that stand for blobs (section 8).

const { encoding, ops, streams, url: urls, webidl } = core;
const {
  ArrayBufferIsView, ArrayPrototypePush, DateNow, MathMax, MathMin, ObjectDefineProperty, PromiseReject,
  PromiseResolve, RegExpPrototypeExec, SafeMap, StringPrototypeIndexOf, StringPrototypeReplaceAll, StringPrototypeSlice,
  StringPrototypeToLowerCase, SymbolIterator, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSubarray, TypeError,
} = core.primordials;

const convertEndings = webidl.enumeration('EndingType', ['transparent', 'native']);
const convertPropertyBag = webidl.dictionary('BlobPropertyBag', [
  { key: 'endings', convert: convertEndings, default: 'transparent' },
  { key: 'type', convert: webidl.DOMString, default: '' },
]);
const convertFilePropertyBag = webidl.dictionary('FilePropertyBag', [
  { key: 'lastModified', convert: webidl.longLong },
], convertPropertyBag);

const printable = /^[\x20-\x7E]*$/;
const normalizeType = (type) =>
  (RegExpPrototypeExec(printable, type) === null ? '' : StringPrototypeToLowerCase(type));

const chunkSize = 65536;

// Bytes of a blob never change, so blobs share them: a slice is a view of the same pieces.
let piecesOf;
let makeBlob;
let checkBlob;

// (BufferSource or Blob or USVString): pieces that nobody else can write to.
function toPiece(element, context) {
  if (webidl.isObject(element)) {
    if (ArrayBufferIsView(element) || webidl.isArrayBuffer(element)) {
      return ops.copyBytes(webidl.BufferSource(element, context));
    }
    if (checkBlob(element)) return element;
  }
  return webidl.USVString(element, context);
}

const toNativeEndings = (text) =>
  StringPrototypeReplaceAll(StringPrototypeReplaceAll(text, '\r\n', '\n'), '\r', '\n');

function toPieces(parts, endings) {
  const pieces = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (typeof part === 'string') {
      ArrayPrototypePush(pieces, encoding.encodeUtf8(endings === 'native' ? toNativeEndings(part) : part));
    } else if (checkBlob(part)) {
      const shared = piecesOf(part);
      for (let j = 0; j < shared.length; j++) ArrayPrototypePush(pieces, shared[j]);
    } else {
      ArrayPrototypePush(pieces, part);
    }
  }
  return pieces;
}

function convertParts(parts, context) {
  if (!webidl.isObject(parts)) throw new TypeError(`${context} is not iterable`);
  return webidl.sequenceFromIterable(parts, parts[SymbolIterator], toPiece, context);
}

const sizeOf = (pieces) => {
  let size = 0;
  for (let i = 0; i < pieces.length; i++) size += TypedArrayPrototypeGetByteLength(pieces[i]);
  return size;
};

function slicePieces(pieces, start, end) {
  const result = [];
  for (let i = 0, at = 0; i < pieces.length && at < end; i++) {
    const length = TypedArrayPrototypeGetByteLength(pieces[i]);
    const from = MathMax(start - at, 0);
    const to = MathMin(end - at, length);
    if (from < to) ArrayPrototypePush(result, TypedArrayPrototypeSubarray(pieces[i], from, to));
    at += length;
  }
  return result;
}

// A fresh array of all the bytes.
function joinPieces(pieces, size) {
  if (pieces.length === 1) return ops.copyBytes(pieces[0]);
  return encoding.concatenate(pieces, size);
}

class Blob {
  #pieces = [];
  #size = 0;
  #type = '';

  constructor(blobParts = undefined, options = undefined) {
    if (blobParts === webidl.internal) return;
    const context = "Failed to construct 'Blob'";
    const parts = blobParts === undefined ? [] : convertParts(blobParts, `${context}: Argument 1`);
    const { endings, type } = convertPropertyBag(options, `${context}: Argument 2`);
    Blob.#fill(this, toPieces(parts, endings), normalizeType(type));
  }

  get size() {
    return this.#size;
  }

  get type() {
    return this.#type;
  }

  slice(start = 0, end = undefined, contentType = '') {
    const size = this.#size;
    const context = "Failed to execute 'slice' on 'Blob'";
    start = webidl.longLong(start, `${context}: Argument 1`, webidl.clamp);
    end = end === undefined ? size : webidl.longLong(end, `${context}: Argument 2`, webidl.clamp);
    const type = normalizeType(webidl.DOMString(contentType, `${context}: Argument 3`));
    const from = start < 0 ? MathMax(size + start, 0) : MathMin(start, size);
    const to = end < 0 ? MathMax(size + end, 0) : MathMin(end, size);
    return makeBlob(slicePieces(this.#pieces, from, to), type);
  }

  stream() {
    const pieces = this.#pieces;
    let index = 0;
    let at = 0;
    return streams.fromPull(() => {
      if (index === pieces.length) return undefined;
      const end = MathMin(at + chunkSize, TypedArrayPrototypeGetByteLength(pieces[index]));
      const chunk = ops.copyBytes(TypedArrayPrototypeSubarray(pieces[index], at, end));
      at = end;
      if (at === TypedArrayPrototypeGetByteLength(pieces[index])) {
        index++;
        at = 0;
      }
      return chunk;
    });
  }

  arrayBuffer() {
    return Blob.#read(this, TypedArrayPrototypeGetBuffer);
  }

  bytes() {
    return Blob.#read(this, (bytes) => bytes);
  }

  text() {
    return Blob.#read(this, encoding.decodeUtf8);
  }

  static #read(blob, convert) {
    if (!checkBlob(blob)) return PromiseReject(webidl.illegalInvocation('Blob'));
    try {
      return PromiseResolve(convert(joinPieces(blob.#pieces, blob.#size)));
    } catch (error) {
      return PromiseReject(error);
    }
  }

  static #fill(blob, pieces, type) {
    blob.#pieces = pieces;
    blob.#size = sizeOf(pieces);
    blob.#type = type;
    // An empty piece would be an empty chunk of the stream.
    if (pieces.length !== 0) blob.#pieces = slicePieces(pieces, 0, blob.#size);
    ops.markCloneable(blob);
  }

  static {
    checkBlob = (value) => webidl.isObject(value) && #pieces in value;
    piecesOf = (blob) => blob.#pieces;
    makeBlob = (pieces, type, into = new Blob(webidl.internal)) => {
      Blob.#fill(into, pieces, type);
      return into;
    };
    core.blob = {
      __proto__: null,
      isBlob: checkBlob,
      // Shares the array, which must not change any more.
      make: (bytes, type) => makeBlob([bytes], type),
      normalizeType,
      pieces: piecesOf,
      size: (blob) => blob.#size,
      type: (blob) => blob.#type,
      bytes: (blob) => joinPieces(blob.#pieces, blob.#size),
    };
  }
}
webidl.configureInterface(Blob);
core.inspect.showAttributes(Blob, ['size', 'type']);
core.defineGlobal('Blob', Blob);

let isFile;

class File extends Blob {
  #name = '';
  #lastModified = 0;

  constructor(fileBits, fileName, options = undefined) {
    if (fileBits === webidl.internal) {
      super(webidl.internal);
      return;
    }
    const context = "Failed to construct 'File'";
    webidl.requiredArguments(arguments.length, 2, context);
    const parts = convertParts(fileBits, `${context}: Argument 1`);
    const name = webidl.USVString(fileName, `${context}: Argument 2`);
    const { endings, lastModified, type } = convertFilePropertyBag(options, `${context}: Argument 3`);
    super(webidl.internal);
    makeBlob(toPieces(parts, endings), normalizeType(type), this);
    this.#name = name;
    this.#lastModified = lastModified ?? DateNow();
  }

  get name() {
    return this.#name;
  }

  get lastModified() {
    return this.#lastModified;
  }

  static {
    isFile = (value) => webidl.isObject(value) && #name in value;
    // A file with the bytes and the type of a blob.
    core.blob.makeFile = (blob, name, lastModified = DateNow()) => {
      const file = makeBlob(piecesOf(blob), core.blob.type(blob), new File(webidl.internal));
      file.#name = name;
      file.#lastModified = lastModified;
      return file;
    };
    core.blob.isFile = isFile;
    core.blob.nameOf = (file) => file.#name;
    core.blob.lastModified = (file) => file.#lastModified;
    core.cloneables.unshift({
      isInstance: isFile,
      clone: (file) => core.blob.makeFile(file, file.#name, file.#lastModified),
      write: (file) => ({
        __proto__: null, bytes: core.blob.bytes(file), type: core.blob.type(file), name: file.#name,
        lastModified: file.#lastModified,
      }),
      read: ({ bytes, type, name, lastModified }) =>
        core.blob.makeFile(core.blob.make(bytes, type), name, lastModified),
    }, {
      isInstance: checkBlob,
      clone: (blob) => makeBlob(piecesOf(blob), core.blob.type(blob)),
      write: (blob) => ({ __proto__: null, bytes: core.blob.bytes(blob), type: core.blob.type(blob) }),
      read: ({ bytes, type }) => core.blob.make(bytes, type),
    });
  }
}
webidl.configureInterface(File);
core.inspect.register(File, (file) => [
  'name', core.blob.nameOf(file), 'lastModified', core.blob.lastModified(file), 'size', core.blob.size(file),
  'type', core.blob.type(file),
]);
core.defineGlobal('File', File);

// ---- Blob URLs: as a server has no origin, theirs is the opaque one ----

const objectUrls = new SafeMap();

const { createObjectURL, revokeObjectURL } = {
  createObjectURL(obj) {
    const context = "Failed to execute 'createObjectURL' on 'URL'";
    webidl.requiredArguments(arguments.length, 1, context);
    if (!checkBlob(obj)) throw new TypeError(`${context}: Argument 1 is not of type 'Blob'`);
    const text = `blob:null/${ops.randomUuid()}`;
    objectUrls.set(text, obj);
    return text;
  },

  revokeObjectURL(url) {
    const context = "Failed to execute 'revokeObjectURL' on 'URL'";
    webidl.requiredArguments(arguments.length, 1, context);
    // One with a fragment is another URL here, though it is the same to `fetch`.
    objectUrls.delete(webidl.DOMString(url, `${context}: Argument 1`));
  },
};
for (const method of [createObjectURL, revokeObjectURL]) {
  ObjectDefineProperty(urls.URL, method.name, {
    __proto__: null, value: method, writable: true, enumerable: true, configurable: true,
  });
}

function withoutFragment(text) {
  const hash = StringPrototypeIndexOf(text, '#');
  return hash === -1 ? text : StringPrototypeSlice(text, 0, hash);
}

// The blob that a `blob:` URL stands for; undefined where there is none.
core.blob.resolveUrl = (url) => objectUrls.get(withoutFragment(url));
