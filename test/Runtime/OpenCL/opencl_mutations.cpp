// Manifests cut at every byte and changed at random: refused or loaded, never a
// signal. Built with NACRE_SANITIZE this also looks for reads out of bounds.
#include "bundles.h"

extern "C" {
#include "opencl/plan.h"
}

#include <random>

namespace {
// The plan is what reads the untrusted text; a device sees only what it let
// pass. Returns whether it did.
bool reads(const std::string &text) {
  std::vector<char> exact(text.begin(), text.end());
  exact.shrink_to_fit();
  nacre_plan plan;
  nacre_error error = {};
  nacre_status status =
      nacre_plan_read(exact.data(), exact.size(), &plan, &error);
  bool fine = status == NACRE_OK ||
              std::string(error.text).rfind("manifest.json: ", 0) == 0;
  CHECK(fine);
  nacre_plan_free(&plan);
  return status == NACRE_OK;
}

void loads(const std::string &text, const Bundle &b) {
  Embedded embedded(text, b.kernels, b.weights);
  nacre_opencl_model *model;
  nacre_error error = {};
  nacre_status status =
      nacre_opencl_load(testDevice(), &embedded.bundle, &model, &error);
  CHECK((status == NACRE_OK || error.text[0] != 0));
  nacre_opencl_free(model);
}

std::vector<Bundle> all() {
  return {addBundle(), chainBundle(), symbolicBundle(), gatherBundle(),
          emptyBundle()};
}
} // namespace

TEST_CASE("a manifest cut anywhere is refused") {
  for (const Bundle &b : all()) {
    std::string text = b.text();
    REQUIRE(reads(text));
    int passed = 0;
    for (size_t size = 0; size < text.size(); ++size)
      passed += reads(text.substr(0, size));
    CHECK(passed == 0);
  }
}

TEST_CASE("a manifest changed anywhere is refused or loads") {
  std::mt19937 random(20261122);
  const std::string likely = "{}[]\",:0123456789-eE.\\utfn ";
  int loaded = 0;
  for (const Bundle &b : all()) {
    std::string good = b.text();
    for (int round = 0; round < 20000; ++round) {
      std::string text = good;
      int changes = 1 + int(random() % 3);
      for (int i = 0; i < changes; ++i) {
        size_t at = random() % text.size();
        switch (random() % 4) {
        case 0:
          text[at] = char(random());
          break;
        case 1:
          text[at] = likely[random() % likely.size()];
          break;
        case 2:
          text.erase(at, 1 + random() % 8);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
        }
        if (text.empty())
          text = "{";
      }
      if (reads(text) && round % 64 == 0 && ++loaded)
        loads(text, b);
    }
  }
  CHECK(loaded > 0);
}

TEST_CASE("numbers of a manifest replaced by others") {
  const char *const numbers[] = {"0",
                                 "1",
                                 "-1",
                                 "255",
                                 "4096",
                                 "2147483647",
                                 "2147483648",
                                 "4294967296",
                                 "4611686018427387904",
                                 "9223372036854775807",
                                 "9223372036854775808",
                                 "-9223372036854775807",
                                 "99999999999999999999999999",
                                 "1e99",
                                 "null"};
  int read = 0;
  for (const Bundle &b : all()) {
    std::string good = b.text();
    for (size_t at = 0; at < good.size(); ++at) {
      bool starts = isdigit(good[at]) && !isdigit(good[at - 1]) &&
                    (good[at - 1] == ' ' || good[at - 1] == '-');
      if (!starts)
        continue;
      size_t end = good.find_first_not_of("0123456789", at);
      for (const char *number : numbers) {
        std::string text = good.substr(0, at) + number + good.substr(end);
        if (reads(text) && ++read % 4 == 0)
          loads(text, b);
      }
    }
  }
}
