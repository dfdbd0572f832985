// Two services as somebody runs them: a database with its data in a volume, and a web application that finds it by
// name.
#include "e2e/home.hpp"
#include "e2e/recipe.hpp"
#include "support/session.hpp"

using namespace coracle;
using namespace coracle::test;

namespace {

constexpr auto kPatience = std::chrono::seconds(60);  // a database makes itself at home

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class Site : public Home {
 public:
  Site() {
    for (const std::string name : {"mariadb", "wordpress"}) {
      const Result imported = test::run(command(import_words(name)), {}, std::chrono::minutes(2));
      INFO(imported.err);
      REQUIRE(imported.status == 0);
    }
    REQUIRE(Home::run({"network", "create", "site"}).status == 0);
  }
  ~Site() {
    Home::run({"rm", "-f", "-v", "db", "web"});
    Home::run({"network", "rm", "site"});
  }

  void start_database() const {
    start({"--name", "db", "-v", "site-data:/var/lib/mysql", "-e", "MARIADB_DATABASE=wordpress", "-e",
           "MARIADB_USER=wordpress", "-e", "MARIADB_PASSWORD=secret", "mariadb"});
  }
  void start_web() const {
    start({"--name", "web", "-p", "8080:80", "-e", "WORDPRESS_DB_HOST=db", "-e", "WORDPRESS_DB_PASSWORD=secret",
           "wordpress"});
  }
  std::string get(const std::string& path, const Words& more = {}) const {
    Words words = {"curl", "-sSL", "-m", "20", "http://127.0.0.1:8080" + path};
    words.insert(words.end(), more.begin(), more.end());
    return test::run(words).out;
  }

 private:
  void start(Words words) const {
    words.insert(words.begin(), {"run", "-d", "--net", "site"});
    const Result started = Home::run(words);
    INFO(started.err);
    REQUIRE(started.status == 0);
  }
};

}  // namespace

TEST_CASE("WordPress is set up on a database that it finds by name, and whose data outlives its container") {
  if (run({"sh", "-c", "command -v curl"}).status != 0) SKIP_WITHOUT("curl");
  const Site site;
  site.start_database();
  site.start_web();
  const bool ready = eventually(
      [&] {
        return contains(site.get("/wp-admin/install.php"), "name=\"language\"") ||
               contains(site.get("/wp-admin/install.php"), "Welcome");
      },
      kPatience);
  INFO(site.get("/wp-admin/install.php") << site.run({"logs", "web"}).err << site.run({"logs", "db"}).err);
  REQUIRE(ready);
  const std::string done = site.get("/wp-admin/install.php?step=2",
                                    {"--data-urlencode", "weblog_title=Small Boats", "-d", "user_name=skipper", "-d",
                                     "admin_password=oar-and-paddle-7", "-d", "admin_password2=oar-and-paddle-7", "-d",
                                     "pw_weak=on", "-d", "admin_email=skipper@example.org", "-d", "blog_public=0"});
  INFO(done);
  CHECK(contains(done, "Success"));
  CHECK(contains(site.get("/wp-login.php"), "Small Boats"));

  CHECK(site.run({"rm", "-f", "db"}).status == 0);
  CHECK(site.run({"volume", "ls", "-q"}).out == "site-data\n");
  site.start_database();
  CHECK(eventually([&] { return contains(site.get("/wp-login.php"), "Small Boats"); }, kPatience));
}
