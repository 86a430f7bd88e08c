// structuredClone (HTML, section 2.7.10).

const { DOMException, cloneables, ops, webidl } = core;
const { ArrayPrototypeIndexOf, ArrayPrototypePush, SafeMap } = core.primordials;

const convertOptions = webidl.dictionary('StructuredSerializeOptions', [
  { key: 'transfer', convert: webidl.sequence(webidl.object), makeDefault: () => [] },
]);

// What can be transferred besides array buffers: { isInstance, isDetached, transfer }. Other files add to it.
const transferables = core.transferables = [];

// What can be cloned has `write(object, handles)`, which returns what stands for it without platform objects, and
// `read(fields, handles)`, so that other isolates can have it too. Native things that threads may share go into `handles`.
// Both are called by native code, see SerializedValue in core/ops/structured_clone.h.
core.writeObjects = (objects) => {
  const records = [];
  const handles = [];
  for (let i = 0; i < objects.length; i++) {
    const kind = find(cloneables, objects[i]);
    if (kind === undefined) throw dataCloneError('The object cannot be cloned');
    ArrayPrototypePush(records, ArrayPrototypeIndexOf(cloneables, kind), kind.write(objects[i], handles));
  }
  return [records, handles];
};

core.readObjects = (records, handles) => {
  const objects = [];
  for (let i = 0; i < records.length; i += 2) {
    ArrayPrototypePush(objects, cloneables[records[i]].read(records[i + 1], handles));
  }
  return objects;
};

const find = (kinds, object) => {
  for (let i = 0; i < kinds.length; i++) if (kinds[i].isInstance(object)) return kinds[i];
  return undefined;
};

const dataCloneError = (message) => new DOMException(message, 'DataCloneError');

// Native code hands over the platform objects that it met, and gets those that stand in their places. All are looked at
// before the first is touched.
function cloneObjects(objects, moving) {
  const kinds = [];
  for (let i = 0; i < objects.length; i++) {
    const kind = moving?.has(objects[i]) ? undefined : find(cloneables, objects[i]);
    if (kind === undefined && !moving?.has(objects[i])) throw dataCloneError('The object cannot be cloned');
    ArrayPrototypePush(kinds, kind);
  }
  for (let i = 0; i < objects.length; i++) {
    objects[i] = kinds[i] === undefined ? move(moving.get(objects[i])) : kinds[i].clone(objects[i]);
  }
  return objects;
}

// One that was moved before may have locked it: the side of a TransformStream.
function move(entry) {
  if (entry.moved !== undefined) return entry.moved;
  if (entry.kind.isDetached(entry.object)) throw dataCloneError('An object in the transfer list is locked by another');
  return entry.moved = entry.kind.transfer(entry.object);
}

// StructuredSerializeWithTransfer and StructuredDeserializeWithTransfer: { value, moved }, the second being what became of
// the platform objects of `transfer`, in its order.
function cloneWithTransfer(value, transfer) {
  const buffers = [];
  const entries = [];
  const moving = transfer.length === 0 ? undefined : new SafeMap();
  for (let i = 0; i < transfer.length; i++) {
    const object = transfer[i];
    if (webidl.isArrayBuffer(object)) {
      ArrayPrototypePush(buffers, object);
      continue;
    }
    const kind = find(transferables, object);
    if (kind === undefined) throw dataCloneError('An object in the transfer list cannot be transferred');
    if (moving.has(object)) throw dataCloneError('An object is in the transfer list twice');
    if (kind.isDetached(object)) {
      throw dataCloneError('An object in the transfer list is locked or has been transferred already');
    }
    const entry = { object, kind, moved: undefined };
    moving.set(object, entry);
    ArrayPrototypePush(entries, entry);
  }
  const copy = ops.structuredClone(value, buffers, (objects) => cloneObjects(objects, moving));
  const moved = [];
  for (let i = 0; i < entries.length; i++) ArrayPrototypePush(moved, move(entries[i]));
  return { value: copy, moved };
}

core.defineGlobalFunction('structuredClone', function structuredClone(value, options = undefined) {
  const context = "Failed to execute 'structuredClone'";
  webidl.requiredArguments(arguments.length, 1, context);
  const { transfer } = convertOptions(options, `${context}: Argument 2`);
  if (transfer.length !== 0) return cloneWithTransfer(value, transfer).value;
  // Most primitives are their own clones; a symbol has none.
  if (!webidl.isObject(value) && typeof value !== 'symbol') return value;
  return ops.structuredClone(value, transfer, cloneObjects);
});

// The same for other files; the first without a transfer list.
core.structuredClone = (value) => ops.structuredClone(value, [], cloneObjects);
core.structuredCloneWithTransfer = cloneWithTransfer;
