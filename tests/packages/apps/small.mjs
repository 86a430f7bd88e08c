// Packages of one purpose: each answers below its own name.
import { addMonths, differenceInCalendarDays, format, formatDistance, parseISO } from 'date-fns';
import { de } from 'date-fns/locale';
import { Marked } from 'marked';
import { customAlphabet, nanoid } from 'nanoid';
import { v4, v5, v7, validate, version } from 'uuid';

const marked = new Marked({ gfm: true });
const run = {
  'date-fns': () => [
    format(addMonths(parseISO('2024-01-31'), 1), 'EEEE d MMMM yyyy', { locale: de }),
    differenceInCalendarDays(new Date(2024, 2, 1), new Date(2024, 1, 1)),
    formatDistance(new Date(0), new Date(3 * 3600e3)),
  ],
  marked: () => marked.parse('# Title\n\n| a | b |\n|---|---|\n| `x<y` | *z* |\n\n- [ ] todo\n'),
  nanoid: () => [nanoid().length, nanoid(7).length, /^[ab]{12}$/.test(customAlphabet('ab', 12)()), nanoid() !== nanoid()],
  uuid: () => [validate(v4()), version(v7()), v7() < v7(), v5('jsd', v5.DNS), v4() !== v4()],
};

export default {
  fetch: (request) => Response.json(run[new URL(request.url).pathname.slice(1)]()),
};
