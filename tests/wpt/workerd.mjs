// Runs one file of web-platform-tests in workerd, as peer.mjs does elsewhere: peers.py puts it beside the job.

export default {
  async test(controller, { evaluator, tree, job }, context) {
    const { log } = console;
    const { stringify } = JSON;
    const ended = Promise.withResolvers();
    self.wptHost = {
      tell(message) {
        log(`wpt-runner:${stringify(message)}`);
        if (message.kind === 'completion') ended.resolve();
      },
      async readFile(path) {
        const response = await tree.fetch(`http://tree${encodeURI(path)}`);
        return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
      },
    };
    const { scheduler } = self;
    const { wait } = scheduler;
    for (const { name, source } of job.sources) {
      try {
        evaluator.eval(source, name);
      } catch (error) {
        console.error('uncaught:', error);
      }
    }
    const timeOver = Reflect.apply(wait, scheduler, [job.seconds * 1000]).then(() => true);
    if (await Promise.race([ended.promise, timeOver])) evaluator.eval('timeout();', 'wpt-end.js');
  },
};
