// Writes the snapshot that is built into jsd: make_snapshot FILE.

#include <cstdio>
#include <fstream>
#include <string>

#include "core/bindings.h"
#include "core/snapshot.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_snapshot FILE\n");
    return 2;
  }
  std::string error;
  const auto references = jsd::ExternalReferences(jsd::AllBindings());
  const auto snapshot = jsd::MakeSnapshot(jsd::AllBindings(), references, &error);
  if (!snapshot) {
    std::fprintf(stderr, "make_snapshot: %s\n", error.c_str());
    return 1;
  }
  std::ofstream file(argv[1], std::ios::binary);
  file << *snapshot;
  file.close();
  if (!file) std::fprintf(stderr, "make_snapshot: %s cannot be written\n", argv[1]);
  return file ? 0 : 1;
}
