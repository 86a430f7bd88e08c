// node:path, of POSIX systems.
const path = require('path_bundle');

module.exports = path;
path.posix = path;
path.toNamespacedPath = (name) => name;
