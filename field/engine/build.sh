#!/bin/bash
# Compiles kernels.c for each kind of processor, and writes down which sources gave which files (checked by
# field/test/engine). Needs only `pip install ziglang==0.17.1`; PYTHON says where. The stack is small and lies below
# __heap_base, where ours begins.
set -euo pipefail
cd "$(dirname "$0")"
build() {
  "${PYTHON:-python3}" -m ziglang cc --target=wasm32-freestanding -O3 -mbulk-memory "${@:2}" -nostdlib -Wall -Wextra \
    -Werror -Wl,--no-entry -Wl,--import-memory -Wl,--export=__heap_base -Wl,-z,stack-size=8192 -s -o "$1" kernels.c
}
build kernels-simd.wasm -msimd128
build kernels-relaxed.wasm -msimd128 -mrelaxed-simd
build kernels-plain.wasm
sha256sum kernels.c lanes.h kernels-*.wasm > kernels.sha256
ls -l kernels-*.wasm
