// Runs before idlharness.js, which asks which global it is in by what it finds there: a worker's comes nearest. After
// testharness.js, which would wait for the messages of a worker's owner.
self.DedicatedWorkerGlobalScope = Object.getPrototypeOf(self).constructor;
