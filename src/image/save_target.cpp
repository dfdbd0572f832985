#include "image/save_target.hpp"

#include <exception>

#include <archive.h>
#include <archive_entry.h>

#include "kernel/error.hpp"

namespace coracle::image {
namespace {

using kernel::Error;

class TarTarget : public Target {
 public:
  explicit TarTarget(const kernel::Fd& file) : file_(file), tar_(archive_write_new()) {
    archive_write_set_format_pax_restricted(tar_.get());  // plain ustar but for blobs of more than 8 GiB
    archive_write_set_bytes_in_last_block(tar_.get(), 1);
    check(archive_write_open2(tar_.get(), this, nullptr, write_out, nullptr, nullptr));
    for (const char* directory : {"blobs/", "blobs/sha256/"}) header(directory, AE_IFDIR, 0755, 0);
  }

  void begin(const std::string& name, std::uint64_t size) override { header(name.c_str(), AE_IFREG, 0644, size); }
  void write(std::string_view bytes) override {
    if (archive_write_data(tar_.get(), bytes.data(), bytes.size()) < 0) check(ARCHIVE_FATAL);
  }
  void finish() override { check(archive_write_close(tar_.get())); }

 private:
  void header(const char* name, unsigned type, mode_t mode, std::uint64_t size) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), name);
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), mode);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    archive_entry_set_mtime(entry.get(), 0, 0);
    check(archive_write_header(tar_.get(), entry.get()));
  }

  static la_ssize_t write_out(archive* tar, void* self, const void* bytes, std::size_t size) {
    TarTarget& me = *static_cast<TarTarget*>(self);
    try {
      kernel::write_all(me.file_, {static_cast<const char*>(bytes), size});
      return static_cast<la_ssize_t>(size);
    } catch (const Error& error) {
      me.failure_ = std::current_exception();
      archive_set_error(tar, error.code(), "write");
      return -1;
    }
  }

  void check(int result) {
    if (failure_) std::rethrow_exception(failure_);
    if (result < ARCHIVE_WARN) throw Error("write the tar", archive_errno(tar_.get()));
  }

  struct Free {
    void operator()(archive* tar) const { archive_write_free(tar); }
  };
  const kernel::Fd& file_;
  std::exception_ptr failure_;
  std::unique_ptr<archive, Free> tar_;
};

class DirectoryTarget : public Target {
 public:
  explicit DirectoryTarget(std::string path) : path_(std::move(path)) {
    kernel::make_directories(path_ + "/blobs/sha256");
  }
  void begin(const std::string& name, std::uint64_t) override {
    file_ = kernel::open(path_ + "/" + name, O_WRONLY | O_CREAT | O_EXCL, 0644);
  }
  void write(std::string_view bytes) override { kernel::write_all(file_, bytes); }

 private:
  std::string path_;
  kernel::Fd file_;
};

}  // namespace

std::unique_ptr<Target> make_tar_target(const kernel::Fd& file) { return std::make_unique<TarTarget>(file); }

std::unique_ptr<Target> make_directory_target(const std::string& path) {
  return std::make_unique<DirectoryTarget>(path);
}

}  // namespace coracle::image
