"""Writes files of JavaScript into a C++ source: embed_sources.py OUTPUT FUNCTION FILE…

FUNCTION is one of those in core/bootstrap_files.h, which returns the files in this order.
"""

import os
import sys


def literal(text):
    """The text as adjacent C++ string literals, one for each line."""
    lines = text.splitlines(keepends=True)
    escape = {'\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t'}
    quoted = []
    for line in lines:
        encoded = ''.join(
            escape.get(char) or (char if ' ' <= char <= '~' else ''.join(f'\\{byte:03o}' for byte in char.encode()))
            for char in line)
        # "??" could begin a trigraph, which some compilers still warn of.
        quoted.append('"' + encoded.replace('??', '?\\?') + '"')
    return '\n    '.join(quoted) or '""'


def main():
    output, function, paths = sys.argv[1], sys.argv[2], sys.argv[3:]
    entries = []
    for path in paths:
        with open(path, encoding='utf-8') as file:
            entries.append(f'    {{"{os.path.basename(path)}", {literal(file.read())}sv}},')
    with open(output, 'w', encoding='utf-8') as file:
        file.write('#include "core/bootstrap_files.h"\n\n#include <array>\n\nnamespace jsd {\nnamespace {\n\n'
                   'using namespace std::string_view_literals;\n\n'
                   f'constexpr std::array<BootstrapFile, {len(entries)}> kFiles = {{{{\n' + '\n'.join(entries) +
                   '\n}};\n\n}  // namespace\n\n'
                   f'std::span<const BootstrapFile> {function}() {{ return kFiles; }}\n\n'
                   '}  // namespace jsd\n')


main()
