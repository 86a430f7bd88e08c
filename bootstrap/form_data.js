// FormData (XMLHttpRequest standard, section 4) and its two forms on the wire: multipart/form-data (RFC 7578, as HTML
// section 4.10.21.8 has it) and application/x-www-form-urlencoded.

const { blob: blobs, encoding, mime, ops, url: urls, webidl } = core;
const {
  ArrayPrototypePush, StringPrototypeReplaceAll, TypeError, TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSubarray,
} = core.primordials;

let isFormData;
let entriesOf;
let fromEntries;
let boundaryOf;

// "Create an entry": what the list holds for a value, a string or a File.
function toEntryValue(value, filename) {
  if (typeof value === 'string') return value;
  if (filename === undefined && blobs.isFile(value)) return value;
  return blobs.makeFile(value, filename ?? 'blob', blobs.isFile(value) ? blobs.lastModified(value) : undefined);
}

// The overloads of append and set: (name, USVString) and (name, Blob, optional USVString filename).
function convertEntry(given, name, value, filename, context) {
  webidl.requiredArguments(given, 2, context);
  const typedName = webidl.USVString(name, `${context}: Argument 1`);
  if (blobs.isBlob(value)) {
    const typedFilename = filename === undefined ? undefined : webidl.USVString(filename, `${context}: Argument 3`);
    return { name: typedName, value: toEntryValue(value, typedFilename) };
  }
  if (given > 2) throw new TypeError(`${context}: Argument 2 is not of type 'Blob'`);
  return { name: typedName, value: webidl.USVString(value, `${context}: Argument 2`) };
}

class FormData {
  // Name, value, name, value, …
  #entries = [];
  // Of the multipart body that was made last.
  #boundary = '';

  constructor(form = undefined) {
    if (form !== undefined) throw new TypeError("Failed to construct 'FormData': there are no form elements here");
  }

  append(name, value, filename = undefined) {
    const entries = this.#entries;
    const entry = convertEntry(arguments.length, name, value, filename, "Failed to execute 'append' on 'FormData'");
    ArrayPrototypePush(entries, entry.name, entry.value);
  }

  delete(name) {
    const entries = this.#entries;
    const context = "Failed to execute 'delete' on 'FormData'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    let kept = 0;
    for (let i = 0; i < entries.length; i += 2) {
      if (entries[i] === name) continue;
      entries[kept++] = entries[i];
      entries[kept++] = entries[i + 1];
    }
    entries.length = kept;
  }

  get(name) {
    const entries = this.#entries;
    const context = "Failed to execute 'get' on 'FormData'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    for (let i = 0; i < entries.length; i += 2) if (entries[i] === name) return entries[i + 1];
    return null;
  }

  getAll(name) {
    const entries = this.#entries;
    const context = "Failed to execute 'getAll' on 'FormData'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    const values = [];
    for (let i = 0; i < entries.length; i += 2) if (entries[i] === name) ArrayPrototypePush(values, entries[i + 1]);
    return values;
  }

  has(name) {
    const entries = this.#entries;
    const context = "Failed to execute 'has' on 'FormData'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.USVString(name, `${context}: Argument 1`);
    for (let i = 0; i < entries.length; i += 2) if (entries[i] === name) return true;
    return false;
  }

  set(name, value, filename = undefined) {
    const entries = this.#entries;
    const entry = convertEntry(arguments.length, name, value, filename, "Failed to execute 'set' on 'FormData'");
    let kept = 0;
    let found = false;
    for (let i = 0; i < entries.length; i += 2) {
      const isNamed = entries[i] === entry.name;
      if (isNamed && found) continue;
      entries[kept++] = entries[i];
      entries[kept++] = isNamed ? entry.value : entries[i + 1];
      found = found || isNamed;
    }
    entries.length = kept;
    if (!found) ArrayPrototypePush(entries, entry.name, entry.value);
  }

  static {
    isFormData = (value) => webidl.isObject(value) && #entries in value;
    entriesOf = (form) => form.#entries;
    fromEntries = (entries) => {
      const form = new FormData();
      form.#entries = entries;
      return form;
    };
    boundaryOf = (form, renew) => {
      if (renew) form.#boundary = `----jsd-${StringPrototypeReplaceAll(ops.randomUuid(), '-', '')}`;
      return form.#boundary;
    };
    webidl.configurePairIterable(FormData, (form) => {
      if (!isFormData(form)) throw webidl.illegalInvocation('FormData');
      return form.#entries;
    });
    core.inspect.register(FormData, entriesOf);
  }
}
webidl.configureInterface(FormData);
// Both have the arguments that they must have, and no more.
for (const name of ['append', 'set']) {
  Object.defineProperty(FormData.prototype[name], 'length', { __proto__: null, value: 2 });
}
core.defineGlobal('FormData', FormData);

// ---- multipart/form-data ----

const withCrlf = (text) => {
  const plain = StringPrototypeReplaceAll(StringPrototypeReplaceAll(text, '\r\n', '\n'), '\r', '\n');
  return StringPrototypeReplaceAll(plain, '\n', '\r\n');
};

const escapeName = (text) =>
  StringPrototypeReplaceAll(
    StringPrototypeReplaceAll(StringPrototypeReplaceAll(text, '\r', '%0D'), '\n', '%0A'), '"', '%22');

// The entries as one array of bytes, under a boundary of their own, which `mediaType` names.
function encode(form) {
  const boundary = boundaryOf(form, true);
  const entries = entriesOf(form);
  const pieces = [];
  let text = '';
  for (let i = 0; i < entries.length; i += 2) {
    const value = entries[i + 1];
    const name = escapeName(withCrlf(entries[i]));
    text += `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`;
    if (typeof value === 'string') {
      text += `\r\n\r\n${withCrlf(value)}\r\n`;
      continue;
    }
    const type = blobs.type(value);
    text += `; filename="${escapeName(blobs.nameOf(value))}"\r\n` +
      `Content-Type: ${type === '' ? 'application/octet-stream' : type}\r\n\r\n`;
    ArrayPrototypePush(pieces, encoding.encodeUtf8(text));
    const content = blobs.pieces(value);
    for (let j = 0; j < content.length; j++) ArrayPrototypePush(pieces, content[j]);
    text = '\r\n';
  }
  ArrayPrototypePush(pieces, encoding.encodeUtf8(`${text}--${boundary}--\r\n`));
  let size = 0;
  for (let i = 0; i < pieces.length; i++) size += TypedArrayPrototypeGetByteLength(pieces[i]);
  return encoding.concatenate(pieces, size);
}

function decodeMultipart(bytes, boundary) {
  const parts = ops.multipartParse(bytes, boundary);
  if (parts === undefined) throw new TypeError('The body is not valid multipart/form-data');
  const entries = [];
  for (let i = 0; i < parts.length; i += 5) {
    const content = TypedArrayPrototypeSubarray(bytes, parts[i + 3], parts[i + 4]);
    const filename = parts[i + 1];
    // A byte order mark is part of the text.
    const value = filename === undefined ?
      ops.decodeUtf8(content, false, true) :
      blobs.makeFile(blobs.make(ops.copyBytes(content), blobs.normalizeType(parts[i + 2] ?? 'text/plain')), filename);
    ArrayPrototypePush(entries, parts[i], value);
  }
  return entries;
}

core.formData = {
  __proto__: null,
  isFormData,
  encode,
  mediaType: (form) => `multipart/form-data; boundary=${boundaryOf(form, false)}`,
  // A FormData of a body's bytes; `contentType` is the value of the field, or null. Throws a TypeError.
  decode(bytes, contentType) {
    const type = mime.extract(contentType);
    switch (type?.essence) {
      case 'multipart/form-data': {
        const boundary = type.parameters.get('boundary');
        if (boundary === undefined) throw new TypeError('The Content-Type of multipart/form-data names no boundary');
        return fromEntries(decodeMultipart(bytes, boundary));
      }
      case 'application/x-www-form-urlencoded':
        return fromEntries(urls.parsePairs(ops.decodeUtf8(bytes, false, true)));
      default:
        throw new TypeError('The Content-Type is neither multipart/form-data nor application/x-www-form-urlencoded');
    }
  },
};
