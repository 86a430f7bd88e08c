// The prebuilt V8 was compiled on a newer system than the oldest one that we build on. What its archive expects of
// glibc 2.38 and libstdc++ 13 is supplied here where the system is older; elsewhere this file is empty.

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>

#if defined(__GLIBC__) && (__GLIBC__ == 2 && __GLIBC_MINOR__ < 38)
// glibc 2.38 renamed these for C23, where "0b101" is a number too. V8 never hands them such text.
extern "C" {
long __isoc23_strtol(const char* text, char** end, int base) { return strtol(text, end, base); }
unsigned long __isoc23_strtoul(const char* text, char** end, int base) { return strtoul(text, end, base); }
long long __isoc23_strtoll(const char* text, char** end, int base) { return strtoll(text, end, base); }
unsigned long long __isoc23_strtoull(const char* text, char** end, int base) { return strtoull(text, end, base); }

int __isoc23_sscanf(const char* text, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int fields = vsscanf(text, format, arguments);
  va_end(arguments);
  return fields;
}

int __isoc23_fscanf(FILE* file, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int fields = vfscanf(file, format, arguments);
  va_end(arguments);
  return fields;
}
}
#endif

#if defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE < 13
// libstdc++ 13 moved the overlapping case of std::string::_M_replace into a function of its own, with this contract:
// replace `old_length` characters at `at` by `new_length` characters from `source`, which lies inside the string;
// `tail` characters follow the replaced ones. The mangled name is spelt out because the class here has no such member.
extern "C" void _ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE15_M_replace_coldEPcmPKcmm(
    std::string* self, char* at, size_t old_length, const char* source, size_t new_length, size_t tail) {
  (void)self;
  const std::string replacement(source, new_length);
  if (tail != 0 && old_length != new_length) std::char_traits<char>::move(at + new_length, at + old_length, tail);
  std::char_traits<char>::copy(at, replacement.data(), new_length);
}
#endif
