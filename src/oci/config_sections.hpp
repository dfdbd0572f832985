// The sections of config.json, one file each. For config.cpp alone.
#pragma once

#include "oci/config.hpp"

namespace coracle::oci {

void read_mounts(const Field& mounts, Config& config);
void read_namespaces(const Field& linux_section, Config& config);
void read_devices(const Field& devices, Config& config);
void read_seccomp(const Field& seccomp, parts::ConfineOptions& confine);

std::vector<kernel::IdMapping> read_id_mappings(const Field& mappings);

}  // namespace coracle::oci
