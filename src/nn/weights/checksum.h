#pragma once

#include <cstddef>
#include <cstdint>

namespace selfcure {

/// CRC-32 of zip archives, at memory speed where the processor multiplies without carry.
std::uint32_t zip_checksum(const std::uint8_t* data, std::size_t bytes);

}  // namespace selfcure
