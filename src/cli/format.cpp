#include "cli/format.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "cli/cli.hpp"
#include "cli/table.hpp"
#include "kernel/error.hpp"

namespace coracle::cli {
namespace {

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> all;
  std::size_t begin = 0;
  for (std::size_t end; (end = line.find('\t', begin)) != std::string::npos; begin = end + 1)
    all.push_back(line.substr(begin, end - begin));
  all.push_back(line.substr(begin));
  return all;
}

void print_table(const ListKind& kind, const std::string& text, const std::vector<Json>& rows) {
  const Template row(text, Template::Escapes::read);
  Json headings = Json::object();
  for (const auto& [field, heading] : kind.headings) headings[field] = heading;
  Table table{cells(row.head(headings))};
  for (const Json& fields : rows) table.push_back(cells(row.fill(fields)));
  fmt::print("{}", format_table(table));
}

// What stands behind the word "table", without the blanks around it; nothing when the format is another one.
std::string table_of(const ListKind& kind, const std::string& format) {
  if (format.empty() || format == "table") return kind.table;
  const std::size_t begin = format.find_first_not_of(' ', sizeof "table" - 1);
  return begin == std::string::npos ? kind.table : format.substr(begin, format.find_last_not_of(' ') + 1 - begin);
}

}  // namespace

std::string fill(const std::string& go_template, const Json& fields) { return Template(go_template).fill(fields); }

void add_shown(Options& options, Shown& shown, bool cuts) {
  options.flag('q', "quiet", "The ids or names alone", shown.quiet);
  if (cuts) options.flag(0, "no-trunc", "Nothing cut short", shown.whole);
  options.value(0, "format", "FORMAT",
                "table, json, a Go template for each line, or \"table \" and one for the columns", shown.format);
}

void print_list(const ListKind& kind, const Shown& shown, const std::vector<Json>& rows) {
  std::string format = shown.format == "json" ? "{{json .}}" : shown.format;
  const bool table = format.empty() || format == "table" || format.starts_with("table ");
  if (shown.quiet) {
    if (!format.empty() && format != "table")
      std::fputs("WARNING: Ignoring custom format, because both --format and --quiet are set.\n", stderr);
    format = kind.quiet;
  } else if (table) {
    return print_table(kind, table_of(kind, format), rows);
  }
  const Template line(format, Template::Escapes::read);
  std::string text;
  for (const Json& fields : rows) text += line.fill(fields) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int print_inspected(const std::vector<std::string>& names, const std::string& format,
                    const std::function<Json(const std::string&)>& describe) try {
  const bool json = format.empty() || format == "json";
  const Template line(json ? "" : format);
  Json all = Json::array();
  const int status = for_each(names, [&](const std::string& name) {
    Json described = describe(name);
    if (!json) fmt::print("{}\n", line.fill(described));
    all.push_back(std::move(described));
  });
  if (json) fmt::print("{}\n", all.dump(format.empty() ? 4 : -1, ' ', false, Json::error_handler_t::replace));
  return status;
} catch (kernel::Error& error) {
  throw error.with_status(64);
}

}  // namespace coracle::cli
