// Code that V8 cannot end, by the path that asks for it: loops inside of built-ins that never look for interrupts, and
// what V8 answers by ending the process.

const endless = { length: 2 ** 53 - 1 };
let count = 0;

const search = (length) => Array.prototype.includes.call({ length }, 1);
const before = performance.now();
search(3e6);
const lengthOfASecond = 3e9 / (performance.now() - before);

// So many numbers out of order, made faster than a loop would.
const scattered = (length) => {
  const numbers = new Float64Array(length);
  for (let i = 0; i < 8192; i++) numbers[i] = (i * 7919) % 8209;
  for (let filled = 8192; filled < length; filled *= 2) numbers.copyWithin(filled, 0, filled);
  return numbers;
};

const cases = {
  '/includes': () => Array.prototype.includes.call(endless, 1),
  '/indexOf': () => Array.prototype.indexOf.call(endless, 1),
  '/lastIndexOf': () => Array.prototype.lastIndexOf.call(endless, 1),
  '/join': () => Array.prototype.join.call({ length: 2 ** 32 - 1 }, ''),
  '/reverse': () => Array.prototype.reverse.call(endless),
  '/copyWithin': () => Array.prototype.copyWithin.call(endless, 0, 1),
  '/sparseSort': () => { const array = []; array.length = 2 ** 32 - 1; array.sort(); },
  '/sparseIndexOf': () => new Array(2 ** 32 - 1).indexOf(5),
  '/typedSort': () => scattered(2 ** 25).sort(),
  '/parse': () => (0, eval)(`[${'1,'.repeat(2 ** 27)}]`),
  // These end V8.
  '/split': () => 'a'.repeat(2 ** 28).split(''),
  '/fillMap': () => new Array(1e8).fill(0).map((x) => ({})),
  '/fill': () => [].fill.call(endless, 0),
  '/from': () => Array.from({ length: 2 ** 32 - 1 }),
  '/longRegexp': () => /a*c/.test('a'.repeat(2 ** 28) + 'b'),
  // As memory and processor have it, this one ends in time for the slice's end, or V8 gives up.
  '/localeCompare': () => ('a'.repeat(2 ** 26) + 'b').localeCompare('a'.repeat(2 ** 26) + 'c'),
};

async function answer(pathname) {
  switch (pathname) {
    case '/comesBack':
      return new Response(String(search(lengthOfASecond * 1.7)));
    case '/slow':
      await new Promise((resolve) => setTimeout(resolve, 500));
      return new Response('slow');
    case '/stream':
      return new Response(new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('begun'));
        },
      }));
    default:
      await cases[pathname]();
      return new Response('returned');
  }
}

export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    return pathname === '/' ? new Response(`count ${++count}`) : answer(pathname);
  },
};
