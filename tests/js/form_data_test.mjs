import { assert, assertEquals, assertRejects, assertThrows, checkInterface, test } from './harness.mjs';

const boundary = 'xyz';
const multipart = (body, type = `multipart/form-data; boundary=${boundary}`) =>
  new Response(typeof body === 'string' ? new TextEncoder().encode(body) : body, { headers: { 'content-type': type } });
const part = (head, content) => `--${boundary}\r\n${head}\r\n\r\n${content}\r\n`;
const end = `--${boundary}--\r\n`;

test('the interface', () => {
  checkInterface('FormData', {
    length: 0,
    members: {
      append: 2, delete: 1, get: 1, getAll: 1, has: 1, set: 2, entries: 0, forEach: 1, keys: 0, values: 0,
    },
  });
  assertThrows(() => new FormData({}), TypeError);
  assertThrows(() => new FormData().append('a'), TypeError);
  assertThrows(() => new FormData().append('a', 'b', 'c'), TypeError);
  assertThrows(() => FormData.prototype.get.call({}, 'a'), TypeError);
});

test('entries are appended, set, deleted and read in order', () => {
  const form = new FormData();
  form.append('a', 1);
  form.append('b', 'x\ud800');
  form.append('a', '2');
  assertEquals([...form], [['a', '1'], ['b', 'x\ufffd'], ['a', '2']]);
  form.set('a', 'only');
  assertEquals([form.getAll('a'), form.get('c'), form.has('b')], [['only'], null, true]);
  form.delete('b');
  assertEquals([...form.keys()], ['a']);
});

test('a blob becomes a file', async () => {
  const form = new FormData();
  form.append('blob', new Blob(['abc'], { type: 'text/x' }));
  form.append('named', new Blob(['def']), 'name.txt');
  const file = new File(['ghi'], 'own.txt', { lastModified: 5 });
  form.append('file', file);
  form.append('renamed', file, 'other.txt');
  assertEquals([form.get('blob').name, form.get('blob').type, await form.get('blob').text()], ['blob', 'text/x', 'abc']);
  assertEquals([form.get('named').name, form.get('named') instanceof File], ['name.txt', true]);
  assert(form.get('file') === file);
  assertEquals([form.get('renamed').name, form.get('renamed').lastModified], ['other.txt', 5]);
});

test('multipart goes out and comes back', async () => {
  const form = new FormData();
  form.append('text', 'line\nbreak');
  form.append('na"me\r\n', 'ü');
  const bytes = new Uint8Array(100_000).map((_, i) => i * 7);
  form.append('file', new File([bytes], 'dä"ta.bin', { type: 'application/x-thing' }));
  form.append('empty', new File([], ''));
  const response = new Response(form);
  const type = response.headers.get('content-type');
  assert(/^multipart\/form-data; boundary=\S+$/.test(type), type);
  const copy = await response.formData();
  assertEquals([...copy.keys()], ['text', 'na"me\r\n', 'file', 'empty']);
  assertEquals([copy.get('text'), copy.get('na"me\r\n')], ['line\r\nbreak', 'ü']);
  const file = copy.get('file');
  assertEquals([file.name, file.type, file.size], ['dä"ta.bin', 'application/x-thing', bytes.length]);
  assertEquals(await file.bytes(), bytes);
  assertEquals([copy.get('empty').name, copy.get('empty').size, copy.get('empty').type],
    ['', 0, 'application/octet-stream']);
  const request = new Request('http://a/', { method: 'POST', body: form });
  assertEquals([...(await request.formData()).keys()], [...form.keys()]);
  assertEquals([...(await new Response(new FormData()).formData())], []);
});

test('multipart as others write it', async () => {
  const body = `preamble\r\n${part('content-disposition: FORM-DATA ;name=plain', 'a')}` +
    `--${boundary} \t\r\nX-Other: 1\r\nContent-Disposition: form-data; filename="f%22.txt"; name="q"\r\n\r\n` +
    `\r\n--${boundary}no\r\n--xy\r\n${end}epilogue`;
  const form = await multipart(body).formData();
  assertEquals([...form.keys()], ['plain', 'q']);
  assertEquals([form.get('plain'), form.get('q').name, form.get('q').type], ['a', 'f".txt', 'text/plain']);
  assertEquals(await form.get('q').text(), `\r\n--${boundary}no\r\n--xy`);
  const quoted = multipart(part('Content-Disposition: form-data; name="a"', '\ufeffb') + end,
    `multipart/form-data; boundary="${boundary}"`);
  assertEquals((await quoted.formData()).get('a'), '\ufeffb');
});

test('malformed multipart rejects with a TypeError', async () => {
  const disposition = 'Content-Disposition: form-data; name="a"';
  for (const body of [
    '', '--', end.slice(0, -4), part(disposition, 'x'), `--${boundary}\n${disposition}\n\nx\n--${boundary}--`,
    part('Content-Disposition: form-data', 'x') + end, part('Content-Disposition: attachment; name=a', 'x') + end,
    part('no colon', 'x') + end, part('Content-Disposition: form-data; name="a', 'x') + end,
    `--${boundary}\r\n${disposition}`, `--${boundary}\r\n${'x'.repeat(100_000)}`, `--${boundary}\r\n${end}`,
    `--${boundary}\r\nX: ${'x'.repeat(20_000)}\r\n${disposition}\r\n\r\n1\r\n${end}`,
  ]) {
    await assertRejects(multipart(body).formData(), TypeError);
  }
  await assertRejects(multipart(end, 'multipart/form-data').formData(), TypeError, 'boundary');
  await assertRejects(multipart(end, 'text/plain').formData(), TypeError, 'Content-Type');
  await assertRejects(new Response(new Uint8Array(1)).formData(), TypeError);
});

test('a flood of parts and of almost-delimiters is read', async () => {
  const many = await multipart(part('Content-Disposition: form-data; name="n"', '').repeat(20_000) + end).formData();
  assertEquals(many.getAll('n').length, 20_000);
  const almost = `\r\n--${boundary}-x`.repeat(100_000);
  const form = await multipart(part('Content-Disposition: form-data; name="n"', almost) + end).formData();
  assertEquals(form.get('n').length, almost.length);
});

test('urlencoded forms', async () => {
  const form = await new Response(new URLSearchParams([['a', 'b c'], ['a', 'ü&='], ['', '']])).formData();
  assertEquals([...form], [['a', 'b c'], ['a', 'ü&='], ['', '']]);
  const type = { headers: { 'content-type': 'Application/X-WWW-form-urlencoded; charset=x' } };
  assertEquals([...await new Response('a=1&&b%', type).formData()], [['a', '1'], ['b%', '']]);
  assertEquals([...await new Response(null, type).formData()], []);
});

test('a form is read by the built-ins of the start, whatever a script redefines', async () => {
  const { push } = Array.prototype;
  const { get } = Map.prototype;
  Array.prototype.push = Map.prototype.get = () => { throw new Error('redefined'); };
  try {
    const form = new FormData();
    form.append('a', new Blob(['x']));
    const copy = await new Response(form).formData();
    assertEquals(await copy.get('a').text(), 'x');
  } finally {
    Array.prototype.push = push;
    Map.prototype.get = get;
  }
});
