// What the test session keeps for the test programs' main: a place of its own, and who was skipped.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace coracle::test {

// Puts this process, and so all that the tests start, where it touches nothing of the host: a network namespace
// (lo up), a mount namespace, and a tmpfs for the run root, the data root and all scratch files.
// The cgroups stay the host's. Orphans of the tests become our children, so that they are seen.
// Throws kernel::Error.
void isolate_session();

// The session's own tmpfs.
std::string scratch();

// The network namespace that the session came from, as a path: for fetching a package when one is missing.
std::string host_network();

// The features that skip() was told of since the last call.
std::vector<std::string> take_skips();

// What `after` has and `before` has not, or the other way round, one line each; empty when nothing was left behind.
std::string left_behind(const std::map<std::string, std::string>& before,
                        const std::map<std::string, std::string>& after);

// The same against the state now. Waits a while for what the kernel unmakes after the call that asked for it has
// returned: links of a dead network namespace, killed processes. Ends the processes that were left, so that the
// next test begins clean.
std::string left_behind_since(const std::map<std::string, std::string>& before);

// Control groups count there whose name begins with "coracle-", or is one that was told here.
void watch_group(const std::string& name);

}  // namespace coracle::test
