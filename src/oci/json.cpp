#include "oci/json.hpp"

#include <fmt/format.h>

namespace coracle::oci {

using kernel::Error;
using nlohmann::json;

json parse_json(const std::string& text, const std::string& name) {
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    std::string why = error.what();
    if (const std::size_t end = why.find("] "); end != std::string::npos) why.erase(0, end + 2);
    throw Error("read " + name, 0, "it is not JSON: " + why);
  }
}

Field::Field(const json& document, std::string document_name) : Field(&document, {}, nullptr) {
  name_ = std::move(document_name);
  expect(document.is_object(), "an object");
}

// The document's name stays with the first field; those below point to it.
Field Field::operator[](const char* name) const {
  if (value_ == nullptr) return {nullptr, name_below(name), document()};
  expect(value_->is_object(), "an object");
  const auto found = value_->find(name);
  const bool there = found != value_->end() && !found->is_null();
  return {there ? &*found : nullptr, name_below(name), document()};
}

Field Field::element(std::size_t index) const {
  return {&(*value_)[index], fmt::format("{}[{}]", path_, index), document()};
}

void Field::expect(bool is, const char* what) const {
  if (!is) refuse(fmt::format("it must be {}, and is of the type {}", what, value_->type_name()));
}

void Field::refuse(const std::string& why) const {
  std::string value = value_ == nullptr ? "is missing" : value_->dump(-1, ' ', false, json::error_handler_t::replace);
  if (value.size() > 200) value = value.substr(0, 200) + "...";
  throw Error(fmt::format("read {}: {} {}", *document(), path_.empty() ? "the document" : path_, value), 0, why);
}

// No text goes to the kernel that it would read to a NUL only.
std::string Field::own_text(const json& value) const {
  if (!value.is_string()) refuse(fmt::format("it must be a string, and is of the type {}", value.type_name()));
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) refuse("it holds a NUL");
  return text;
}

std::string Field::text(const std::string& fallback) const { return value_ == nullptr ? fallback : own_text(*value_); }

std::string Field::required_text() const {
  std::string value = text();
  if (value.empty()) refuse("it must be there and not be empty");
  return value;
}

bool Field::flag(bool fallback) const {
  if (value_ == nullptr) return fallback;
  expect(value_->is_boolean(), "true or false");
  return value_->get<bool>();
}

std::vector<std::string> Field::texts() const {
  std::vector<std::string> texts;
  if (value_ == nullptr) return texts;
  expect(value_->is_array(), "an array");
  texts.reserve(value_->size());
  for (const json& value : *value_) texts.push_back(own_text(value));
  return texts;
}

}  // namespace coracle::oci
