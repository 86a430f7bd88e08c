// Runs last: what the files share becomes quick to read.
//
// V8 keeps objects as hash tables, in which every access is a search, where they were written without a prototype or have
// very many properties. What has been a prototype it keeps as it keeps other objects.

const { ObjectCreate, ReflectOwnKeys } = core.primordials;

ObjectCreate(core);
for (const name of ReflectOwnKeys(core)) {
  if (typeof core[name] === 'object' && core[name] !== null) ObjectCreate(core[name]);
}
