// `performance`: the clock of High Resolution Time, milliseconds as fine as the system's monotonic clock, and the methods of
// User Timing, Resource Timing and the Performance Timeline.

const { event, ops, performanceMethods: methods, webidl } = core;

class Performance extends event.EventTarget {
  // Tells an instance from another event target.
  #brand;

  constructor(key = undefined) {
    webidl.illegalConstructor(key);
    super();
  }

  get timeOrigin() {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return ops.timeOrigin();
  }

  now() {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return ops.now();
  }

  toJSON() {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return { timeOrigin: ops.timeOrigin() };
  }

  mark(markName, markOptions = {}) {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return methods.mark(arguments.length, markName, markOptions);
  }

  measure(measureName, startOrMeasureOptions = {}, endMark = undefined) {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return methods.measure(arguments.length, measureName, startOrMeasureOptions, endMark);
  }

  clearMarks(markName = undefined) {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return methods.clearMarks(markName);
  }

  clearMeasures(measureName = undefined) {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return methods.clearMeasures(measureName);
  }

  clearResourceTimings() {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    core.resourceTiming.clear();
  }

  setResourceTimingBufferSize(maxSize) {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    const context = "Failed to execute 'setResourceTimingBufferSize' on 'Performance'";
    webidl.requiredArguments(arguments.length, 1, context);
    core.resourceTiming.setLimit(webidl.unsignedLong(maxSize, `${context}: Argument 1`));
  }

  getEntries() {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return methods.getEntries();
  }

  getEntriesByType(type) {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return methods.getEntriesByType(arguments.length, type);
  }

  getEntriesByName(name, type = undefined) {
    if (!(#brand in this)) throw webidl.illegalInvocation('Performance');
    return methods.getEntriesByName(arguments.length, name, type);
  }
}
event.defineEventHandler(Performance.prototype, 'resourcetimingbufferfull');
webidl.configureInterface(Performance);
delete core.performanceMethods;
core.defineGlobal('Performance', Performance);

const performance = new Performance(webidl.internal);
core.defineGlobalGetter('performance', () => performance);
