// The Performance Timeline and User Timing: entries, marks, measures, observers. Resources are in resource_timing.js.
//
// As the standards have it, marks and measures stay until they are cleared.

const { DOMException, ops, webidl } = core;
const {
  ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeSort, FunctionPrototypeCall, ObjectDefineProperty, ObjectFreeze,
  SafeMap, SafeSet, SetPrototypeForEach, TypeError,
} = core.primordials;

// ---- Entries ----

let entryFields;

class PerformanceEntry {
  #name;
  #entryType;
  #startTime;
  #duration;

  constructor(key, name, entryType, startTime, duration) {
    webidl.illegalConstructor(key);
    this.#name = name;
    this.#entryType = entryType;
    this.#startTime = startTime;
    this.#duration = duration;
  }

  get name() {
    return this.#name;
  }

  get entryType() {
    return this.#entryType;
  }

  get startTime() {
    return this.#startTime;
  }

  get duration() {
    return this.#duration;
  }

  toJSON() {
    return { name: this.#name, entryType: this.#entryType, startTime: this.#startTime, duration: this.#duration };
  }

  static {
    entryFields = (entry) => ({
      __proto__: null,
      name: entry.#name,
      entryType: entry.#entryType,
      startTime: entry.#startTime,
      duration: entry.#duration,
    });
  }
}
// The class has arguments that its interface does not have.
ObjectDefineProperty(PerformanceEntry, 'length', { __proto__: null, value: 0 });
webidl.configureInterface(PerformanceEntry);
core.inspect.showAttributes(PerformanceEntry, ['name', 'entryType', 'startTime', 'duration']);
core.defineGlobal('PerformanceEntry', PerformanceEntry);

const convertMarkOptions = webidl.dictionary('PerformanceMarkOptions', [
  { key: 'detail', convert: webidl.any },
  { key: 'startTime', convert: webidl.double },
]);

// Null and undefined are what they are; anything else is copied.
const cloneDetail = (detail) => (detail === undefined || detail === null ? null : core.structuredClone(detail));

class PerformanceMark extends PerformanceEntry {
  #detail;

  constructor(markName, markOptions = {}) {
    const context = "Failed to construct 'PerformanceMark'";
    webidl.requiredArguments(arguments.length, 1, context);
    const name = webidl.DOMString(markName, `${context}: Argument 1`);
    const options = convertMarkOptions(markOptions, `${context}: Argument 2`);
    if (options.startTime < 0) throw new TypeError(`${context}: startTime is negative`);
    super(webidl.internal, name, 'mark', options.startTime ?? ops.now(), 0);
    this.#detail = cloneDetail(options.detail);
  }

  get detail() {
    return this.#detail;
  }
}
webidl.configureInterface(PerformanceMark);
core.defineGlobal('PerformanceMark', PerformanceMark);

let makeMeasure;

class PerformanceMeasure extends PerformanceEntry {
  #detail = null;

  constructor(key, ...fields) {
    webidl.illegalConstructor(key);
    super(key, ...fields);
  }

  get detail() {
    return this.#detail;
  }

  static {
    makeMeasure = (name, startTime, endTime, detail) => {
      const measure = new PerformanceMeasure(webidl.internal, name, 'measure', startTime, endTime - startTime);
      measure.#detail = detail;
      return measure;
    };
  }
}
ObjectDefineProperty(PerformanceMeasure, 'length', { __proto__: null, value: 0 });
webidl.configureInterface(PerformanceMeasure);
core.defineGlobal('PerformanceMeasure', PerformanceMeasure);

// ---- The timeline ----

const supportedTypes = ObjectFreeze(['mark', 'measure', 'resource']);
const isSupported = (type) => type === 'mark' || type === 'measure' || type === 'resource';

// By type, each in the order of addition.
const timeline = { __proto__: null, mark: [], measure: [], resource: [] };
// The start time of the last mark of each name.
const lastMarks = new SafeMap();

function add(entry, type) {
  ArrayPrototypePush(timeline[type], entry);
  queue(entry, type);
}

function queue(entry, type) {
  if (observers.size > 0) queueEntry(entry, type);
}

function byStartTime(entries) {
  return ArrayPrototypeSort(entries, (a, b) => entryFields(a).startTime - entryFields(b).startTime);
}

function select(entries, name, type) {
  const found = [];
  for (let i = 0; i < entries.length; i++) {
    const fields = entryFields(entries[i]);
    if ((name === undefined || fields.name === name) && (type === undefined || fields.entryType === type)) {
      ArrayPrototypePush(found, entries[i]);
    }
  }
  return found;
}

const selectAll = (name, type) => {
  const found = [];
  for (let i = 0; i < supportedTypes.length; i++) {
    const entries = select(timeline[supportedTypes[i]], name, type);
    for (let at = 0; at < entries.length; at++) ArrayPrototypePush(found, entries[at]);
  }
  return byStartTime(found);
};

function clear(type, name) {
  if (name === undefined) {
    timeline[type] = [];
    if (type === 'mark') lastMarks.clear();
    return;
  }
  const kept = [];
  const entries = timeline[type];
  for (let i = 0; i < entries.length; i++) {
    if (entryFields(entries[i]).name !== name) ArrayPrototypePush(kept, entries[i]);
  }
  timeline[type] = kept;
  if (type === 'mark') lastMarks.delete(name);
}

// "Convert a mark to a timestamp": a time as it is, or that of the last mark of this name.
function toTime(mark, context) {
  if (typeof mark === 'number') {
    if (mark < 0) throw new TypeError(`${context}: the time is negative`);
    return mark;
  }
  const time = lastMarks.get(mark);
  if (time === undefined) throw new DOMException(`${context}: there is no mark '${mark}'`, 'SyntaxError');
  return time;
}

const convertMark = (value, context) =>
  (typeof value === 'number' ? webidl.double(value, context) : webidl.DOMString(value, context));
const convertMeasureOptions = webidl.dictionary('PerformanceMeasureOptions', [
  { key: 'detail', convert: webidl.any },
  { key: 'duration', convert: webidl.double },
  { key: 'end', convert: convertMark },
  { key: 'start', convert: convertMark },
]);

function measureByOptions(options, endMark, context) {
  const { detail, duration, end, start } = options;
  const isEmpty = detail === undefined && duration === undefined && end === undefined && start === undefined;
  if (!isEmpty) {
    if (endMark !== undefined) throw new TypeError(`${context}: endMark cannot go together with options`);
    if (start === undefined && end === undefined) throw new TypeError(`${context}: neither start nor end is given`);
    if (start !== undefined && end !== undefined && duration !== undefined) {
      throw new TypeError(`${context}: start, end and duration cannot all be given`);
    }
  }
  let endTime;
  if (endMark !== undefined) endTime = toTime(endMark, context);
  else if (end !== undefined) endTime = toTime(end, context);
  else if (start !== undefined && duration !== undefined) endTime = toTime(start, context) + toTime(duration, context);
  else endTime = ops.now();
  let startTime = 0;
  if (start !== undefined) startTime = toTime(start, context);
  else if (duration !== undefined && end !== undefined) startTime = endTime - toTime(duration, context);
  return { startTime, endTime, detail: cloneDetail(detail) };
}

core.performanceMethods = {
  __proto__: null,

  mark(given, name, options) {
    webidl.requiredArguments(given, 1, "Failed to execute 'mark' on 'Performance'");
    const mark = new PerformanceMark(name, options);
    const { name: markName, startTime } = entryFields(mark);
    lastMarks.set(markName, startTime);
    add(mark, 'mark');
    return mark;
  },

  measure(given, name, startOrOptions, endMark) {
    const context = "Failed to execute 'measure' on 'Performance'";
    webidl.requiredArguments(given, 1, context);
    name = webidl.DOMString(name, `${context}: Argument 1`);
    // (DOMString or PerformanceMeasureOptions): null and undefined are the dictionary.
    const isOptions = startOrOptions === null || startOrOptions === undefined || webidl.isObject(startOrOptions);
    const options = isOptions ?
      convertMeasureOptions(startOrOptions, `${context}: Argument 2`) : undefined;
    const startMark = isOptions ? undefined : webidl.DOMString(startOrOptions, `${context}: Argument 2`);
    if (endMark !== undefined) endMark = webidl.DOMString(endMark, `${context}: Argument 3`);
    let times;
    if (isOptions) {
      times = measureByOptions(options, endMark, context);
    } else {
      const endTime = endMark === undefined ? ops.now() : toTime(endMark, context);
      times = { startTime: toTime(startMark, context), endTime, detail: null };
    }
    const measure = makeMeasure(name, times.startTime, times.endTime, times.detail);
    add(measure, 'measure');
    return measure;
  },

  clearMarks: (name) => clear('mark', toName(name, 'clearMarks')),
  clearMeasures: (name) => clear('measure', toName(name, 'clearMeasures')),
  getEntries: () => selectAll(undefined, undefined),

  getEntriesByType(given, type) {
    const context = "Failed to execute 'getEntriesByType' on 'Performance'";
    webidl.requiredArguments(given, 1, context);
    return selectAll(undefined, webidl.DOMString(type, `${context}: Argument 1`));
  },

  getEntriesByName(given, name, type) {
    const context = "Failed to execute 'getEntriesByName' on 'Performance'";
    webidl.requiredArguments(given, 1, context);
    name = webidl.DOMString(name, `${context}: Argument 1`);
    return selectAll(name, type === undefined ? undefined : webidl.DOMString(type, `${context}: Argument 2`));
  },
};

const toName = (name, method) =>
  (name === undefined ? undefined : webidl.DOMString(name, `Failed to execute '${method}' on 'Performance': Argument 1`));

// ---- Observers ----

const observers = new SafeSet();
// Entries of resources that were not kept; of other types all are.
let droppedResources = 0;
let isObserved;
let isTaskQueued = false;
let makeList;
let deliver;
let queueEntry;

class PerformanceObserverEntryList {
  #entries = [];

  constructor(key = undefined) {
    webidl.illegalConstructor(key);
  }

  getEntries() {
    return ArrayPrototypeSlice(this.#entries);
  }

  getEntriesByType(type) {
    const entries = this.#entries;
    const context = "Failed to execute 'getEntriesByType' on 'PerformanceObserverEntryList'";
    webidl.requiredArguments(arguments.length, 1, context);
    return select(entries, undefined, webidl.DOMString(type, `${context}: Argument 1`));
  }

  getEntriesByName(name, type = undefined) {
    const entries = this.#entries;
    const context = "Failed to execute 'getEntriesByName' on 'PerformanceObserverEntryList'";
    webidl.requiredArguments(arguments.length, 1, context);
    name = webidl.DOMString(name, `${context}: Argument 1`);
    return select(entries, name, type === undefined ? undefined : webidl.DOMString(type, `${context}: Argument 2`));
  }

  static {
    makeList = (entries) => {
      const list = new PerformanceObserverEntryList(webidl.internal);
      list.#entries = byStartTime(entries);
      return list;
    };
  }
}
webidl.configureInterface(PerformanceObserverEntryList);
core.defineGlobal('PerformanceObserverEntryList', PerformanceObserverEntryList);

const convertObserverInit = webidl.dictionary('PerformanceObserverInit', [
  { key: 'buffered', convert: webidl.boolean },
  { key: 'entryTypes', convert: webidl.sequence(webidl.DOMString) },
  { key: 'type', convert: webidl.DOMString },
]);

class PerformanceObserver {
  #callback;
  // 'single' or 'multiple' once observe() was called.
  #kind = undefined;
  #types = new SafeSet();
  #buffer = [];
  #requiresDroppedEntries = false;

  constructor(callback) {
    const context = "Failed to construct 'PerformanceObserver'";
    webidl.requiredArguments(arguments.length, 1, context);
    this.#callback = webidl.callbackFunction(callback, `${context}: Argument 1`);
  }

  static get supportedEntryTypes() {
    return supportedTypes;
  }

  observe(options = {}) {
    const buffer = this.#buffer;
    const context = "Failed to execute 'observe' on 'PerformanceObserver'";
    const { buffered, entryTypes, type } = convertObserverInit(options, `${context}: Argument 1`);
    if (entryTypes === undefined && type === undefined) {
      throw new TypeError(`${context}: neither entryTypes nor type is given`);
    }
    if (entryTypes !== undefined && (buffered !== undefined || type !== undefined)) {
      throw new TypeError(`${context}: entryTypes cannot go together with type or buffered`);
    }
    const kind = type === undefined ? 'multiple' : 'single';
    if (this.#kind !== undefined && this.#kind !== kind) {
      throw new DOMException(
        `${context}: observe() with type and with entryTypes cannot be mixed`, 'InvalidModificationError');
    }
    this.#kind = kind;
    this.#requiresDroppedEntries = true;
    if (kind === 'multiple') {
      const types = new SafeSet();
      for (let i = 0; i < entryTypes.length; i++) if (isSupported(entryTypes[i])) types.add(entryTypes[i]);
      if (types.size === 0) return;
      this.#types = types;
    } else {
      if (!isSupported(type)) return;
      this.#types.add(type);
      if (buffered) {
        for (let i = 0; i < timeline[type].length; i++) ArrayPrototypePush(buffer, timeline[type][i]);
        queueTask();
      }
    }
    observers.add(this);
  }

  disconnect() {
    this.#buffer = [];
    this.#types = new SafeSet();
    this.#kind = undefined;
    observers.delete(this);
  }

  takeRecords() {
    const records = this.#buffer;
    this.#buffer = [];
    return records;
  }

  static {
    queueEntry = (entry, type) => {
      SetPrototypeForEach(observers, (observer) => {
        if (observer.#types.has(type)) ArrayPrototypePush(observer.#buffer, entry);
      });
      queueTask();
    };
    isObserved = (type) => {
      let found = false;
      if (observers.size > 0) SetPrototypeForEach(observers, (observer) => found ||= observer.#types.has(type));
      return found;
    };
    deliver = (observer) => {
      const entries = observer.#buffer;
      if (entries.length === 0) return;
      observer.#buffer = [];
      const droppedEntriesCount = observer.#types.has('resource') ? droppedResources : 0;
      const options = observer.#requiresDroppedEntries ? { droppedEntriesCount } : {};
      observer.#requiresDroppedEntries = false;
      try {
        FunctionPrototypeCall(observer.#callback, observer, makeList(entries), observer, options);
      } catch (error) {
        core.reportException(error, 'performance observer');
      }
    };
  }
}
webidl.configureInterface(PerformanceObserver);
core.defineGlobal('PerformanceObserver', PerformanceObserver);

function queueTask() {
  if (isTaskQueued) return;
  isTaskQueued = true;
  core.timers.start(() => {
    isTaskQueued = false;
    const notified = [];
    SetPrototypeForEach(observers, (observer) => ArrayPrototypePush(notified, observer));
    for (let i = 0; i < notified.length; i++) deliver(notified[i]);
  }, 0);
}

core.performanceTimeline = {
  __proto__: null,
  PerformanceEntry,
  fieldsOf: entryFields,
  isObserved,
  // Hands an entry to the observers of its type.
  queue,
  // Those of resources, to be filled by bootstrap/resource_timing.js.
  resources: timeline.resource,
  drop(count) {
    droppedResources += count;
  },
};
