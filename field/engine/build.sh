#!/bin/bash
# Compiles kernels.c, and writes down which source gave which file (checked by field/test/engine). Needs only
# `pip install ziglang==0.17.1`; PYTHON says where. The stack is small and lies below __heap_base, where ours begins.
set -euo pipefail
cd "$(dirname "$0")"
"${PYTHON:-python3}" -m ziglang cc --target=wasm32-freestanding -O3 -msimd128 -nostdlib -Wall -Wextra -Werror \
  -Wl,--no-entry -Wl,--import-memory -Wl,--export=__heap_base -Wl,-z,stack-size=8192 -s -o kernels.wasm kernels.c
sha256sum kernels.c kernels.wasm > kernels.sha256
ls -l kernels.wasm
