// Checking what comes in: zod, valibot and ajv, which compiles its schemas.
import Ajv from 'ajv';
import * as v from 'valibot';
import { z } from 'zod';

const zodUser = z.object({
  name: z.string().trim().min(1),
  email: z.email(),
  age: z.coerce.number().int().positive().optional(),
  tags: z.array(z.enum(['a', 'b'])).default([]),
});
const valibotUser = v.object({
  name: v.pipe(v.string(), v.trim(), v.minLength(1)),
  email: v.pipe(v.string(), v.email()),
  age: v.optional(v.pipe(v.unknown(), v.transform(Number), v.integer())),
  tags: v.optional(v.array(v.picklist(['a', 'b'])), []),
});
const ajvUser = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true }).compile({
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1 },
    email: { type: 'string', pattern: '^\\S+@\\S+$' },
    age: { type: 'integer' },
    tags: { type: 'array', items: { enum: ['a', 'b'] }, default: [] },
  },
  required: ['name', 'email'],
});

const checks = {
  zod(value) {
    const { success, data, error } = zodUser.safeParse(value);
    return success ? { data } : { wrong: error.issues.map(({ path }) => path.join('.')) };
  },
  valibot(value) {
    const { success, output, issues } = v.safeParse(valibotUser, value);
    return success ? { data: output } : { wrong: issues.map((issue) => v.getDotPath(issue)) };
  },
  ajv(value) {
    return ajvUser(value) ? { data: value } :
      { wrong: ajvUser.errors.map(({ instancePath, params }) => instancePath.slice(1).replaceAll('/', '.') || params.missingProperty) };
  },
};

export default {
  async fetch(request) {
    return Response.json(checks[new URL(request.url).pathname.slice(1)](await request.json()));
  },
};
