import { initTRPC, TRPCError } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { z } from 'zod';

const t = initTRPC.context().create();
const signedIn = t.procedure.use(({ ctx, next }) => {
  if (ctx.user === null) throw new TRPCError({ code: 'UNAUTHORIZED' });
  return next({ ctx });
});
const notes = [];
const router = t.router({
  hello: t.procedure.input(z.string()).query(({ input }) => `hello ${input}`),
  notes: t.router({
    list: t.procedure.query(() => notes),
    add: signedIn.input(z.object({ text: z.string().min(1) })).mutation(({ input, ctx }) => {
      notes.push({ ...input, by: ctx.user });
      return notes.length;
    }),
  }),
  count: t.procedure.subscription(async function* () {
    for (let i = 0; i < 3; i++) yield i;
  }),
});

export default {
  fetch: (request) => fetchRequestHandler({
    endpoint: '/trpc',
    req: request,
    router,
    createContext: ({ req }) => ({ user: req.headers.get('x-user') }),
  }),
};
