// `navigator` (HTML, section 8.10): what the common minimum of server runtimes has of it.

const { ops, webidl } = core;

class Navigator {
  // Tells an instance from another object.
  #brand;

  constructor(key = undefined) {
    webidl.illegalConstructor(key);
  }

  get userAgent() {
    if (!(#brand in this)) throw webidl.illegalInvocation('Navigator');
    return `jsd/${core.version}`;
  }

  get hardwareConcurrency() {
    if (!(#brand in this)) throw webidl.illegalInvocation('Navigator');
    return ops.hardwareConcurrency();
  }
}
webidl.configureInterface(Navigator);
core.defineGlobal('Navigator', Navigator);

const navigator = new Navigator(webidl.internal);
core.defineGlobalGetter('navigator', () => navigator);
