// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78, RFC 3720 appendix B.4): what guards every byte on disk
// (guarantees.md G7). Pure function, any thread. Uses the processor's CRC instruction where there is one.
#pragma once

#include <cstdint>
#include <string_view>

namespace broker {

/// The CRC of `bytes`. `seed` is the CRC of what came before: crc32c(b, crc32c(a)) == crc32c(a + b).
uint32_t crc32c(std::string_view bytes, uint32_t seed = 0) noexcept;

/// The same without special instructions; for machines that have none, and for tests to compare with.
uint32_t crc32c_portable(std::string_view bytes, uint32_t seed = 0) noexcept;

} // namespace broker
