// The client against a server that the environment names.
import OpenAI from 'openai';

export default {
  async fetch(request, env) {
    const client = new OpenAI({ apiKey: env.OPENAI_API_KEY, baseURL: env.OPENAI_BASE_URL, maxRetries: 1 });
    const { pathname } = new URL(request.url);
    const messages = [{ role: 'user', content: 'Say hello' }];
    if (pathname === '/stream') {
      const stream = await client.chat.completions.create({ model: 'mock', messages, stream: true });
      const parts = [];
      for await (const { choices } of stream) parts.push(choices[0].delta.content);
      return Response.json(parts);
    }
    if (pathname === '/error') {
      const error = await client.models.retrieve('missing').then(() => null, (reason) => reason);
      return Response.json([error.constructor.name, error.status, error.message]);
    }
    if (pathname === '/upload') {
      const file = await OpenAI.toFile(new TextEncoder().encode('{}'), 'batch.jsonl', { type: 'application/jsonl' });
      return Response.json(await client.files.create({ file, purpose: 'batch' }));
    }
    const { choices, usage } = await client.chat.completions.create({ model: 'mock', messages });
    return Response.json([choices[0].message.content, usage.total_tokens]);
  },
};
