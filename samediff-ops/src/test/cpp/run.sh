#!/bin/sh
# Builds the C++ tests and runs them, once with the kernels as they are released, in
# OUTPUT_DIRECTORY/native where Maven builds them, and once with the address and undefined-behaviour
# sanitizers: run.sh OUTPUT_DIRECTORY ONEDNN_DIRECTORY. The latter is what the Maven build unpacks
# (samediff-ops/target/onednn). CXX names the compiler (g++).
set -eu
tests=$(cd "$(dirname "$0")" && pwd)
kernels=$tests/../../main/cpp
output=$1
onednn=$(cd "$2" && pwd)
status=0

# An instruction set's file must export no function: of an inline one the linker keeps one copy,
# maybe that of an instruction set which this processor lacks.
exportsNoFunction() {
  for object in "$1"/scalar.o "$1"/avx*.o "$1"/amx.o; do
    [ -f "$object" ] || continue
    functions=$(nm -C "$object" | grep ' [TWu] ' || true)
    if [ -n "$functions" ]; then
      echo "$object exports functions:" "$functions"
      exit 1
    fi
  done
}

# run DIRECTORY LEVEL [FLAGS...]: LEVEL optimizes the tests, FLAGS are for the kernels too.
run() {
  directory=$output/$1
  level=$2
  shift 2
  "$kernels/build.sh" "$directory" -I"$onednn/include" "$@"
  exportsNoFunction "$directory"
  compilers=""
  emulated=""
  case $(uname -m) in
    x86_64 | amd64)
      emulated=$directory/emulated_amx.o
      # With AVX-512 BF16, which amx_test looks for before it calls what is in here.
      "${CXX:-g++}" -std=c++17 -Wall -Wextra -Wno-uninitialized -Wno-maybe-uninitialized "$level" \
          "$@" -march=cooperlake -mtune=generic -I"$kernels" -c "$tests/emulated_amx.cpp" \
          -o "$emulated" &
      compilers="$compilers $!"
      ;;
  esac
  for source in "$tests"/*_test.cpp; do
    "${CXX:-g++}" -std=c++17 -Wall -Wextra "$level" "$@" -I"$kernels" -c "$source" \
        -o "$directory/$(basename "$source" .cpp).o" &
    compilers="$compilers $!"
  done
  for compiler in $compilers; do
    wait "$compiler"
  done
  for source in "$tests"/*_test.cpp; do
    program=$directory/$(basename "$source" .cpp)
    # shellcheck disable=SC2086
    "${CXX:-g++}" "$@" "$program.o" $emulated "$directory/libanchor4j.a" \
        "$onednn/libdnnl.so.3" "$onednn/libgomp.so.1" -Wl,-rpath,"$onednn" -pthread -o "$program"
    "$program" || status=1
  done
}

run native -O2
"$tests/cuda/run.sh" "$output/native" "16 64 128 256" -O2 || status=1
# Instrumented code takes five times as long to compile with -O1 as with -O0.
run native-sanitized -O0 -O0 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all
"$tests/cuda/run.sh" "$output/native-sanitized" 16 -O0 -g1 -fsanitize=address,undefined \
    -fno-sanitize-recover=all || status=1
exit $status
