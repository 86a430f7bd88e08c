import { createElement, Suspense, use, useId } from 'react';
import { renderToReadableStream, renderToString } from 'react-dom/server';

let slow;
const Slow = () => createElement('b', null, use(slow ??= new Promise((resolve) => { setTimeout(resolve, 10, 'came later'); })));
const Page = () => createElement('html', null, createElement('body', { id: useId() },
  createElement('h1', null, 'At <once>'),
  createElement(Suspense, { fallback: createElement('i', null, 'wait') }, createElement(Slow))));

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/string') return new Response(renderToString(createElement('p', { className: 'a' }, 'x', 1)));
    slow = undefined;
    const stream = await renderToReadableStream(createElement(Page), { bootstrapScripts: ['/page.js'], signal: request.signal });
    return new Response(stream, { headers: { 'content-type': 'text/html' } });
  },
};
