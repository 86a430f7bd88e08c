"""The order in which the bootstrap files run: the namespace, errors and `jsd` first, then one file for each web API."""

BOOTSTRAP_FILES = [
    "//bootstrap:core.js",
    "//bootstrap:error.js",
    "//bootstrap:init.js",
    "//bootstrap:stub.js",
]
