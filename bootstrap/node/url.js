// node:url: the standard's classes, and the functions that Node had before them, by the package `url`.
const { parse, resolve, resolveObject, format: formatLegacy, Url } = require('url_bundle');

function fail(code, message) {
  const error = new TypeError(message);
  error.code = code;
  throw error;
}

function fileURLToPath(value) {
  const url = typeof value === 'string' ? new URL(value) : value;
  if (!(url instanceof URL)) fail('ERR_INVALID_ARG_TYPE', 'The "path" argument must be of type string or an instance of URL.');
  if (url.protocol !== 'file:') fail('ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  if (url.hostname !== '') fail('ERR_INVALID_FILE_URL_HOST', 'File URL host must be "localhost" or empty');
  if (/%2f/i.test(url.pathname)) fail('ERR_INVALID_FILE_URL_PATH', 'File URL path must not include encoded / characters');
  return decodeURIComponent(url.pathname);
}

function pathToFileURL(path) {
  let absolute = require('path').resolve(path);
  if (path.endsWith('/') && !absolute.endsWith('/')) absolute += '/';
  const escaped = absolute.replace(/[%\\\n\r\t?#]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
  return new URL(`file://${escaped}`);
}

function format(value, options = {}) {
  if (!(value instanceof URL)) return formatLegacy(value);
  const url = new URL(value);
  if (options.fragment === false) url.hash = '';
  if (options.search === false) url.search = '';
  if (options.auth === false) url.username = url.password = '';
  return url.href;
}

function domainTo(name) {
  try {
    return new URL(`ws://${name}`).hostname;
  } catch {
    return '';
  }
}

function urlToHttpOptions(url) {
  const options = {
    __proto__: null,
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    hash: url.hash,
    search: url.search,
    pathname: url.pathname,
    path: url.pathname + url.search,
    href: url.href,
  };
  if (url.port !== '') options.port = Number(url.port);
  if (url.username || url.password) options.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return options;
}

module.exports = {
  URL, URLSearchParams, Url, parse, resolve, resolveObject, format, fileURLToPath, pathToFileURL, urlToHttpOptions,
  domainToASCII: domainTo,
  ...(typeof URLPattern === 'function' ? { URLPattern } : {}),
};
