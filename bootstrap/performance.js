// The clock of High Resolution Time: milliseconds, as fine as the system's monotonic clock.

const { event, ops, webidl } = core;

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
}
webidl.configureInterface(Performance);
core.defineGlobal('Performance', Performance);

const performance = new Performance(webidl.internal);
core.defineGlobalGetter('performance', () => performance);
