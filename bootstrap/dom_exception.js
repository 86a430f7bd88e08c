// DOMException and QuotaExceededError (Web IDL, sections 2.8 and 4.3).

const { ops, webidl } = core;
const {
  Error,
  ObjectDefineProperty,
  ObjectSetPrototypeOf,
  RangeError,
  ReflectConstruct,
  SafeMap,
} = core.primordials;

// Name, legacy constant, legacy code.
const legacyErrors = [
  ['IndexSizeError', 'INDEX_SIZE_ERR', 1],
  [undefined, 'DOMSTRING_SIZE_ERR', 2],
  ['HierarchyRequestError', 'HIERARCHY_REQUEST_ERR', 3],
  ['WrongDocumentError', 'WRONG_DOCUMENT_ERR', 4],
  ['InvalidCharacterError', 'INVALID_CHARACTER_ERR', 5],
  [undefined, 'NO_DATA_ALLOWED_ERR', 6],
  ['NoModificationAllowedError', 'NO_MODIFICATION_ALLOWED_ERR', 7],
  ['NotFoundError', 'NOT_FOUND_ERR', 8],
  ['NotSupportedError', 'NOT_SUPPORTED_ERR', 9],
  ['InUseAttributeError', 'INUSE_ATTRIBUTE_ERR', 10],
  ['InvalidStateError', 'INVALID_STATE_ERR', 11],
  ['SyntaxError', 'SYNTAX_ERR', 12],
  ['InvalidModificationError', 'INVALID_MODIFICATION_ERR', 13],
  ['NamespaceError', 'NAMESPACE_ERR', 14],
  ['InvalidAccessError', 'INVALID_ACCESS_ERR', 15],
  [undefined, 'VALIDATION_ERR', 16],
  ['TypeMismatchError', 'TYPE_MISMATCH_ERR', 17],
  ['SecurityError', 'SECURITY_ERR', 18],
  ['NetworkError', 'NETWORK_ERR', 19],
  ['AbortError', 'ABORT_ERR', 20],
  ['URLMismatchError', 'URL_MISMATCH_ERR', 21],
  ['QuotaExceededError', 'QUOTA_EXCEEDED_ERR', 22],
  ['TimeoutError', 'TIMEOUT_ERR', 23],
  ['InvalidNodeTypeError', 'INVALID_NODE_TYPE_ERR', 24],
  ['DataCloneError', 'DATA_CLONE_ERR', 25],
];
const codes = new SafeMap();
const constants = { __proto__: null };
for (const [name, constant, code] of legacyErrors) {
  if (name !== undefined) codes.set(name, code);
  constants[constant] = code;
}

// A DOMException is a native error (Error.isError, a stack), yet its interface does not inherit from Error: the object
// is made by Error, and the fields are put on it by a class that constructs what it is given.
class Given {
  constructor(object) {
    return object;
  }
}

class Fields extends Given {
  #message;
  #name;
  constructor(error, message, name) {
    super(error);
    this.#message = message;
    this.#name = name;
  }
  static in = (value) => webidl.isObject(value) && #name in value;
  static message(error) {
    if (!Fields.in(error)) throw webidl.illegalInvocation('DOMException');
    return error.#message;
  }
  static name(error) {
    if (!Fields.in(error)) throw webidl.illegalInvocation('DOMException');
    return error.#name;
  }
}

class DOMException {
  constructor(message = '', name = 'Error') {
    const context = "Failed to construct 'DOMException'";
    message = webidl.DOMString(message, `${context}: Argument 1`);
    name = webidl.DOMString(name, `${context}: Argument 2`);
    const error = ReflectConstruct(Error, [], new.target);
    ops.markCloneable(error);
    return new Fields(error, message, name);
  }

  get name() {
    return Fields.name(this);
  }

  get message() {
    return Fields.message(this);
  }

  get code() {
    return codes.get(Fields.name(this)) ?? 0;
  }
}
ObjectSetPrototypeOf(DOMException.prototype, Error.prototype);
webidl.configureInterface(DOMException, { constants });
core.defineGlobal('DOMException', DOMException);

const convertQuotaOptions = webidl.dictionary('QuotaExceededErrorOptions', [
  { key: 'quota', convert: webidl.double },
  { key: 'requested', convert: webidl.double },
]);

let isQuotaExceededError;
let readQuotaExceededError;
let writeQuotaExceededError;

class QuotaExceededError extends DOMException {
  #quota = null;
  #requested = null;

  constructor(message = '', options = {}) {
    super(message, 'QuotaExceededError');
    const { quota, requested } = convertQuotaOptions(
      options, "Failed to construct 'QuotaExceededError': Argument 2");
    if (quota < 0) throw new RangeError("Failed to construct 'QuotaExceededError': quota is negative");
    if (requested < 0) throw new RangeError("Failed to construct 'QuotaExceededError': requested is negative");
    if (requested < quota) {
      throw new RangeError("Failed to construct 'QuotaExceededError': requested is less than quota");
    }
    this.#quota = quota ?? null;
    this.#requested = requested ?? null;
  }

  get quota() {
    return this.#quota;
  }

  get requested() {
    return this.#requested;
  }

  static {
    isQuotaExceededError = (value) => #quota in value;
    readQuotaExceededError = ({ message, quota, requested }) => {
      const error = new QuotaExceededError(message);
      error.#quota = quota;
      error.#requested = requested;
      return error;
    };
    writeQuotaExceededError = (error) => ({
      __proto__: null, message: Fields.message(error), quota: error.#quota, requested: error.#requested,
      stack: error.stack,
    });
  }
}
webidl.configureInterface(QuotaExceededError);
core.defineGlobal('QuotaExceededError', QuotaExceededError);

// What structuredClone can copy besides the language's own objects: { isInstance, clone }, the most special first.
core.cloneables = [];

function cloneStack(from, to) {
  ObjectDefineProperty(to, 'stack', {
    __proto__: null, value: from.stack, writable: true, enumerable: false, configurable: true,
  });
  return to;
}

core.cloneables.push({
  isInstance: isQuotaExceededError,
  clone: (error) => cloneStack(error, readQuotaExceededError(writeQuotaExceededError(error))),
  write: writeQuotaExceededError,
  read: (fields) => cloneStack(fields, readQuotaExceededError(fields)),
}, {
  isInstance: Fields.in,
  clone: (error) => cloneStack(error, new DOMException(Fields.message(error), Fields.name(error))),
  write: (error) => ({
    __proto__: null, message: Fields.message(error), name: Fields.name(error), stack: error.stack,
  }),
  read: (fields) => cloneStack(fields, new DOMException(fields.message, fields.name)),
});

core.DOMException = DOMException;
core.QuotaExceededError = QuotaExceededError;
core.isDOMException = Fields.in;

core.bindCallback('makeDomException', (message, name) => new DOMException(message, name));
