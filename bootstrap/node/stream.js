// node:stream by the package readable-stream, which is Node's own; and the bridges to web streams, which it lacks.
const stream = require('readable_stream_bundle');
const { Buffer } = require('buffer');

const { Readable, Writable, Duplex } = stream;

function readableToWeb(readable, options = {}) {
  let ended = false;
  const strategy = options.strategy ?? (readable.readableObjectMode ?
    new CountQueuingStrategy({ highWaterMark: readable.readableHighWaterMark }) :
    new ByteLengthQueuingStrategy({ highWaterMark: readable.readableHighWaterMark }));
  readable.pause();
  return new ReadableStream({
    start(controller) {
      readable.on('data', (chunk) => {
        // Buffers are subclasses that share memory; consumers of web streams expect the plain class.
        const value = Buffer.isBuffer(chunk) && !readable.readableObjectMode ? new Uint8Array(chunk) : chunk;
        controller.enqueue(value);
        if (controller.desiredSize <= 0) readable.pause();
      });
      readable.pause();
      stream.finished(readable, { writable: false }, (error) => {
        if (ended) return;
        ended = true;
        if (error) controller.error(error);
        else controller.close();
      });
    },
    pull() {
      readable.resume();
    },
    cancel(reason) {
      ended = true;
      readable.destroy(reason instanceof Error ? reason : undefined);
    },
  }, strategy);
}

function readableFromWeb(web, options = {}) {
  const reader = web.getReader();
  let closed = false;
  return new Readable({
    ...options,
    async read() {
      try {
        const { value, done } = await reader.read();
        if (done) closed = true;
        this.push(done ? null : !options.objectMode && ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value);
      } catch (error) {
        closed = true;
        this.destroy(error);
      }
    },
    destroy(error, callback) {
      if (closed) {
        callback(error);
        return;
      }
      closed = true;
      reader.cancel(error).then(() => callback(error), (failure) => callback(error ?? failure));
    },
  });
}

function writableToWeb(writable) {
  let failed;
  writable.on('error', (error) => { failed = error; });
  return new WritableStream({
    start(controller) {
      stream.finished(writable, { readable: false }, (error) => {
        if (error) controller.error(error);
      });
    },
    write(chunk) {
      if (failed) throw failed;
      if (writable.write(chunk)) return undefined;
      return new Promise((resolve, reject) => {
        const settle = (finish) => (value) => {
          writable.off('drain', drained);
          writable.off('close', gone);
          finish(value);
        };
        const drained = settle(resolve);
        const gone = settle(() => reject(failed ?? new Error('The stream was closed')));
        writable.once('drain', drained);
        writable.once('close', gone);
      });
    },
    close() {
      return new Promise((resolve, reject) => {
        stream.finished(writable, { readable: false }, (error) => (error ? reject(error) : resolve()));
        writable.end();
      });
    },
    abort(reason) {
      writable.destroy(reason instanceof Error ? reason : new Error('aborted', { cause: reason }));
    },
  });
}

function writableFromWeb(web, options = {}) {
  const writer = web.getWriter();
  return new Writable({
    ...options,
    write(chunk, encoding, callback) {
      writer.ready.then(() => writer.write(chunk)).then(() => callback(), callback);
    },
    final(callback) {
      writer.close().then(() => callback(), callback);
    },
    destroy(error, callback) {
      if (!error) {
        callback();
        return;
      }
      writer.abort(error).then(() => callback(error), () => callback(error));
    },
  });
}

Readable.toWeb = readableToWeb;
Readable.fromWeb = readableFromWeb;
Writable.toWeb = writableToWeb;
Writable.fromWeb = writableFromWeb;
Duplex.toWeb = (duplex) => ({ readable: readableToWeb(duplex), writable: writableToWeb(duplex) });
Duplex.fromWeb = ({ readable, writable }, options = {}) =>
  Duplex.from({ readable: readableFromWeb(readable, options), writable: writableFromWeb(writable, options) });

// `Readable.from` and the iterator helpers take web streams for iterables, which they are.
module.exports = stream;
