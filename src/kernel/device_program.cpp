#include "kernel/device_program.hpp"

#include <algorithm>

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/recorder.hpp"

namespace coracle::kernel {
namespace {

// What the program is given (bpf_cgroup_dev_ctx in linux/bpf.h), and the registers that it is loaded to.
constexpr std::uint8_t kContext = BPF_REG_1;
constexpr std::uint8_t kType = BPF_REG_2;    // BPF_DEVCG_DEV_*
constexpr std::uint8_t kAccess = BPF_REG_3;  // BPF_DEVCG_ACC_*
constexpr std::uint8_t kMajor = BPF_REG_4;
constexpr std::uint8_t kMinor = BPF_REG_5;
constexpr std::uint8_t kScratch = BPF_REG_6;
constexpr std::uint8_t kResult = BPF_REG_0;

bpf_insn instruction(unsigned code, std::uint8_t destination, std::uint8_t source, int offset, std::int32_t value) {
  bpf_insn made{};
  made.code = static_cast<std::uint8_t>(code);
  made.dst_reg = destination & 0xfU;
  made.src_reg = source & 0xfU;
  made.off = static_cast<std::int16_t>(offset);
  made.imm = value;
  return made;
}

bpf_insn load(std::uint8_t destination, std::size_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, destination, kContext, static_cast<int>(offset), 0);
}
bpf_insn set(std::uint8_t destination, std::int32_t value) {
  return instruction(BPF_ALU | BPF_MOV | BPF_K, destination, 0, 0, value);
}
bpf_insn copy(std::uint8_t destination, std::uint8_t source) {
  return instruction(BPF_ALU | BPF_MOV | BPF_X, destination, source, 0, 0);
}
bpf_insn with(unsigned operation, std::uint8_t destination, std::int32_t value) {
  return instruction(BPF_ALU | operation | BPF_K, destination, 0, 0, value);
}
// Whether the low 32 bits compare so with `value`; the way to jump is filled in when it is known (leap()).
bpf_insn jump_if(unsigned comparison, std::uint8_t compared, std::int32_t value) {
  return instruction(BPF_JMP32 | comparison | BPF_K, compared, 0, 0, value);
}
bpf_insn leave() { return instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

std::int32_t access_bits(const DeviceMatch& rule) {
  return (rule.mknod ? BPF_DEVCG_ACC_MKNOD : 0) | (rule.read ? BPF_DEVCG_ACC_READ : 0) |
         (rule.write ? BPF_DEVCG_ACC_WRITE : 0);
}

// One rule: leave with its answer, or jump behind it when it does not fit.
void add_rule(std::vector<bpf_insn>& program, const DeviceMatch& rule) {
  constexpr std::int32_t kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
  const std::size_t begin = program.size();
  if (rule.type != 'a') {
    program.push_back(jump_if(BPF_JNE, kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
  }
  if (const std::int32_t named = access_bits(rule); named != kAllAccess) {
    program.push_back(copy(kScratch, kAccess));
    program.push_back(with(BPF_AND, kScratch, rule.allow ? kAllAccess & ~named : named));
    program.push_back(jump_if(rule.allow ? BPF_JNE : BPF_JEQ, kScratch, 0));
  }
  if (rule.major) program.push_back(jump_if(BPF_JNE, kMajor, static_cast<std::int32_t>(*rule.major)));
  if (rule.minor) program.push_back(jump_if(BPF_JNE, kMinor, static_cast<std::int32_t>(*rule.minor)));
  program.push_back(set(kResult, rule.allow ? 1 : 0));
  program.push_back(leave());
  for (std::size_t at = begin; at < program.size(); ++at) {
    const bool jumps = (program[at].code & 0x07U) == BPF_JMP32;
    if (jumps) program[at].off = static_cast<std::int16_t>(program.size() - at - 1);
  }
}

bool decides_everything(const DeviceMatch& rule) {
  return rule.type == 'a' && !rule.major && !rule.minor && rule.read && rule.write && rule.mknod;
}

long bpf(int command, bpf_attr& attributes) { return syscall(SYS_bpf, command, &attributes, sizeof attributes); }

}  // namespace

// The last rule comes first. Behind one that fits everything no other is ever asked, and the kernel would refuse a
// program with instructions that nothing leads to.
std::vector<bpf_insn> device_program(const std::vector<DeviceMatch>& rules) {
  std::vector<bpf_insn> program = {
      load(kType, offsetof(bpf_cgroup_dev_ctx, access_type)),
      copy(kAccess, kType),
      with(BPF_AND, kType, 0xffff),  // (access << 16) | type
      with(BPF_RSH, kAccess, 16),
      load(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
      load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
  };
  bool decided = false;
  for (auto rule = rules.rbegin(); rule != rules.rend() && !decided; ++rule) {
    add_rule(program, *rule);
    decided = decides_everything(*rule);
  }
  if (!decided) program.insert(program.end(), {set(kResult, 0), leave()});
  return program;
}

void attach_device_program(const Fd& directory, const std::vector<bpf_insn>& program) {
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<std::uintptr_t>(program.data());
  load.insn_cnt = static_cast<std::uint32_t>(program.size());
  load.license = reinterpret_cast<std::uintptr_t>("MIT");
  const Fd loaded(
      static_cast<int>(attempt([&] { return bpf(BPF_PROG_LOAD, load); }, "bpf BPF_PROG_LOAD device rules")));
  bpf_attr attach{};
  attach.target_fd = static_cast<std::uint32_t>(directory.get());
  attach.attach_bpf_fd = static_cast<std::uint32_t>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  attempt([&] { return bpf(BPF_PROG_ATTACH, attach); }, "bpf BPF_PROG_ATTACH device rules");
}

}  // namespace coracle::kernel
