// What --format says: a text in which Go templates are filled in (template.hpp), and lists in docker's four ways.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.hpp"
#include "cli/template.hpp"

namespace coracle::cli {

// Throws Error with the status 1.
std::string fill(const std::string& go_template, const Json& fields);

// How a list is to be shown.
struct Shown {
  std::string format;  // "", "table", "table {{.A}}\t{{.B}}", "json", or a template for each line
  bool quiet = false;  // the names or ids alone
  bool whole = false;  // nothing is cut short
};

// -q, --format and, where something is cut short, --no-trunc.
void add_shown(Options& options, Shown& shown, bool cuts = true);

// One kind of list.
struct ListKind {
  std::string table;                                          // the template of its table: "{{.ID}}\t{{.Names}}"
  std::string quiet;                                          // what -q shows: "{{.ID}}"
  std::vector<std::pair<std::string, std::string>> headings;  // of each field: {"ID", "CONTAINER ID"}
};

// Each row has the fields that the kind has headings for. Throws Error as fill().
void print_list(const ListKind& kind, const Shown& shown, const std::vector<Json>& rows);

// For an inspect command: prints what `describe` gives for each of the names as one JSON array, or as the format
// ("json" or a template) has it; gives the exit status. Throws Error with docker's status, 64, for what is no template.
int print_inspected(const std::vector<std::string>& names, const std::string& format,
                    const std::function<Json(const std::string&)>& describe);

// The help of its --format.
constexpr const char* kInspectFormat = "json, or a Go template: {{.NAME.NAME}}, {{json .NAME}}, ...";

}  // namespace coracle::cli
