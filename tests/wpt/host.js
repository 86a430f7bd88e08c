// What environment.js asks of jsd: runs before it, within runner.cc. Other runtimes have theirs in peer.mjs.

self.wptHost = (() => {
  const mark = 'wpt-runner:';
  const { log } = console;
  const { stringify } = JSON;
  const tell = (message) => log(mark + stringify(message));
  const waiting = new Map();
  let lastId = 0;
  jsd.listen('wpt.file', ({ id, content }) => {
    const resolve = waiting.get(id);
    waiting.delete(id);
    resolve(content === null ? null : Uint8Array.from(content, (character) => character.charCodeAt(0)));
  });
  const readFile = (path) => new Promise((resolve) => {
    waiting.set(++lastId, resolve);
    tell({ kind: 'read', id: lastId, path });
  });
  return { tell, readFile };
})();
