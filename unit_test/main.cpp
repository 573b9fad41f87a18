// The main of every unit test program.
#define BOOST_TEST_MODULE warren
#include <boost/test/unit_test.hpp>
