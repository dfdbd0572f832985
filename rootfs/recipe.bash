# What every recipe shares: when to build, where to build, what to leave behind. README.md tells how
# to use it. A recipe sources this file, sets `changes`, `layers`, `tools` and `build`, and ends with
# `make "$@"`.
#
# `build` runs as pid 1 of its own pid and mount namespaces, in an empty tmpfs, and writes the layer
# as a tar to stdout. So there is nothing to clean up: however it ends, also by kill -9, its
# processes, its mounts and its files are gone with the namespaces.
# shellcheck shell=bash

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
name=${0##*/}

# A fixed date makes the same packages give the same bytes.
export SOURCE_DATE_EPOCH=1686355200 LC_ALL=C.UTF-8

layers=("$name") # the image's layers, lowest first; all but the last are recipes of their own
changes=()       # what `coracle import -c` takes: CMD, ENTRYPOINT, ENV, USER, WORKDIR
tools=()         # the Debian packages that `build` needs on the host

say() { echo "rootfs/$name: $*" >&2; }
die() {
  say "$@"
  exit 1
}

make() {
  if [[ ${1-} == --in-namespace ]]; then
    out=$2
    mount -t tmpfs -o mode=755 tmpfs "$out/.$name.scratch"
    cd "$out/.$name.scratch" || exit
    build
    exit
  fi
  [[ $# == 1 && $1 != -* ]] || die "usage: rootfs/$name OUTDIR"
  ((EUID == 0)) || die "a root file system has owners and devices: run this as root"
  mkdir -p "$1"
  out=$(realpath "$1")

  local base stamp
  for base in "${layers[@]::${#layers[@]}-1}"; do "$here/$base" "$out" >/dev/null; done
  exec {lock}>"$out/.$name.lock"
  flock "$lock"
  stamp=$(fingerprint)
  if [[ ! -e $out/$name.tar.gz || $(head -n 1 "$out/.$name.stamp" 2>/dev/null) != "$stamp" ]]; then
    build_layer
    printf '%s\n' "$stamp" "$(sha256sum <"$out/$name.tar.gz")" | replace ".$name.stamp"
  fi
  import_arguments | replace "$name.import"
  echo "$out/$name.import"
}

# The recipe, and which builds of the layers below it stands on.
fingerprint() {
  local base below=()
  for base in "${layers[@]::${#layers[@]}-1}"; do below+=("$out/.$base.stamp"); done
  cat "$here/recipe.bash" "$here/$name" "${below[@]}" | sha256sum
}

build_layer() {
  install_tools
  say "building $out/$name.tar.gz"
  local scratch=$out/.$name.scratch
  mkdir -p "$scratch"
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc \
    "$here/$name" --in-namespace "$out" | gzip -n >"$out/.$name.tar.gz.partial" ||
    die "the build failed; the lines above say where"
  mv "$out/.$name.tar.gz.partial" "$out/$name.tar.gz"
  rmdir "$scratch"
}

install_tools() {
  local tool missing=()
  for tool in "${tools[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$tool" 2>/dev/null) == installed ]] || missing+=("$tool")
  done
  ((${#missing[@]})) || return 0
  say "installing the package(s) ${missing[*]}"
  apt install -y --no-install-recommends "${missing[@]}"
}

# apt-get, for which missing or outdated package lists are no reason to fail. Speaks on stderr only,
# because stdout is the layer.
apt() {
  local command=(apt-get -q -o DPkg::Lock::Timeout=300 -o APT::Sandbox::User=root)
  export DEBIAN_FRONTEND=noninteractive
  "${command[@]}" "$@" >&2 && return
  say "once more, with new package lists (apt-get update)"
  "${command[@]}" update >&2
  "${command[@]}" "$@" >&2
}

# Stdin becomes the file $1 of OUTDIR, at once.
replace() {
  cat >"$out/.$1.partial"
  mv "$out/.$1.partial" "$out/$1"
}

# One argument per line, for: xargs -d '\n' -a OUTDIR/NAME.import coracle import
import_arguments() {
  local change
  for change in "${changes[@]}"; do printf '%s\n' -c "$change"; done
  printf "$out/%s.tar.gz\n" "${layers[@]}"
  echo "$name"
}

# The tree in directory $1 as a tar on stdout, the same bytes for the same tree. Its /dev stays empty:
# devices are the runtime's business.
tar_tree() {
  tar -C "$1" --create --anchored --exclude='./dev/*' --sort=name --numeric-owner \
    --mtime="@$SOURCE_DATE_EPOCH" --clamp-mtime --format=pax \
    --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \
    --xattrs --xattrs-include=security.capability .
}

# A layer on top of the debian layer: what installing packages $@ adds and changes, as an overlay's
# upper directory has it (lessons/05-layers). A recipe that has a function `finish` adds its own files there to the tree $1.
debian_with() {
  mkdir lower upper work merged
  tar -xzf "$out/debian.tar.gz" -C lower
  mount -t overlay -o redirect_dir=off,metacopy=off,index=off,lowerdir=lower,upperdir=upper,workdir=work \
    overlay merged
  install_in_chroot merged "$@"
  if [[ $(type -t finish) == function ]]; then finish merged; fi
  umount -R merged
  oci_whiteouts lower upper
  tar_tree upper
}

install_in_chroot() {
  local root=$1
  shift
  mount --bind /proc "$root/proc"
  mount --rbind /dev "$root/dev"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # start no service
  chmod 755 "$root/usr/sbin/policy-rc.d"
  local in_root=(env -u TMPDIR DEBIAN_FRONTEND=noninteractive chroot "$root")
  "${in_root[@]}" apt-get -q -o Acquire::Languages=none update >&2
  "${in_root[@]}" apt-get -q install -y --no-install-recommends "$@" >&2
  "${in_root[@]}" apt-get -q clean
  rm "$root/usr/sbin/policy-rc.d"
  forget_the_build "$root"
}

# What tells of this machine and of this build.
forget_the_build() {
  rm -rf "$1"/etc/{resolv.conf,hostname} "$1"/var/lib/apt/lists/* "$1"/var/cache/{apt/*.bin,debconf/*-old} \
    "$1"/var/cache/ldconfig/aux-cache "$1"/tmp/* "$1"/run/*
  find "$1/var/log" -type f -delete
  if [[ -e $1/etc/machine-id ]]; then : >"$1/etc/machine-id"; fi
}

# Overlayfs notes a removed file as a device 0/0 and a replaced directory as an attribute; an image's
# layer notes them as .wh.FILE and .wh..wh..opq (image-spec layer.md, "Whiteouts").
oci_whiteouts() {
  local lower=$1 upper=$2 path
  while IFS= read -r -d '' path; do
    if [[ $(stat -c %t,%T "$upper/$path") == 0,0 ]]; then
      rm "$upper/$path"
      : >"$upper/$(dirname "$path")/.wh.${path##*/}"
    fi
  done < <(find "$upper" -type c -printf '%P\0')
  while IFS= read -r -d '' path; do
    if [[ -d $lower/$path && $(getfattr --only-values -n trusted.overlay.opaque "$upper/$path" 2>/dev/null) == y ]]; then
      : >"$upper/$path/.wh..wh..opq"
    fi
  done < <(find "$upper" -mindepth 1 -type d -printf '%P\0')
}
