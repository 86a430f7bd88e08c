#include <gtest/gtest.h>

// The main of every unit test. It comes from an object file because V8's archive holds other programs' mains, which a
// linker that looks for one in archives would find first.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
