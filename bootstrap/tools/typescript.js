// TypeScript by amaro, which is SWC compiled to WebAssembly. Its bundle wants two modules of Node.
const amaro = { exports: {} };
require('amaro_bundle')(amaro, amaro.exports, (name) => ({
  TextDecoder: class {
    decode(bytes) {
      return bytes === undefined ? '' : native.decodeUtf8(bytes);
    }
  },
  TextEncoder: class {
    encode(text) {
      return native.encodeUtf8(text);
    }
  },
  Buffer: { from: (text) => native.decodeBase64(text) },
}));

return (text, path, mode) => {
  const transform = mode === 'transform';
  try {
    const { code, map } = amaro.exports.transformSync(text, {
      mode: transform ? 'transform' : 'strip-only', sourceMap: transform, filename: path,
    });
    return [code, map ?? ''];
  } catch (error) {
    if (typeof error?.code !== 'string') throw error;
    const hint = error.code === 'UnsupportedSyntax'
      ? "; app.typescript = \"transform\" in the configuration translates it" : '';
    const message = error.message.replace(' is not supported in strip-only mode', ' is more than a type') + hint;
    return ['', '', message, error.snippet ?? '', String(error.startLine ?? 0), String((error.startColumn ?? -1) + 1)];
  }
};
