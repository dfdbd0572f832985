// Tables, durations and sizes as docker prints them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coracle::cli {

using Table = std::vector<std::vector<std::string>>;  // rows; the first is the head

// Columns at least so wide and 3 apart, as docker's tabwriter has them.
std::string format_table(const Table& table, std::size_t narrowest = 10);

// "About a minute", "3 weeks": go-units' HumanDuration.
std::string human_duration(std::int64_t seconds);

// "2026-01-02 15:04:05 +0100 CET": Go's Time.String, in the local zone.
std::string go_time(std::int64_t seconds_since_1970);

// Three figures, in powers of 1000: "4.26MB".
std::string human_size(std::uint64_t bytes);

// Four figures, in powers of 1024: "7.628GiB", as docker has memory.
std::string human_memory(std::uint64_t bytes);

}  // namespace coracle::cli
