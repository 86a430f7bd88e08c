"""The tests of a web-platform-tests tree: which files there are, and what each of them asks for."""

import dataclasses
import pathlib
import re

SUFFIXES = ('.any.js', '.window.js')

# Folders that hold no tests, or none for something that is not a browser.
SKIPPED_FOLDERS = {'common', 'interfaces', 'resources', 'support', 'crashtests', 'service-workers', 'node_modules'}

# Globals whose tests may run here: jsd's global object is about a worker's, with what a window and it share.
GLOBALS = {'window', 'dedicatedworker', 'worker', 'jsshell'}

META = re.compile(r'^//\s*META:\s*(\w+)=(.*?)\s*$')

SECONDS = 10
LONG_SECONDS = 60


@dataclasses.dataclass
class Test:
    """One run of one file: a file with variants has several."""

    file: str  # Below the tree.
    variant: str  # '' or '?…'.
    seconds: int
    scripts: list  # Paths, before the file itself.

    @property
    def name(self):
        return self.file + self.variant

    @property
    def is_idlharness(self):
        return any(path.endswith('/resources/idlharness.js') for path in self.scripts)


def read_meta(path):
    """The META comments at the head of a file: key → values in their order."""
    meta = {}
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file:
            if not line.strip():
                continue
            match = META.match(line)
            if match:
                meta.setdefault(match[1], []).append(match[2])
            elif not line.startswith('//') and not line.startswith("'use strict'"):
                break
    return meta


def tests_of(root, path):
    """The tests of one file; none where it is meant for other globals than ours."""
    meta = read_meta(path)
    if path.name.endswith('.any.js') and 'global' in meta:
        wanted = {name.strip().split('-')[0] for value in meta['global'] for name in value.split(',')}
        if not wanted & GLOBALS:
            return []
    scripts = []
    for script in meta.get('script', []):
        found = root / script[1:] if script.startswith('/') else path.parent / script
        scripts.append(str(found))
    seconds = LONG_SECONDS if 'long' in meta.get('timeout', []) else SECONDS
    file = str(path.relative_to(root))
    return [Test(file, variant, seconds, scripts) for variant in meta.get('variant', [''])]


def find_tests(root, filter_text):
    """All tests whose name contains the text, in the order of their names."""
    root = pathlib.Path(root)
    tests = []
    for path in sorted(root.rglob('*.js')):
        below = path.relative_to(root)
        if not path.name.endswith(SUFFIXES) or SKIPPED_FOLDERS & set(below.parts[:-1]):
            continue
        tests += [test for test in tests_of(root, path) if filter_text in test.name]
    return tests
