import { assert, assertEquals, assertThrows, checkInterface, test } from './harness.mjs';

test('the interfaces', () => {
  checkInterface('Performance', {
    length: 0, parent: EventTarget,
    members: {
      timeOrigin: 'readonly', now: 0, toJSON: 0, mark: 1, measure: 1, clearMarks: 0, clearMeasures: 0, getEntries: 0,
      getEntriesByType: 1, getEntriesByName: 1,
    },
  });
  const fields = { name: 'readonly', entryType: 'readonly', startTime: 'readonly', duration: 'readonly' };
  checkInterface('PerformanceEntry', { length: 0, members: { ...fields, toJSON: 0 } });
  checkInterface('PerformanceMark', { length: 1, members: { detail: 'readonly' }, parent: PerformanceEntry });
  checkInterface('PerformanceMeasure', { length: 0, members: { detail: 'readonly' }, parent: PerformanceEntry });
  checkInterface('PerformanceObserver', { length: 1, members: { observe: 0, disconnect: 0, takeRecords: 0 } });
  checkInterface('PerformanceObserverEntryList', {
    length: 0, members: { getEntries: 0, getEntriesByType: 1, getEntriesByName: 1 },
  });
});

test('marks and measures', () => {
  const begin = performance.mark('begin', { startTime: 10, detail: { a: [1] } });
  const end = performance.mark('end', { startTime: 30 });
  const measure = performance.measure('between', 'begin', 'end');
  assertEquals([measure.startTime, measure.duration, measure.detail], [10, 20, null]);
  assertEquals(begin.detail, { a: [1] });
  assertEquals(performance.measure('m', { start: 'begin', duration: 5, detail: 1 }).toJSON(),
    { name: 'm', entryType: 'measure', startTime: 10, duration: 5 });
  assertEquals(performance.getEntriesByType('mark'), [begin, end]);
  assertEquals(performance.getEntriesByName('between')[0], measure);
  assertThrows(() => performance.measure('x', 'missing'), DOMException, 'no mark');
  assertThrows(() => performance.measure('x', { start: 1, end: 2, duration: 3 }), TypeError);
  assertThrows(() => performance.mark('x', { startTime: -1 }), TypeError);
  assertThrows(() => performance.mark('x', { detail: () => {} }), DOMException);
  performance.clearMarks('begin');
  performance.clearMeasures();
  assertEquals(performance.getEntries(), [end]);
  performance.clearMarks();
  assertEquals(performance.getEntries(), []);
});

test('observers hear of what they asked for, in a task of its own', async () => {
  performance.mark('early');
  const heard = [];
  const observer = new PerformanceObserver((list, self) => {
    assert(self === observer);
    heard.push(...list.getEntries().map(({ name }) => name));
  });
  observer.observe({ type: 'mark', buffered: true });
  performance.mark('late');
  performance.measure('other');
  assertEquals(heard, []);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(heard, ['early', 'late']);
  performance.mark('taken');
  assertEquals(observer.takeRecords().map(({ name }) => name), ['taken']);
  observer.disconnect();
  performance.mark('after');
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(heard, ['early', 'late']);
  assertThrows(() => observer.observe({}), TypeError);
  assertThrows(() => observer.observe({ type: 'mark', entryTypes: ['mark'] }), TypeError);
  performance.clearMarks();
});

test('an observer that throws does not keep the others from hearing', async () => {
  const heard = [];
  const errors = [];
  addEventListener('error', (event) => {
    event.preventDefault();
    errors.push(event.error.message);
  }, { once: true });
  const observers = [
    new PerformanceObserver(() => { throw new Error('bad'); }),
    new PerformanceObserver((list) => heard.push(list.getEntries().length)),
  ];
  for (const observer of observers) observer.observe({ entryTypes: ['mark', 'unknown'] });
  performance.mark('x');
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals([errors, heard], [['bad'], [1]]);
  for (const observer of observers) observer.disconnect();
  performance.clearMarks();
});
