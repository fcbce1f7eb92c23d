// Catch2 under either of its names: one header in version 2, many in 3.
#ifndef NACRE_TEST_UNIT_RUNTIME_CATCH_H
#define NACRE_TEST_UNIT_RUNTIME_CATCH_H

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif
