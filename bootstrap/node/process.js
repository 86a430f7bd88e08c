// node:process, as much of it as packages ask for to find out where they are. There is no process that a script could
// end, change or look into; `env` holds what the configuration gives the script.
const EventEmitter = require('events');

const { ops } = core;
const started = performance.now();

const process = new EventEmitter();
const define = (values) => Object.defineProperties(process, Object.getOwnPropertyDescriptors(values));

function hrtime(previous) {
  const now = performance.now();
  let seconds = Math.floor(now / 1000);
  let nanoseconds = Math.floor((now % 1000) * 1e6);
  if (previous !== undefined) {
    seconds -= previous[0];
    nanoseconds -= previous[1];
    if (nanoseconds < 0) {
      seconds -= 1;
      nanoseconds += 1e9;
    }
  }
  return [seconds, nanoseconds];
}
hrtime.bigint = () => BigInt(Math.floor(performance.now() * 1e6));

const unavailable = (name) => () => {
  const error = new Error(`process.${name} is not available in jsd`);
  error.code = 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';
  throw error;
};

// Text that goes to the log line by line.
const output = (write) => ({
  isTTY: false,
  columns: 80,
  write(text) {
    const lines = String(text);
    write(lines.endsWith('\n') ? lines.slice(0, -1) : lines);
    return true;
  },
});

define({
  title: 'jsd',
  // The release of Node whose modules these are like. `versions.node` is not there: packages take it as a sign that all
  // of Node is.
  version: 'v24.0.0',
  versions: { __proto__: null, jsd: core.version },
  release: { name: 'jsd' },
  platform: 'linux',
  arch: ops.architecture(),
  argv: ['jsd'],
  argv0: 'jsd',
  execArgv: [],
  execPath: '',
  exitCode: undefined,
  features: {},
  config: {},
  env: Object.assign({ NODE_ENV: 'production' }, ops.environment()),
  stdout: output((text) => console.log(text)),
  stderr: output((text) => console.error(text)),
  cwd: () => '/',
  chdir: unavailable('chdir'),
  exit: unavailable('exit'),
  abort: unavailable('abort'),
  kill: unavailable('kill'),
  umask: () => 0o22,
  uptime: () => (performance.now() - started) / 1000,
  hrtime,
  nextTick(callback, ...parameters) {
    queueMicrotask(() => callback(...parameters));
  },
  emitWarning(warning, type) {
    const name = typeof type === 'string' ? type : type?.type ?? 'Warning';
    console.warn(typeof warning === 'object' ? warning : `${name}: ${warning}`);
  },
  binding: unavailable('binding'),
  getBuiltinModule(name) {
    const { isBuiltin } = require('module');
    return isBuiltin(name) ? require(name) : undefined;
  },
});
Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true });

module.exports = process;
