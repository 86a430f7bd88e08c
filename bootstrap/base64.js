// atob and btoa (HTML, section 8.3).

const { DOMException, ops, webidl } = core;

core.defineGlobalFunction('atob', function atob(data) {
  webidl.requiredArguments(arguments.length, 1, "Failed to execute 'atob'");
  const bytes = ops.base64Decode(webidl.DOMString(data, "Failed to execute 'atob': Argument 1"));
  if (bytes === undefined) {
    throw new DOMException("Failed to execute 'atob': The string is not correctly encoded", 'InvalidCharacterError');
  }
  return bytes;
});

core.defineGlobalFunction('btoa', function btoa(data) {
  webidl.requiredArguments(arguments.length, 1, "Failed to execute 'btoa'");
  const text = ops.base64Encode(webidl.DOMString(data, "Failed to execute 'btoa': Argument 1"));
  if (text === undefined) {
    throw new DOMException(
      "Failed to execute 'btoa': The string has characters outside of Latin-1", 'InvalidCharacterError');
  }
  return text;
});
