#include "image/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/types.h>

#include "kernel/error.hpp"
#include "kernel/fd.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

// The number goes up with every change of the schema.
constexpr std::int64_t kVersion = 3;

constexpr const char* kSchema = R"sql(
CREATE TABLE blobs (
  digest  TEXT PRIMARY KEY,   -- of the bytes in blobs/sha256/HEX: manifests, configurations, layers as they travel
  size    INTEGER NOT NULL,
  diff_id TEXT NOT NULL       -- what a layer is when unpacked; '' for what is no layer
) WITHOUT ROWID;
CREATE TABLE layers (
  diff_id TEXT PRIMARY KEY,   -- sha256 of the uncompressed tar; unpacked in layers/sha256/HEX
  size    INTEGER NOT NULL    -- bytes of its files
) WITHOUT ROWID;
CREATE TABLE images (
  id      TEXT PRIMARY KEY,   -- digest of the configuration, which is a blob
  created INTEGER NOT NULL,   -- seconds since 1970, as the configuration says
  size    INTEGER NOT NULL    -- of its layers
) WITHOUT ROWID;
CREATE TABLE image_layers (
  image    TEXT NOT NULL REFERENCES images (id),
  position INTEGER NOT NULL,  -- 0 is the lowest
  diff_id  TEXT NOT NULL REFERENCES layers (diff_id),
  PRIMARY KEY (image, position)
) WITHOUT ROWID;
CREATE TABLE manifests (
  digest TEXT PRIMARY KEY,    -- a blob
  image  TEXT NOT NULL REFERENCES images (id)
) WITHOUT ROWID;
CREATE TABLE manifest_blobs ( -- the configuration and the layers of a manifest
  manifest TEXT NOT NULL REFERENCES manifests (digest),
  blob     TEXT NOT NULL REFERENCES blobs (digest),
  PRIMARY KEY (manifest, blob)
) WITHOUT ROWID;
CREATE TABLE names (
  repository TEXT NOT NULL,   -- "docker.io/library/redis"
  tag        TEXT NOT NULL,
  manifest   TEXT NOT NULL REFERENCES manifests (digest),
  PRIMARY KEY (repository, tag)
) WITHOUT ROWID;
CREATE TABLE digests (        -- what registries call a manifest, or the index it was chosen from: REPOSITORY@DIGEST
  repository TEXT NOT NULL,
  digest     TEXT NOT NULL,
  manifest   TEXT NOT NULL REFERENCES manifests (digest),
  PRIMARY KEY (repository, digest, manifest)
) WITHOUT ROWID;
CREATE TABLE steps (          -- of builds that were made: what they have come to
  key        TEXT PRIMARY KEY, -- a digest of all that the step was made of (build/builder.cpp)
  created    TEXT NOT NULL,    -- RFC 3339
  diff_id    TEXT NOT NULL,    -- of its layer, which may be gone; '' for none
  blob       TEXT NOT NULL,    -- the same as it travels
  media_type TEXT NOT NULL     -- and how
) WITHOUT ROWID;
CREATE TABLE containers (
  name     TEXT PRIMARY KEY,  -- the one index that a start has to write
  id       TEXT NOT NULL,
  image    TEXT NOT NULL,     -- id
  command  TEXT NOT NULL,     -- JSON array
  created  INTEGER NOT NULL,  -- nanoseconds since 1970, as all times of a container
  run_root TEXT NOT NULL,     -- where the launching process holds the run directory ID
  options  TEXT NOT NULL,     -- JSON: what it was made with (engine/options_json.hpp)
  state    TEXT NOT NULL,     -- created, running, restarting, exited, removing; true while its directory is locked
  started  INTEGER NOT NULL,  -- 0: never
  finished INTEGER NOT NULL DEFAULT 0,
  status   INTEGER NOT NULL DEFAULT 0,
  oom_killed INTEGER NOT NULL DEFAULT 0,
  error    TEXT NOT NULL DEFAULT '',  -- why it could not be started
  restarts INTEGER NOT NULL DEFAULT 0,
  stopped  INTEGER NOT NULL DEFAULT 0,  -- by a person
  launcher TEXT NOT NULL,     -- PID STARTTIME of who launched it
  health   TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE volumes (         -- what a directory in volumes/ cannot say of itself; it may be there without a row
  name    TEXT PRIMARY KEY,
  options TEXT NOT NULL,      -- JSON object: type, device, o
  labels  TEXT NOT NULL,      -- JSON object
  created INTEGER NOT NULL    -- seconds since 1970
) WITHOUT ROWID;
CREATE TABLE networks (
  name     TEXT PRIMARY KEY,
  id       TEXT NOT NULL,
  driver   TEXT NOT NULL,     -- bridge, host, null, ...
  subnet   TEXT NOT NULL,     -- IPv4: 10.78.0.0/24; '' for none, and so on
  gateway  TEXT NOT NULL,
  ip_range TEXT NOT NULL,     -- where its addresses are taken from; '' is the whole subnet
  subnet6  TEXT NOT NULL,
  gateway6 TEXT NOT NULL,
  link     TEXT NOT NULL,     -- of the bridge
  internal INTEGER NOT NULL,
  ipv6     INTEGER NOT NULL,
  options  TEXT NOT NULL,     -- JSON objects of strings
  labels   TEXT NOT NULL,
  created  INTEGER NOT NULL   -- seconds since 1970
) WITHOUT ROWID;
INSERT INTO networks
  SELECT column1, lower(hex(randomblob(32))), column2, column3, column4, '', '', '', column5, 0, 0, '{}', '{}',
         unixepoch()
  FROM (VALUES ('bridge', 'bridge', '10.77.0.0/16', '10.77.0.1', 'coracle0'), ('host', 'host', '', '', ''),
               ('none', 'null', '', '', ''));
)sql";

constexpr int kPatienceMs = 20'000;

// Whoever opens the file when nobody else has it open reads again all that is in the log (WAL recovery). So pages are
// small, and a commit that finds more than 64 of them in the log moves them into the file.
constexpr int kLongestLog = 64;
constexpr const char* kFormat = "PRAGMA page_size=1024; PRAGMA journal_mode=WAL";

[[noreturn]] void fail(sqlite3* database, const std::string& attempt) {
  const int code = sqlite3_errcode(database);
  std::string hint = sqlite3_errmsg(database);
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
    hint += "; the file is damaged: put a good copy in its place, or move it away and import the images again";
  }
  throw Error(attempt + " in " + sqlite3_db_filename(database, "main"), 0, hint);
}

// Where it finds itself root, SQLite gives the files that it makes the owner that the database's file had a moment
// before. When an ordinary user becomes root in a namespace in between (launch/rootless.hpp), that number means
// somebody else.
void leave_files_to_their_maker() {
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  constexpr auto not_root = []() -> uid_t { return 1; };
  system->xSetSystemCall(system, "geteuid", reinterpret_cast<sqlite3_syscall_ptr>(+not_root));
}

void set_up(sqlite3* database) {
  sqlite3_extended_result_codes(database, 0);
  sqlite3_busy_timeout(database, kPatienceMs);
  sqlite3_wal_autocheckpoint(database, kLongestLog);
  // Closing would copy the log into the file and delete it, and wait for the disk both times.
  int on = 1;
  sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on, nullptr);
  sqlite3_file_control(database, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

Statement& Statement::bind(std::string_view text) {
  sqlite3_bind_text(statement_.get(), ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), ++bound_, number);
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(statement_.get());
  if (result != SQLITE_ROW && result != SQLITE_DONE) {
    fail(sqlite3_db_handle(statement_.get()), std::string("run \"") + sqlite3_sql(statement_.get()) + "\"");
  }
  return result == SQLITE_ROW;
}

std::string Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  return text != nullptr ? reinterpret_cast<const char*>(text) : "";
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

void Database::Close::operator()(sqlite3* database) const noexcept { sqlite3_close(database); }

Database::Database(const std::string& directory) {
  const std::string path = directory + "/state.db";
  leave_files_to_their_maker();
  sqlite3* opened = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(opened);
  if (result != SQLITE_OK) throw Error("open " + path, sqlite3_system_errno(opened), sqlite3_errstr(result));
  set_up(opened);
  execute("PRAGMA synchronous=NORMAL");
  if (version() == 0) make_schema(directory);
  if (version() != kVersion) {
    throw Error("open " + path, 0,
                fmt::format("{} version of coracle made it; use that one, or another --root",
                            version() > kVersion ? "a later" : "an earlier"));
  }
}

Statement Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int length = static_cast<int>(sql.size());
  if (sqlite3_prepare_v2(database_.get(), sql.data(), length, &statement, nullptr) != SQLITE_OK) {
    fail(database_.get(), "prepare \"" + std::string(sql) + "\"");
  }
  return Statement(statement);
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail(database_.get(), "run \"" + sql.substr(0, sql.find('\n')) + "\"");
  }
}

bool Database::was_not_unique() const { return sqlite3_errcode(database_.get()) == SQLITE_CONSTRAINT; }

std::int64_t Database::version() {
  Statement statement = prepare("PRAGMA user_version");
  statement.step();
  return statement.number(0);
}

// The lock is ours, because a change to WAL mode does not wait for others to be done with the file.
void Database::make_schema(const std::string& directory) {
  const kernel::Fd lock = kernel::open(directory, O_RDONLY | O_DIRECTORY);
  kernel::lock(lock, LOCK_EX);
  if (version() != 0) return;
  execute(kFormat);
  Transaction transaction(*this);
  execute(kSchema);
  execute("PRAGMA user_version=" + std::to_string(kVersion));
  transaction.commit();
}

Database::Transaction::Transaction(Database& database) : database_(&database) { database.execute("BEGIN IMMEDIATE"); }

Database::Transaction::~Transaction() {
  if (database_ != nullptr) sqlite3_exec(database_->database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Database::Transaction::commit() {
  database_->execute("COMMIT");
  database_ = nullptr;
}

}  // namespace coracle::image
