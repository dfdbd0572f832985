// Go templates, lists and filters: what stands behind --format and --filter.
#include "cli/format.hpp"
#include "cli/filters.hpp"
#include "cli/ports.hpp"
#include "kernel/error.hpp"
#include "support/support.hpp"

using namespace coracle;
using cli::Json;

namespace {

const Json& fields() {
  static const Json all = Json::parse(R"({
    "Name": "/web", "Count": 3, "Ratio": 2.5, "Running": true, "Empty": "", "Nothing": null,
    "Env": ["A=b c", "D=e"], "None": [],
    "Config": {"Labels": {"com.x": "1", "b": "2", "a": ""}, "Image": "redis", "Cmd": null},
    "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "443/tcp": null}})");
  return all;
}

std::string filled(const std::string& text) { return cli::fill(text, fields()); }

std::string refusal(const std::string& text) {
  return test::message_of([&] { filled(text); });
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a template prints fields as Go does") {
  CHECK(filled("{{.Name}} {{ .Count }} {{.Ratio}} {{.Running}}!") == "/web 3 2.5 true!");
  CHECK(filled("{{.Config.Image}} {{(.Config).Image}} {{$.Config.Image}}") == "redis redis redis");
  CHECK(filled("{{.Env}} {{.None}} {{.Config.Cmd}}") == "[A=b c D=e] [] []");
  CHECK(filled("{{.Config.Labels}}") == "map[a: b:2 com.x:1]");
  CHECK(filled("{{.Config.Labels.b}} {{.Config.Labels.none}}") == "2 <no value>");
  CHECK(filled("{{json .Env}} {{json .Config.Labels}}") == R"(["A=b c","D=e"] {"com.x":"1","b":"2","a":""})");
  CHECK(filled("a\\tb{{\"\\t\"}}") == "a\\tb\t");
  CHECK(filled("plain } text { here }}") == "plain } text { here }}");
  CHECK(filled("").empty());
}

TEST_CASE("a template chooses and goes over lists and maps") {
  CHECK(filled("{{range .Env}}[{{.}}]{{end}}") == "[A=b c][D=e]");
  CHECK(filled("{{range $i, $v := .Env}}{{$i}}={{$v}};{{end}}") == "0=A=b c;1=D=e;");
  CHECK(filled("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}") == "a= b=2 com.x=1 ");
  CHECK(filled("{{range .None}}x{{else}}none{{end}}") == "none");
  CHECK(filled("{{range .Env}}{{if eq . \"D=e\"}}{{break}}{{end}}{{.}}{{end}}") == "A=b c");
  CHECK(filled("{{range $i, $v := .Env}}{{if eq $i 0}}{{continue}}{{end}}{{$v}}{{end}}") == "D=e");
  CHECK(filled("{{range $p, $c := .Ports}}{{$p}} -> {{if $c}}{{(index $c 0).HostPort}}{{else}}-{{end}};{{end}}") ==
        "443/tcp -> -;80/tcp -> 8080;");
  CHECK(filled("{{if .Empty}}a{{else if .Running}}b{{else}}c{{end}}") == "b");
  CHECK(filled("{{if .Empty}}a{{else if .Nothing}}b{{else}}c{{end}}") == "c");
  CHECK(filled("{{with .Config}}{{.Image}}{{$.Name}}{{end}}{{with .Empty}}x{{else}}y{{end}}") == "redis/weby");
  CHECK(filled("{{$n := .Name}}{{$n}}{{if true}}{{$n = \"z\"}}{{$m := 1}}{{end}}{{$n}}") == "/webz");
  CHECK(filled("{{if .Health}}{{.Health.Status}}{{else}}none{{end}}") == "none");
}

TEST_CASE("a template trims, comments, and reads texts of all kinds") {
  CHECK(filled("a  {{- .Count -}}  b") == "a3b");
  CHECK(filled("a {{/* what {{ */}} b {{- /* c */ -}} d") == "a  bd");
  CHECK(filled("{{\"a\\\"b\\n\"}}{{`raw \\n`}}{{-5}}{{- 5}}{{1.5}}") == "a\"b\nraw \\n-551.5");
}

TEST_CASE("a template calls Go's functions and docker's") {
  CHECK(filled("{{index .Config.Labels \"com.x\"}}{{index .Config.Labels \"none\"}}{{index .Env 1}}") == "1D=e");
  CHECK(filled("{{(index (index .Ports \"80/tcp\") 0).HostPort}} {{(index .Ports \"80/tcp\" 0).HostIp}}") ==
        "8080 0.0.0.0");
  CHECK(filled("{{len .Env}} {{len .Name}} {{len .Config.Labels}}") == "2 4 3");
  CHECK(filled("{{join .Env \", \"}}|{{join .None \",\"}}") == "A=b c, D=e|");
  CHECK(filled("{{upper .Config.Image}} {{.Config.Image | title}} {{lower \"ABC\"}}") == "REDIS Redis abc");
  CHECK(filled("{{split \"a,b\" \",\"}} {{truncate .Name 2}} [{{pad \"x\" 1 2}}] {{slice .Name 1}}") ==
        "[a b] /w [ x  ] web");
  CHECK(
      filled("{{eq .Count 3}} {{eq .Name \"a\" \"/web\"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1.5 1}} {{ge 1 2}}") ==
      "true true true true true true false");
  CHECK(filled("{{and .Running (not .Empty)}} {{or .Empty .Name \"x\"}} {{and .Empty .Name}}") == "true /web ");
  CHECK(filled("{{printf \"%s %d %v %q %%\" .Name .Count .Running .Name}}") == "/web 3 true \"/web\" %");
  CHECK(filled("{{printf \"[%-6s|%6s|%05d|%.2f|%.2s]\" \"a\" \"b\" 42 .Ratio \"xyz\"}}") ==
        "[a     |     b|00042|2.50|xy]");
  CHECK(filled("{{printf \"%d\" .Name}} {{printf \"%s\"}}") == "%!d(string=/web) %!s(MISSING)");
  CHECK(filled("{{.Name | printf \"%s-%s\" \"a\"}} {{print 1 2}} {{println .Name}}") == "a-/web 1 2 /web\n");
}

TEST_CASE("a template that is wrong says what is wrong in one line") {
  CHECK(contains(refusal("{{.Missing}}"), ".Missing: there is no such field"));
  CHECK(contains(refusal("{{.Name.X}}"), "has no fields"));
  CHECK(contains(refusal("{{.Nothing.X}}"), "there is nothing"));
  CHECK(contains(refusal("{{.Name"), "is not closed"));
  CHECK(contains(refusal("{{fly .Name}}"), "there is no function \"fly\""));
  CHECK(contains(refusal("{{if .Name}}x"), "an {{end}} is missing"));
  CHECK(contains(refusal("{{end}}"), "stands alone"));
  CHECK(contains(refusal("{{}}"), "a value is missing"));
  CHECK(contains(refusal("{{\"a}}"), "a \" is not closed"));
  CHECK(contains(refusal("{{(len .Env}}"), "a ( is not closed"));
  CHECK(contains(refusal("{{$x}}"), "there is no such variable"));
  CHECK(contains(refusal("{{break}}"), "outside of a {{range}}"));
  CHECK(contains(refusal("{{index .Env 7}}"), "behind the end"));
  CHECK(contains(refusal("{{len .Count}}"), "has no length"));
  CHECK(contains(refusal("{{.Name 1}}"), "no function"));
  CHECK(contains(refusal("{{range .Name}}{{end}}"), "goes over lists"));
  CHECK(contains(refusal("{{eq .Name 1}}"), "do not compare"));
  CHECK(contains(refusal("{{.}"), "cannot stand there"));
  CHECK(contains(refusal("{{template \"x\"}}"), "is not there"));
  CHECK(contains(refusal(std::string(5000, '(').insert(0, "{{")), "nested too deeply"));
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "{{if 1}}";
  CHECK(contains(refusal(deep), "nested too deeply"));
  CHECK(filled("{{print " + std::string(50, '(') + "1" + std::string(50, ')') + "}}") == "1");
}

TEST_CASE("the head of a table is not changed by docker's functions") {
  const cli::Template row("{{.ID}}\\t{{upper .Names}}\\t{{truncate .State 2}}\\t{{.Label \"com.a-b\"}}",
                          cli::Template::Escapes::read);
  CHECK(row.head({{"ID", "ID"}, {"Names", "Names"}, {"State", "STATE"}}) == "ID\tNames\tSTATE\ta b");
  CHECK(row.fill({{"ID", "1"}, {"Names", "web"}, {"State", "exited"}, {"Labels", "x=1,com.a-b=2,c=3"}}) ==
        "1\tWEB\tex\t2");
}

TEST_CASE("filters: one value of a key has to fit, of several keys each") {
  cli::Filters filters({"name", "label", "label!", "dangling"});
  filters.add("name=a");
  filters.add("NAME = b");
  filters.add("label=x");
  filters.add("label=y=1");
  filters.add("dangling=true");
  const auto is = [](const std::string& name) { return [name](const std::string& value) { return value == name; }; };
  CHECK(filters.any("name", is("b")));
  CHECK_FALSE(filters.any("name", is("c")));
  CHECK(filters.any("id", is("c")));
  CHECK(filters.labels({{"x", ""}, {"y", "1"}}));
  CHECK_FALSE(filters.labels({{"x", ""}, {"y", "2"}}));
  CHECK_FALSE(filters.labels({{"y", "1"}}));
  CHECK(filters.labels({}, "label!"));
  filters.add("label!=x");
  CHECK_FALSE(filters.labels({{"x", ""}}, "label!"));
  CHECK(filters.flag("dangling", true));
  CHECK_FALSE(filters.flag("dangling", false));
  CHECK_THROWS_AS(filters.add("other=1"), kernel::Error);
  CHECK_THROWS_AS(filters.add("name"), kernel::Error);
  CHECK_THROWS_AS(filters.add("=x"), kernel::Error);
}

TEST_CASE("a moment is a number of seconds, a date, or how long ago") {
  constexpr std::int64_t kSecond = 1'000'000'000;
  CHECK(cli::parse_moment("1700000000") == 1'700'000'000 * kSecond);
  CHECK(cli::parse_moment("1700000000.25") == 1'700'000'000 * kSecond + kSecond / 4);
  CHECK(cli::parse_moment("2023-11-14T22:13:20Z") == 1'700'000'000 * kSecond);
  CHECK(cli::parse_moment("2023-11-15T00:13:20.5+02:00") == 1'700'000'000 * kSecond + kSecond / 2);
  CHECK(cli::parse_moment("2h") - cli::parse_moment("2h30m") > 29 * 60 * kSecond);
  CHECK(cli::parse_moment("1.5s") > cli::parse_moment("10s"));
  CHECK(cli::parse_moment("2023-11-14T22") == cli::parse_moment("2023-11-14T22:00:00"));
  for (const char* bad : {"", "x", "-5", "1h30", "2023-13-40", "2023-11-14T22:13:20Q", "1.x", "99999999999999999999"})
    CHECK_THROWS_AS(cli::parse_moment(bad), kernel::Error);
}

TEST_CASE("ports are shown as docker shows them") {
  using cli::Port;
  CHECK(cli::format_ports({}).empty());
  CHECK(cli::format_ports({Port{"0.0.0.0", 8080, 80}, Port{"", 0, 6379}}) == "6379/tcp, 0.0.0.0:8080->80/tcp");
  CHECK(cli::format_ports({Port{"::", 80, 80}, Port{"0.0.0.0", 80, 80}}) == "0.0.0.0:80->80/tcp, [::]:80->80/tcp");
  CHECK(cli::format_ports({Port{"", 0, 81}, Port{"", 0, 80}, Port{"", 0, 83}}) == "80-81/tcp, 83/tcp");
  CHECK(cli::format_ports({Port{"1.2.3.4", 81, 81, "udp"}, Port{"1.2.3.4", 80, 80, "udp"}}) ==
        "1.2.3.4:80-81->80-81/udp");
  CHECK(cli::parse_port_range("80").contains(80, "tcp"));
  CHECK(cli::parse_port_range("80-90/udp").contains(85, "udp"));
  CHECK_FALSE(cli::parse_port_range("80-90/udp").contains(85, "tcp"));
  for (const char* bad : {"", "0", "70000", "80-", "x"}) CHECK_THROWS_AS(cli::parse_port_range(bad), kernel::Error);
}
