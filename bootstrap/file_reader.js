// FileReader (File API, section 6) and ProgressEvent (XMLHttpRequest standard, section 5).

const { DOMException, blob: blobs, encoding, event, mime, ops, webidl } = core;
const { SafeMap, StringPrototypeSlice, TypedArrayPrototypeGetBuffer, TypeError } = core.primordials;

const convertProgressEventInit = webidl.dictionary('ProgressEventInit', [
  { key: 'lengthComputable', convert: webidl.boolean, default: false },
  { key: 'loaded', convert: webidl.double, default: 0 },
  { key: 'total', convert: webidl.double, default: 0 },
]);

class ProgressEvent extends event.Event {
  #fields;

  constructor(type, eventInitDict = {}) {
    webidl.requiredArguments(arguments.length, 1, "Failed to construct 'ProgressEvent'");
    super(type, eventInitDict);
    this.#fields = convertProgressEventInit(eventInitDict, "Failed to construct 'ProgressEvent': Argument 2");
  }

  get lengthComputable() {
    return this.#fields.lengthComputable;
  }

  get loaded() {
    return this.#fields.loaded;
  }

  get total() {
    return this.#fields.total;
  }
}
webidl.configureInterface(ProgressEvent);
core.defineGlobal('ProgressEvent', ProgressEvent);

const states = { __proto__: null, EMPTY: 0, LOADING: 1, DONE: 2 };

// "Package data", by the name of the method.
const packagers = {
  __proto__: null,
  readAsArrayBuffer: TypedArrayPrototypeGetBuffer,
  readAsBinaryString: (bytes) => ops.latin1(bytes),
  readAsDataURL: (bytes, blob) => {
    const type = blobs.type(blob) || 'application/octet-stream';
    return `data:${type};base64,${ops.base64Encode(ops.latin1(bytes))}`;
  },
  readAsText(bytes, blob, label) {
    let name = label === undefined ? undefined : encoding.getEncoding(label);
    if (name === undefined) {
      const charset = mime.parse(blobs.type(blob))?.parameters.get('charset');
      if (charset !== undefined) name = encoding.getEncoding(charset);
    }
    return encoding.decodeBytes(name ?? 'utf-8', bytes);
  },
};

class FileReader extends event.EventTarget {
  #state = states.EMPTY;
  #result = null;
  #error = null;
  // Of the reading under way; another one has begun where it is not the same.
  #reading = 0;

  readAsArrayBuffer(blob) {
    this.#start('readAsArrayBuffer', arguments.length, blob, undefined);
  }

  readAsBinaryString(blob) {
    this.#start('readAsBinaryString', arguments.length, blob, undefined);
  }

  readAsDataURL(blob) {
    this.#start('readAsDataURL', arguments.length, blob, undefined);
  }

  readAsText(blob, label = undefined) {
    this.#start('readAsText', arguments.length, blob, label);
  }

  abort() {
    if (this.#state !== states.LOADING) {
      this.#result = null;
      return;
    }
    this.#state = states.DONE;
    this.#result = null;
    this.#error = new DOMException('The reading was aborted', 'AbortError');
    const reading = ++this.#reading;
    this.#fire('abort', 0, 0);
    if (this.#reading === reading && this.#state !== states.LOADING) this.#fire('loadend', 0, 0);
  }

  get readyState() {
    return this.#state;
  }

  get result() {
    return this.#result;
  }

  get error() {
    return this.#error;
  }

  #start(method, given, blob, label) {
    const context = `Failed to execute '${method}' on 'FileReader'`;
    webidl.requiredArguments(given, 1, context);
    if (!blobs.isBlob(blob)) throw new TypeError(`${context}: Argument 1 is not of type 'Blob'`);
    if (label !== undefined) label = webidl.DOMString(label, `${context}: Argument 2`);
    if (this.#state === states.LOADING) {
      throw new DOMException(`${context}: The reader is reading already`, 'InvalidStateError');
    }
    this.#state = states.LOADING;
    this.#result = null;
    this.#error = null;
    const reading = ++this.#reading;
    const size = blobs.size(blob);
    const steps = [
      () => this.#fire('loadstart', 0, size),
      () => this.#fire('progress', size, size),
      () => this.#finish(method, blob, label, size),
      () => this.#fire('loadend', size, size),
    ];
    // Each event in a task of its own, so that microtasks run between them as they do where native code fires events.
    const run = (i) => core.timers.start(() => {
      if (this.#reading !== reading) return;
      steps[i]();
      if (i + 1 < steps.length) run(i === 0 && size === 0 ? 2 : i + 1);
    }, 0);
    run(0);
  }

  #finish(method, blob, label, size) {
    let type = 'load';
    try {
      this.#result = packagers[method](blobs.bytes(blob), blob, label);
    } catch {
      // Only a result that is too long for a string.
      this.#error = new DOMException('The blob could not be read', 'NotReadableError');
      type = 'error';
    }
    this.#state = states.DONE;
    this.#fire(type, size, size);
  }

  #fire(type, loaded, total) {
    const init = { __proto__: null, lengthComputable: true, loaded, total };
    event.dispatchTrusted(this, new ProgressEvent(type, init));
  }
}
for (const type of ['loadstart', 'progress', 'load', 'abort', 'error', 'loadend']) {
  event.defineEventHandler(FileReader.prototype, type);
}
webidl.configureInterface(FileReader, { constants: states });
core.defineGlobal('FileReader', FileReader);
