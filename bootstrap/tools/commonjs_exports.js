// The names that a CommonJS module exports, by Node's own lexer for that.
const lexer = { exports: {} };
require('lexer_bundle')(lexer, lexer.exports);

return (text) => {
  try {
    const { exports, reexports } = lexer.exports.parse(text);
    return [exports, reexports];
  } catch {
    return [[], []];
  }
};
