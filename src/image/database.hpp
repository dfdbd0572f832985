// The state database: what exists, in one SQLite file that many processes read and write at once. The schema of all
// floors stands in database.cpp. It is in WAL mode with synchronous=NORMAL: a killed process loses nothing that was
// committed, a power cut at most the last commits, and no commit waits for the disk. https://sqlite.org/wal.html
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace coracle::image {

class Statement {
 public:
  // Binds the next of the statement's ?, from the left.
  Statement& bind(std::string_view text);
  Statement& bind(std::int64_t number);

  // Goes to the next row; false when there is none. A statement that gives no rows is done by one step.
  bool step();

  std::string text(int column) const;
  std::int64_t number(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

class Database {
 public:
  // Opens DIRECTORY/state.db and makes it when it is missing. Throws Error when it is damaged or of a later version.
  explicit Database(const std::string& directory);

  Statement prepare(std::string_view sql);
  void execute(const std::string& sql);

  // Whether the last statement that threw did so because of a UNIQUE constraint.
  bool was_not_unique() const;

  // One writer at a time; what is not committed when this goes out of scope has not been.
  class Transaction {
   public:
    explicit Transaction(Database& database);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

   private:
    Database* database_;
  };

 private:
  void make_schema(const std::string& directory);
  std::int64_t version();

  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace coracle::image
