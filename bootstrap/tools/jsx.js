// JSX, with TypeScript or without, by sucrase: lines stay where they are, columns do not.
const sucrase = { exports: {} };
require('sucrase_bundle')(sucrase, sucrase.exports);
const { transform } = sucrase.exports;

return (text, path, typescript) => {
  const pragma = /^\s*\/\*\*?[^]*?@jsxImportSource\s+(\S+)/.exec(text);
  try {
    const { code } = transform(text, {
      transforms: typescript === '1' ? ['typescript', 'jsx'] : ['jsx'],
      jsxRuntime: 'automatic',
      jsxImportSource: pragma === null ? 'react' : pragma[1],
      production: true,
      disableESTransforms: true,
      preserveDynamicImport: true,
      filePath: path,
    });
    return [code, ''];
  } catch (error) {
    const at = error.loc ?? { line: 0, column: -1 };
    const message = String(error.message).replace(/^Error transforming [^]*?: /, '').replace(/ \(\d+:\d+\)$/, '');
    return ['', '', message, '', String(at.line), String(at.column + 1)];
  }
};
