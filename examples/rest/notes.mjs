// The notes themselves. Each worker loads this module, so each has notes of its own: a real service keeps them in a
// database.
const notes = new Map();
let lastId = 0;

export const maxTitleLength = 100;

// What is wrong with `input` as a note, by field; null when nothing is.
export function validate(input) {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) return { body: 'must be a JSON object' };
  const problems = {};
  if (typeof input.title !== 'string' || input.title.trim() === '') {
    problems.title = 'must be a text that is not empty';
  } else if (input.title.length > maxTitleLength) {
    problems.title = `must not be longer than ${maxTitleLength} characters`;
  }
  if (input.text !== undefined && typeof input.text !== 'string') problems.text = 'must be a text';
  for (const field of Object.keys(input)) {
    if (field !== 'title' && field !== 'text') problems[field] = 'is not a field of a note';
  }
  return Object.keys(problems).length > 0 ? problems : null;
}

export function list(search) {
  const all = [...notes.values()];
  if (!search) return all;
  const wanted = search.toLowerCase();
  return all.filter((note) => `${note.title}\n${note.text}`.toLowerCase().includes(wanted));
}

export function create({ title, text = '' }) {
  const note = { id: ++lastId, title, text, changed: new Date().toISOString() };
  notes.set(note.id, note);
  return note;
}

export const find = (id) => notes.get(id);

export function replace(id, { title, text = '' }) {
  const note = { id, title, text, changed: new Date().toISOString() };
  notes.set(id, note);
  return note;
}

export const remove = (id) => notes.delete(id);
