// node:module: `require` for ES modules, and which modules are built in.
const { primordials, ops } = core;

class Module {}

module.exports = Module;
Module.Module = Module;
Module.builtinModules = ops.builtinNames();
Module.isBuiltin = (name) => {
  const text = primordials.String(name);
  const plain = primordials.StringPrototypeStartsWith(text, 'node:') ? primordials.StringPrototypeSlice(text, 5) : text;
  return primordials.ArrayPrototypeIncludes(Module.builtinModules, plain);
};
Module.createRequire = (filename) => {
  const text = primordials.String(filename);
  const isUrl = primordials.StringPrototypeStartsWith(text, 'file:');
  if (!isUrl && !primordials.StringPrototypeStartsWith(text, '/')) {
    const error = new TypeError(`The argument of createRequire must be a file URL or an absolute path, not '${text}'`);
    error.code = 'ERR_INVALID_ARG_VALUE';
    throw error;
  }
  return core.createRequire(isUrl ? require('url').fileURLToPath(text) : text);
};
