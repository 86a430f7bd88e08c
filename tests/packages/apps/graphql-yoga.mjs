import { createSchema, createYoga } from 'graphql-yoga';

const books = [{ title: 'Emma', author: { name: 'Austen' } }];
const schema = createSchema({
  typeDefs: /* GraphQL */ `
    type Author { name: String! }
    type Book { title: String!, author: Author! }
    type Query { books: [Book!]!, fails: String }
    type Mutation { add(title: String!, author: String!): Book! }
    type Subscription { countdown(from: Int!): Int! }
  `,
  resolvers: {
    Query: {
      books: async () => books,
      fails() { throw new Error('on purpose'); },
    },
    Mutation: {
      add(_, { title, author }) {
        books.push({ title, author: { name: author } });
        return books.at(-1);
      },
    },
    Subscription: {
      countdown: {
        async *subscribe(_, { from }) {
          for (let i = from; i >= 0; i--) yield { countdown: i };
        },
      },
    },
  },
});
const yoga = createYoga({ schema, logging: false });

export default { fetch: (request, env, ctx) => yoga.fetch(request, env, ctx) };
