import { and, desc, eq, gt, sql } from 'drizzle-orm';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { drizzle } from 'drizzle-orm/sqlite-proxy';

const users = sqliteTable('users', { id: integer().primaryKey(), name: text().notNull(), age: integer() });
const posts = sqliteTable('posts', { id: integer().primaryKey(), author: integer().references(() => users.id), title: text() });

// A driver is a function that takes SQL and returns rows; this one shows what it was asked.
const asked = [];
const db = drizzle(async (query, parameters, method) => {
  asked.push([query, parameters, method]);
  return { rows: [[7, 'Ada']] };
});

export default {
  async fetch() {
    asked.length = 0;
    const rows = await db.select({ id: users.id, name: users.name }).from(users)
      .innerJoin(posts, eq(posts.author, users.id))
      .where(and(gt(users.age, 30), sql`lower(${users.name}) like ${'a%'}`)).orderBy(desc(users.id)).limit(5);
    await db.insert(users).values({ name: 'Bob', age: 1 });
    return Response.json({ rows, asked });
  },
};
