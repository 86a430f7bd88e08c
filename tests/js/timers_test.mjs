// Timers, microtasks and the clock.

import {
  assert, assertEquals, assertRejects, assertStrictEquals, assertThrows, checkInterface, sleep, test, whileSpoiled,
} from './harness.mjs';

test('the functions are operations of the global object', () => {
  const lengths = { setTimeout: 1, setInterval: 1, clearTimeout: 0, clearInterval: 0, queueMicrotask: 1 };
  for (const [name, length] of Object.entries(lengths)) {
    const { value, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(globalThis, name);
    assertEquals([value.name, value.length, writable, enumerable, configurable], [name, length, true, true, true]);
  }
  checkInterface('Performance', {
    length: 0, members: { now: 0, timeOrigin: 'readonly', toJSON: 0 }, parent: EventTarget,
  });
});

test('what a script adds to Object.prototype is not met', async () => {
  let fired;
  await whileSpoiled(['callback', 'parameters', 'interval', 'asyncContext'], async () => {
    fired = await new Promise((resolve) => setTimeout(resolve, 1, 'fired'));
  });
  assertEquals(fired, 'fired');
});

test('timers fire in the order of their times, then of their making', async () => {
  const fired = [];
  setTimeout(() => fired.push('20'), 20);
  setTimeout(() => fired.push('a'));
  setTimeout(() => fired.push('b'), 0);
  setTimeout(() => fired.push('c'), -5);
  setTimeout(() => fired.push('10'), '10');
  await sleep(40);
  assertEquals(fired, ['a', 'b', 'c', '10', '20']);
});

test('a timer waits as long as it was told', async () => {
  const start = performance.now();
  await sleep(30);
  const waited = performance.now() - start;
  assert(waited >= 30 && waited < 3000, `${waited} ms`);
});

test('an interval fires once in its time', async () => {
  const start = performance.now();
  let fired = 0;
  const id = setInterval(() => { fired++; }, 10);
  await sleep(200);
  clearInterval(id);
  const most = Math.ceil((performance.now() - start) / 10);
  assert(fired > 0 && fired <= most, `${fired} times in the time of ${most}`);
});

test('arguments, this and ids', async () => {
  const id = await new Promise((resolve) => {
    const made = setTimeout(function (...rest) {
      resolve([made, this === globalThis, rest]);
    }, 0, 1, 'two');
  });
  assertEquals([typeof id[0], id[1], id[2]], ['number', true, [1, 'two']]);
  assert(Number.isInteger(id[0]) && id[0] > 0);
  assertThrows(() => setTimeout('alert()'), TypeError, 'not a function');
  assertThrows(() => setTimeout(), TypeError, '1 argument required');
  assertThrows(() => setInterval({}), TypeError);
});

test('cleared timers do not fire, not even when due', async () => {
  const fired = [];
  clearTimeout(setTimeout(() => fired.push('cleared'), 0));
  let second;
  setTimeout(() => clearTimeout(second), 1);
  second = setTimeout(() => fired.push('second'), 1);
  clearInterval(setTimeout(() => fired.push('other'), 0));
  for (const nothing of [undefined, null, 0, -1, 1e9, 'x', {}]) clearTimeout(nothing);
  await sleep(10);
  assertEquals(fired, []);
});

test('an interval repeats until it is cleared', async () => {
  let count = 0;
  await new Promise((resolve) => {
    const id = setInterval((step) => {
      count += step;
      if (count === 6) {
        clearInterval(id);
        resolve();
      }
    }, 1, 2);
  });
  await sleep(10);
  assertEquals(count, 6);
});

test('microtasks run after each timer, before the next', async () => {
  const order = [];
  setTimeout(() => {
    order.push('timer 1');
    queueMicrotask(() => order.push('microtask'));
    Promise.resolve().then(() => order.push('promise'));
  });
  setTimeout(() => order.push('timer 2'));
  await sleep(5);
  assertEquals(order, ['timer 1', 'microtask', 'promise', 'timer 2']);
});

test('errors in timers and microtasks are reported, and nothing else suffers', async () => {
  const messages = [];
  globalThis.onerror = (message) => {
    messages.push(message);
    return true;
  };
  let after = false;
  setTimeout(() => { throw new Error('in a timer'); });
  setTimeout(() => { after = true; });
  queueMicrotask(() => { throw new Error('in a microtask'); });
  let runs = 0;
  const id = setInterval(() => {
    if (++runs === 2) clearInterval(id);
    throw new Error(`interval ${runs}`);
  }, 1);
  await sleep(20);
  globalThis.onerror = null;
  assertEquals(messages.sort(), [
    'Uncaught Error: in a microtask', 'Uncaught Error: in a timer', 'Uncaught Error: interval 1',
    'Uncaught Error: interval 2',
  ]);
  assert(after);
  assertThrows(() => queueMicrotask(1), TypeError, 'not a function');
});

test('many timers made and cleared', async () => {
  let fired = 0;
  for (let i = 0; i < 20000; i++) {
    const id = setTimeout(() => ++fired, i % 5);
    if (i % 2 === 0) clearTimeout(id);
  }
  await sleep(30);
  assertEquals(fired, 10000);
});

test('the clock goes forward from a time origin', () => {
  const first = performance.now();
  let second = performance.now();
  while (second === first) second = performance.now();
  assert(second > first && first > 0);
  assert(Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000);
  assertEquals(performance.toJSON(), { timeOrigin: performance.timeOrigin });
  assertThrows(() => Performance.prototype.now.call(new EventTarget()), TypeError);
  assertThrows(() => new Performance(), TypeError, 'Illegal constructor');
});

test('scheduler.wait is a timer as a promise', async () => {
  const order = [];
  setTimeout(() => order.push('timer'), 1);
  assertStrictEquals(await scheduler.wait(5), undefined);
  order.push('waited');
  assertEquals(order, ['timer', 'waited']);
  const controller = new AbortController();
  const waiting = scheduler.wait(1e6, { signal: controller.signal });
  controller.abort('enough');
  assertStrictEquals(await waiting.catch((reason) => reason), 'enough');
  assertStrictEquals(await scheduler.wait(0, { signal: controller.signal }).catch((reason) => reason), 'enough');
  await scheduler.wait(0, { signal: new AbortController().signal });
  await assertRejects(scheduler.wait(), TypeError);
  await assertRejects(scheduler.wait(1, { signal: {} }), TypeError);
  await assertRejects(Scheduler.prototype.wait.call({}, 1), TypeError);
  assertThrows(() => new Scheduler(), TypeError);
});
