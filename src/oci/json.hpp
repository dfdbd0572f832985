// A JSON document read by name, so that every error says which field is wrong and what stands in it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "kernel/error.hpp"

namespace coracle::oci {

// Parses `text`; `name` is what errors call the document. Throws Error for what is not JSON.
nlohmann::json parse_json(const std::string& text, const std::string& name);

// A value of a document that lives longer than this, with the way to it. A field that is not there, or null, is absent:
// it has no members, no elements, and gives the fallback.
class Field {
 public:
  Field(const nlohmann::json& document, std::string document_name);

  explicit operator bool() const { return value_ != nullptr; }
  Field operator[](const char* name) const;

  std::string text(const std::string& fallback = {}) const;
  std::string required_text() const;  // there, and not ""
  bool flag(bool fallback = false) const;
  template <typename Number>
  std::optional<Number> number() const;
  std::vector<std::string> texts() const;

  // Every element of an array, every member of an object; `use` is given the field, or the name and the field.
  template <typename Use>
  void each(Use use) const;
  template <typename Use>
  void each_member(Use use) const;

  // Throws Error: the field, its value, and why it cannot be.
  [[noreturn]] void refuse(const std::string& why) const;
  const std::string& path() const { return path_; }

 private:
  Field(const nlohmann::json* value, std::string path, const std::string* document)
      : value_(value), path_(std::move(path)), document_(document) {}
  std::string name_below(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }
  const std::string* document() const { return document_ != nullptr ? document_ : &name_; }
  Field element(std::size_t index) const;
  void expect(bool is, const char* what) const;
  std::string own_text(const nlohmann::json& value) const;

  const nlohmann::json* value_;
  std::string path_;
  std::string name_;             // of the document, in the field that stands for all of it
  const std::string* document_;  // that name, in all others
};

template <typename Number>
std::optional<Number> Field::number() const {
  if (value_ == nullptr) return std::nullopt;
  expect(value_->is_number(), "a number");
  if (!value_->is_number_integer()) refuse("it must be a whole number");
  if constexpr (std::numeric_limits<Number>::is_signed) {
    if (value_->is_number_unsigned() && value_->get<std::uint64_t>() > std::uint64_t{INT64_MAX})
      refuse("it is too large");
    const auto number = value_->get<std::int64_t>();
    if (number < std::numeric_limits<Number>::min() || number > std::numeric_limits<Number>::max())
      refuse("it is out of range");
    return static_cast<Number>(number);
  } else {
    if (!value_->is_number_unsigned()) refuse("it must not be negative");
    const auto number = value_->get<std::uint64_t>();
    if (number > std::numeric_limits<Number>::max()) refuse("it is too large");
    return static_cast<Number>(number);
  }
}

template <typename Use>
void Field::each(Use use) const {
  if (value_ == nullptr) return;
  expect(value_->is_array(), "an array");
  for (std::size_t index = 0; index < value_->size(); ++index) use(element(index));
}

template <typename Use>
void Field::each_member(Use use) const {
  if (value_ == nullptr) return;
  expect(value_->is_object(), "an object");
  for (const auto& [name, value] : value_->items()) {
    const bool there = !value.is_null();
    use(name, Field(there ? &value : nullptr, name_below(name), document()));
  }
}

}  // namespace coracle::oci
