// structuredClone (HTML, section 2.7.10).

const { DOMException, cloneables, ops, webidl } = core;

const convertOptions = webidl.dictionary('StructuredSerializeOptions', [
  { key: 'transfer', convert: webidl.sequence(webidl.object), makeDefault: () => [] },
]);

// A platform object that was marked by ops.markCloneable.
function cloneObject(object) {
  for (let i = 0; i < cloneables.length; i++) {
    if (cloneables[i].isInstance(object)) return cloneables[i].clone(object);
  }
  throw new DOMException('The object cannot be cloned', 'DataCloneError');
}

core.defineGlobalFunction('structuredClone', function structuredClone(value, options = undefined) {
  const context = "Failed to execute 'structuredClone'";
  webidl.requiredArguments(arguments.length, 1, context);
  const { transfer } = convertOptions(options, `${context}: Argument 2`);
  // Most primitives are their own clones; a symbol has none.
  if (!webidl.isObject(value) && typeof value !== 'symbol' && transfer.length === 0) return value;
  return ops.structuredClone(value, transfer, cloneObject);
});

// A copy of any value, for the use of other files.
core.structuredClone = (value) => ops.structuredClone(value, [], cloneObject);
