// node:string_decoder by the package of that name, which takes Buffers alone.
const { StringDecoder: Decoder } = require('string_decoder_bundle');
const { Buffer } = require('buffer');

const bufferOf = (value) => {
  if (!ArrayBuffer.isView(value) || Buffer.isBuffer(value)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
};

class StringDecoder extends Decoder {
  write(bytes) {
    return typeof bytes === 'string' ? bytes : super.write(bufferOf(bytes));
  }

  end(bytes) {
    return super.end(bufferOf(bytes));
  }
}

module.exports = { StringDecoder };
