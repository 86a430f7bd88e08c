import { h } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { render } from 'preact-render-to-string';

function List({ items }) {
  const [first] = useState(items[0]);
  const count = useMemo(() => items.length, [items]);
  return h('ul', { class: 'list', 'data-count': count }, items.map((item) => h('li', { key: item, hidden: item !== first }, item)));
}

export default {
  fetch: () => new Response(render(h(List, { items: ['<a>', 'b & c'] })), { headers: { 'content-type': 'text/html' } }),
};
