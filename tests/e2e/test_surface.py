"""What scripts find on the global object: all that ECMA-429 asks for, and nothing that is not documented."""

import json
import re

from server import REPOSITORY

# ECMA-429, "Minimum common Web API": interfaces, then methods and properties of the global scope.
INTERFACES = """
AbortController AbortSignal Blob ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy Crypto CryptoKey
CustomEvent DOMException DecompressionStream ErrorEvent Event EventTarget File FormData Headers MessageChannel
MessageEvent MessagePort Performance PromiseRejectionEvent ReadableByteStreamController ReadableStream
ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader Request
Response SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream TransformStream
TransformStreamDefaultController URL URLPattern URLSearchParams WebAssembly.Global WebAssembly.Instance
WebAssembly.Memory WebAssembly.Module WebAssembly.Table WritableStream WritableStreamDefaultController
WritableStreamDefaultWriter
""".split()
METHODS = """
atob btoa clearInterval clearTimeout console.log crypto.getRandomValues crypto.randomUUID crypto.subtle.digest fetch
performance.now queueMicrotask reportError setInterval setTimeout structuredClone WebAssembly.compile
WebAssembly.compileStreaming WebAssembly.instantiate WebAssembly.instantiateStreaming WebAssembly.validate
""".split()
PROPERTIES = ['globalThis', 'self', 'navigator.userAgent', 'performance.timeOrigin', 'onerror', 'onunhandledrejection',
              'onrejectionhandled']

# Of ECMA-262 and its proposals that V8 has, which the documentation names as a whole.
LANGUAGE = set("""
AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView
Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity
Int16Array Int32Array Int8Array Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError
Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError TypeError URIError Uint16Array
Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet decodeURI decodeURIComponent encodeURI
encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape
""".split())

APP = """
const find = (path) => path.split('.').reduce((value, name) => value?.[name], globalThis);
const has = (path) =>
  path.split('.').reduce((value, name) => value != null && name in value && value[name], globalThis);
export default {
  async fetch(request) {
    const { interfaces, methods, properties } = await request.json();
    const missing = [
      ...interfaces.filter((name) => typeof find(name) !== 'function' || find(name).name !== name.split('.').at(-1)),
      ...methods.filter((name) => typeof find(name) !== 'function'),
      ...properties.filter((name) => has(name) === false),
    ];
    return Response.json({ missing, names: Object.getOwnPropertyNames(globalThis) });
  },
};
"""


def test_the_surface_is_the_standards_and_documented(jsd):
    body = json.dumps({'interfaces': INTERFACES, 'methods': METHODS, 'properties': PROPERTIES}).encode()
    found = json.loads(jsd(APP).request('POST', '/', body=body).body)
    assert found['missing'] == []
    documents = ''.join((REPOSITORY / 'docs' / name).read_text() for name in ('javascript.md', 'modules.md'))
    code = re.findall(r'`[^`]+`', re.sub(r'```.*?```', '', documents, flags=re.DOTALL))
    named = set(re.findall(r'[A-Za-z]\w+', ' '.join(code)))
    assert sorted(set(found['names']) - LANGUAGE - named) == []
