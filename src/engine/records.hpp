// The records of containers, in the state database: a name is taken while its record is there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "image/database.hpp"

namespace coracle::engine {

struct Record {
  std::string id;
  std::string name;
  std::string image;                 // its id
  std::vector<std::string> command;  // what runs in it
  std::int64_t created = 0;          // seconds since 1970
  std::string run_root;              // where the launching process holds its run directory (launch/run_directory.hpp)
};

class Records {
 public:
  explicit Records(image::Database& database) : database_(database) {}

  // Throws Error when the name is in use, or the image has been removed: one that has a record stays.
  void add(const Record& record);
  void remove(const std::string& id);
  std::vector<Record> all();

 private:
  image::Database& database_;
};

// Throws Error when docker would not take it as the name of a container.
void check_name(const std::string& name);

}  // namespace coracle::engine
