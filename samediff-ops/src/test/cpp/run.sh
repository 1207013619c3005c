#!/bin/sh
# Builds the C++ tests with the kernels and runs them, once as released and once under the address
# and undefined-behaviour sanitizers: run.sh OUTPUT_DIRECTORY ONEDNN_DIRECTORY. The latter is what
# the Maven build unpacks (samediff-ops/target/onednn). CXX names the compiler (g++).
set -eu
tests=$(cd "$(dirname "$0")" && pwd)
kernels=$tests/../../main/cpp
output=$1
onednn=$(cd "$2" && pwd)

# An instruction set's file must export no function: of an inline one the
# linker keeps one copy, maybe that of an instruction set which this processor lacks.
exportsOnlyTables() {
  for object in "$1"/scalar.o "$1"/avx*.o "$1"/amx.o; do
    [ -f "$object" ] || continue
    extra=$(nm -C "$object" | grep ' [TWu] ' || true)
    if [ -n "$extra" ]; then
      echo "$object exports more than its table:" "$extra"
      exit 1
    fi
  done
}

run() {
  directory=$output/$1
  shift
  "$kernels/build.sh" "$directory" -I"$onednn/include" "$@"
  exportsOnlyTables "$directory"
  emulated=""
  case $(uname -m) in
    x86_64 | amd64)
      emulated=$directory/emulated_amx.o
      # With AVX-512 BF16, which amx_test looks for before it calls what is in here.
      "${CXX:-g++}" -std=c++17 -Wall -Wextra -Wno-uninitialized -Wno-maybe-uninitialized "$@" \
          -march=cooperlake -mtune=generic -I"$kernels" -c "$tests/emulated_amx.cpp" -o "$emulated"
      ;;
  esac
  for source in "$tests"/*_test.cpp; do
    program=$directory/$(basename "$source" .cpp)
    # shellcheck disable=SC2086
    "${CXX:-g++}" -std=c++17 -Wall -Wextra "$@" -I"$kernels" "$source" \
        $emulated "$directory/libanchor4j.a" "$onednn/libdnnl.so.3" "$onednn/libgomp.so.1" \
        -Wl,-rpath,"$onednn" -pthread -o "$program"
    "$program"
  done
}

run released -O3
run sanitized -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
