"""Counts the test cases in JUnit XML files, as Bazel, GoogleTest and pytest write them.

usage: count_cases.py FILE…

Prints the names of the failed and the number of the skipped, then `N passed, N failed` as the last line. The exit
status is 0 only if nothing failed and something passed.
"""

import sys
import xml.etree.ElementTree as ElementTree


def main(paths):
    outcomes = {}
    for path in paths:
        for case in ElementTree.parse(path).iter('testcase'):
            name = '.'.join(part for part in (case.get('classname'), case.get('name')) if part)
            if case.find('failure') is not None or case.find('error') is not None:
                outcome = 'failed'
            elif case.get('status') == 'notrun' or case.find('skipped') is not None:
                outcome = 'skipped'
            else:
                outcome = 'passed'
            # pytest writes a case twice that fails in its teardown.
            if outcomes.get((path, name)) != 'failed':
                outcomes[path, name] = outcome
    failed = [name for (_, name), outcome in outcomes.items() if outcome == 'failed']
    skipped = list(outcomes.values()).count('skipped')
    passed = list(outcomes.values()).count('passed')
    for name in failed:
        print(f'failed: {name}')
    if skipped:
        print(f'{skipped} skipped')
    print(f'{passed} passed, {len(failed)} failed')
    return 0 if passed and not failed else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
