#include "image/remove.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "image/digest.hpp"
#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

// A container that uses the image; "" when there is none. Its record is made before its layers are mounted, and only
// while the image is there (engine/records.cpp).
std::string user_of(Database& database, const std::string& image) {
  Statement statement = database.prepare("SELECT id FROM containers WHERE image=? ORDER BY created LIMIT 1");
  return statement.bind(image).step() ? statement.text(0) : "";
}

std::vector<std::string> texts(Statement& statement) {
  std::vector<std::string> all;
  while (statement.step()) all.push_back(statement.text(0));
  return all;
}

void untag(Database& database, const std::string& id, const std::string& name, Removed& removed) {
  const Reference reference = parse_reference(name);
  const bool digest = !reference.digest.empty();
  Statement statement = database.prepare(std::string(digest ? "DELETE FROM digests WHERE repository=? AND digest=?"
                                                            : "DELETE FROM names WHERE repository=? AND tag=?") +
                                         " AND manifest IN (SELECT manifests.digest FROM manifests WHERE image=?)");
  statement.bind(reference.repository()).bind(digest ? reference.digest : reference.tag).bind(id).step();
  removed.untagged.push_back(name);
}

void delete_image(Database& database, const std::string& id, Removed& removed) {
  const Names names = names_of(database, id);
  for (const std::string& name : names.tags) untag(database, id, name, removed);
  for (const std::string& name : names.digests) untag(database, id, name, removed);
  removed.deleted.push_back(id);
  Statement layers = database.prepare(
      "SELECT DISTINCT diff_id FROM image_layers WHERE image=?1"
      " AND diff_id NOT IN (SELECT diff_id FROM image_layers WHERE image<>?1) ORDER BY position DESC");
  for (const std::string& layer : texts(layers.bind(id))) removed.deleted.push_back(layer);
  for (const char* change :
       {"DELETE FROM manifest_blobs WHERE manifest IN (SELECT digest FROM manifests WHERE image=?)",
        "DELETE FROM manifests WHERE image=?", "DELETE FROM image_layers WHERE image=?",
        "DELETE FROM images WHERE id=?"}) {
    database.prepare(change).bind(id).step();
  }
}

// One of the image's names, when `text` is that and no id.
std::optional<std::string> name_in(const Names& names, const std::string& text) {
  std::string name;
  try {
    Reference reference = parse_reference(text);
    if (!reference.digest.empty()) reference.tag.clear();
    name = reference.text();
  } catch (const Error&) {
    return std::nullopt;
  }
  for (const auto* list : {&names.tags, &names.digests}) {
    if (std::find(list->begin(), list->end(), name) != list->end()) return name;
  }
  return std::nullopt;
}

// Whether the image keeps a name when this one goes. Digests alone do not keep an image that had a tag.
bool keeps_a_name(const Names& names, const std::string& without) {
  const bool is_tag = std::find(names.tags.begin(), names.tags.end(), without) != names.tags.end();
  const std::size_t rest = is_tag ? names.tags.size() : names.tags.size() + names.digests.size();
  return rest > 1;
}

void remove_name(Database& database, const std::string& id, const Names& names, const std::string& name, bool force,
                 Removed& removed) {
  if (keeps_a_name(names, name)) return untag(database, id, name, removed);
  const std::string user = user_of(database, id);
  if (user.empty()) return delete_image(database, id, removed);
  if (force) return untag(database, id, name, removed);
  throw Error("conflict: unable to remove repository reference \"" + name + "\" (must force)", 0,
              "container " + short_id(user) + " is using its referenced image " + short_id(id));
}

void remove_by_id(Database& database, const std::string& id, const Names& names, bool force, Removed& removed) {
  const std::string user = user_of(database, id);
  if (!user.empty()) {
    throw Error("conflict: unable to delete " + short_id(id) + " (cannot be forced)", 0,
                "image is being used by running container " + short_id(user));
  }
  if (names.tags.size() > 1 && !force) {
    throw Error("conflict: unable to delete " + short_id(id) + " (must be forced)", 0,
                "image is referenced in multiple repositories");
  }
  delete_image(database, id, removed);
}

}  // namespace

Names names_of(Database& database, const std::string& id) {
  Names names;
  Statement tags = database.prepare(
      "SELECT repository, tag FROM names JOIN manifests ON digest=manifest WHERE image=? ORDER BY 1, 2");
  tags.bind(id);
  while (tags.step()) names.tags.push_back(familiar(tags.text(0)) + ":" + tags.text(1));
  Statement digests = database.prepare(
      "SELECT DISTINCT repository, digests.digest FROM digests JOIN manifests ON manifests.digest=manifest WHERE "
      "image=?"
      " ORDER BY 1, 2");
  digests.bind(id);
  while (digests.step()) names.digests.push_back(familiar(digests.text(0)) + "@" + digests.text(1));
  return names;
}

Removed remove(Store& store, const std::string& name, bool force) {
  Removed removed;
  {
    Database::Transaction transaction(store.database());
    const std::string id = store.find_id(name);
    const Names names = names_of(store.database(), id);
    if (const auto known = name_in(names, name)) {
      remove_name(store.database(), id, names, *known, force, removed);
    } else {
      remove_by_id(store.database(), id, names, force, removed);
    }
    transaction.commit();
  }
  removed.bytes = store.collect();
  return removed;
}

Removed prune(Store& store, bool all, const std::function<bool(const std::string& id)>& chosen) {
  Removed removed;
  {
    Database::Transaction transaction(store.database());
    Statement statement = store.database().prepare(
        all ? "SELECT id FROM images WHERE id NOT IN (SELECT image FROM containers) ORDER BY id"
            : "SELECT id FROM images WHERE id NOT IN (SELECT image FROM containers) AND NOT EXISTS (SELECT 1 FROM names"
              " JOIN manifests ON digest=manifest WHERE image=images.id) ORDER BY id");
    for (const std::string& id : texts(statement)) {
      if (chosen(id)) delete_image(store.database(), id, removed);
    }
    transaction.commit();
  }
  removed.bytes = store.collect() + store.forget_partial();
  return removed;
}

}  // namespace coracle::image
