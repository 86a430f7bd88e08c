"""Counts the test cases in JUnit XML files, as Bazel, GoogleTest and pytest write them.

usage: count_cases.py FILE…

Prints the names of the failed and the number of the skipped, then `N passed, N failed` as the last line. The exit
status is 0 only if nothing failed and something passed.
"""

import sys
import xml.etree.ElementTree as ElementTree


def main(paths):
    passed, failed, skipped = 0, [], 0
    for path in paths:
        for case in ElementTree.parse(path).iter('testcase'):
            name = '.'.join(part for part in (case.get('classname'), case.get('name')) if part)
            if case.find('failure') is not None or case.find('error') is not None:
                failed.append(name)
            elif case.get('status') == 'notrun' or case.find('skipped') is not None:
                skipped += 1
            else:
                passed += 1
    for name in failed:
        print(f'failed: {name}')
    if skipped:
        print(f'{skipped} skipped')
    print(f'{passed} passed, {len(failed)} failed')
    return 0 if passed and not failed else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
