// Bodies of requests and responses (Fetch, section 5.2).
//
// Most bodies are whole: a string, bytes, or the native body of an incoming request. They are read and sent without a
// stream; `body` makes one only when a script asks, and as long as nothing read from it the whole body behind it is
// used instead.

const {
  ArrayBufferIsView, ArrayPrototypePush, JSONParse, PromisePrototypeThen,
  PromiseReject, PromiseResolve, RegExpPrototypeSymbolReplace, SafeWeakMap, StringPrototypeCharCodeAt,
  StringPrototypeSlice, StringPrototypeToLowerCase, StringPrototypeToWellFormed, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetSymbolToStringTag, TypeError, Uint8Array,
} = core.primordials;
const { blob: blobs, encoding, formData, incomingBody, mime, ops, outgoing, streams, url, webidl } = core;
// What comes while it is read, rather than whole: from a client, or from a server.
const isArriving = (source) => incomingBody.isArriving(source) || outgoing.isFetched(source);

// One body, shared by all Request and Response objects that were given its stream.
class Body {
  // A string, a Uint8Array that no script holds, an incoming Request whose native body this is, an ArrivingBody or a
  // FetchedBody. Null where only the stream has it.
  source;
  // Made on demand where there is a source.
  stream;
  // The source was taken, by whichever way.
  used = false;
  // The source is bytes that nothing else has.
  exclusive = false;

  constructor(source, stream) {
    this.source = source;
    this.stream = stream;
  }
}

// The bodies of streams that this file made.
const bodiesOfStreams = new SafeWeakMap();

const mediaTypes = { text: 'text/plain;charset=UTF-8', form: 'application/x-www-form-urlencoded;charset=UTF-8' };

// The Content-Type that a BodyInit brings along (Fetch, "extract a body"), or null.
function mediaTypeOf(init) {
  if (typeof init === 'string') return mediaTypes.text;
  if (!webidl.isObject(init)) return mediaTypes.text;
  if (url.isURLSearchParams(init)) return mediaTypes.form;
  if (blobs.isBlob(init)) return blobs.type(init) === '' ? null : blobs.type(init);
  if (formData.isFormData(init)) return formData.mediaType(init);
  if (ArrayBufferIsView(init) || webidl.isArrayBuffer(init) || streams.isReadableStream(init)) return null;
  return mediaTypes.text;
}

// A BodyInit becomes a string or a Body (Fetch, "extract a body"). Lone surrogates stay until the string is encoded.
function extract(init, context) {
  if (typeof init === 'string') return init;
  if (!webidl.isObject(init)) return webidl.DOMString(init, context);
  if (ArrayBufferIsView(init) || webidl.isArrayBuffer(init)) {
    const body = new Body(ops.copyBytes(webidl.BufferSource(init, context)), undefined);
    body.exclusive = true;
    return body;
  }
  if (url.isURLSearchParams(init)) return url.serializeSearchParams(init);
  if (blobs.isBlob(init)) {
    const pieces = blobs.pieces(init);
    return new Body(pieces.length === 1 ? pieces[0] : blobs.bytes(init), undefined);
  }
  if (formData.isFormData(init)) return new Body(formData.encode(init), undefined);
  if (streams.isReadableStream(init)) {
    if (streams.isDisturbed(init) || streams.isLocked(init)) {
      throw new TypeError(`${context} is a ReadableStream that is locked or has been read from`);
    }
    return bodiesOfStreams.get(init) ?? new Body(null, init);
  }
  return webidl.DOMString(init, context);
}

// Fetch, "unusable".
function isUnusable(body) {
  return body.used ||
    (body.stream !== undefined && (streams.isDisturbed(body.stream) || streams.isLocked(body.stream)));
}

const isUsed = (body) => body.used || (body.stream !== undefined && streams.isDisturbed(body.stream));

function refuseUnusable(body, context) {
  if (!isUnusable(body)) return;
  throw new TypeError(`${context}: the body ${isUsed(body) ? 'has already been used' : 'is locked by a reader'}`);
}

// The source of a body that is usable and has one, which then counts as read.
function takeSource(body) {
  body.used = true;
  if (body.stream !== undefined) streams.seal(body.stream);
  const { source } = body;
  body.source = '';
  return source;
}

const textOf = (source) => {
  if (typeof source === 'string') return stripByteOrderMark(StringPrototypeToWellFormed(source));
  if (isBytes(source)) return encoding.decodeUtf8(source);
  return core.fetch.incomingBodyText(source);
};

const isBytes = (source) => TypedArrayPrototypeGetSymbolToStringTag(source) === 'Uint8Array';

const stripByteOrderMark = (text) =>
  (text.length > 0 && StringPrototypeCharCodeAt(text, 0) === 0xFEFF ? StringPrototypeSlice(text, 1) : text);

// Bytes that belong to the caller. Those of a Body may be shared with a clone, so they are copied.
const bytesOf = (source) => {
  if (typeof source === 'string') return encoding.encodeUtf8(source);
  if (isBytes(source)) return ops.copyBytes(source);
  return core.fetch.incomingBodyBytes(source);
};

// A string or bytes, to be sent or shared; not to be changed.
const contentOf = (source) =>
  (typeof source === 'string' || isBytes(source) ? source : core.fetch.incomingBodyBytes(source));

// Parameters of a MIME type may have characters that the Blob constructor would not take; the letters are in lower case
// as in every blob's type.
const capitals = /[A-Z]+/g;
const typeOfBlob = (type) =>
  RegExpPrototypeSymbolReplace(capitals, mime.serialize(type), (letters) => StringPrototypeToLowerCase(letters));

// Reads a stream to its end (Fetch, "fully read"), and gives what `convert` makes of the bytes.
async function readAll(stream, convert) {
  const reader = streams.getReader(stream);
  const chunks = [];
  let length = 0;
  for (;;) {
    const { done, value } = await streams.read(reader);
    if (done) break;
    if (!webidl.isObject(value) || !isBytes(value)) {
      const error = new TypeError('The body stream gave a chunk that is not a Uint8Array');
      streams.cancel(reader, error);
      throw error;
    }
    ArrayPrototypePush(chunks, value);
    length += TypedArrayPrototypeGetByteLength(value);
  }
  return convert(encoding.concatenate(chunks, length));
}

// What a reading method does with the source of a whole body, and with the bytes of a stream.
const readers = {
  __proto__: null,
  arrayBuffer: {
    fromSource: (source) => TypedArrayPrototypeGetBuffer(bytesOf(source)),
    fromBytes: TypedArrayPrototypeGetBuffer,
  },
  bytes: { fromSource: bytesOf, fromBytes: (bytes) => bytes },
  json: {
    fromSource: (source) => JSONParse(textOf(source)),
    fromBytes: (bytes) => JSONParse(encoding.decodeUtf8(bytes)),
  },
  text: { fromSource: textOf, fromBytes: (bytes) => encoding.decodeUtf8(bytes) },
};

// Those whose result depends on the Content-Type, the value of the field or null.
const readerOf = (fromBytes) => ({
  __proto__: null,
  fromSource: (source) => fromBytes(bytesOf(source)),
  fromBytes,
});
const makeReader = {
  __proto__: null,
  blob(contentType) {
    const type = mime.extract(contentType);
    return readerOf((bytes) => blobs.make(bytes, type === null ? '' : typeOfBlob(type)));
  },
  formData: (contentType) => readerOf((bytes) => formData.decode(bytes, contentType)),
};

// The reading methods: a promise of the body in the form of `reader`. A null body reads as empty, again and again.
function consume(body, reader, context) {
  try {
    if (body === null) return PromiseResolve(reader.fromSource(''));
    refuseUnusable(body, context);
    if (body.source === null) return readAll(body.stream, reader.fromBytes);
    const source = takeSource(body);
    if (isArriving(source)) return PromisePrototypeThen(source.gather(), reader.fromBytes);
    return PromiseResolve(reader.fromSource(source));
  } catch (error) {
    return PromiseReject(error);
  }
}

// From here on only the stream has the body.
function giveToStream(body) {
  body.stream = body.source.stream();
  body.source = null;
  return body.stream;
}

// The stream of a body, made from its source the first time.
function streamOf(body) {
  if (body.stream !== undefined) return body.stream;
  if (isArriving(body.source)) return giveToStream(body);
  const stream = streams.fromBytes(() => {
    const { source } = body;
    body.source = '';
    body.used = true;
    return bytesOf(source);
  });
  body.stream = stream;
  if (body.used) streams.seal(stream);
  bodiesOfStreams.set(stream, body);
  return stream;
}

// Fetch, "clone a body": a second body with the same content. The first goes on under `body` itself.
function clone(body) {
  if (isArriving(body.source)) giveToStream(body);
  if (body.source === null) {
    const branches = streams.tee(body.stream);
    body.stream = branches[0];
    return new Body(null, branches[1]);
  }
  body.source = contentOf(body.source);
  body.exclusive = false;
  if (body.stream !== undefined) {
    // As teeing would leave it: locked, and another stream in its place.
    streams.seal(body.stream);
    body.stream = undefined;
  }
  return new Body(body.source, undefined);
}

// A body that takes over from `body`, which then is used up: a Request made of another.
function transfer(body) {
  if (isArriving(body.source)) giveToStream(body);
  if (body.source !== null) return new Body(contentOf(takeSource(body)), undefined);
  const successor = new Body(null, streams.passThrough(body.stream));
  body.used = true;
  return successor;
}

core.body = {
  __proto__: null,
  Body,
  mediaTypes,
  mediaTypeOf,
  extract,
  isUnusable,
  isUsed,
  refuseUnusable,
  takeSource,
  isArriving,
  contentOf,
  readers,
  makeReader,
  consume,
  streamOf,
  clone,
  transfer,
};
