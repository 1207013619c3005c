#!/bin/sh
# Builds the CUDA kernels for the processor and runs their tests on an emulated GPU:
# run.sh DIRECTORY "HEAD_DIMS" FLAGS...; HEAD_DIMS are multiples of 16, which attention is compiled
# for. CXX names the compiler (g++).
set -eu
directory=$1/cuda
dims=$2
shift 2
tests=$(cd "$(dirname "$0")" && pwd)
main=$tests/../../../main
if [ "$(uname -m)" != x86_64 ]; then
  echo "cuda: not tested here: the emulator is written for x86-64"
  exit 0
fi
rm -rf "$directory"
mkdir -p "$directory"
flags="-std=c++17 -Wall -Wextra -Wno-unknown-pragmas -I$tests -I$main/cpp"
flags="$flags -I$main/resources/io/anchor4j/kernel/cuda $*"

# What is to be compiled: an object, a source, flags.
{
  for source in "$tests"/*.cpp; do
    name=$(basename "$source" .cpp)
    [ "$name" = attention_module ] || echo "$name $source"
  done
  for dim in $dims; do
    module="$tests/attention_module.cpp -DHEAD_DIM=$dim"
    pairs="$module -DSOURCE=<attention_pairs.cu>"
    plain="$module -DSOURCE=<attention_plain.cu>"
    echo "bfloat16_$dim $pairs -DCOMPENSATED=0 -DFORMAT=kPackBfloat16"
    echo "pair_$dim $pairs -DCOMPENSATED=1 -DFORMAT=kPackPair"
    echo "float_$dim $plain -DREAL=float -DFORMAT=kPackFloat32"
  done
  echo "double_${dims%% *} $tests/attention_module.cpp -DHEAD_DIM=${dims%% *}" \
      "-DSOURCE=<attention_plain.cu> -DREAL=double -DFORMAT=kPackFloat64"
} | sed "s|^\([^ ]*\) |-o $directory/\1.o -c |" |
  xargs -P "$(nproc)" -I{} sh -c "${CXX:-g++} $flags \$(echo '{}')"

objects=
for object in "$directory"/*.o; do
  case $object in *_test.o) ;; *) objects="$objects $object" ;; esac
done
status=0
for test in "$directory"/*_test.o; do
  # shellcheck disable=SC2086
  "${CXX:-g++}" $flags "$test" $objects -pthread -o "${test%.o}"
  "${test%.o}" || status=1
done
exit $status
