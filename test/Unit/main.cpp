// The main of the unit tests: Catch2 2.13 generates it.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
