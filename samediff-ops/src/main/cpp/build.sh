#!/bin/sh
# Compiles the kernels into a static library: build.sh OUTPUT_DIRECTORY [FLAGS...]
# CXX names the compiler (g++). Each instruction set's file gets its own flags; none of the others
# may use them.
set -eu
sources=$(cd "$(dirname "$0")" && pwd)
output=$1
shift
mkdir -p "$output"

# What else decides over the objects: with other compilers or flags they are made anew.
made="$("${CXX:-g++}" --version | head -n 1) $*"
if [ "$(cat "$output/made-by" 2>/dev/null)" != "$made" ]; then
  rm -f "$output"/*.o
  printf '%s\n' "$made" >"$output/made-by"
fi

avx2="-mavx2 -mfma -mf16c"
avx512="$avx2 -mavx512f -mavx512bw -mavx512dq -mavx512vl"
# GCC 12 takes its own AVX-512 intrinsics for uses of uninitialized values.
avx512="$avx512 -Wno-uninitialized -Wno-maybe-uninitialized"
objects=""
compilers=""
for source in "$sources"/*.cpp; do
  name=$(basename "$source" .cpp)
  case $name in
    avx2) flags=$avx2 ;;
    avx512) flags=$avx512 ;;
    avx512bf16) flags="$avx512 -mavx512bf16" ;;
    amx) flags="$avx512 -mavx512bf16 -mamx-tile -mamx-bf16" ;;
    *) flags= ;;
  esac
  case $(uname -m):$name in
    x86_64:* | amd64:*) ;;
    *:avx2 | *:avx512 | *:avx512bf16 | *:amx) continue ;;
  esac
  object=$output/$name.o
  objects="$objects $object"
  # Nothing to do where the object is newer than its source and every header.
  if [ -f "$object" ] && [ -z "$(find "$sources" "$0" -newer "$object" \
      \( -name '*.h' -o -name "$name.cpp" -o -name build.sh \))" ]; then
    continue
  fi
  # shellcheck disable=SC2086
  "${CXX:-g++}" -std=c++17 -O3 -fPIC -fvisibility=hidden -Wall -Wextra $flags "$@" \
      -c "$source" -o "$object" &
  compilers="$compilers $!"
done
for compiler in $compilers; do
  wait "$compiler"
done
# shellcheck disable=SC2086
ar rcs "$output/libanchor4j.a" $objects
