// The one place where Asio's own code is compiled; everywhere else BOOST_ASIO_SEPARATE_COMPILATION leaves it out.
#include <boost/asio/impl/src.hpp>
