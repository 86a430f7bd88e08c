const books = new Map([
  ['0140449132', { isbn: '0140449132', title: 'The Odyssey', author: 'Homer' }],
  ['0140447946', { isbn: '0140447946', title: 'The Aeneid', author: 'Virgil' }],
]);

export const find = (isbn) => books.get(isbn);
export const list = (author) => [...books.values()].filter((book) => !author || book.author === author);
export const add = (book) => books.set(book.isbn, book);
export const remove = (isbn) => books.delete(isbn);

// What is wrong with `book`, a list of sentences; empty when nothing is.
export function validate(book) {
  const problems = [];
  if (!/^\d{9}[\dX]$/.test(book?.isbn)) problems.push('isbn must have ten digits');
  for (const field of ['title', 'author']) {
    if (typeof book?.[field] !== 'string' || book[field] === '') problems.push(`${field} must be a text`);
  }
  return problems;
}
