// CommonJS modules (Node.js, "Modules: CommonJS modules"), and the built-in `node:` modules. Native code finds and
// compiles the files; here is what `require` does with them.

const { ops } = core;
const {
  ArrayPrototypePush, Error, ObjectDefineProperty, ReflectApply, StringPrototypeEndsWith, StringPrototypeLastIndexOf, StringPrototypeSlice,
  StringPrototypeStartsWith, TypeError,
} = core.primordials;

const globalObject = globalThis;

// By path. Scripts see it as `require.cache` and may take modules out.
const cache = { __proto__: null };

class Module {
  id;
  path;
  exports = {};
  filename;
  loaded = false;
  children = [];
  paths = [];

  constructor(path, parent) {
    this.id = path;
    this.path = StringPrototypeSlice(path, 0, StringPrototypeLastIndexOf(path, '/') || 1);
    this.filename = path;
    ObjectDefineProperty(this, 'parent', { __proto__: null, value: parent, configurable: true, writable: true });
    if (parent !== null) ArrayPrototypePush(parent.children, this);
  }

  require(id) {
    return requireFrom(this, id);
  }
}

// Node's globals, which packages count on: nothing is loaded before one is read.
function nodeGlobal(name) {
  switch (name) {
    case 'Buffer':
      return core.loadBuiltin('buffer').Buffer;
    case 'global':
      return globalObject;
    case 'process':
      return core.loadBuiltin('process');
    default:
      return core.loadBuiltin('timers')[name];
  }
}

for (const name of ['Buffer', 'clearImmediate', 'global', 'process', 'setImmediate']) {
  ObjectDefineProperty(globalObject, name, {
    __proto__: null,
    get() {
      const value = nodeGlobal(name);
      core.defineGlobal(name, value);
      return value;
    },
    set(value) {
      core.defineGlobal(name, value);
    },
    enumerable: false,
    configurable: true,
  });
}

function makeRequire(module) {
  const require = (id) => requireFrom(module, id);
  require.resolve = (id) => {
    checkId(id);
    const found = ops.resolveRequire(id, module.filename);
    return found[0] === 'builtin' && StringPrototypeStartsWith(id, 'node:') ? id : found[1];
  };
  require.cache = cache;
  require.main = undefined;
  ObjectDefineProperty(require, 'name', { __proto__: null, value: 'require', configurable: true });
  return require;
}

function checkId(id) {
  if (typeof id === 'string') return;
  const error = new TypeError('The "id" argument of require must be of type string.');
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

function requireFrom(parent, id) {
  checkId(id);
  const found = ops.resolveRequire(id, parent.filename);
  switch (found[0]) {
    case 'builtin':
      return core.loadBuiltin(found[1]);
    case 'module':
      return ops.requireModule(found[1]);
    default:
      return load(found[1], found[0] === 'json', parent);
  }
}

// A module that is still running is there already, with what it has exported so far: that is how cycles end.
function load(path, isJson, parent) {
  const known = cache[path];
  if (known !== undefined) return known.exports;
  const module = new Module(path, parent);
  cache[path] = module;
  let failed = true;
  try {
    if (isJson) module.exports = ops.requireJson(path);
    else run(module);
    failed = false;
  } finally {
    if (failed) delete cache[path];
  }
  module.loaded = true;
  return module.exports;
}

function run(module) {
  const compiled = ops.compileCommonJs(module.filename);
  ReflectApply(compiled, module.exports, [
    module.exports, makeRequire(module), module, module.filename, module.path,
  ]);
}

core.bindCallback('require', (path, isJson) => load(path, isJson, null));

// For node:module. `path` is that of a file which need not be there.
core.createRequire = (path) => makeRequire(new Module(path, null));

const builtins = { __proto__: null };

core.loadBuiltin = (name) => {
  // Packages say `process/` to mean a package and not the built-in module; here they mean the same.
  if (StringPrototypeEndsWith(name, '/')) name = StringPrototypeSlice(name, 0, -1);
  const known = builtins[name];
  if (known !== undefined) return known.exports;
  const compiled = ops.compileBuiltin(name);
  if (compiled === undefined) throw new Error(`There is no built-in module '${name}'`);
  const module = { exports: {} };
  builtins[name] = module;
  let failed = true;
  try {
    compiled(core, requireBuiltin, module, module.exports);
    failed = false;
  } finally {
    if (failed) delete builtins[name];
  }
  return module.exports;
};

const requireBuiltin = (name) =>
  core.loadBuiltin(StringPrototypeStartsWith(name, 'node:') ? StringPrototypeSlice(name, 5) : name);

core.bindCallback('loadBuiltin', core.loadBuiltin);
