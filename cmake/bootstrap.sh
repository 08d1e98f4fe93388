# Sourced by ./check and ./demo: installs what is missing on Debian 12 and finds ptxas.
# Sets `jobs` and exports VITC_PTXAS where an assembler had to be fetched.

packages="g++ cmake ninja-build python3 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  catch2 libfmt-dev libcli11-dev libpng-dev libjpeg62-turbo-dev pkg-config ccache $extra_packages"

install_packages() {
  local missing=()
  for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    sudo="$(command -v sudo)" || {
      echo "missing packages: ${missing[*]}; install them as root with apt-get install" >&2
      return 1
    }
  fi
  echo "installing ${missing[*]}"
  $sudo apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends \
      "${missing[@]}" >/dev/null
}

# The assembler of an installed CUDA toolkit, else the one in NVIDIA's Python wheel.
find_ptxas() {
  local candidate wheel
  for candidate in "${VITC_PTXAS:-}" "$(command -v ptxas)" "${CUDA_HOME:-/nonexistent}/bin/ptxas" \
    /usr/local/cuda/bin/ptxas; do
    [ -n "$candidate" ] && [ -x "$candidate" ] && return 0
  done
  wheel="build/ptxas"
  if [ ! -x "$wheel"/nvidia/cu*/bin/ptxas ]; then
    echo "fetching ptxas from the nvidia-cuda-nvcc wheel"
    dpkg-query -W -f='${Status}' python3-pip 2>/dev/null | grep -q 'ok installed' ||
      python3 -m pip --version >/dev/null 2>&1 ||
      packages="python3-pip" install_packages || return 1
    python3 -m pip install -q --no-deps --target "$wheel" nvidia-cuda-nvcc==13.0.88 >/dev/null 2>&1 ||
      { echo "no ptxas: neither a CUDA toolkit nor the wheel could be had" >&2; return 0; }
    chmod +x "$wheel"/nvidia/cu*/bin/ptxas
  fi
  VITC_PTXAS="$(ls -d "$PWD/$wheel"/nvidia/cu*/bin/ptxas)"
  export VITC_PTXAS
}

install_packages || exit 1
find_ptxas || exit 1
jobs="$(nproc)"
export CCACHE_BASEDIR="$PWD"
export CCACHE_SLOPPINESS=pch_defines,time_macros # precompiled headers
